"""Native layouts built in small, real ones from shared, downloads from a server on loopback, hostile archives."""

import gzip
import io
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image as Picture
from typer.testing import CliRunner

from leuknet._random import rng
from leuknet.cli import app
from leuknet.data.folder import folder_cohort, folder_table
from leuknet.data.formats import LAYOUTS, getting, read, recognise
from leuknet.data.formats.archives import Limits, unpack
from leuknet.data.formats.centroids import centroids, crop_all
from leuknet.data.registry import DATA_SETS
from leuknet.exceptions import LeuknetError


def picture(path, size=24):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = rng("native", path.name, path.parent.name).integers(0, 255, (size, size, 3), np.uint8)
    Picture.fromarray(values).save(path)


def all_idb_1(folder):
    for number, label in ((1, 1), (2, 1), (3, 0)):
        picture(folder / "im" / f"Im{number:03d}_{label}.jpg", 64)
        (folder / "xyc").mkdir(exist_ok=True)
        text = "10 12\n40\t50\n" if label else ""
        (folder / "xyc" / f"Im{number:03d}_{label}.xyc").write_text(text)
    return {0: 1, 1: 2}


def all_idb_2(folder):
    for name in ("Im001_1", "Im131_0", "Im132_0"):
        picture(folder / "img" / f"{name}.tif")
    return {0: 2, 1: 1}


def tecom(number):
    def make(folder):
        for name in ("001.bmp", "001.png", "002.bmp", "002.png", "003.bmp"):  # 003 has no mask: not of the set
            picture(folder / f"Dataset {number}" / name)
        return {0: 2}

    return make


def many(negative=(), positive=()):
    def make(folder):
        for name in (*negative, *positive):
            picture(folder / name)
        return {label: len(names) for label, names in enumerate((negative, positive)) if names}

    return make


def lisc(folder):
    for name in ("Baso/1.bmp", "eosi/1.bmp", "eosi/1_expert.bmp", "mono/2.bmp"):
        picture(folder / name)
    return {0: 3}


def aml_lmu(folder):
    for name in ("MYO_0001", "MYO_0002", "MOB_0001", "NGS_0001", "LYT_0001", "KSC_0001", "PMO_0001"):
        picture(folder / "AML-Cytomorphology" / name[:3] / f"{name}.tiff")
    (folder / "annotations.dat").write_text("MYO/MYO_0001.tiff MYO MYO nan\n")
    return {0: 2, 1: 3, None: 2}  # smudge cells and promyelocytes are neither blasts nor cells of normal smears


OWN_MARK = {
    "ALL-IDB 1": all_idb_1,
    "ALL-IDB 2": all_idb_2,
    "JTSC": tecom(1),
    "CellaVision 2": tecom(2),
    "LISC Dataset": lisc,
    "C-NMC 2019": many(["fold_0/hem/UID_H10_1_1_hem.bmp"], ["fold_0/all/UID_1_1_1_all.bmp"]),
    "BCCD": many(["BCCD/JPEGImages/BloodImage_00000.jpg", "BCCD/JPEGImages/BloodImage_00001.jpg"]),
    "AML-Cytomorphology (LMU)": aml_lmu,
    "DeepAPL": many(positive=["Patient_00/Signed slides/Lymphocyte/a.jpg", "Patient_01/Unsigned slides/a.jpg"]),
    "Taleqani ALL": many(["Original/Benign/a.jpg"], ["Original/Early/b.jpg"]),
}


@pytest.mark.parametrize("name", OWN_MARK)
def test_layouts_are_recognised_by_content(name, tmp_path):
    counts = OWN_MARK[name](tmp_path)
    assert [layout.name for layout in recognise(tmp_path)] == [name]
    images = read(name, tmp_path)
    labels = [image.label for image in images]
    assert {label: labels.count(label) for label in set(labels)} == counts
    assert all((tmp_path / image.path).is_file() for image in images)


def test_a_layout_within_an_archives_only_folder_is_found(tmp_path):
    tecom(1)(tmp_path / "segmentation_WBC-fa9c016")
    assert [layout.name for layout in recognise(tmp_path)] == ["JTSC"]
    images = read("JTSC", tmp_path)
    assert len(images) == 2 and all((tmp_path / image.path).is_file() for image in images)
    picture(tmp_path / "other" / "x.png")
    assert not recognise(tmp_path)


def test_every_data_set_of_table_1_has_a_reader_and_related_ones_are_marked():
    assert set(DATA_SETS) <= set(LAYOUTS)
    assert {name for name, layout in LAYOUTS.items() if layout.related} == set(LAYOUTS) - set(DATA_SETS)
    assert getting.listing()["data set"].tolist()[:18] == list(DATA_SETS)


def test_atlases_take_the_class_of_table_1_or_a_labels_file(tmp_path):
    picture(tmp_path / "ASH" / "any.jpg")
    assert [image.label for image in read("ASH", tmp_path / "ASH")] == [1]
    picture(tmp_path / "UFG" / "a.png")
    with pytest.raises(LeuknetError, match=r"labels\.csv"):
        read("UFG", tmp_path / "UFG")
    (tmp_path / "UFG" / "labels.csv").write_text("image,label\na.png,positive\n")
    assert read("UFG", tmp_path / "UFG")[0].label == 1
    picture(tmp_path / "UFG" / "b.png")
    with pytest.raises(LeuknetError, match=r"does not list b\.png"):
        read("UFG", tmp_path / "UFG")
    (tmp_path / "UFG" / "labels.csv").write_text("image,label\na.png,ill\n")
    with pytest.raises(LeuknetError, match="line 2"):
        read("UFG", tmp_path / "UFG")


def test_a_cohort_of_native_layouts_and_class_folders(tmp_path):
    all_idb_1(tmp_path / "from Milan")
    OWN_MARK["DeepAPL"](tmp_path / "apl")
    picture(tmp_path / "Clinic" / "negative" / "x.png")
    cohort = folder_cohort(tmp_path, 16)
    counts = cohort.table.groupby("data_set")["label"].agg(["size", "sum"])
    assert counts.to_dict("index") == {
        "ALL-IDB 1": {"size": 3, "sum": 2},
        "Clinic": {"size": 1, "sum": 0},
        "DeepAPL": {"size": 2, "sum": 2},
    }
    table = cohort.table.set_index("data_set")
    assert (
        set(table.loc["ALL-IDB 1", "source"]) == {"ALL-IDB"} and table.loc["Clinic", "group"] == "Clinic/negative/x.png"
    )
    assert set(table.loc["DeepAPL", "group"]) == {"DeepAPL/00", "DeepAPL/01"}


def test_crops_are_cut_at_the_centroids(tmp_path):
    all_idb_1(tmp_path)
    assert centroids(tmp_path / "xyc" / "Im001_1.xyc").tolist() == [[10, 12], [40, 50]]
    assert crop_all(tmp_path, tmp_path / "crops", edge=20) == 4
    whole, crop = (np.asarray(Picture.open(tmp_path / name)) for name in ("im/Im001_1.jpg", "crops/Im001_1_01.png"))
    assert (crop == whole[40:60, 30:50]).all()
    (tmp_path / "xyc" / "Im001_1.xyc").write_text("a b\n")
    with pytest.raises(LeuknetError, match="line 1"):
        crop_all(tmp_path, tmp_path / "again", edge=20)


@pytest.mark.parametrize("fault", ["no folder", "empty", "no image", "damaged", "small", "endless", "infinite"])
def test_a_folder_that_cannot_be_cropped_is_one_line_and_leaves_nothing(tmp_path, fault):
    all_idb_1(tmp_path / "in")
    {
        "no folder": lambda: shutil.rmtree(tmp_path / "in"),
        "empty": lambda: shutil.rmtree(tmp_path / "in" / "xyc"),
        "no image": lambda: (tmp_path / "in" / "im" / "Im001_1.jpg").unlink(),
        "damaged": lambda: (tmp_path / "in" / "im" / "Im001_1.jpg").write_bytes(b"\xff\xd8\xff"),
        "small": lambda: Picture.new("RGB", (9, 9)).save(tmp_path / "in" / "im" / "Im001_1.jpg"),
        "endless": lambda: [
            (tmp_path / "in" / "xyc" / "Im001_1.xyc").unlink(),
            (tmp_path / "in" / "xyc" / "Im001_1.xyc").symlink_to("/dev/zero"),
        ],
        "infinite": lambda: (tmp_path / "in" / "xyc" / "Im001_1.xyc").write_text("inf 3"),
    }[fault]()
    with pytest.raises(LeuknetError) as caught:
        crop_all(tmp_path / "in", tmp_path / "crops", edge=20)
    assert "\n" not in str(caught.value) and not (tmp_path / "crops").exists()


def test_check_says_each_difference_from_table_1(tmp_path):
    all_idb_2(tmp_path / "x")
    result = CliRunner().invoke(app, ["data", "check", str(tmp_path)])
    assert result.exit_code == 1
    assert "ALL-IDB 2: 2 negative, 1 positive; Table 1 has 130 negative, 130 positive" in result.output


def test_get_prints_steps_and_checks_what_the_user_brings(tmp_path):
    steps = CliRunner().invoke(app, ["data", "get", "ALL-IDB 1"]).output
    assert "gated" in steps and "--file" in steps
    all_idb_2(tmp_path / "x")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in sorted((tmp_path / "x").rglob("*.tif")):
            archive.write(path, path.relative_to(tmp_path / "x"))
    command = ["data", "get", "ALL-IDB 2", "--file", str(tmp_path / "a.zip"), "--to", str(tmp_path / "new")]
    assert "2 negative, 1 positive" in CliRunner().invoke(app, command).output
    with pytest.raises(LeuknetError, match="is there already"):
        unpack(tmp_path / "a.zip", tmp_path / "new")


def zipped(path, name="a.txt", data=b"x", mode=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
        archive.writestr(info, data)


def tarred(path, name, kind=tarfile.REGTYPE, link=""):
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
        archive.addfile(info, io.BytesIO(b"x"))


def encrypted(path):
    zipped(path)
    data = bytearray(path.read_bytes())
    for sign, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(sign) + place] |= 1
    path.write_bytes(data)


HOSTILE = {
    "outside.zip": lambda path: zipped(path, "../a.txt"),
    "absolute.zip": lambda path: zipped(path, "/a.txt"),
    "drive.zip": lambda path: zipped(path, "C:\\a.txt"),
    "link.zip": lambda path: zipped(path, "a", b"/etc", 0o120777),
    "bomb.zip": lambda path: zipped(path, data=bytes(8 * 2**20)),
    "encrypted.zip": encrypted,
    "outside.tgz": lambda path: tarred(path, "../a.txt"),
    "absolute.tgz": lambda path: tarred(path, "/a.txt"),
    "link.tgz": lambda path: tarred(path, "a", tarfile.SYMTYPE, "/etc"),
    "hard.tgz": lambda path: tarred(path, "a", tarfile.LNKTYPE, "../b"),
    "text.zip": lambda path: path.write_bytes(b"no archive"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_with_nothing_left_behind(name, tmp_path):
    HOSTILE[name](tmp_path / name)
    with pytest.raises(LeuknetError, match=name.replace(".", r"\.")):
        unpack(tmp_path / name, tmp_path / "out" / "new")
    assert [path.name for path in tmp_path.rglob("*")] == [name]


def many_files(path, count=300):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.txt", b"")


def many_members(path, count=300):
    with tarfile.open(path, "w:gz") as archive:
        for number in range(count):
            archive.addfile(tarfile.TarInfo(f"{number}.txt"))


def long_header(kind, size):
    """Return a writer of a tar whose extended header says it has `size` bytes, which no reader should ask for."""

    def write(path):
        info = tarfile.TarInfo("./head")
        info.type, info.size = kind, size
        path.write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(2**20)))

    return write


def long_names(path):
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for number in range(40):
            archive.addfile(tarfile.TarInfo(f"{number}/" + "d/" * 20_000))


LIMITED = {
    "files.zip": (many_files, Limits(files=299), "max-files"),
    "files.tgz": (many_members, Limits(files=299), "max-files"),
    "size.zip": (lambda path: zipped(path, data=bytes(range(256)) * 40), Limits(gib=1e-6), "max-gib"),
    "ratio.zip": (lambda path: zipped(path, data=bytes(8 * 2**20)), Limits(), "max-ratio"),
    "pax.tgz": (long_header(tarfile.XHDTYPE, 2**32), Limits(), "max-header-mib"),
    "global.tgz": (long_header(tarfile.XGLTYPE, 2**32), Limits(), "max-header-mib"),
    "name.tgz": (long_header(tarfile.GNUTYPE_LONGNAME, 2**32), Limits(), "max-header-mib"),
    "link name.tgz": (long_header(tarfile.GNUTYPE_LONGLINK, 2**32), Limits(), "max-header-mib"),
    "many long names.tgz": (long_names, Limits(header_mib=1), "max-header-mib"),
}


@pytest.mark.parametrize("name", LIMITED)
def test_archives_above_a_limit_name_the_option_that_raises_it(name, tmp_path):
    make, limits, option = LIMITED[name]
    make(tmp_path / name)
    with pytest.raises(LeuknetError, match=f"refused; raise the limit with --{option}"):
        unpack(tmp_path / name, tmp_path / "out" / "new", limits)
    assert [path.name for path in tmp_path.rglob("*")] == [name]


@pytest.mark.parametrize("make", [many_files, many_members])
def test_sound_archives_within_the_limits_are_unpacked(make, tmp_path):
    make(tmp_path / "a")
    unpack(tmp_path / "a", tmp_path / "out", Limits(files=300))
    assert len(list((tmp_path / "out").iterdir())) == 300


def test_a_truncated_archive_is_refused(tmp_path):
    tarred(tmp_path / "b.tgz", "a")
    (tmp_path / "c.tgz").write_bytes((tmp_path / "b.tgz").read_bytes()[:40])
    with pytest.raises(LeuknetError, match=r"c\.tgz"):
        unpack(tmp_path / "c.tgz", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tgz", "c.tgz"]


def test_real_layouts(shared, tmp_path):
    for name in ("segmentation_WBC", "bccd"):
        (tmp_path / name).symlink_to(shared / "real" / name)
    for name, folder in (("PBC", "pbc"), ("Raabin", "raabin")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "negative").symlink_to(shared / "real" / folder)
    table, _ = folder_table(tmp_path)
    assert table["data_set"].value_counts().to_dict() == {
        "Raabin": 500,
        "PBC": 486,
        "BCCD": 364,
        "JTSC": 300,
        "CellaVision 2": 100,
    }
    assert (table["label"] == 0).all()
