"""The command line: a thin layer over the package's functions.

Each command is a function in this subpackage that imports its dependencies when called, so ``leuknet --help`` and
``import leuknet`` do not load TensorFlow. A `LeuknetError` is printed as one line on standard error, with exit code 2.
"""

import errno
import io
import os
import sys
from typing import Annotated

import typer

import leuknet
from leuknet.cli.audit import audit_command, paper_app
from leuknet.cli.data import data_app
from leuknet.cli.predict import export_command, predict_command
from leuknet.cli.runs import rerun_command, runs_app, train_command
from leuknet.cli.study import doctor_command, pages_app, report_command, study_command
from leuknet.exceptions import LeuknetError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command("study")(study_command)
app.command("train")(train_command)
app.add_typer(runs_app, name="runs")
app.command("report")(report_command)
app.add_typer(pages_app, name="pages")
app.command("predict")(predict_command)
app.command("export")(export_command)
app.add_typer(data_app, name="data")
app.add_typer(paper_app, name="paper")
app.command("doctor")(doctor_command)
runs_app.command("rerun")(rerun_command)
paper_app.command("audit")(audit_command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"leuknet {leuknet.__version__}")
        raise typer.Exit


@app.callback()
def face(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    """LeukNet study companion. For teaching and research; not a medical device.

    Results go to runs/<profile> in the working directory or, inside a checkout, in its top folder.
    """


GIVE_ANOTHER = "Give another place (--out, LEUKNET_CACHE), or allow writing there; what is done so far is kept"
FREE_SPACE = "Free space, or give another place (--out, LEUKNET_CACHE), and go on; what is done so far is kept"
PLACES = dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.EBUSY),
    GIVE_ANOTHER,
)
PLACES |= dict.fromkeys((errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO, errno.ESTALE), GIVE_ANOTHER)
PLACES |= dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), FREE_SPACE)


def main() -> None:
    """Run the command line: bad input, a full disk or a read-only place is one line and exit code 2."""
    from leuknet._escape import one_line
    from leuknet._io import clear_leftovers

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that a terminal's encoding does not have
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        clear_leftovers()
        try:
            app()
        finally:
            _flush()
    except LeuknetError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in PLACES:
            raise
        place = error.filename or "a file or standard output"
        print(f"error: {error.strerror}: {one_line(place)}. {PLACES[error.errno]}", file=sys.stderr)
        sys.exit(2)


def _flush() -> None:
    """Write out what was printed now, where an error is still one line: Python would end with a traceback."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what stays in the buffer goes there
        if not isinstance(error, BrokenPipeError):  # `| head` has read enough
            raise
