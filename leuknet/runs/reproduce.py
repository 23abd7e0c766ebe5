"""Repetition of a run from its record, and comparison of the predictions.

GPUs sum in varying order and deterministic operations are not enforced here, so a repetition on a machine with GPUs may
differ; its tolerance is the same as for a different number of threads. Not tested on a GPU.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leuknet._io import scratch
from leuknet.data.load import load_cohort
from leuknet.exceptions import LeuknetError
from leuknet.runs.provenance import BACKENDS, THREADS
from leuknet.runs.query import agreement, same_place
from leuknet.runs.record import read
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

SAME, ON_GPUS, ELSEWHERE, OTHER_BACKEND = (
    "the same machine, backend and threads",
    "the same machine, backend and threads, but GPUs add in varying order",
    "another machine, version or number of threads",
    "another backend",
)
# The largest mean absolute difference of P(leukaemia) that counts as agreement: about 1.4 times the largest one that
# bench/rerun.py measured among 16 runs (demo, eight seeds) on two machines, which was 0.19 with other numbers of
# threads and 0.32 on JAX. Two seeds differ by 0.16 on average and by at most 0.44, so agreement on another machine is
# weak evidence.
TOLERANCES = {SAME: 0.0, ON_GPUS: 0.27, ELSEWHERE: 0.27, OTHER_BACKEND: 0.45}


@dataclass(frozen=True)
class Rerun:
    """Result of repeating a run: the values of `agreement`, the environment, and whether both runs agree."""

    run: str
    where: str
    tolerance: float
    images: int
    equal: bool
    largest: float
    mean: float
    calls: int

    @property
    def agrees(self) -> bool:
        """Whether both runs agree: exactly in the same environment without GPUs, else on average within tolerance."""
        return self.equal if self.where == SAME else self.mean <= self.tolerance

    def __str__(self) -> str:
        rule = "must be equal" if self.where == SAME else f"mean difference of P at most {self.tolerance:g}"
        if self.where == OTHER_BACKEND:
            rule += "; it draws augmentations and dropout masks otherwise, so this is as another seed would be"
        differences = "all equal" if self.equal else (
            f"difference of P at most {self.largest:.3g}, mean {self.mean:.3g}; {self.calls} called otherwise"
        )  # fmt: skip
        verdict = "agrees" if self.agrees else "DOES NOT AGREE"
        return f"run {self.run}: {verdict}. {self.images} predictions, {differences} (made on {self.where}: {rule})"


MOST_THREADS = 1024


def variables(environment: dict[str, Any], backend: str | None = None) -> dict[str, str]:
    """Return the environment variables for repeating a run: only its backend and its numbers of threads.

    Parameters
    ----------
    environment : dict
        Content of ``environment.json``, possibly from an untrusted source.
    backend : str, optional
        Replaces the run's own backend.

    Raises
    ------
    LeuknetError
        If `environment` contains a variable that is not in `leuknet.runs.provenance.THREADS`, a value that is not a
        number of threads, or a backend that Keras does not have.
    """
    threads = environment.get("threads", {})
    if not isinstance(threads, dict) or set(threads) - set(THREADS):
        raise LeuknetError(f"the record's threads are {threads!r}: only {', '.join(THREADS)} may be set")
    for name, value in threads.items():
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and 1 <= int(value[:5]) <= MOST_THREADS):
            raise LeuknetError(f"the record's {name} is {value!r}: give a whole number from 1 to {MOST_THREADS}")
    backend = backend or environment.get("backend", "tensorflow")
    if backend not in BACKENDS:
        raise LeuknetError(f"backend {backend!r} is unknown: choose {', '.join(BACKENDS)}")
    return {**threads, "KERAS_BACKEND": backend}


def place(first: dict[str, Any], made: dict[str, Any]) -> str:
    """Compare the environments of two runs; return the key of `TOLERANCES` that applies."""
    if same_place(first, made):
        return ON_GPUS if made.get("gpus") else SAME
    return ELSEWHERE if first.get("backend") == made.get("backend") else OTHER_BACKEND


def rerun(
    folder: str | Path, data: str | Path | None = None, tolerance: float | None = None, out: str | Path | None = None
) -> Rerun:
    """Repeat the run in `folder` from its record and compare the predictions.

    Parameters
    ----------
    folder : path
        A finished run.
    data : path, optional
        Folder of the slides, if it differs from the one in the record; their content must be the same.
    tolerance : float, optional
        The largest mean absolute difference of P(leukaemia) that counts as agreement in another environment. Default:
        from `TOLERANCES`.
    out : path, optional
        Folder of runs in which to store the repetition. By default, it is discarded.

    Returns
    -------
    Rerun
    """
    folder = Path(folder)
    record, spec = read(folder), RunSpec.read(folder)
    recipe = dict(spec.recipe or {})
    if data is not None:
        recipe["data"] = str(Path(data).resolve())
    if not recipe:
        raise LeuknetError(f"{folder} does not say how its cohort was loaded: give --data")
    with scratch() as temporary:
        store = Store(out or temporary)
        if store.folder(spec).resolve() == folder.resolve():
            raise LeuknetError(f"{folder} is the run itself: give another folder to repeat it in")
        store.execute(replace(spec, recipe=recipe), load_cohort(**recipe))
        again = store.read(spec)
        agreed = agreement(record.predictions(), again.predictions())
    where = place(record.environment, again.environment)
    return Rerun(spec.key, where, TOLERANCES[where] if tolerance is None else tolerance, **agreed)
