"""The exceptions that users see."""


class LeuknetError(Exception):
    """Bad input or a missing resource, in one line that names it and the fix.

    The command line prints it as ``error: …`` and exits with code 2; a notebook shows the same line in red.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of the traceback."""
        return [f"\x1b[31merror: {self}\x1b[0m"]


class SetUpError(LeuknetError):
    """A sound request that this set-up cannot meet: weights, a backend, devices."""
