"""A user's folder becomes a cohort, or one clear line."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from leuknet.data import folder as module
from leuknet.data.cohort import COLUMNS
from leuknet.data.folder import folder_cohort
from leuknet.evaluation.exchange import write_splits
from leuknet.evaluation.split_table import Split
from leuknet.exceptions import LeuknetError


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def slides(tmp_path):
    """Return a sound folder: two data sets, four images."""
    folder = tmp_path / "Folien größer"
    for i, name in enumerate(["CellaVision2/negative/b.png", "CellaVision2/negative/a.jpg", "Labor Ä/positive/c.bmp"]):
        draw(folder / name, i)
    draw(folder / "Labor Ä/negative/d.TIFF", 3, size=(20, 10))
    return folder


def draw(path, seed=0, size=(12, 12)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def rejected(cohort):
    return dict(cohort.rejected.itertuples(index=False, name=None))


def fails(folder, *parts):
    with pytest.raises(LeuknetError) as caught:
        folder_cohort(folder, 8)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message, message


def test_the_table_is_sorted_and_complete(slides):
    cohort = folder_cohort(slides, 12)
    assert (
        list(cohort.table.columns) == [*COLUMNS, "cell_type", "label_of", "cell_label"]
        and cohort.name == "Folien größer"
    )
    assert list(cohort.table["image_id"]) == [
        "CellaVision2/negative/a.jpg",
        "CellaVision2/negative/b.png",
        "Labor Ä/negative/d.TIFF",
        "Labor Ä/positive/c.bmp",
    ]
    assert list(cohort.table["source"]) == ["CellaVision 2", "CellaVision 2", "Labor Ä", "Labor Ä"]
    assert list(cohort.labels) == [0, 0, 0, 1]
    assert list(cohort.table["group"]) == list(cohort.table["image_id"])
    assert tuple(cohort.table.loc[2, ["width", "height"]]) == (20, 10)
    assert all(os.path.isfile(path) for path in cohort.table["path"])
    assert len(cohort.rejected) == 0
    np.testing.assert_array_equal(cohort.images[3], np.asarray(Image.open(slides / "Labor Ä/positive/c.bmp")))


def test_the_second_time_nothing_is_decoded(slides, monkeypatch):
    first = folder_cohort(slides, 8)
    monkeypatch.setattr(module.decode, "decode_files", None)
    second = folder_cohort(str(slides), 8)
    assert second.key == first.key and isinstance(second.images, np.memmap)
    np.testing.assert_array_equal(first.images, second.images)


def test_a_moved_folder_keeps_its_cache_and_knows_its_new_place(slides, monkeypatch):
    first = folder_cohort(slides, 8)
    moved = slides.rename(slides.with_name("moved"))
    monkeypatch.setattr(module.decode, "decode_files", None)
    cohort = folder_cohort(moved, 8)
    assert cohort.key == first.key and cohort.name == "moved"
    assert all(path.startswith(str(moved)) for path in cohort.table["path"])


def test_changing_one_file_the_size_or_the_groups_makes_another_cohort(slides):
    keys = [folder_cohort(slides, 8).key, folder_cohort(slides, 9).key]
    pixels = draw(slides / "Labor Ä/positive/c.bmp", 9)
    changed = folder_cohort(slides, 12)
    np.testing.assert_array_equal(changed.images[3], pixels)
    (slides / "groups.csv").write_text("image,group\nb.png,p1\n")
    grouped = folder_cohort(slides, 8)
    assert len({*keys, changed.key, grouped.key}) == 4
    assert list(grouped.table["group"])[1] == "CellaVision 2/p1"


def test_the_order_does_not_depend_on_the_file_system(slides, monkeypatch):
    key = folder_cohort(slides, 8).key
    iterdir = type(slides).iterdir
    monkeypatch.setattr(type(slides), "iterdir", lambda path: reversed(sorted(iterdir(path))))
    assert folder_cohort(slides, 8).key == key


def test_damaged_images_are_listed_and_left_out(slides):
    before = folder_cohort(slides, 8)
    folder = slides / "Labor Ä/positive"
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no image")
    (folder / "half.bmp").write_bytes((folder / "c.bmp").read_bytes()[:200])
    cohort = folder_cohort(slides, 8)
    reasons = rejected(cohort)
    assert list(reasons) == [f"Labor Ä/positive/{name}" for name in ("empty.png", "half.bmp", "text.jpg")]
    assert "empty" in reasons["Labor Ä/positive/empty.png"]
    assert "truncated" in reasons["Labor Ä/positive/half.bmp"]
    assert cohort.key == before.key
    np.testing.assert_array_equal(cohort.images, before.images)
    assert rejected(folder_cohort(slides, 8)) == reasons


def test_other_files_are_listed_and_system_files_passed_over(slides):
    for name in (".DS_Store", "Thumbs.db", ".hidden/x.png", "__MACOSX/y.png", "Labor Ä/.DS_Store"):
        path = slides / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for name in ("README.md", "Labor Ä/stray.png", "Labor Ä/positive/labels.csv", "Labor Ä/positive/raw"):
        (slides / name).touch()
    (slides / "Labor Ä/positive/.hidden.png").touch()
    reasons = rejected(folder_cohort(slides, 8))
    assert sorted(reasons) == ["Labor Ä/positive/labels.csv", "Labor Ä/positive/raw", "Labor Ä/stray.png", "README.md"]
    assert "not an image by its name" in reasons["Labor Ä/positive/labels.csv"]
    assert "positive or negative" in reasons["Labor Ä/stray.png"]


def test_links_are_followed_and_broken_ones_listed(slides, tmp_path):
    shutil.copytree(slides / "Labor Ä", tmp_path / "elsewhere")
    try:
        (slides / "Linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    (slides / "Labor Ä/positive/good.bmp").symlink_to(slides / "Labor Ä/positive/c.bmp")
    (slides / "Labor Ä/positive/lost.bmp").symlink_to(slides / "nowhere.bmp")
    (slides / "Labor Ä/positive/loop.bmp").symlink_to(slides / "Labor Ä/positive/loop.bmp")
    cohort = folder_cohort(slides, 8)
    assert len(cohort) == 7 and set(cohort.table["data_set"]) == {"CellaVision2", "Labor Ä", "Linked"}
    assert set(rejected(cohort)) == {"Labor Ä/positive/loop.bmp", "Labor Ä/positive/lost.bmp"}
    assert set(rejected(cohort).values()) == {"a broken link"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system makes no pipes")
def test_a_pipe_is_not_opened(slides):
    os.mkfifo(slides / "Labor Ä/positive/pipe.png")
    assert rejected(folder_cohort(slides, 8)) == {"Labor Ä/positive/pipe.png": "not a regular file"}


def test_unreadable_files_are_listed(slides, monkeypatch):
    digests, denied = module.decode.digests, PermissionError(13, "Permission denied")

    def some_denied(paths):
        return [denied if path.name == "b.png" else found for path, found in zip(paths, digests(paths), strict=True)]

    monkeypatch.setattr(module.decode, "digests", some_denied)
    cohort = folder_cohort(slides, 8)
    assert rejected(cohort) == {"CellaVision2/negative/b.png": "cannot be read: Permission denied"} and len(cohort) == 3


def test_files_that_differ_in_suffix_or_case_are_kept_and_share_a_group(slides):
    draw(slides / "Labor Ä/positive/c.png", 5)
    draw(slides / "Labor Ä/positive/C.jpeg", 6)
    draw(slides / "Labor Ä/negative/c.png", 7)
    table = folder_cohort(slides, 8).table.set_index("image_id")["group"]
    assert len(table) == 7
    together = table[["Labor Ä/positive/C.jpeg", "Labor Ä/positive/c.bmp", "Labor Ä/positive/c.png"]]
    assert set(together) == {"Labor Ä/positive/C.jpeg"}
    assert table["Labor Ä/negative/c.png"] == "Labor Ä/negative/c.png"


def test_one_name_in_two_unicode_forms_is_one_image(slides):
    draw(slides / "Labor Ä/positive/e\u0301.png", 5)
    if (slides / "Labor Ä/positive/\u00e9.png").exists():
        pytest.skip("this file system holds both forms to be one name")
    draw(slides / "Labor Ä/positive/\u00e9.png", 6)
    cohort = folder_cohort(slides, 8)
    assert len(cohort) == 5 and cohort.table["image_id"].is_unique
    assert list(rejected(cohort).values()) == ["same name as another file, in another Unicode form"]


def test_wrong_layouts_say_what_was_found_and_the_fix(slides, tmp_path):
    fails(tmp_path / "none", "no folder", tmp_path / "none", "<positive|negative>")
    fails(slides / "Labor Ä/positive/c.bmp", "no folder")
    (tmp_path / "bare").mkdir()
    fails(tmp_path / "bare", "holds no data set", "<data set>")
    fails(slides / "Labor Ä", slides / "Labor Ä/negative", "where a data set's folder should")
    fails(slides / "Labor Ä/positive", "c.bmp", "lies directly")


@pytest.mark.parametrize("name", ["pos", "Positives", "1", "masks"])
def test_a_misspelt_class_folder_is_named(slides, name):
    (slides / "Labor Ä/positive").rename(slides / "Labor Ä" / name)
    fails(slides, slides / "Labor Ä" / name, "not called positive or negative")


def test_class_folders_may_be_written_in_any_case(slides):
    key = folder_cohort(slides, 8).key
    (slides / "Labor Ä/positive").rename(slides / "Labor Ä/POSITIVE")
    assert folder_cohort(slides, 8).key == key


def test_empty_and_missing_classes(slides):
    (slides / "Labor Ä/positive/c.bmp").write_bytes(b"damaged")
    fails(slides, slides / "Labor Ä/positive", "yields no image", "c.bmp: not a JPEG")
    (slides / "Labor Ä/positive/c.bmp").unlink()
    fails(slides, slides / "Labor Ä/positive", "holds no image")
    (slides / "Labor Ä/positive").rmdir()
    fails(slides, "no positive image")
    (slides / "New").mkdir()
    fails(slides, slides / "New", "holds no folder positive or negative")


def test_folders_below_a_class_are_refused(slides):
    draw(slides / "Labor Ä/positive/patient 1/x.png")
    fails(slides, slides / "Labor Ä/positive/patient 1", "is a folder", "groups.csv")


def test_one_data_set_twice(slides):
    draw(slides / "CellaVision 2/negative/x.png")
    fails(slides, "CellaVision 2", "CellaVision2", "twice")


def test_a_size_that_is_none(slides):
    with pytest.raises(LeuknetError, match="size 0"):
        folder_cohort(slides, 0)


def test_groups_name_sources_and_patients(slides):
    lines = [
        "image,source,group",
        "./CellaVision2/negative/a.jpg,,7",
        '"Labor Ä\\negative\\d.TIFF",Lab A,"7"',
        "",
        "c.bmp,Lab A,",
    ]
    (slides / "groups.csv").write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    table = folder_cohort(slides, 8).table
    assert list(table["source"]) == ["CellaVision 2", "CellaVision 2", "Lab A", "Lab A"]
    assert list(table["group"]) == ["CellaVision 2/7", "CellaVision2/negative/b.png", "Lab A/7", table["image_id"][3]]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["line 1", "missing"]),
        ("image\n", ["line 1", "'image'"]),
        ("image|group\na.jpg|1\n", ["line 1", "image|group", "commas"]),
        ("image,patient\na.jpg,1\n", ["line 1", "'patient'"]),
        ("image,group,group\na.jpg,1,2\n", ["line 1"]),
        ("image,group\na.jpg,1\nzzz.jpg,2\n", ["line 3", "no image 'zzz.jpg'"]),
        ("image,group\na.jpg,1\n\nCellaVision2/negative/a.jpg,2\n", ["line 4", "line 2"]),
        ("image,group\na.jpg,1,2\n", ["line 2", "3 cells"]),
        ("image,group\nc.png,1\n", ["line 2", "2 images are called 'c.png'"]),
        ('image,group\na.jpg,"1\n', ["groups.csv, line"]),
        (b"image,group\n\xff\x81.jpg,1\n", ["no text in UTF-8"]),
    ],
)
def test_a_wrong_groups_file_names_file_and_line(slides, text, parts):
    draw(slides / "Labor Ä/positive/c.png", 5)
    draw(slides / "Labor Ä/negative/c.png", 6)
    (slides / "groups.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    fails(slides, slides / "groups.csv", *parts)


def test_a_split_next_to_the_images_is_checked_when_they_are_loaded(slides):
    table = folder_cohort(slides, 8).table
    rows = pd.DataFrame(
        {"image_id": table["image_id"], "fold": "hold-out", "role": ["train", "test", "train", "train"]}
    )
    write_splits(slides / "splits.csv", Split("hold-out", rows), table, "not audited")
    assert list(folder_cohort(slides, 8).table["image_id"]) == list(table["image_id"])
    assert len(folder_cohort(slides, 8).rejected) == 0
    text = (slides / "splits.csv").read_text("utf-8")
    (slides / "splits.csv").write_text(text.replace(",test,", ",train,"), "utf-8")
    fails(slides, "splits.csv was changed")
    (slides / "splits.csv").write_text(text, "utf-8")
    draw(slides / "Labor Ä/positive/c.bmp", 9)
    fails(slides, "splits.csv names 1 images that are missing or changed in this cohort", "Labor Ä/positive/c.bmp")


def test_groups_may_name_a_damaged_image(slides):
    (slides / "Labor Ä/positive/bad.png").touch()
    (slides / "groups.csv").write_text("image,group\nbad.png,1\n")
    assert list(rejected(folder_cohort(slides, 8))) == ["Labor Ä/positive/bad.png"]


def test_real_slides(shared, tmp_path):
    sources = {"JTSC/negative": "segmentation_WBC/Dataset 1", "BCCD/negative": "bccd", "PBC/positive": "pbc"}
    for target, source in sources.items():
        images = sorted(p for p in (shared / "real" / source).iterdir() if p.suffix in (".bmp", ".jpg"))
        (tmp_path / "slides" / target).mkdir(parents=True)
        for path in images[:5]:
            shutil.copy(path, tmp_path / "slides" / target)
    cohort = folder_cohort(tmp_path / "slides", 64)
    assert cohort.images.shape == (15, 64, 64, 3) and len(cohort.rejected) == 0
    sizes = cohort.table.groupby("data_set")[["width", "height"]].max()
    assert tuple(sizes.loc["BCCD"]) == (640, 480) and tuple(sizes.loc["JTSC"]) == (120, 120)
    assert 100 < cohort.images.mean() < 250
