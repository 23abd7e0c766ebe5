"""The command line: a thin face over the package's own functions.

A command is one function here that imports what it calls when it is called, so that ``leuknet --help`` and
``import leuknet`` load no TensorFlow. A `LeuknetError` becomes one line on standard error and exit code 2.
"""

import errno
import json
import logging
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import leuknet
from leuknet.cli.audit import audit_command, paper_app
from leuknet.cli.data import data_app
from leuknet.cli.predict import export_command, predict_command
from leuknet.cli.runs import grid_command, rerun_command, runs_app
from leuknet.exceptions import LeuknetError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(wanted: bool):
    if wanted:
        print(f"leuknet {leuknet.__version__}")
        raise typer.Exit


app.add_typer(paper_app, name="paper")
app.add_typer(data_app, name="data")
app.command("audit")(audit_command)
app.command("grid")(grid_command)
app.command("rerun")(rerun_command)
app.add_typer(runs_app, name="runs")
app.command("predict")(predict_command)
app.command("export")(export_command)


@app.callback()
def face(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False):
    """LeukNet study companion. For teaching and research; not a medical device."""


@app.command()
def study(
    pages: Annotated[list[str] | None, typer.Argument(help="Pages to run, like --only.", show_default=False)] = None,
    profile: Annotated[str, typer.Option(help="smoke, demo or paper.")] = "demo",
    only: Annotated[list[str] | None, typer.Option(help="Page by number or name, e.g. 06 or 06_lodocv.")] = None,
    data: Annotated[Path | None, typer.Option(help="DIR/<data set>/<positive|negative>/<image>.")] = None,
    out: Annotated[Path | None, typer.Option(help="Result folder; runs/<profile> if not given.")] = None,
    backend: Annotated[str, typer.Option(envvar="KERAS_BACKEND", help="tensorflow, jax or torch.")] = "tensorflow",
    seed: Annotated[int, typer.Option(help="Of the synthetic cohort, the splits and the trainings.")] = 0,
    jobs: Annotated[int | None, typer.Option(help="Pages side by side; 2 with narrow networks, else 1.", min=1)] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of the profile, e.g. epochs=8.")] = None,
):
    """Run the pages in order, one fresh kernel each, and write a folder to read."""
    from leuknet.pages.runner import run_study
    from leuknet.study.profiles import values_of

    only = [*(only or []), *(pages or [])]
    parameters = {"seed": seed, "changes": values_of(change or [])}
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as cleanly as by Ctrl-C
    try:
        records = run_study(profile, only, data, out, backend, parameters, jobs=jobs)
    except KeyboardInterrupt:
        logging.getLogger("asyncio").disabled = True  # it would complain that nobody awaits the cell broken off
        print("interrupted: finished pages are kept, the one that ran is not", file=sys.stderr)
        raise typer.Exit(130) from None
    failed = [record.page for record in records if record.status != "ok"]
    print(f"open {Path(out or Path('runs') / profile) / 'index.html'}")
    if failed:
        print(f"failed: {', '.join(failed)} (their logs are in the folder logs)", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False):
    """Say what this machine has for the study, and for each lack the line that mends it."""
    from leuknet.study.doctor import as_text, examine

    findings = examine()
    print(json.dumps([asdict(finding) for finding in findings], indent=1) if as_json else as_text(findings))
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="A result folder of leuknet study or leuknet grid.")]):
    """Write report.html (self-contained) and report.md: settings, leakage, results, verdicts, claims, audit."""
    from leuknet.pages.report import report as write_report

    print(*write_report(folder), sep="\n")


@app.command()
def gallery(
    folder: Annotated[Path, typer.Argument(help="A result folder of leuknet study.")],
    out: Annotated[Path, typer.Argument(help="Folder for the figures and their README.md.")] = Path("figures"),
):
    """Copy a run's figures, and write the gallery that shows them."""
    from leuknet.pages.gallery import gallery as write_gallery

    print(write_gallery(folder, out))


@app.command()
def handout(out: Annotated[Path, typer.Argument(help="Folder for the student edition.")] = Path("runs/handout")):
    """Write the pages without their answers."""
    from leuknet.pages.handout import handout as write_handout

    print(*write_handout(out), sep="\n")


GIVE_ANOTHER = "Give another place (--out, LEUKNET_CACHE), or allow writing there; what is done so far is kept"
FREE_SPACE = "Free space, or give another place (--out, LEUKNET_CACHE), and go on; what is done so far is kept"
PLACES = dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR), GIVE_ANOTHER)
PLACES |= dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG), FREE_SPACE)


def main():
    """Run the command line: bad input, a full disk or a read-only place is one line and exit code 2."""
    from leuknet._io import clear_leftovers

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        clear_leftovers()
        app()
    except LeuknetError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in PLACES:
            raise
        print(f"error: {error.strerror}: {error.filename or 'a file'}. {PLACES[error.errno]}", file=sys.stderr)
        sys.exit(2)
