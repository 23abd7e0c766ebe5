"""Downloads that go on where they broke off, and say how far they are."""

import sys
from contextlib import contextmanager
from pathlib import Path

import requests

CHUNK = 2**16  # bytes


class Resuming:
    """A downloader for pooch: what has come stays in a part file, and the next attempt asks only for the rest.

    The part is kept when a connection breaks, and gone once it is whole; pooch then checks the hash, so that a file
    that changed between two attempts is refused.

    Parameters
    ----------
    part : pathlib.Path
    timeout : float
        Seconds without a byte after which the attempt ends.
    tell : callable, optional
        Called with bytes so far and in all (0 where the server does not say).
    """

    def __init__(self, part, timeout=30, tell=None):
        self.part, self.timeout, self.tell = Path(part), timeout, tell or (lambda done, total: None)

    def __call__(self, url, output_file, pooch):
        """Download `url` to `output_file`; raise requests.RequestException if it does not arrive whole."""
        self.part.parent.mkdir(parents=True, exist_ok=True)
        have = self.part.stat().st_size if self.part.exists() else 0
        asked = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=asked, timeout=self.timeout, stream=True) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink()  # it is not the beginning of what the server has now
                return self(url, output_file, pooch)
            answer.raise_for_status()
            goes_on = answer.status_code == requests.codes.partial_content
            self._write(answer, have if goes_on else 0)
        self.part.replace(output_file)

    def _write(self, answer, done):
        total = done + int(answer.headers.get("Content-Length", -done))
        with open(self.part, "ab" if done else "wb") as file:
            self.tell(done, total)
            for chunk in answer.iter_content(CHUNK):
                done += file.write(chunk)
                self.tell(done, total)
        if done < total:
            raise requests.ConnectionError(f"cut off after {done} of {total} bytes")


@contextmanager
def bar(name, console=None):
    """Yield a `tell` for `Resuming` that draws a progress bar on standard error; it draws nothing into a file."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = console or Console(file=sys.stderr)
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as drawn:
        task = drawn.add_task(name, total=None)
        yield lambda done, total: drawn.update(task, completed=done, total=total or None)
