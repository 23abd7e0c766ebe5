"""Survey figures and tables: known answers from Table 1, made-up cohorts, bad input."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from leuknet.data.cohort import Cohort
from leuknet.data.statistics import image_statistics
from leuknet.exceptions import LeuknetError
from leuknet.plots import style
from leuknet.plots.data import dataset_shift, survey

# data set, label, images, colour: JTSC is Table 1's; "Zoo" is not, and holds both classes
PLAN = [("Zoo", 0, 6, 90), ("Zoo", 1, 5, 100), ("JTSC", 0, 7, 180), ("cellavision2", 0, 6, 220), ("Atlas", 1, 6, 30)]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def cohort():
    rows, images = [], []
    generator = np.random.default_rng(0)
    for name, label, n, colour in PLAN:
        for k in range(n):
            image_id = f"{name}/{label}/{k:02d}"
            row = {"image_id": image_id, "data_set": name, "source": name, "group": image_id, "label": label}
            rows.append(row | {"width": 120 + colour, "height": 100, "path": "", "sha256": image_id})
            images.append(generator.integers(colour, colour + 20, (16, 16, 3), dtype=np.uint8))
    return Cohort("made up", np.stack(images), pd.DataFrame(rows))


@pytest.fixture(scope="module")
def statistics(cohort):
    return image_statistics(cohort)


def texts(fig):
    """Return the texts and titles of all axes, axes by axes."""
    titles = [[ax.get_title(), ax.get_title(loc="left")] for ax in fig.axes]
    words = [[text.get_text() for text in ax.texts] for ax in fig.axes]
    return [text for pair in zip(words, titles, strict=True) for texts in pair for text in texts]


def test_order_is_table_1s_then_by_name():
    names = ["Zoo", "atlas", "JTSC", "ALL-IDB2", "Bar", "JTSC"]
    assert style.table_order(names) == ["ALL-IDB2", "atlas", "JTSC", "Bar", "Zoo"]
    assert style.table_order(["Leukocytes", "ALL-IDB"]) == ["ALL-IDB", "Leukocytes"]


def test_table_1_has_the_printed_total_and_the_sum_that_differs(cohort):
    table = survey.table_1(cohort.table).set_index("data set")
    printed, summed = table.loc["Total, as printed"], table.loc["Total, as the rows sum"]
    assert printed[["non-pathological", "pathological", "total"]].tolist() == [1434, 2102, 3536]
    assert summed[["non-pathological", "pathological", "total"]].tolist() == [1434, 2089, 3523]
    assert summed[["here: negative", "here: positive"]].tolist() == [19, 11]


def test_table_1_matches_names_and_leaves_what_is_absent_empty(cohort):
    table = survey.table_1(cohort.table).set_index("data set")
    assert len(table) == 18 + 1 + 2 and "cellavision2" not in table.index
    assert table.loc["CellaVision 2", ["non-pathological", "here: negative"]].tolist() == [100, 6]
    assert table.loc["ASH", ["here: negative", "here: positive"]].tolist() == ["", ""]
    assert table.loc["Zoo", ["non-pathological", "here: negative", "here: positive"]].tolist() == ["", 6, 5]


def test_counts_of_data_sets_and_sources(cohort):
    counts = survey.class_counts(cohort.table)
    assert counts.index.tolist() == ["Atlas", "cellavision2", "JTSC", "Zoo"]
    assert counts.loc["Zoo"].tolist() == [6, 5] and counts.loc["Atlas"].tolist() == [0, 6]
    assert survey.published_counts("source").loc["ALL-IDB"].tolist() == [189, 689]
    assert len(survey.published_counts()) == 18 and len(survey.published_counts("source")) == 16


def test_class_balance_says_how_many_data_sets_hold_one_class(cohort):
    fig = survey.class_balance({"published": survey.published_counts(), "here": survey.class_counts(cohort.table)})
    labels = texts(fig)
    assert (
        "published\n15 of 18 data sets hold one class" in labels and "here\n3 of 4 data sets hold one class" in labels
    )
    assert "673" in labels


def test_examples_are_of_both_classes_where_there_are_two(cohort):
    chosen = survey.examples(cohort.table, 4, seed=1)
    assert list(chosen) == ["Atlas", "cellavision2", "JTSC", "Zoo"]
    assert cohort.table["label"].iloc[chosen["Zoo"]].tolist() == [0, 0, 1, 1]
    assert all((cohort.table["data_set"].iloc[places] == name).all() for name, places in chosen.items())
    assert chosen == survey.examples(cohort.table, 4, seed=1) != survey.examples(cohort.table, 4, seed=2)


def test_contact_sheet_has_a_block_for_each_data_set(cohort):
    fig = survey.contact_sheet(cohort, n=4)
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["Atlas", "cellavision2", "JTSC", "Zoo"]
    assert [len(ax.images) for ax in fig.axes] == [4, 4, 4, 4]


def test_first_look_shows_only_data_sets_that_have_the_class(cohort):
    negative, positive = survey.first_look(cohort).axes
    assert [t.get_text() for t in negative.texts if t.get_text() != "−"] == ["cellavision2", "JTSC", "Zoo"]
    assert [t.get_text() for t in positive.texts if t.get_text() != "+"] == ["Atlas", "Zoo"]


def test_first_look_wraps_rows(cohort):
    table = cohort.table.assign(data_set=[f"set {k:02d}" for k in range(len(cohort))])
    assert [len(ax.images) for ax in survey.first_look(replace(cohort, table=table)).axes] == [6, 6, 6, 1, 6, 5]


def test_smears_come_from_one_data_set_where_one_has_both_classes(cohort):
    assert texts(survey.smears(cohort))[-1] == "(b) positive (leukaemia): Zoo"
    without = cohort.table["data_set"].to_numpy() != "Zoo"
    part = replace(cohort, images=cohort.images[without], table=cohort.table[without].reset_index(drop=True))
    assert "(b) positive (leukaemia): Atlas" in texts(survey.smears(part))
    negative = (cohort.table["label"] == 0).to_numpy()
    part = replace(cohort, images=cohort.images[negative], table=cohort.table[negative].reset_index(drop=True))
    with pytest.raises(LeuknetError, match="no positive"):
        survey.smears(part)


def test_cells_need_masks_and_give_the_nucleus_share(cohort):
    with pytest.raises(LeuknetError, match="no masks"):
        survey.cells_and_masks(cohort)
    masks = np.zeros(cohort.images.shape[:3], np.uint8)
    masks[:, 2:12, 2:12] = 1
    masks[:, 2:12, 2:7] = 2
    kind = np.where(cohort.table["label"] == 1, "blast", "monocyte")
    kind[0] = "field"
    known = replace(cohort, masks=masks, table=cohort.table.assign(kind=kind))
    assert survey.cell_kinds(known.table) == ["monocyte", "blast"] and survey.cell_kinds(cohort.table) == []
    labels = texts(survey.cells_and_masks(known))
    assert {"− monocyte", "+ blast", "nucleus 50 % of cell\n(n = 18)", "nucleus 50 % of cell\n(n = 11)"} <= set(labels)
    assert np.isnan(survey.nucleus_share(np.zeros((1, 4, 4), np.uint8))).all()


@pytest.mark.slow
def test_figures_have_a_row_for_each_data_set(statistics):
    for fig, ax in ((dataset_shift.native_sizes(statistics), 0), (dataset_shift.colour_statistics(statistics), 0)):
        names = [label.get_text() for label in fig.axes[ax].get_yticklabels()]
        assert names == ["Atlas", "cellavision2", "JTSC", "Zoo"]
    shown = dataset_shift.colour_statistics(statistics).axes[0].images[0].get_array()
    assert shown.shape == (4, 2, 3) and abs(int(shown[0, 0, 0]) - 39.5) < 2  # Atlas: 30 to 49


@pytest.fixture(scope="module")
def found(statistics):
    return dataset_shift.probe_sources(statistics, folds=3)


def test_probe_names_sources_that_colour_sets_apart(found):
    assert {target for target, _ in found} == {"source", "label"}  # here a data set is a source: probed once
    source = dataset_shift.probe_table(found).set_index(["named", "from"]).loc["source"]
    assert (source["chance (%)"] == 25).all() and (source["names"] == 4).all() and (source["images"] == 30).all()
    assert source.loc["colour", "balanced (%)"] > 60
    fig = dataset_shift.probe_levels(found)
    assert len(fig.axes) == 1 and f"{source.loc['colour', 'balanced (%)']:.0f}" in texts(fig)


def test_confusion_has_true_sources_as_rows_in_order(found):
    probe = found["source", "colour"]
    ax = dataset_shift.source_confusion(probe).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Atlas", "cellavision2", "JTSC", "Zoo"]
    shown = ax.images[0].get_array()
    assert shown[1, 2] == pytest.approx(probe.confusion.loc["cellavision2", "JTSC"])
    np.testing.assert_allclose(shown.sum(axis=1), 1)


def test_probe_keeps_data_sets_apart_from_sources(statistics):
    joined = statistics.assign(source=statistics["source"].replace({"JTSC": "Asia", "Atlas": "Asia"}))
    found = dataset_shift.probe_sources(joined, folds=3)
    assert len(found["source", "colour"].confusion) == 3 and len(found["data set", "colour"].confusion) == 4
    assert len(dataset_shift.probe_levels(found).axes) == 2


@pytest.mark.slow
def test_probe_leaves_small_sources_out_and_one_source_has_no_probe(statistics):
    assert dataset_shift.probe_sources(statistics, folds=6)["source", "colour"].n == len(statistics)
    assert dataset_shift.probe_sources(statistics, folds=7)["source", "colour"].n == 7 + 11
    zoo = statistics[statistics["data_set"] == "Zoo"]
    found = dataset_shift.probe_sources(zoo, folds=3)
    assert {target for target, _ in found} == {"label"}
    assert dataset_shift.label_clues(zoo, found)["here (%)"].iloc[-1] == pytest.approx(100 * 6 / 11)


def test_label_predicted_by_the_source():
    counts = pd.DataFrame({"negative": [10, 0, 3], "positive": [0, 5, 2]})
    assert dataset_shift.label_right(counts) == pytest.approx(18 / 20)
    assert dataset_shift.label_right(survey.published_counts()) == pytest.approx(3287 / 3523)


def test_label_clues_from_nothing_to_the_data_set(statistics, found):
    clues = dataset_shift.label_clues(statistics, found).set_index("known")
    assert clues.index.tolist() == ["nothing", *dataset_shift.FEATURES, "source", "data set"]
    assert clues.loc["nothing", "here (%)"] == pytest.approx(100 * 19 / 30)
    assert clues.loc["data set", "here (%)"] == pytest.approx(100 * 25 / 30)
    assert clues.loc["source", "Table 1 (%)"] == pytest.approx(100 * 3277 / 3523)
    assert clues.loc["colour":"colour, sharpness, native size", "Table 1 (%)"].isna().all()
    assert "93.0" in texts(dataset_shift.label_levels(clues.reset_index()))


def test_synthetic_stands_next_to_the_real_data_set_of_its_name(statistics):
    table = dataset_shift.with_real(statistics)
    drawn = table[table["images are"] == "synthetic"].set_index("data set")
    assert drawn.index.tolist() == ["JTSC"] and drawn.loc["JTSC", ["n", "width"]].tolist() == [7, "300 ± 0"]
    assert table["images are"].iloc[-2:].tolist() == ["real, range of means", "synthetic, range of means"]
    assert table["width"].iloc[-1] == "150 to 340" and table["n"].iloc[-1] == 30


def test_shipped_real_statistics_are_what_the_images_say(shared):
    from leuknet.data.decode import SUFFIXES, decode_files, digests

    paths = sorted(p for p in (shared / "real" / "segmentation_WBC" / "Dataset 2").iterdir() if p.suffix == ".bmp")
    assert len(paths) == 100 and ".bmp" in SUFFIXES
    images, native, reasons = decode_files(paths, digests(paths), 224)
    assert reasons == [None] * 100
    shape = {"width": native[:, 0], "height": native[:, 1]}
    table = pd.DataFrame({"image_id": range(100), "data_set": "CellaVision 2", "source": "", "label": 0, **shape})
    found = dataset_shift.spread(image_statistics(Cohort("real", images, table))).set_index("statistic")
    stored = dataset_shift.real_statistics().query("data_set == 'CellaVision 2'").set_index("statistic")
    assert stored["images"].eq(100).all()
    for column in ("mean", "sd"):
        assert stored[column].to_dict() == pytest.approx(found[column].to_dict(), abs=0.01)
