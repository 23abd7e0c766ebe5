"""``leuknet data``: audit and splits of a small folder, there and back."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from leuknet.cli import app
from leuknet.data.leakage.pictures import pictures_of
from leuknet.data.synthetic import synthetic_cohort
from leuknet.exceptions import LeuknetError


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    """Six images a class of two synthetic data sets; one negative of the first is cut from a negative of the second."""
    folder = tmp_path_factory.mktemp("slides")
    drawn = pictures_of(synthetic_cohort(32, 0.001, 4))
    for label, word in ((0, "negative"), (1, "positive")):
        at = np.flatnonzero((drawn.table["data_set"] == "UFG") & (drawn.table["label"] == label))
        for k, place in enumerate(at):
            path = folder / "AB"[k % 2] / word / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawn.images[place]).save(path)
    whole = Image.open(folder / "A" / "negative" / "0.png")
    whole.crop((30, 30, 180, 180)).save(folder / "B" / "negative" / "cut.png")
    return folder


def data(*arguments):
    result = CliRunner().invoke(app, ["data", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.slow
def test_audit_names_the_crop_and_its_box(slides, tmp_path):
    groups = tmp_path / "groups.csv"
    found = json.loads(data("audit", slides, "--json", "--groups", groups).stdout)
    (pair,) = found["pairs"]
    assert (pair["kind"], pair["a"], pair["b"]) == ("contained", "B/negative/cut.png", "A/negative/0.png")
    assert abs(pair["left"] - 30) < 1 and abs(pair["width"] - 150) < 1
    assert "A + B" in groups.read_text() and "1 contained" in data("audit", slides).stdout


@pytest.mark.slow
def test_splits_refuse_to_part_the_family_and_can_be_checked(slides, tmp_path):
    out = tmp_path / "splits.csv"
    with pytest.raises(LeuknetError, match="lodocv-as-published"):
        data("splits", slides, "--protocol", "lodocv", "--out", out)
    assert not out.exists()
    assert "LODOCV as published" in data("splits", slides, "--protocol", "lodocv-as-published", "--out", out).stdout
    assert "its images are these" in data("splits", slides, "--check", out).stdout
    with pytest.raises(LeuknetError, match="name another file with --out"):
        data("splits", slides, "--protocol", "lodocv-as-published", "--out", tmp_path)
    assert f"{slides / 'splits.csv'}: hold-out by group" in data("splits", slides, "--protocol", "hold-out").stdout
    (slides / "splits.csv").unlink()
    out.write_text(out.read_text().replace(",train,", ",test,", 1))
    with pytest.raises(LeuknetError, match="was changed"):
        data("splits", slides, "--check", out)
