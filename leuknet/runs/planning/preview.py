"""Preview of the runs to train and the time that they take on this machine, printed before training starts.

``python -m leuknet.runs.planning.preview NAME …`` downloads missing ImageNet weights through Keras, which shows their
size and the progress.
"""

import subprocess
import sys
from collections import Counter
from itertools import chain

import pandas as pd

from leuknet._io import module_command
from leuknet.models.settings import TrainSettings
from leuknet.runs.planning import cost, throughput
from leuknet.runs.progress import duration
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

RESUME = "Ctrl-C stops at any time: the same command goes on from the finished runs and the last checkpoints."


def prepare(plans: dict[str, list[RunSpec]], store: Store, size: int) -> None:
    """Download the weights and measure the speed of full-width networks for the runs to do, in separate processes.

    Narrow networks train in seconds, so their speed is known from finished runs only.
    """
    waiting = [spec.settings for spec in chain(*plans.values()) if not store.done(spec)]
    pretrained = [each for each in waiting if isinstance(each, TrainSettings) and each.weights == "imagenet"]
    if names := sorted({each.backbone for each in pretrained if each.approach != "scratch"}):
        subprocess.run(module_command("leuknet.runs.planning.preview", *names), check=False)
    for settings in cost.unmeasured(plans, store, size):
        if not settings.nano:
            print(f"trial: {throughput.measured(settings, size)}", flush=True)


def preview(plans: dict[str, list[RunSpec]], store: Store, size: int) -> list[str]:
    """Return lines with the runs to train, the time that they take here, and the time saved by leaving out a page.

    Parameters
    ----------
    plans : dict of str to list of RunSpec
        Page -> its runs.
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
    """Return the total time of runs in words, and the number of runs whose time is unknown."""
    blind = int(part["unknown"].sum())
    timed = f"about {duration(part['seconds'].sum())}" if blind < len(part) or part.empty else ""
    return " + ".join(filter(None, [timed, f"{blind} not timed here yet" if blind else ""]))


def main(names: list[str]) -> None:
    """Download the missing ImageNet weights of backbones; report a failure in one line."""
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
