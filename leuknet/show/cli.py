"""``leuknet report`` and ``leuknet handout``: thin faces over `leuknet.show` and `leuknet.study`, imported when called."""

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    runs_dir: Annotated[Path, typer.Argument(help="A result folder of leuknet study or leuknet grid.")],
):
    """Write report.html (self-contained) and report.md: settings, leakage, results, verdicts, audit, claims."""
    from leuknet.show.report import report

    for path in report(runs_dir):
        print(path)


def handout_command(
    out: Annotated[Path, typer.Argument(help="Folder for the student edition.")] = Path("runs/handout"),
):
    """Write the pages without their answers."""
    from leuknet.study.handout import handout

    for path in handout(out):
        print(path)
