"""Page 12's tables, sentences and curves from made-up scores."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.cells.generalisation import STEPS
from leuknet.plots.interpretation import cells as drawn
from leuknet.plots.results import generalisation as shown

SUMMARY = pd.DataFrame(
    [
        ("whole image", "pooled folds", 0.913, 0.884, 0.937, 0.96, 378),
        ("+ cells", "pooled folds", 0.93, 0.9, 0.95, 1.0, 378),
        ("whole image", "source left out", 0.778, 0.69, 0.86, 0.92, 126),
        ("+ cells", "source left out", 0.91, 0.84, 0.97, 0.99, 126),
    ],
    columns=["step", "protocol", "accuracy", "low", "high", "AUC", "images"],
)
CHECKS = pd.DataFrame(
    [("the method", 0.99, 0.97, 1.0), ("colour put back", 1.0, 0.98, 1.0), ("number of cells alone", 0.54, 0.51, 0.61)],
    columns=["control", "AUC", "low", "high"],
)


def test_the_steps_are_in_per_cent_and_the_strictest_protocol_comes_first():
    table = shown.steps_table(SUMMARY)
    assert table["accuracy (%)"].tolist()[0] == "91.3 (88.4 to 93.7)" and list(table)[0] == "protocol"
    assert shown.steps_sentence(SUMMARY) == (
        "From whole image to + cells: source left out 77.8 (69.0 to 86.0) → 91.0 (84.0 to 97.0) % of 126 images; "
        "pooled folds 91.3 (88.4 to 93.7) → 93.0 (90.0 to 95.0) % of 378 images."
    )


def test_the_method_stands_next_to_the_controls_that_see_no_cell():
    words = shown.controls_sentence(CHECKS)
    assert words.endswith(": the method 0.99 (0.97 to 1.00) and number of cells alone 0.54 (0.51 to 0.61).")
    assert "no AUC" in shown.controls_sentence(CHECKS.assign(AUC=np.nan))


def test_specificity_of_few_images_is_a_count():
    found = pd.DataFrame({"source": ["A", "B"], "images": [18, 100], "specificity": [15 / 18, 0.87]})
    assert shown.specificity_table(found).iloc[:, -1].tolist() == ["15/18", "87.0"]
    assert shown.specificity_table(found[:0]).empty


def test_names_of_all_steps_stand_apart():
    rows = [(step, "pooled folds", 0.9, 0.8, 0.95, 0.9, 100) for step in STEPS]
    fig = drawn.generalisation_steps(pd.DataFrame(rows, columns=SUMMARY.columns))
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in fig.axes[0].get_xticklabels()]
    assert len(boxes) == 5 and all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))
    plt.close(fig)


def test_legends_stand_outside_the_axes_and_bars_differ_without_colour():
    y = np.arange(20) % 2
    bars = drawn.generalisation_steps(SUMMARY)
    curve = drawn.threshold_curve(pd.DataFrame({"y": y, "p": np.linspace(0, 1, 20)}))
    for fig in (bars, curve):
        fig.draw_without_rendering()
        [ax] = fig.axes
        assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 2
    assert len({patch.get_hatch() for patch in bars.axes[0].patches}) == 2
    plt.close(bars), plt.close(curve)
