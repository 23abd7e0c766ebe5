"""The data files say what the paper says, and say so when they no longer do."""

import math
import re
import shutil

import pandas as pd
import pytest
from paper_text import cells_of, squeeze, text_of

from leuknet.exceptions import LeuknetError
from leuknet.paper import tables


@pytest.fixture(scope="module")
def paper():
    return text_of()


@pytest.mark.parametrize("number", tables.TABLES)
def test_cells_are_those_of_the_text(paper, number):
    frame = tables.table(number)
    frame["row"] = frame["row"].str.replace(r", (ALL-IDB 2|C-NMC)$", "", regex=True)
    ours = {}
    for block, row, column, text, bold in frame[["block", "row", "column", "text", "bold"]].itertuples(index=False):
        ours.setdefault((block, row, column), []).append((text, bold))
    theirs = cells_of(paper, number)
    assert len(theirs) == len(ours)
    for (key, cells), (block, row, _, text, bold) in zip(ours.items(), theirs, strict=True):
        assert key[:2] == (block, row)
        assert " and ".join(dict.fromkeys(t for t, _ in cells)) == text
        assert {b for _, b in cells} == {bold}


@pytest.mark.parametrize("number", tables.TABLES)
def test_values_are_the_printed_texts(number):
    for _, cell in tables.table(number).iterrows():
        bits = cell["text"].replace("−", "-").replace(",", "").replace("%", "").split(" ± ")
        if re.fullmatch(r"\d+:\d+", bits[0]):
            minutes, seconds = bits[0].split(":")
            assert cell["value"] == pytest.approx(int(minutes) + int(seconds) / 60)
        elif cell["text"] == "10.921":
            assert cell["value"] == 10921
        elif re.fullmatch(r"-?\d+(\.\d+)?", bits[0]):
            assert cell["value"] == float(bits[0])
        else:
            assert math.isnan(cell["value"])
        assert cell["spread"] == float(bits[1]) if len(bits) == 2 else math.isnan(cell["spread"])


@pytest.mark.parametrize("frame", [tables.settings, tables.claims, tables.quotes], ids=lambda f: f.__name__)
def test_sentences_stand_in_their_section(paper, frame):
    paper, lines = squeeze(paper), frame()
    assert not lines.iloc[:, 0].duplicated().any()
    heads = [(m.start(), m[1]) for m in re.finditer(r"#{2,4} (\d(?:\.\d)?)\.", paper)]
    for _, line in lines.iterrows():
        spots = [m.start() for m in re.finditer(re.escape(squeeze(line["sentence"])), paper)]
        sections = {next((n for at, n in reversed(heads) if at < spot), "Abstract") for spot in spots}
        assert line["section"] in sections, (line["sentence"], sections)


def test_published_finds_cells_by_loose_names():
    assert tables.published(3, "mDFT", "A", block="ALL-IDB 1") == 97.04
    assert tables.published(13, "leuknet", "mcc") == 42.32
    assert tables.published(9, "1024-256", "S", "all-idb2") == 72.61
    assert math.isnan(tables.published(12, "Vogado et al. [22]", "MCC"))
    assert tables.cell(3, "mDFT", "A", "ALL-IDB 2")["spread"] == 0.02


@pytest.mark.parametrize("names", [(3, "mDFT", "A"), (3, "DFTx", "A", "ALL-IDB 1"), (14, "mDFT", "A")])
def test_published_refuses_what_is_not_one_cell(names):
    with pytest.raises(LeuknetError, match="Table"):
        tables.published(*names)


def test_runs_and_types():
    frame = tables.tables()
    runs = frame.groupby("table")["n_runs"].agg(lambda s: set(s.dropna()))
    assert runs[3] == {5} and runs[10] == {1} and runs[12] == {100} and runs[8] == set()
    assert pd.api.types.is_float_dtype(frame["value"]) and frame["bold"].dtype == bool


def test_changed_and_missing_files_are_named(tmp_path):
    for path in tables.DATA.iterdir():
        shutil.copy(path, tmp_path)
    changed = tmp_path / "table03.csv"
    changed.write_text(changed.read_text().replace("97.04", "97.05"))
    with pytest.raises(LeuknetError, match=r"table03\.csv: changed"):
        tables.read("table03.csv", tmp_path)
    (tmp_path / "table04.csv").unlink()
    with pytest.raises(LeuknetError, match=r"table04\.csv: missing"):
        tables.read("table04.csv", tmp_path)
    assert len(tables.read("table05.csv", tmp_path)) == 20
