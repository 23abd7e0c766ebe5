"""The steps and controls of page 12 on a drawn cohort, where the kind of every cell is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leuknet.cells import generalisation
from leuknet.data.synthetic import synthetic_cohort
from leuknet.evaluation.splits import k_fold

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def material():
    """Return the drawn cohort as the steps and controls of page 12 take it."""
    return generalisation.prepared(synthetic_cohort(size=64, fraction=0.001, floor=4))


def test_permuted_labels_keep_unknown_cells_and_one_cell_is_drawn_of_each_image(material):
    labels, cells = material.labels, material.cells
    dealt = generalisation.permuted(labels, 1)
    assert ((dealt.y < 0) == (labels.y < 0)).all() and (dealt.y != labels.y).any()
    own = generalisation.one_each(material, 1).cells.owner
    kept = own >= 0
    np.testing.assert_array_equal(own[kept], cells.owner[kept])
    assert np.bincount(own[kept]).max() == 1 and set(own[kept]) == set(cells.owner)
    assert (own != generalisation.one_each(material, 2).cells.owner).any()


def test_one_class_a_source_is_left_where_normal_cells_are_taken_out(material):
    rows = np.arange(len(material.labels.y))
    assert material.labels.two_class_sources(rows)
    single = generalisation.one_class(material.labels)
    assert single.two_class_sources(rows) == [] and (single.y == 1).sum() == (material.labels.y == 1).sum()


def test_auc_within_sources_is_blind_to_what_names_the_source():
    frame = pd.DataFrame({"source": ["A"] * 4 + ["B"] * 4, "y": [0, 0, 1, 1] * 2, "p": [0.1, 0.2, 0.3, 0.4] * 2})
    assert generalisation.within_source_auc(frame) == 1
    assert generalisation.within_source_auc(frame.assign(p=frame["p"] + (frame["source"] == "B"))) == 1
    assert generalisation.within_source_auc(frame.assign(p=(frame["source"] == "B").astype(float))) == 0.5
    low, high = generalisation.auc_interval(frame.assign(group=range(8), p=[0.1, 0.3, 0.2, 0.4] * 2))
    assert 0 <= low < 0.75 < high <= 1
    for none in (frame.assign(y=(frame["source"] == "B").astype(int), group="A"), frame[:0].assign(group="A")):
        assert np.isnan([generalisation.within_source_auc(none), *generalisation.auc_interval(none)]).all()


def test_centring_takes_off_what_a_source_adds(material):
    source = material.labels.source
    table = material.cells.table.copy()
    table.loc[source == source[0], "nucleus_area"] *= 1.7
    table.loc[source == source[0], "solidity"] += 0.3
    moved = replace(material, cells=replace(material.cells, table=table))
    one, other = (each.centred().cells.values for each in (material, moved))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_controls_and_specificity_name_every_row(material):
    split = k_fold(material.cohort.table, 2, by="group")
    table = generalisation.controls(material, split, draws=2).set_index("control")
    assert {"the method", "no source with both classes", "every source trains", "colour put back"} <= set(table.index)
    assert table.loc["the method", "AUC"] > 0.7 and (table["low"] <= table["high"]).all()
    normal = generalisation.specificity(material)
    assert len(normal) and normal["specificity"].between(0, 1).all()


def test_without_scale_sizes_are_those_of_the_pixels(material):
    cells = material.cells
    loose, factor = generalisation.without_scale(cells), cells.table["diameter"] / generalisation.PIXELS
    np.testing.assert_allclose(loose.table["nucleus_area"], cells.table["nucleus_area"] * factor**2)
    np.testing.assert_array_equal(loose.table["solidity"], cells.table["solidity"])


def test_a_threshold_from_labelled_images_corrects_a_shifted_source():
    y = np.tile([0, 1], 40)
    frame = pd.DataFrame({"source": "A", "y": y, "p": 0.6 + 0.2 * y})
    table = generalisation.few_labelled(frame, (0, 5)).set_index("labelled a class")["accuracy"]
    assert table[0] == 0.5 and table[5] == 1.0
