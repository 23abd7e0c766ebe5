"""``leuknet train`` and ``leuknet runs …``: thin layers over subpackages that are imported when called."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from leuknet._escape import one_line
from leuknet.exceptions import LeuknetError

runs_app = typer.Typer(no_args_is_help=True, help="Records of runs: list, show, compare, rerun.")
Folder = Annotated[Path, typer.Argument(help="A study's result folder, or its folder of runs.")]
ONE = "A run: its folder, or its key (or the beginning of it) with --in."
Data = Annotated[Path | None, typer.Option(help="DIR/<data set>/<positive|negative>/<image>.")]
LISTED = 60  # maximum number of runs that a dry run lists individually
OWN = "leuknet/study/examples/own.toml"
SLURM = "leuknet/study/examples/cluster-slurm.toml"
OUT = "Result folder; runs/<profile> in this folder, or in the checkout it lies in, if not given."
JOBS = "Processes at a time; if not given one a core for narrow networks, else one a GPU."
ProfileName = Annotated[str, typer.Option(help="smoke, demo, laptop (own slides without a GPU) or paper.")]
Seed = Annotated[int, typer.Option(help="Of the synthetic cohort, the splits and the trainings.")]
Change = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of the profile, e.g. epochs=8.")]
Backend = Annotated[str, typer.Option(envvar="KERAS_BACKEND", help="tensorflow, jax or torch.")]


@contextmanager
def ending_cleanly(state: str) -> Iterator[None]:
    """Exit with code 130 on SIGTERM as on Ctrl-C, and print the `state` of the work."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        logging.getLogger("asyncio").disabled = True  # would warn that the interrupted cell was never awaited
        print(f"interrupted: {state}", file=sys.stderr)
        raise typer.Exit(130) from None


def train_command(
    experiments: Annotated[
        list[str], typer.Argument(help=f"table3 … table13, all, pages, or a TOML file of your own (example: {OWN}).")
    ],
    profile: ProfileName = "demo",
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help=OUT)] = None,
    backend: Backend = "tensorflow",
    seed: Seed = 0,
    change: Change = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what there is to do, and its cost.")] = False,
    measure: Annotated[bool, typer.Option("--measure", help="Measure networks not timed here yet, first.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help=JOBS)] = None,
    gpus: Annotated[str | None, typer.Option(help="GPUs to use, e.g. 0,1; all if not given.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help=f"local, a Dask scheduler's address, or a TOML file (example: {SLURM}).")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Try also what an earlier call was refused.")] = False,
    checkpoint_seconds: Annotated[float, typer.Option(help="Least time between two checkpoints.")] = 30.0,
) -> None:
    """Train runs without pages; finished ones are skipped."""
    os.environ["KERAS_BACKEND"] = backend
    from leuknet.runs.executors.finish import finish
    from leuknet.runs.executors.local import slots
    from leuknet.study.experiments import runs_of, together
    from leuknet.study.profiles import values_of
    from leuknet.study.study import open_study

    chosen = gpus.split(",") if gpus else None
    if chosen and not cluster:
        slots(jobs, chosen)  # raises if a GPU does not exist
    study = open_study("train", profile, data, out, seed, **values_of(change or []))
    plans = runs_of(study, experiments)
    if measure:
        _measure(study, plans, chosen)
    if dry_run:
        print_preview(study, plans)
        return
    with ending_cleanly("finished runs are kept, the others go on from their checkpoints next time"):
        report = finish(together(plans), study.store, jobs, chosen, cluster, again, checkpoint_seconds)
    print(report)
    for key, reason in report.failed.items():
        print(f"failed: {study.store.folder(key)}: {reason}", file=sys.stderr)
    if report.failed:
        raise typer.Exit(1)


def _measure(study: Any, plans: dict[str, list[Any]], gpus: list[str] | None) -> None:
    """Time the networks that have not been measured on this machine."""
    from leuknet.runs.planning import cost, throughput

    for settings in cost.unmeasured(plans, study.store, study.profile.size):
        print(throughput.measured(settings, study.profile.size, gpu=gpus[0] if gpus else None), flush=True)


def print_preview(study: Any, plans: dict[str, list[Any]]) -> None:
    """Print the planned work: its cost by experiment, then the individual runs unless there are many."""
    from leuknet.runs import query
    from leuknet.runs.planning import cost
    from leuknet.study.experiments import together

    profile, specs = study.profile, together(plans)
    head = f"profile {profile.name}: {profile.size} px, precision {profile.settings().precision}"
    print("; ".join([head, *(f"{name} {value or 'none'}" for name, value in cost.place().items())]))
    frame = cost.costs(plans, study.store, profile.size)
    print(cost.shown(frame).to_string(index=False))
    if frame["not measured"].any():
        print("hours leave out the runs not measured on this machine: --measure times networks first;")
        print("comparison systems are timed by finished runs only")
    if len(specs) > LISTED:
        print(f"{len(specs)} runs: too many to list one by one; up to {LISTED} are")
        return
    for spec in specs:
        print(f"{spec.key}  {query.status(study.store.folder(spec)):<11}  {spec.label}")


def _folder_of_runs(folder: Path) -> Path:
    inner = folder / "trainings"
    return inner if inner.is_dir() else folder


def _found(run: str, root: Path | None) -> Path:
    """Return the folder of a run given as a path, or as a key within `root`."""
    from leuknet.runs.query import find

    return find(run, _folder_of_runs(root) if root else None)


@runs_app.command("list")
def list_command(
    folder: Folder,
    where: Annotated[str | None, typer.Option(help="A condition, e.g. \"backbone == 'VGG16' and epochs > 5\".")] = None,
    status: Annotated[str | None, typer.Option(help="done, damaged, running, failed, interrupted, planned.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write all columns to this .csv or .parquet.")] = None,
) -> None:
    """List runs, one line each."""
    from leuknet._outputs import check_own
    from leuknet.runs import query

    if out:
        check_own(out, "run,status", "cohort_key")
    frame = query.records(_folder_of_runs(folder), every=True)
    if frame.empty:
        raise LeuknetError(f"{folder} holds no runs")
    frame = query.chosen(frame, where, status)
    if out:
        query.save(frame, out)
        print(f"{len(frame)} runs in {out}")
        return
    columns = [name for name in (*query.FIRST, "outcome") if name in frame]
    print(_printed(frame[columns], "") if len(frame) else "no run fits")


def _printed(frame: Any, absent: str = "NaN") -> str:
    """Return a table as text, without the line breaks and escape sequences that records may contain."""
    return frame.map(lambda cell: one_line(cell) if isinstance(cell, str) else cell).to_string(
        index=False, na_rep=absent
    )


@runs_app.command("show")
def show_command(
    run: Annotated[str, typer.Argument(help=ONE)],
    root: Annotated[Path | None, typer.Option("--in", help="Folder of runs.")] = None,
) -> None:
    """Show one run's record, and its metrics if it is done."""
    from leuknet.runs import query

    folder = _found(run, root)
    for name, value in query.row(folder).items():
        print(f"{one_line(name):<16} {one_line(str(value))}")
    if query.status(folder) == "done":
        print(_printed(query.compared(folder, folder).drop(columns="b").rename(columns={"a": "value"})))


@runs_app.command("compare")
def compare_command(
    first: Annotated[str, typer.Argument(help=ONE)],
    second: Annotated[str, typer.Argument(help=ONE)],
    root: Annotated[Path | None, typer.Option("--in", help="Folder of runs.")] = None,
) -> None:
    """Show where two runs' records differ, and both runs' metrics."""
    from leuknet.runs import query

    a, b = _found(first, root), _found(second, root)
    print(_printed(query.differences(a, b)))
    print(_printed(query.compared(a, b)))


def rerun_command(
    run: Annotated[str, typer.Argument(help=ONE)],
    root: Annotated[Path | None, typer.Option("--in", help="Folder of runs.")] = None,
    data: Data = None,
    tolerance: Annotated[float | None, typer.Option(help="Elsewhere: largest mean difference of P.")] = None,
    out: Annotated[Path | None, typer.Option(help="Keep the repetition in this folder of runs.")] = None,
    backend: Annotated[str | None, typer.Option(help="tensorflow, jax or torch; the run's own if left out.")] = None,
) -> None:
    """Repeat a run from its record, and compare the predictions."""
    from leuknet.runs.record import read
    from leuknet.runs.reproduce import rerun, variables

    folder = _found(run, root)
    os.environ.update(variables(read(folder).environment, backend))  # before the backend loads: sums depend on them
    repeated = rerun(folder, data, tolerance, out)
    print(repeated)
    if not repeated.agrees:
        raise typer.Exit(1)
