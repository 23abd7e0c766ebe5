"""``leuknet study``, ``report``, ``doctor`` and ``pages …``: thin layers over subpackages imported when called."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from leuknet.cli.runs import JOBS, OUT, Backend, Change, Data, ProfileName, Seed, ending_cleanly

pages_app = typer.Typer(no_args_is_help=True, help="Copies of executed pages: gallery, student edition.")


def study_command(
    pages: Annotated[list[str] | None, typer.Argument(help="Pages to run, like --only.", show_default=False)] = None,
    profile: ProfileName = "demo",
    only: Annotated[list[str] | None, typer.Option(help="Page by number or name, e.g. 06 or 06_lodocv.")] = None,
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help=OUT)] = None,
    backend: Backend = "tensorflow",
    seed: Seed = 0,
    jobs: Annotated[int | None, typer.Option(help=f"{JOBS} Also pages side by side.", min=1)] = None,
    change: Change = None,
) -> None:
    """Train what the pages need, then render them into a folder."""
    os.environ["KERAS_BACKEND"] = backend
    from leuknet.pages.runner import run_study
    from leuknet.runs.places import result_folder
    from leuknet.study.profiles import values_of

    only = [*(only or []), *(pages or [])]
    parameters = {"seed": seed, "changes": values_of(change or [])}
    with ending_cleanly("finished runs and pages are kept, the others are not"):
        records = run_study(profile, only, data, out, backend, parameters, jobs=jobs)
    failed = [record.page for record in records if record.status != "ok"]
    print(f"open {result_folder(profile, out) / 'index.html'}")
    if failed:
        print(f"failed: {', '.join(failed)} (their logs are in the folder logs)", file=sys.stderr)
        raise typer.Exit(1)


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verbose: Annotated[bool, typer.Option(help="List everything, not only problems.")] = False,
) -> None:
    """Check this machine, and print how to fix what is missing."""
    from leuknet.study.doctor import as_text, examine

    findings = examine()
    print(json.dumps([asdict(finding) for finding in findings], indent=1) if as_json else as_text(findings, verbose))
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


def report_command(
    folder: Annotated[Path, typer.Argument(help="A result folder of leuknet study or leuknet train.")],
) -> None:
    """Write report.html and report.md of a result folder."""
    from leuknet.pages.report import report as write_report

    print(*write_report(folder), sep="\n")


@pages_app.command()
def gallery(
    folder: Annotated[Path, typer.Argument(help="A result folder of leuknet study.")],
    out: Annotated[Path, typer.Argument(help="Folder for the figures and their README.md.")] = Path("figures"),
) -> None:
    """Copy a run's figures, and write the gallery that shows them."""
    from leuknet.pages.gallery import gallery as write_gallery

    print(write_gallery(folder, out))


@pages_app.command()
def handout(
    out: Annotated[Path, typer.Argument(help="Folder for the student edition.")] = Path("runs/handout"),
) -> None:
    """Write the pages without their solutions."""
    from leuknet.pages.handout import handout as write_handout

    print(*write_handout(out), sep="\n")
