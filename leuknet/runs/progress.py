"""Showing a grid's progress: a live table in a terminal, plain lines in a log, a widget in a notebook."""

import json
import sys
import time

LINE_SECONDS = 60.0
REFRESH_SECONDS = 0.5


def counts(tally):
    """Return the numbers that every view shows, as one line."""
    finished, total = tally.before + len(tally.finished), len(tally.specs)
    parts = [f"{finished} of {total} runs done", f"{len(tally.running)} running", f"{len(tally.waiting)} waiting"]
    if tally.failed:
        parts.append(f"{len(tally.failed)} failed")
    seconds = time.monotonic() - tally.began
    if tally.finished and tally.unfinished:
        left = seconds / len(tally.finished) * (len(tally.waiting) + len(tally.running))
        parts.append(f"about {span(left)} to go")
    return ", ".join(parts)


def span(seconds):
    """Return a number of seconds as people say it: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def epochs(spec, store):
    """Return how far a run is, e.g. "epoch 3 of 50, loss 0.41"; empty before its first epoch ends."""
    try:
        told = json.loads((store.folder(spec) / "progress.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return ""
    return f"epoch {told['epoch']} of {told['epochs']}, loss {told['loss']:.3g}"


class Lines:
    """One line for each run that ends and each event, and one a minute; for logs."""

    def __init__(self, stream=None):
        self.stream, self.told, self.events, self.last = stream or sys.stderr, 0, 0, None

    def __call__(self, tally):
        for text in tally.events[self.events :]:
            print(text, file=self.stream, flush=True)
        self.events = len(tally.events)
        now, ended = time.monotonic(), len(tally.finished) + len(tally.failed)
        if self.last is None or ended != self.told or now - self.last > LINE_SECONDS:
            print(counts(tally), file=self.stream, flush=True)
            self.told, self.last = ended, now

    def close(self):
        """Nothing is left to do."""


class Table:
    """A table of the running runs that renews itself in a terminal."""

    def __init__(self, console=None):
        from rich.console import Console
        from rich.live import Live

        self.live = Live(console=console or Console(stderr=True), refresh_per_second=2)
        self.live.start()
        self.last, self.events = 0.0, []

    def __call__(self, tally):
        self.events = tally.events
        if time.monotonic() - self.last > REFRESH_SECONDS or not tally.unfinished:
            self.live.update(self.drawn(tally))
            self.last = time.monotonic()

    @staticmethod
    def drawn(tally):
        """Return the table as it stands."""
        from rich.table import Table as Drawn

        table = Drawn("run", "what", "how far", title=counts(tally), caption="\n".join(tally.events[-3:]) or None)
        for spec in list(tally.running.values()):
            table.add_row(spec.key, spec.label, epochs(spec, tally.store))
        return table

    def close(self):
        """Leave the last table standing, and under it every event: the table shows three."""
        self.live.stop()
        for text in self.events:
            self.live.console.print(text, markup=False, highlight=False, soft_wrap=True)


class Widget:
    """A bar and the running runs, in a notebook."""

    def __init__(self):
        import ipywidgets
        from IPython.display import display

        self.bar, self.text = ipywidgets.IntProgress(), ipywidgets.HTML()
        self.box = ipywidgets.VBox([self.bar, self.text])
        self.last, self.events = 0.0, []
        display(self.box)

    def __call__(self, tally):
        self.events = tally.events
        if time.monotonic() - self.last < REFRESH_SECONDS and tally.unfinished:
            return
        from html import escape

        self.bar.max, self.bar.value = len(tally.specs), tally.before + len(tally.finished)
        lines = [counts(tally), *(f"{s.label}: {epochs(s, tally.store)}" for s in list(tally.running.values()))]
        self.text.value = "<br>".join(map(escape, [*lines, *tally.events[-3:]]))
        self.last = time.monotonic()

    def close(self):
        """Print every event under the widget, which stays as it is and shows three."""
        for text in self.events:
            print(text)


def watcher(stream=None):
    """Return the view that fits where this runs: `Widget`, `Table` or `Lines`; call it with a `Tally`."""
    stream = stream or sys.stderr
    if "ipykernel" in sys.modules and _in_kernel():
        return Widget()
    return Table() if stream.isatty() else Lines(stream)


def _in_kernel():
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
