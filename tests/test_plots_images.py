"""Figures as pictures: each next to its committed baseline (``make baseline`` renews them, after a look).

Made of the smallest synthetic cohort, of made-up runs and of published numbers: no network is trained. The tolerance is
far above what another release of Matplotlib or FreeType moves, and far below a lost bar, label or colour.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from leuknet import plots
from leuknet.data.synthetic import synthetic_cohort
from leuknet.evaluation.splits import k_fold, leave_one_source_out, lodocv
from leuknet.models.policy import PAPER
from leuknet.plots.style import COLUMN, SMALLEST, captioned, language

STYLE = str(Path(plots.__file__).with_name("leuknet.mplstyle"))
compared = pytest.mark.mpl_image_compare(baseline_dir="baseline", style=STYLE, tolerance=12, savefig_kwargs={"dpi": 45})


@pytest.fixture(scope="module")
def cohort():
    return synthetic_cohort(size=48, fraction=0.001, floor=2, seed=0)


def finished(fig):
    """Return `fig` as a page gives it out: with its caption line, no wider than a printed page, no text below 9 pt."""
    with language():
        captioned(fig, "synthetic cohort · n = 40 · smoke profile · weights: random · hold-out")
    small = [text.get_text() for text in fig.findobj(Text) if text.get_text() and text.get_fontsize() < SMALLEST]
    assert not small and fig.get_figwidth() <= COLUMN + 1e-6
    return fig


def layers(approach):
    """Return a small network's layers as `leuknet.models.networks.layer_table` gives them."""
    head = [("fc1", "512", 131_584)] if approach in ("SFT", "DFT") else [("head_dense1", "128", 32_896)]
    rows = [("block1_conv1", "64x64x8", 224), ("block1_pool", "32x32x8", 0), ("block2_conv1", "32x32x16", 1_168), *head]
    frame = pd.DataFrame([*rows, ("probability", "1", 513)], columns=["layer", "output_shape", "parameters"])
    new = frame["layer"].str.contains("head|prob")
    frame["part"] = np.where(new, "new", "transferred")
    frame["trainable"] = new | (not approach.endswith("SFT")) | frame["layer"].eq("fc1")
    return frame.assign(kind=np.where(frame["parameters"] > 0, "Conv2D", "MaxPooling2D"), approach=approach)


def predictions(protocol="hold-out", seeds=(1, 2, 3)):
    """Return made-up predictions of 40 images: probabilities around 0.35 and 0.65."""
    parts = []
    for seed in seeds:
        y = np.arange(40) % 2
        p = np.clip(0.35 + 0.3 * y + np.random.default_rng(seed).normal(0, 0.15, 40), 0, 1)
        ids = [f"i{k}" for k in range(40)]
        parts.append(
            pd.DataFrame(
                {
                    "image_id": ids,
                    "group": ids,
                    "source": [f"s{k % 3}" for k in range(40)],
                    "y": y,
                    "p": p,
                    "seed": seed,
                }
            )
        )
    return pd.concat(parts, ignore_index=True).assign(protocol=protocol, fold="f", split="test", run="r")


def histories():
    epochs = np.arange(1, 7)
    frames = []
    for run in range(3):
        curve = 0.5 + 0.07 * epochs - 0.02 * run
        loss = {"loss": 1.2 - curve, "validation_loss": 1.25 - curve}
        frames.append(
            pd.DataFrame({"epoch": epochs, "accuracy": curve, "validation_accuracy": curve - 0.03, "run": run, **loss})
        )
    return pd.concat(frames, ignore_index=True)


def plane(cohort, name="LeukNet"):
    table = cohort.table.reset_index(drop=True)
    xy = np.random.default_rng(1).normal(size=(len(table), 2)) + 5 * table["label"].to_numpy()[:, None]
    return table.assign(x=xy[:, 0], y=xy[:, 1], method="t-SNE", features=name)


@pytest.mark.slow
@compared
def test_figure_1_smears(cohort):
    return finished(plots.smears(cohort))


@pytest.mark.slow
@compared
def test_figure_2_contact_sheet(cohort):
    return finished(plots.contact_sheet(cohort))


@pytest.mark.slow
@compared
def test_figure_3_augmentation(cohort):
    return finished(plots.augmented(cohort, PAPER, 0))


@compared
def test_figure_4_transfer():
    return finished(plots.transfer_diagram(layers("DFT"), layers("mDFT")))


@compared
def test_figure_5_approaches():
    every = pd.concat([layers(approach) for approach in ("SFT", "mSFT", "DFT", "mDFT")], ignore_index=True)
    return finished(plots.approach_diagram(every[every["parameters"] > 0]))


@pytest.mark.slow
@compared
def test_figure_6_filters(cohort):
    random = np.random.default_rng(2)
    outputs = {"block1_conv1": random.random((24, 24, 8)), "block2_conv1": random.random((12, 12, 16))}
    return finished(plots.filter_heat_maps(outputs, cohort.images[0]))


@compared
def test_figure_7_curves():
    return finished(plots.learning_curves(histories()))


@compared
def test_figure_8_network():
    return finished(plots.network_diagram(layers("mDFT")))


@pytest.mark.slow
@compared
def test_figure_9_maps(cohort):
    rows, columns = np.mgrid[:48, :48]
    heat = np.exp(-((rows - 24) ** 2 + (columns - 24) ** 2) / 200)[None].repeat(2, axis=0)
    maps = {"Grad-CAM": heat, "occlusion": heat[:, ::-1, ::2].repeat(2, axis=2)}
    return finished(plots.map_sheet(cohort.images[:2], [0, 1], [0.2, 0.4], maps, cohort.masks[:2]))


@pytest.mark.slow
@compared
def test_figures_10_and_11_regions(cohort):
    points = pd.concat([plane(cohort, name) for name in ("no fine-tuning", "DFT", "mDFT")], ignore_index=True)
    return finished(plots.decision_regions(points))


@pytest.mark.slow
@compared
def test_figure_12_image_map(cohort):
    return finished(plots.image_map(plane(cohort), cohort.images, cells=10))


@pytest.mark.slow
@compared
def test_classes_and_sources(cohort):
    return finished(plots.class_and_source(plane(cohort)))


@pytest.mark.slow
@compared
def test_class_balance(cohort):
    return finished(
        plots.class_balance({"as published": plots.published_counts(), "here": plots.class_counts(cohort.table)})
    )


@pytest.mark.slow
@compared
def test_splits(cohort):
    table = cohort.table
    return finished(plots.split_map(table, [k_fold(table, 3, seed=0), lodocv(table), leave_one_source_out(table)]))


@compared
def test_protocols():
    return finished(
        plots.protocols(pd.concat([predictions("5-fold"), predictions("LODOCV", (4, 5)).query("source != 's2'")]))
    )


@compared
def test_threshold():
    return finished(plots.threshold_view(predictions(seeds=(1,)), 0.5))


@compared
def test_confusion():
    return finished(plots.confusion(predictions(seeds=(1,))))


@compared
def test_published_accuracies():
    return finished(plots.published_accuracies())


@compared
def test_audit_five_runs():
    return finished(plots.five_runs())
