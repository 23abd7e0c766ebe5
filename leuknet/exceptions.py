"""The exceptions that users see."""


class LeuknetError(Exception):
    """Bad input or a lack, told in one line that names the thing and the mend.

    The command line prints it as ``error: …`` and exits with code 2.
    """


class SetUpError(LeuknetError):
    """What was asked is sound, but not to be had in this place as it is set up: weights, a backend, devices."""
