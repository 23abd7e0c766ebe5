"""The pages: which there are, what may be set on them, and running them in order, one fresh kernel each."""

import ast
import importlib.util
import os
import re
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import filelock
import nbformat
from papermill.exceptions import PapermillExecutionError

import leuknet
from leuknet import _io
from leuknet.exceptions import LeuknetError
from leuknet.pages import html, index, kernel
from leuknet.runs.provenance import THREADS
from leuknet.study import profiles

BACKENDS = ("tensorflow", "jax", "torch")
QUOTED_LINES = 15
PAGES = Path(leuknet.__file__).resolve().parents[1] / "notebooks"


@dataclass(frozen=True)
class Page:
    """A notebook of the study: `name` is its file's stem, ``06_lodocv``; `notebook` its parsed content."""

    name: str
    notebook: nbformat.NotebookNode

    @property
    def number(self):
        """The two digits the name begins with."""
        return self.name[:2]

    @property
    def parameters(self):
        """Names that the cell tagged ``parameters`` assigns, in order, annotated or not."""
        cells = [cell for cell in self.notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        if not cells:
            raise LeuknetError(
                f"page {self.name} has no cell tagged 'parameters': add one that sets profile, data, out"
            )
        targets = []
        for statement in ast.parse(cells[0].source).body:
            targets += getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        return [target.id for target in targets if isinstance(target, ast.Name)]

    @property
    def after(self):
        """Numbers of the pages whose results this one begins from: where they are run too, they end first."""
        return self.notebook.metadata.get("leuknet", {}).get("after", [])

    @property
    def gathers(self):
        """Numbers of the pages that this one waits for half-way (`Study.await_pages`): they begin first."""
        calls = re.findall(r"^study\.await_pages\((.*)\)", "\n".join(self._sources("code")), flags=re.MULTILINE)
        return re.findall(r"\d\d", " ".join(calls))

    @property
    def title(self):
        """The first heading, without its mark."""
        found = re.search(r"^#\s+(.+)$", self._prose, flags=re.MULTILINE)
        return found.group(1).strip() if found else self.name

    @property
    def question(self):
        """What follows ``**Question.**`` in the header cell, else its first paragraph that is not a heading."""
        found = re.search(r"\*\*Question\.\*\*\s*(.+?)(?=\s*\*\*\w+\.\*\*|\n\s*\n|\Z)", self._prose, flags=re.DOTALL)
        paragraphs = [text for text in re.split(r"\n\s*\n", self._prose) if text.strip() and not text.startswith("#")]
        text = found.group(1) if found else next(iter(paragraphs), "")
        return " ".join(text.split())

    @property
    def _prose(self):
        return next(iter(self._sources("markdown")), "")

    def _sources(self, kind):
        return [cell.source for cell in self.notebook.cells if cell.cell_type == kind]


@dataclass(frozen=True)
class Record:
    """What came of running one page. `peak_mb` is resident memory of the kernel and its processes, in MB."""

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


def notebooks_dir():
    """Return the checkout's folder of pages; raises LeuknetError where the package was installed without it."""
    if not PAGES.is_dir():
        raise LeuknetError(f"no pages at {PAGES}: install from a checkout, with 'pip install -e .' in its top folder")
    return PAGES


def list_pages(folder=None):
    """Return every `Page` of `folder` (the checkout's by default), in the order of their numbers."""
    folder = Path(folder or notebooks_dir())
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise LeuknetError(f"no pages (NN_name.ipynb) in {folder}")
    return [Page(path.stem, _read(path)) for path in paths]


def _read(path):
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise LeuknetError(f"page {path.name} is not a readable notebook: {error}") from error


def select(pages, only=()):
    """Return the pages that `only` names, by number (``6``, ``06``) or name (``lodocv``, ``06_lodocv``), or all."""
    wanted = [name for item in only for name in str(item).split(",") if name]
    chosen = set()
    for name in wanted:
        names = {page.name for page in pages if name.zfill(2) == page.number or name in (page.name, page.name[3:])}
        if not names:
            raise LeuknetError(f"no page '{name}'; there are: {', '.join(page.name for page in pages)}")
        chosen |= names
    return [page for page in pages if page.name in chosen or not wanted]


def check(pages, parameters, backend):
    """Raise LeuknetError if a page lacks a parameter, or a value cannot be honoured; so nothing starts in vain."""
    for page in pages:
        unknown = [name for name in parameters if name not in page.parameters]
        if unknown:
            known = ", ".join(page.parameters)
            raise LeuknetError(f"page {page.name} has no parameter '{unknown[0]}'; it has: {known}")
    if backend not in BACKENDS:
        raise LeuknetError(f"no backend '{backend}'; there are: {', '.join(BACKENDS)}")
    if importlib.util.find_spec(backend) is None:
        raise LeuknetError(f"backend {backend} is not installed: {sys.executable} -m pip install {backend}")
    profiles.profile(parameters["profile"], **parameters.get("changes", {}))


def check_data(folder):
    """Return `folder` as an absolute Path if a cohort can be read from it; raise LeuknetError otherwise."""
    from leuknet.data.folder import check_folder

    return check_folder(folder)


def check_out(folder):
    """Return `folder` as an absolute Path, made if need be; raises LeuknetError where results cannot or must not go."""
    folder = Path(folder).expanduser().resolve()
    if PAGES in (folder, *folder.parents):
        raise LeuknetError(f"results do not go into {folder}, where the pages are: give another --out DIR")
    try:
        (folder / "pages").mkdir(parents=True, exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise LeuknetError(f"cannot write to {folder}: {error.strerror}; give another --out DIR") from error
    return folder


def run_study(
    profile="demo", only=(), data=None, out=None, backend="tensorflow", parameters=None, folder=None, jobs=None
):
    """Run pages in order and write the result folder.

    Parameters
    ----------
    profile : str
        See `leuknet.study.profiles`.
    only : sequence of str
        Pages to run, as `select` takes them; the results of the others stay as they are.
    data : path, optional
        The user's cohort, ``DIR/<data set>/<positive|negative>/<image>``; the synthetic cohort without it.
    out : path, optional
        The result folder, ``runs/<profile>`` by default.
    backend : str
        What Keras computes with in the kernels, one of `BACKENDS`.
    parameters : dict, optional
        Further values for the pages' cell tagged ``parameters``: ``seed``, ``changes`` to the profile.
    folder : path, optional
        Where the pages are, the checkout's ``notebooks`` by default.
    jobs : int, optional
        Pages run side by side, sharing the cores. By default one, or two in profiles of narrow networks, which leave
        a second core idle.

    Returns
    -------
    list of Record
        One for each page run; look at their ``status``, "ok" or "failed".

    Raises
    ------
    LeuknetError
        Before any page starts: unknown page, parameter, profile or backend, or a folder that will not do.
    """
    pages = select(list_pages(folder), only)
    given = {"profile": profile, "out": str(out or Path("runs") / profile), **(parameters or {})}
    if data is not None:
        given["data"] = str(check_data(data))
    check(pages, given, backend)
    out = check_out(given["out"])
    given["out"] = str(out)
    cores = os.cpu_count() or 1
    jobs = jobs or (min(2, cores) if profiles.profile(profile).nano else 1)
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    if jobs > 1:
        environment |= dict.fromkeys(THREADS, str(max(1, cores // jobs)))
    records = []
    for record in _finish(pages, jobs, lambda page, stop: run_page(page, given, out, environment, stop)):
        records.append(record)
        took = f"{record.seconds:.1f} s, peak {record.peak_mb:.0f} MB"
        print(f"[{len(records)}/{len(pages)}] {record.page} {record.status} in {took}", flush=True)
        _quote(record, out)
        index.write(out)
    return sorted(records, key=lambda record: record.page)


def _finish(pages, jobs, run):
    """Yield `run`'s record of each page as it ends, `jobs` at a time; whatever breaks in stops those that run.

    Side by side, those that another waits for begin first, and then those that wait.
    """
    waiting, running, stop = list(pages), {}, threading.Event()
    if jobs > 1:
        awaited = {number for page in pages for number in (*page.after, *page.gathers)}
        waiting.sort(key=lambda page: (page.number not in awaited, not page.gathers))
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while waiting or running:
                while len(running) < jobs and (page := _next(waiting, running.values())):
                    waiting.remove(page)
                    running[pool.submit(run, page, stop)] = page
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    del running[future]
                    yield future.result()
        finally:
            stop.set()


def _next(waiting, running):
    """Return the first of the waiting pages that may begin, or None."""
    unbegun = {page.number for page in waiting}
    unfinished = unbegun | {page.number for page in running}
    free = (page for page in waiting if not unfinished & set(page.after) | unbegun & set(page.gathers))
    return next(free, None)


def run_page(page, parameters, out, environment, stop):
    """Run `page` in a kernel of its own and put its results into `out`; return its `Record`.

    A page that fails leaves ``pages/<name>.failed.ipynb`` and no finished notebook; an interrupted one leaves the
    results of its last run as they are. While it runs, ``logs/<name>.lock`` is locked.
    """
    log = out / "logs" / f"{page.name}.log"
    print(f"{page.name} …", flush=True)
    status, error, start = "ok", "", time.monotonic()
    meter = kernel.Meter(stop)
    with (
        filelock.FileLock(log.with_suffix(".lock")),
        _io.scratch() as scratch,
        log.open("w", encoding="utf-8") as stream,
    ):
        executed = scratch / f"{page.name}.ipynb"
        try:
            kernel.execute(page.notebook, executed, parameters, stream, environment, meter)
        except (PapermillExecutionError, RuntimeError) as failure:
            if stop.is_set():
                raise
            status, error = "failed", _said(failure)
            stream.write(f"{failure}\n")
        record = Record(
            page=page.name,
            title=page.title,
            question=page.question,
            status=status,
            seconds=round(time.monotonic() - start, 1),
            peak_mb=round(meter.peak_mb),
            profile=parameters["profile"],
            backend=environment["KERAS_BACKEND"],
            cohort=Path(parameters["data"]).name if parameters.get("data") else "synthetic",
            finished=datetime.now().astimezone().isoformat(timespec="seconds"),
            version=leuknet.__version__,
            error=error,
        )
        _publish(record, executed, out / "pages")
    return record


def _publish(record, executed, folder):
    """Put the executed notebook, its HTML and its record into `folder`, in place of those of an earlier run."""
    ok = record.status == "ok"
    stale = [".failed.ipynb"] if ok else [".ipynb", ".html"]
    if executed.exists():
        notebook = nbformat.read(executed, as_version=4)
        _io.write_text(folder / f"{record.page}{'' if ok else '.failed'}.ipynb", nbformat.writes(notebook))
        if ok:
            _io.write_text(folder / f"{record.page}.html", html.page_html(notebook, asdict(record)))
    for suffix in stale:
        (folder / f"{record.page}{suffix}").unlink(missing_ok=True)
    _io.write_json(folder / f"{record.page}.json", asdict(record))


def _said(failure):
    """Return a failure in one line."""
    if isinstance(failure, PapermillExecutionError):
        return f"{failure.ename}: {failure.evalue}".splitlines()[0]
    return f"{type(failure).__name__}: {failure}".splitlines()[0]


def _quote(record, out):
    """Print a failed page's error and the last lines of its log."""
    if record.status != "ok":
        log = out / "logs" / f"{record.page}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-QUOTED_LINES:]
        print(f"{record.page}: {record.error}; its log {log} ends:", *lines, sep="\n  ", file=sys.stderr, flush=True)
