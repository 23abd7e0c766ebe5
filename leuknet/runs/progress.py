"""Progress displays: a live table in a terminal, lines in a log, a widget in a notebook."""

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
    """Return one line that is part of every view: runs done and total, images per second, time left."""
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
    """Return a number of seconds in a readable form, e.g. 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def epochs(spec: RunSpec, store: Store) -> str:
    """Return the progress of a run, e.g. "epoch 3 of 50, loss 0.41"; empty during its first epoch."""
    row = object_or_empty(store.folder(spec) / "progress.json")
    try:
        return f"epoch {row['epoch']} of {row['epochs']}, loss {row['loss']:.3g}"
    except (KeyError, TypeError, ValueError):
        return ""


class Lines:
    """Progress display for logs: one line per minute, one at the end, and one for each event."""

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
    """Base class of live displays, updated twice a second. Shows three events; prints all of them when closed."""

    last = 0.0
    events: Sequence[str] = ()

    def __call__(self, scheduler: Scheduler) -> None:
        self.events = scheduler.events
        if time.monotonic() - self.last > REFRESH_SECONDS or not scheduler.unfinished:
            self.draw(scheduler)
            self.last = time.monotonic()

    @abstractmethod
    def draw(self, scheduler: Scheduler) -> None:
        """Show the progress of the running runs."""

    def close(self) -> None:
        """Stop updating the display, and print every event below it."""
        for text in self.events:
            print(text)


class Table(View):
    """Live table of the running runs, for terminals."""

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self.live = Live(console=console or Console(stderr=True), refresh_per_second=2)
        self.live.start()

    def draw(self, scheduler: Scheduler) -> None:
        """Show one row for each running run."""
        from rich.table import Table as Drawn

        caption = "\n".join(scheduler.events[-3:]) or None
        table = Drawn("run", "what", "how far", title=counts(scheduler), caption=caption)
        for spec in list(scheduler.running.values()):
            table.add_row(spec.key, spec.label, epochs(spec, scheduler.store))
        self.live.update(table)

    def close(self) -> None:
        """Stop updating the table, and print every event below it."""
        self.live.stop()
        for text in self.events:
            self.live.console.print(text, markup=False, highlight=False, soft_wrap=True)


class Widget(View):
    """Progress bar and a list of the running runs with their epochs, for notebooks."""

    def __init__(self) -> None:
        import ipywidgets
        from IPython.display import display

        self.bar, self.text = ipywidgets.IntProgress(), ipywidgets.HTML()
        display(ipywidgets.VBox([self.bar, self.text]))

    def draw(self, scheduler: Scheduler) -> None:
        """Update the bar, and write one line for each running run."""
        self.bar.max, self.bar.value = len(scheduler.specs), scheduler.before + len(scheduler.finished)
        running = [f"{spec.label}: {epochs(spec, scheduler.store)}" for spec in list(scheduler.running.values())]
        self.text.value = "<br>".join(map(escape, [counts(scheduler), *running, *scheduler.events[-3:]]))


@contextmanager
def watcher(stream: TextIO | None = None) -> Iterator[Callable[[Scheduler], None]]:
    """Yield the display for the current environment (`Widget`, `Table` or `Lines`), to be called with a `Scheduler`."""
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
