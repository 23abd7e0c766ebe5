"""One display of progress: a live table in a terminal, lines in a log, a widget with epochs in a notebook."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, TextIO

from leuknet._io import object_or_empty
from leuknet.runs.executors.scheduler import Scheduler
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

LINE_SECONDS = 60.0
REFRESH_SECONDS = 0.5


def counts(scheduler: Scheduler) -> str:
    """Return what every view shows, as one line: runs done and total, images a second, time left."""
    finished, total = scheduler.before + len(scheduler.finished), len(scheduler.specs)
    parts = [f"{finished} of {total} runs done", f"{len(scheduler.running)} running"]
    if scheduler.failed:
        parts.append(f"{len(scheduler.failed)} failed")
    trained = sum(scheduler.images[key] for key in scheduler.finished)
    if trained and scheduler.unfinished:
        seconds, work = time.monotonic() - scheduler.began, scheduler.work
        left = sum(work[key] for key in [*scheduler.waiting, *scheduler.running])
        left *= seconds / sum(work[key] for key in scheduler.finished)
        parts.append(f"{trained / seconds:.3g} images/s, about {duration(left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return a number of seconds as people say it: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def epochs(spec: RunSpec, store: Store) -> str:
    """Return how far a run is, e.g. "epoch 3 of 50, loss 0.41"; empty before its first epoch ends."""
    row = object_or_empty(store.folder(spec) / "progress.json")
    return f"epoch {row['epoch']} of {row['epochs']}, loss {row['loss']:.3g}" if row else ""


class Lines:
    """One line a minute, one at the end, and one for each event; for logs."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream, self.events, self.last = stream or sys.stderr, 0, -LINE_SECONDS

    def __call__(self, scheduler: Scheduler) -> None:
        for text in scheduler.events[self.events :]:
            print(text, file=self.stream, flush=True)
        self.events = len(scheduler.events)
        if time.monotonic() - self.last >= LINE_SECONDS or not scheduler.unfinished:
            print(counts(scheduler), file=self.stream, flush=True)
            self.last = time.monotonic()


class View(ABC):
    """A display that renews itself twice a second. It shows three events; all are printed when it is closed."""

    last = 0.0
    events: Sequence[str] = ()

    def __call__(self, scheduler: Scheduler) -> None:
        self.events = scheduler.events
        if time.monotonic() - self.last > REFRESH_SECONDS or not scheduler.unfinished:
            self.draw(scheduler)
            self.last = time.monotonic()

    @abstractmethod
    def draw(self, scheduler: Scheduler) -> None:
        """Show what is running and how far it is."""

    def close(self) -> None:
        """Leave the display as it is, and print every event under it."""
        for text in self.events:
            print(text)


class Table(View):
    """A table of the running runs, in a terminal."""

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self.live = Live(console=console or Console(stderr=True), refresh_per_second=2)
        self.live.start()

    def draw(self, scheduler: Scheduler) -> None:
        """Show a row for each running run."""
        from rich.table import Table as Drawn

        caption = "\n".join(scheduler.events[-3:]) or None
        table = Drawn("run", "what", "how far", title=counts(scheduler), caption=caption)
        for spec in list(scheduler.running.values()):
            table.add_row(spec.key, spec.label, epochs(spec, scheduler.store))
        self.live.update(table)

    def close(self) -> None:
        """Leave the last table as it is, and print every event under it."""
        self.live.stop()
        for text in self.events:
            self.live.console.print(text, markup=False, highlight=False, soft_wrap=True)


class Widget(View):
    """A bar and the running runs with their epochs, in a notebook."""

    def __init__(self) -> None:
        import ipywidgets
        from IPython.display import display

        self.bar, self.text = ipywidgets.IntProgress(), ipywidgets.HTML()
        display(ipywidgets.VBox([self.bar, self.text]))

    def draw(self, scheduler: Scheduler) -> None:
        """Set the bar, and write a line for each running run."""
        self.bar.max, self.bar.value = len(scheduler.specs), scheduler.before + len(scheduler.finished)
        running = [f"{spec.label}: {epochs(spec, scheduler.store)}" for spec in list(scheduler.running.values())]
        self.text.value = "<br>".join(map(escape, [counts(scheduler), *running, *scheduler.events[-3:]]))


@contextmanager
def watcher(stream: TextIO | None = None) -> Iterator[Callable[[Scheduler], None]]:
    """Yield the display that fits where this runs: `Widget`, `Table` or `Lines`; call it with a `Scheduler`."""
    stream = stream or sys.stderr
    if not (_in_kernel() or stream.isatty()):
        yield Lines(stream)
        return
    view = Widget() if _in_kernel() else Table()
    try:
        yield view
    finally:
        view.close()


def _in_kernel() -> bool:
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
