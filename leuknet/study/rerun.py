"""A run repeated from its record alone, and whether its predictions agree."""

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from leuknet.cohort.load import load_cohort
from leuknet.errors import LeuknetError
from leuknet.study.records import agreement, read_predictions, same_place
from leuknet.study.runs import RunSpec, Store

TOLERANCE = 0.05  # chosen, not yet calibrated: bench/rerun.py measures how far runs move elsewhere


@dataclass(frozen=True)
class Rerun:
    """How a repeated run agrees with the first: `agreement`'s values, whether both were made alike, and a verdict."""

    run: str
    alike: bool
    tolerance: float
    images: int
    equal: bool
    largest: float
    mean: float
    calls: int

    @property
    def agrees(self):
        """Exactly, if made on the same machine, backend and threads; else a mean difference within the tolerance."""
        return self.equal if self.alike else self.mean <= self.tolerance

    def __str__(self):
        where = "the same machine, backend and threads" if self.alike else "another machine, backend or threads"
        rule = "must be equal" if self.alike else f"mean difference of P at most {self.tolerance:g}"
        found = "all equal" if self.equal else (
            f"difference of P at most {self.largest:.3g}, mean {self.mean:.3g}; {self.calls} called otherwise"
        )  # fmt: skip
        verdict = "agrees" if self.agrees else "DOES NOT AGREE"
        return f"run {self.run}: {verdict}. {self.images} predictions, {found} (made on {where}: {rule})"


def recorded_threads(folder):
    """Return the variables by which a run's process was told its threads, from ``environment.json``."""
    path = Path(folder) / "environment.json"
    return json.loads(path.read_text("utf-8")).get("threads", {}) if path.is_file() else {}


def rerun(folder, data=None, tolerance=TOLERANCE, out=None):
    """Repeat the run in `folder` from what the folder says and compare the predictions.

    Parameters
    ----------
    folder : path
        A finished run.
    data : path, optional
        Where the slides are now, if not where the record says; their content decides.
    tolerance : float
        Elsewhere: the largest mean absolute difference of P(leukaemia) that counts as agreement. Backends draw dropout
        masks differently, so a rerun on another one is another draw of the same training.
    out : path, optional
        Folder of runs to keep the repetition in; otherwise it is thrown away.

    Returns
    -------
    Rerun
    """
    folder = Path(folder)
    spec, first = RunSpec.read(folder), read_predictions(folder)
    recipe = dict(spec.recipe or {})
    if data is not None:
        recipe["data"] = str(Path(data).resolve())
    if not recipe:
        raise LeuknetError(f"{folder} does not say how its cohort was loaded: give --data")
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(out or scratch)
        if store.folder(spec).resolve() == folder.resolve():
            raise LeuknetError(f"{folder} is the run itself: give another folder to repeat it in")
        store.execute(replace(spec, recipe=recipe), load_cohort(**recipe))
        found = agreement(first, store.predictions(spec.key))
        made = store.record(spec.key)["environment"]
    alike = same_place(json.loads((folder / "environment.json").read_text("utf-8")), made)
    return Rerun(run=spec.key, alike=alike, tolerance=tolerance, **found)
