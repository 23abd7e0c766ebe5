"""The one exception that users see."""


class LeuknetError(Exception):
    """Bad input or a lack, told in one line that names the thing and the mend.

    The command line prints it as ``error: …`` and exits with code 2.
    """
