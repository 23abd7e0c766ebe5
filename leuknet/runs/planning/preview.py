"""What is about to be trained and how long it takes on this machine, printed before anything starts.

``python -m leuknet.runs.planning.preview NAME …`` downloads ImageNet weights that are not here, by Keras, which shows
size and progress.
"""

import subprocess
import sys
from collections import Counter
from itertools import chain

import pandas as pd

from leuknet.models.settings import TrainSettings
from leuknet.runs.planning import cost, throughput
from leuknet.runs.progress import duration
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

RESUME = "Ctrl-C stops at any time: the same command goes on from the finished runs and the last checkpoints."


def prepare(plans: dict[str, list[RunSpec]], store: Store, size: int) -> None:
    """Fetch the weights and time the full-width networks that runs to do need, in processes of their own.

    Narrow networks train in seconds: their time is known from finished runs only.
    """
    waiting = [spec.settings for spec in chain(*plans.values()) if not store.done(spec)]
    pretrained = [each for each in waiting if isinstance(each, TrainSettings) and each.weights == "imagenet"]
    if names := sorted({each.backbone for each in pretrained if each.approach != "scratch"}):
        subprocess.run([sys.executable, "-m", "leuknet.runs.planning.preview", *names], check=False)
    for settings in cost.unmeasured(plans, store, size):
        if not settings.nano:
            print(f"trial: {throughput.measured(settings, size)}", flush=True)


def preview(plans: dict[str, list[RunSpec]], store: Store, size: int) -> list[str]:
    """Return lines that say what will be trained, how long it takes here, and what leaving a page out would save.

    Parameters
    ----------
    plans : dict of str to list of RunSpec
        Page to its runs.
    store : Store
    size : int
        Edge of the images, px.
    """
    frame = cost.runs(plans, store, size)
    waiting = frame[frame["images"] > 0]
    if waiting.empty:
        return [f"{len(frame)} runs: nothing to train"]
    pages = {name: waiting.index.intersection(list({spec.key for spec in plan})) for name, plan in plans.items()}
    wanted = Counter(chain(*pages.values()))
    lines = [f"{len(frame)} runs, {len(waiting)} of them to train: {_time(waiting)}, one process at a time"]
    for name, keys in pages.items():
        own = waiting.loc[[key for key in keys if wanted[key] == 1]]
        saved = f"; for it alone {len(own)}, {_time(own)}" if len(own) else "; all of them for other pages too"
        lines.append(f"  {name}: {len(keys)} to train, {_time(waiting.loc[keys])}{saved if len(keys) else ''}")
    return [*lines, f"--only with fewer pages saves what is for the others alone. {RESUME}"]


def _time(part: pd.DataFrame) -> str:
    """Return the seconds of runs in words, and how many of them nothing has timed here."""
    blind = int(part["unknown"].sum())
    timed = f"about {duration(part['seconds'].sum())}" if blind < len(part) or part.empty else ""
    return " + ".join(filter(None, [timed, f"{blind} not timed here yet" if blind else ""]))


def main(names: list[str]) -> None:
    """Download the ImageNet weights of backbones unless they are here; say in one line if that fails."""
    import keras

    from leuknet.models.weights import available

    for name in names:
        if available(name)["imagenet"] is None:
            print(f"ImageNet weights of {name}: downloading", flush=True)
            try:
                getattr(keras.applications, name)(weights="imagenet", include_top=False)
            except Exception as error:  # Keras raises a bare Exception when a download fails
                print(f"not downloaded ({str(error).splitlines()[0]}): put them into a folder named in LEUKNET_WEIGHTS")


if __name__ == "__main__":
    main(sys.argv[1:])
