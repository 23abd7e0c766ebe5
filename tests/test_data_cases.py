"""Folders as users have them: each is read by every command alike, or says in one line what is wrong."""

import json
import os
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_data_containers import drawn
from typer.testing import CliRunner

from leuknet.cli import app
from leuknet.data.cohort import limited
from leuknet.data.folder import check_folder, folder_cohort, folder_table
from leuknet.data.formats import read
from leuknet.data.load import load_cohort
from leuknet.exceptions import LeuknetError


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "slides"


def draw(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn(seed, 48, 48)).save(path, {".tif": "TIFF", ".png": "PNG"}.get(path.suffix.lower()))


def draw_all(folder, names):
    for seed, name in enumerate(names):
        draw(folder / name, seed)


def rejected(found):
    return dict(found.itertuples(index=False, name=None))


NATIVE_ONLY = [f"ALL-IDB 2/img/Im{k:03d}_{k % 2}.tif" for k in range(1, 9)]
UPPER = [f"My clinic/{word}/s{k}.PNG" for word in ("Positive", "NEGATIVE") for k in range(4)]


@pytest.mark.parametrize("names", [NATIVE_ONLY, UPPER], ids=["native", "upper case"])
def test_study_audit_and_splits_read_the_same_images(folder, names):
    draw_all(folder, names)
    assert check_folder(folder) == folder.resolve()
    table, left_out = folder_table(folder)
    cohort = folder_cohort(folder, 16)
    assert len(table) == len(cohort) == 8 and left_out.empty and cohort.rejected.empty
    assert table["sha256"].tolist() == cohort.table["sha256"].tolist() and cohort.labels.sum() == 4
    out = folder.parent / "splits.csv"
    result = CliRunner().invoke(app, ["data", "splits", str(folder), "--protocol", "hold-out", "--out", str(out)])
    assert result.exit_code == 0 and out.is_file(), result.output


IDB_1 = [f"ALL-IDB 1/im/Im{k:03d}_{k % 2}.jpg" for k in range(1, 5)]
IDB_1_ODD = ["ALL-IDB 1/im/Im007_1.jpeg", "ALL-IDB 1/im/Im008_1 - Copy.jpg", "ALL-IDB 1/im/Im009_0.png"]
TRAIN = [f"C-NMC 2019/train/fold_0/{w}/UID_{h}{k}_1_1_{w}.bmp" for w, h in (("all", ""), ("hem", "H")) for k in (1, 2)]
C_NMC_ODD = ["C-NMC 2019/train/fold_0/all/UID_9_2_1_all (1).bmp", *(f"C-NMC 2019/test/{k}.bmp" for k in range(4))]


def test_pictures_that_a_layout_does_not_have_are_listed_with_the_reason(folder):
    draw_all(folder, IDB_1 + IDB_1_ODD + TRAIN + C_NMC_ODD)
    (folder / "ALL-IDB 1/xyc").mkdir()
    (folder / "ALL-IDB 1/xyc/Im001_1.xyc").write_text("1 2\n")
    reasons = rejected(folder_cohort(folder, 16).rejected)
    assert sorted(reasons) == sorted(IDB_1_ODD + C_NMC_ODD)
    assert all(("ALL-IDB 1 (im/" in reason) == name.startswith("ALL") for name, reason in reasons.items())


def test_masks_of_a_layout_are_not_called_left_out(folder):
    draw_all(folder, [f"JTSC/Dataset 1/{k:03d}.{suffix}" for k in range(3) for suffix in ("bmp", "png")])
    draw(folder / "JTSC/Dataset 1/009.bmp")
    table, left_out = folder_table(folder)
    assert len(table) == 3 and list(rejected(left_out)) == ["JTSC/Dataset 1/009.bmp"]


@pytest.mark.parametrize(
    "name", ["Groups.csv", "groups.xlsx", "GROUPS.CSV", "groups.csv.txt", "group.csv", "My clinic/groups.csv"]
)
def test_a_misnamed_groups_file_is_named(folder, name):
    draw_all(folder, UPPER)
    (folder / name).write_text("image,group\ns1.PNG,A\n")
    assert "patients are read from DIR/groups.csv only" in rejected(folder_cohort(folder, 16).rejected)[name]


def test_a_name_that_is_not_utf_8_costs_that_picture_only(folder):
    draw_all(folder, UPPER)
    try:
        os.rename(folder / UPPER[0], folder / "My clinic/Positive" / os.fsdecode(b"caf\xe9.png"))
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    cohort = folder_cohort(folder, 16)
    assert rejected(cohort.rejected) == {"My clinic/Positive/caf\\xe9.png": "its name is not UTF-8: rename it"}
    assert len(cohort) == 7


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_groups_are_read_whatever_program_saved_them(folder, codec, separator):
    draw_all(folder, ["Klinik/positive/é.png", "Klinik/positive/b.png", "Klinik/negative/c.png"])
    rows = ["image,group", "é.png,Müller", "b.png,Müller", "c.png,2"]
    text = normalize("NFD" if codec.startswith("utf") else "NFC", "\r\n".join(rows).replace(",", separator))
    (folder / "groups.csv").write_bytes(text.encode(codec))
    groups = folder_cohort(folder, 16).table.set_index("image_id")["group"]
    assert groups["Klinik/positive/é.png"] == groups["Klinik/positive/b.png"] == "Klinik/Müller"


APL = {
    "Patient_00/Signed slides/Blast, no lineage spec/a.jpg": (1, 1),
    "Patient_00/Signed slides/Lymphocyte/b.jpg": (1, 0),
    "Patient_01/2019-04-30/Signed slides/Segmented neutrophils/a.jpg": (1, 0),
    "Patient_01/2019-04-30/Signed slides/Promyelocyte/c.jpg": (1, None),
    "Patient_01/2019-04-30/Signed slides/Monocyte/d.jpg": (1, None),
    "Patient_01/2019-04-30/Signed slides/Blast, no lineage spec/d.jpg": (1, None),
    "Patient_01/2019-04-30/Unsigned slides/e.jpg": (1, None),
}


@pytest.mark.parametrize("around", ["", "Data/All/"])
def test_deepapl_gives_type_label_and_patient_of_each_cell(folder, around):
    draw_all(folder, [f"apl/{around}{name}" for name in APL])
    images = {image.path.as_posix().removeprefix(around): image for image in read("DeepAPL", folder / "apl")}
    assert {name: (image.label, image.cell_label) for name, image in images.items()} == APL
    assert {name[8:10] for name in APL} == {image.group for image in images.values()}
    by_patient, left_out = folder_table(folder)
    assert (by_patient["label"] == 1).all() and len(by_patient) == 7 and left_out.empty
    assert set(by_patient["label_of"]) == {"patient"}
    cohort = load_cohort(folder, 16, label_by="cell")
    assert sorted(cohort.table["label"]) == [0, 0, 1] and set(cohort.table["label_of"]) == {"cell"}
    assert set(cohort.table["group"]) == {"DeepAPL/00", "DeepAPL/01"}
    assert "Lymphocyte" in set(cohort.table["cell_type"]) and len(cohort.rejected) == 4
    assert all("neither a blast nor" in reason for reason in cohort.rejected["reason"])


def test_lmu_and_c_nmc_give_types_labels_and_subjects(folder):
    draw_all(folder, [f"LMU/{kind}/{kind}_0001.tiff" for kind in ("MYO", "NGS", "KSC")] + TRAIN)
    cohort = folder_cohort(folder, 16)
    cells = cohort.table.set_index("image_id")[["data_set", "cell_type", "label", "label_of"]].to_numpy().tolist()
    assert ["AML-Cytomorphology (LMU)", "MYO", 1, "cell"] in cells
    assert ["AML-Cytomorphology (LMU)", "NGS", 0, "cell"] in cells
    assert ["C-NMC 2019", "ALL blast", 1, "patient"] in cells
    assert "C-NMC 2019/H1" in set(cohort.table["group"])
    assert list(rejected(cohort.rejected)) == ["LMU/KSC/KSC_0001.tiff"]


def test_limit_draws_from_the_groups_in_turn_and_grows_by_adding():
    groups = np.repeat(["a", "b", "c"], [50, 5, 1])
    table = pd.DataFrame({"image_id": [f"i{k}" for k in range(56)], "group": groups, "data_set": "X", "label": 0})
    table = pd.concat([table, table.assign(image_id="p" + table["image_id"], label=1)], ignore_index=True)
    drawn = {limit: limited(table, limit) for limit in (2, 3, 9, 30)}
    assert [len(rows) for rows in drawn.values()] == [4, 6, 18, 60]
    assert drawn[3].groupby("label")["group"].nunique().tolist() == [3, 3]
    assert drawn[9].query("label == 0")["group"].value_counts().to_dict() == {"a": 4, "b": 4, "c": 1}
    assert set(drawn[2]["image_id"]) <= set(drawn[9]["image_id"]) <= set(drawn[30]["image_id"])
    shuffled = limited(table.sample(frac=1, random_state=3), 9)
    assert set(shuffled["image_id"]) == set(drawn[9]["image_id"])
    with pytest.raises(LeuknetError, match="limit = 0"):
        limited(table, 0)


@pytest.mark.slow
def test_a_limited_cohort_is_a_part_of_the_whole(folder):
    draw_all(folder, UPPER)
    whole, part = load_cohort(folder, 16), load_cohort(folder, 16, limit=2)
    assert part.table.groupby("label").size().tolist() == [2, 2]
    places = pd.Index(whole.table["image_id"]).get_indexer(part.table["image_id"])
    np.testing.assert_array_equal(part.images, whole.images[places])
    drawn_part = load_cohort(None, 16, fraction=0.001, floor=4, limit=2)
    assert drawn_part.table.groupby(["data_set", "label"]).size().max() == 2
    assert len(drawn_part.images) == len(drawn_part.table)


def test_blank_pictures_are_left_out_by_name(folder):
    draw_all(folder, UPPER)
    Image.new("RGB", (40, 40), "white").save(folder / "My clinic/Positive/blank.png")
    found = json.dumps(rejected(folder_cohort(folder, 16).rejected))
    assert "blank: one colour throughout" in found
