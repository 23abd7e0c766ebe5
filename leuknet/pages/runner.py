"""The pages: listing, validation of parameters, and execution (training of their runs, then one kernel per page)."""

import ast
import importlib.util
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock
import nbformat
from papermill.exceptions import PapermillExecutionError

import leuknet
from leuknet import _io
from leuknet._outputs import check_own
from leuknet.data.folder import check_folder
from leuknet.exceptions import LeuknetError
from leuknet.pages import html, index, kernel
from leuknet.runs.executors.local import SHARED_GPU, visible_gpus
from leuknet.runs.places import check_apart, result_folder
from leuknet.runs.provenance import BACKENDS, thread_settings
from leuknet.study import profiles

QUOTED_LINES = 15
MOST_PAGES = 4  # maximum in parallel: each takes about 1.5 GB
GATHERING = ("09_comparison_tables",)  # reads tables of other pages, so it is rendered last
PAGES = Path(leuknet.__file__).resolve().parents[1] / "notebooks"


@dataclass(frozen=True)
class Page:
    """A notebook of the study: `name` is its file's stem, e.g. ``06_lodocv``; `notebook` its parsed content."""

    name: str
    notebook: nbformat.NotebookNode

    @property
    def number(self) -> str:
        """The two digits at the start of the name."""
        return self.name[:2]

    @property
    def parameters(self) -> list[str]:
        """Names assigned in the cell tagged ``parameters``, in order, with or without annotations."""
        cells = [cell for cell in self.notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        if not cells:
            raise LeuknetError(
                f"page {self.name} has no cell tagged 'parameters': add one that sets profile, data, out"
            )
        names = [node for node in ast.walk(ast.parse(cells[0].source)) if isinstance(node, ast.Name)]
        return [name.id for name in names if isinstance(name.ctx, ast.Store)]

    @property
    def title(self) -> str:
        """The first heading, without its Markdown marker."""
        match = re.search(r"^#\s+(.+)$", self._prose, flags=re.MULTILINE)
        return match.group(1).strip() if match else self.name

    @property
    def question(self) -> str:
        """The text after ``**Question.**`` in the header cell."""
        match = re.search(r"\*\*Question\.\*\*\s*(.+?)(?=\s*\*\*\w+\.\*\*|\n\s*\n|\Z)", self._prose, flags=re.DOTALL)
        return " ".join(match.group(1).split()) if match else ""

    @property
    def _prose(self) -> str:
        return next((cell.source for cell in self.notebook.cells if cell.cell_type == "markdown"), "")


@dataclass(frozen=True)
class Record:
    """Result of running one page. `peak_mb` is the resident memory of the kernel and its processes, in MB."""

    page: str
    title: str
    question: str
    status: str
    seconds: float
    peak_mb: float
    profile: str
    backend: str
    cohort: str
    finished: str
    version: str
    error: str = ""


def notebooks_dir() -> Path:
    """Return the checkout's folder of pages; raises LeuknetError if the package was installed without it."""
    if not PAGES.is_dir():
        raise LeuknetError(f"no pages at {PAGES}: install from a checkout, with 'pip install -e .' in its top folder")
    return PAGES


def list_pages(folder: str | os.PathLike | None = None) -> list[Page]:
    """Return every `Page` of `folder` (default: the checkout's), ordered by number."""
    folder = Path(folder or notebooks_dir())
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise LeuknetError(f"no pages (NN_name.ipynb) in {folder}")
    return [Page(path.stem, _read(path)) for path in paths]


def _read(path: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise LeuknetError(f"page {path.name} is not a readable notebook: {error}") from error


def select(pages: Sequence[Page], only: Iterable[str] = ()) -> list[Page]:
    """Return the pages selected by number (``6``, ``06``) or name (``lodocv``, ``06_lodocv``), or all pages."""
    wanted = [name for item in only for name in str(item).split(",") if name]
    chosen: set[str] = set()
    for name in wanted:
        names = {page.name for page in pages if name.zfill(2) == page.number or name in (page.name, page.name[3:])}
        if not names:
            raise LeuknetError(f"no page '{name}'; there are: {', '.join(page.name for page in pages)}")
        chosen |= names
    return [page for page in pages if page.name in chosen or not wanted]


def check(pages: Sequence[Page], parameters: dict[str, Any], backend: str) -> None:
    """Raise LeuknetError if a parameter is unknown or a value invalid, before anything is started."""
    for page in pages:
        if unknown := [name for name in parameters if name not in page.parameters]:
            known = ", ".join(page.parameters)
            raise LeuknetError(f"page {page.name} has no parameter '{unknown[0]}'; it has: {known}")
    if backend not in BACKENDS:
        raise LeuknetError(f"no backend '{backend}'; there are: {', '.join(BACKENDS)}")
    if importlib.util.find_spec(backend) is None:
        raise LeuknetError(f"backend {backend} is not installed: {sys.executable} -m pip install {backend}")
    profiles.profile(parameters["profile"], **parameters.get("changes", {}))


def check_out(folder: str | os.PathLike) -> Path:
    """Return `folder` as an absolute Path, created if needed; raises LeuknetError if it cannot hold results."""
    folder = Path(folder).expanduser().resolve()
    if PAGES in (folder, *folder.parents):
        raise LeuknetError(f"results do not go into {folder}, where the pages are: give another --out DIR")
    for name, sign in index.SIGNS.items():
        check_own(folder / name, sign)
    try:
        for name in ("pages", "logs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeuknetError(f"cannot write to {folder}: {error.strerror}; give another --out DIR") from error
    return folder


def run_study(
    profile: str = "demo",
    only: Iterable[str] = (),
    data: str | Path | None = None,
    out: str | Path | None = None,
    backend: str = "tensorflow",
    parameters: dict[str, Any] | None = None,
    folder: str | os.PathLike | None = None,
    jobs: int | None = None,
) -> list[Record]:
    """Train the runs required by the pages, each once, in one queue; then render the pages and write the result folder.

    Parameters
    ----------
    profile : str
        See `leuknet.study.profiles`.
    only : sequence of str
        Pages to run, as accepted by `select`; the results of other pages are not changed.
    data : path, optional
        The user's cohort, ``DIR/<data set>/<positive|negative>/<image>``. Defaults to the synthetic cohort.
    out : path, optional
        Result folder; see `leuknet.runs.places.result_folder`.
    backend : str
        Keras backend of workers and kernels, one of `BACKENDS`.
    parameters : dict, optional
        Further values for the pages' cell tagged ``parameters``: ``seed``, ``changes`` to the profile.
    folder : path, optional
        Folder of the pages; defaults to the checkout's ``notebooks``.
    jobs : int, optional
        Worker processes and pages in parallel. Defaults to `leuknet.runs.executors.local.slots` and `MOST_PAGES`.

    Returns
    -------
    list of Record
        One per page that was run; ``status`` is "ok" or "failed".

    Raises
    ------
    LeuknetError
        If a page, parameter, profile or backend is unknown, the folder is unsuitable, or the disk is full.
    """
    pages = select(list_pages(folder), only)
    given = {"profile": profile, "out": str(result_folder(profile, out)), **(parameters or {})}
    if data is not None:
        given["data"] = str(check_folder(data))
        check_apart(Path(given["out"]), Path(given["data"]))
    check(pages, given, backend)
    results = check_out(given["out"])
    train_first([page.name for page in pages], given, {"KERAS_BACKEND": backend}, jobs)
    jobs = jobs or min(os.cpu_count() or 1, MOST_PAGES)
    environment = _environment(backend, profiles.profile(profile, **given.get("changes", {})).nano, jobs)
    records = []
    for record in _render(pages, jobs, lambda page, stop: run_page(page, given, results, environment, stop)):
        records.append(record)
        took = f"{record.seconds:.1f} s, peak {record.peak_mb:.0f} MB"
        print(f"[{len(records)}/{len(pages)}] {record.page} {record.status} in {took}\n", end="", flush=True)
        _quote(record, results)
        with _publishing(results):
            index.write(results)
    return sorted(records, key=lambda record: record.page)


def _environment(backend: str, narrow: bool, jobs: int) -> dict[str, str]:
    """Return the environment variables of the pages' kernels, `jobs` of which share this machine."""
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return environment | thread_settings(narrow) | (SHARED_GPU if jobs > 1 and visible_gpus() else {})


def train_first(
    names: Iterable[str], parameters: dict[str, Any], environment: dict[str, str], jobs: int | None = None
) -> None:
    """Train the unfinished runs that the named pages require; failures are printed.

    Prints first the protocols that the cohort does not allow, the runs to train, and the estimated time on this
    machine. A page that requires a failed run retries or rejects it again, and reports this.
    """
    from leuknet.runs.executors.finish import finish
    from leuknet.runs.planning.preview import prepare, preview
    from leuknet.study.experiments import PAGES, runs_of_pages, together
    from leuknet.study.protocols import possible_splits
    from leuknet.study.study import open_study

    trained = [name for name in names if name in PAGES]
    if not trained:
        return
    values = {"data": None, "seed": 0, "changes": {}, **parameters}
    study = open_study("study", values["profile"], values["data"], values["out"], values["seed"], **values["changes"])
    plans = {name: runs_of_pages(study, [name]) for name in trained}
    prepare(plans, study.store, study.profile.size)
    print(*possible_splits(study)[1], *preview(plans, study.store, study.profile.size), sep="\n", flush=True)
    report = finish(together(plans), study.store, jobs, environment=environment)
    print(report, flush=True)
    for key, reason in report.failed.items():
        print(f"not trained: {study.store.folder(key)}: {reason}", file=sys.stderr, flush=True)


def _render(pages: Sequence[Page], jobs: int, run: Callable[[Page, threading.Event], Record]) -> Iterator[Record]:
    """Yield `run`'s record of each page as it ends, `jobs` in parallel; an exception stops all running pages.

    `GATHERING` pages start after all others have ended.
    """
    stop = threading.Event()
    waves = [[page for page in pages if (page.name in GATHERING) == gathers] for gathers in (False, True)]
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for wave in waves:
                for future in as_completed([pool.submit(run, page, stop) for page in wave]):
                    yield future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def run_page(
    page: Page, parameters: dict[str, Any], out: Path, environment: dict[str, str], stop: threading.Event
) -> Record:
    """Run `page` in a separate kernel and write its results into `out`; return its `Record`.

    A failed page leaves ``pages/<name>.failed.ipynb`` and no finished notebook; if interrupted, the results of the
    previous run are unchanged.
    """
    log = out / "logs" / f"{page.name}.log"
    print(f"{page.name} …\n", end="", flush=True)  # in one write: pages run in threads
    error, start = "", time.monotonic()
    meter = kernel.Meter(stop)
    with (
        filelock.FileLock(log.with_suffix(".lock")),  # held by another study in this folder
        _io.scratch() as scratch,
        open(log, "w", encoding="utf-8", opener=_io.no_link) as stream,
    ):
        executed = scratch / f"{page.name}.ipynb"
        try:
            kernel.execute(page.notebook, executed, parameters, stream, environment, meter)
        except (PapermillExecutionError, RuntimeError) as failure:
            if stop.is_set():
                raise
            error = _one_line(failure)
            stream.write(f"{failure}\n")
        record = Record(
            page=page.name,
            title=page.title,
            question=page.question,
            status="failed" if error else "ok",
            seconds=round(time.monotonic() - start, 1),
            peak_mb=round(meter.peak_mb),
            profile=parameters["profile"],
            backend=environment["KERAS_BACKEND"],
            cohort=Path(parameters["data"]).name if parameters.get("data") else "synthetic",
            finished=datetime.now().astimezone().isoformat(timespec="seconds"),
            version=leuknet.__version__,
            error=error,
        )
        with _publishing(out):
            _publish(record, executed, out / "pages")
    return record


def _publishing(out: Path) -> filelock.BaseFileLock:
    """Return the lock of a result folder's pages and index: who links the pages reads and writes those of others."""
    return filelock.FileLock(out / "logs" / "publishing.lock")


def _publish(record: Record, executed: Path, folder: Path) -> None:
    """Move the executed notebook, its HTML and its record into `folder`, replacing those of an earlier run."""
    ok = record.status == "ok"
    if executed.exists():
        notebook = nbformat.read(executed, as_version=4)
        _io.write_text(folder / f"{record.page}{'' if ok else '.failed'}.ipynb", nbformat.writes(notebook))
        if ok:
            _io.write_text(folder / f"{record.page}.html", html.page_html(notebook, asdict(record)))
    for suffix in [".failed.ipynb"] if ok else [".ipynb", ".html"]:
        (folder / f"{record.page}{suffix}").unlink(missing_ok=True)
    _io.write_json(folder / f"{record.page}.json", asdict(record))


def _one_line(failure: Exception) -> str:
    name, text = type(failure).__name__, str(failure)
    if isinstance(failure, PapermillExecutionError):
        name, text = failure.ename, failure.evalue
    return f"{name}: {text}".splitlines()[0]


def _quote(record: Record, out: Path) -> None:
    """Print a failed page's error and the last lines of its log."""
    if record.status != "ok":
        log = out / "logs" / f"{record.page}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-QUOTED_LINES:]
        print(f"{record.page}: {record.error}; its log {log} ends:", *lines, sep="\n  ", file=sys.stderr, flush=True)
