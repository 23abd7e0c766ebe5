"""The study room: profiles, runs and their records, executors, and the runner of pages."""

from typing import Any


def open_study(*arguments: Any, **settings: Any) -> Any:
    """Open a study for a page; see `leuknet.study.study.open_study` (imported when called, for it loads Keras)."""
    from leuknet.study.study import open_study as opened

    return opened(*arguments, **settings)
