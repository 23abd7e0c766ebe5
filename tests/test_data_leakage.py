"""The leakage audit on images that know the truth: crops, copies, turned copies, marks, shortcuts; real slides."""

import io
from hashlib import sha256

import cv2
import numpy as np
import pandas as pd
import pytest
from made import small_cohort
from PIL import Image

from leuknet._random import rng
from leuknet.data.leakage import confirm, marks, near, search
from leuknet.data.leakage.audit import audit, families, look
from leuknet.data.leakage.facts import facts
from leuknet.data.leakage.pictures import Pictures, pictures_of
from leuknet.data.leakage.shortcuts import ALL, shortcuts
from leuknet.data.leakage.verdict import as_dict, verdict
from leuknet.data.synthetic import synthetic_cohort
from leuknet.exceptions import LeuknetError

pytestmark = pytest.mark.slow

FAMILY = ("ALL-IDB 1", "ALL-IDB 1 (Crop)", "ALL-IDB 2", "JTSC", "Bloodline")


def jpeg(image, quality=60):
    done, code = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])


def rescaled(image, scale):
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)


def made(images, **columns):
    ids = [f"X/negative/{k:03d}" for k in range(len(images))]
    base = {"image_id": ids, "data_set": "X", "source": "X", "group": ids, "label": 0, "path": ""}
    table = pd.DataFrame(base | {"sha256": [f"{k:064x}" for k in range(len(images))]} | columns)
    return Pictures(table, tuple(np.ascontiguousarray(image) for image in images))


@pytest.fixture(scope="module")
def whole():
    """Return the full-size pictures of a small synthetic cohort."""
    return pictures_of(synthetic_cohort(32, 0.001, 4))


@pytest.fixture(scope="module")
def drawn(whole):
    """A small synthetic cohort whose crops were rescaled by half to twice and saved as JPEG of quality 60."""
    kept = whole.table["data_set"].isin(FAMILY)
    table, generator = whole.table[kept].reset_index(drop=True), rng("test leakage")
    images = [whole.images[place] for place in np.flatnonzero(kept)]
    for place in np.flatnonzero(table["parent"] != ""):
        images[place] = jpeg(rescaled(images[place], float(2 ** generator.uniform(-1, 1))))
    return Pictures(table, tuple(images))


@pytest.fixture(scope="module")
def found(drawn):
    return audit(drawn)


@pytest.fixture(scope="module")
def three(whole):
    """Return three pictures at half their size: looking for points takes a quarter of the time."""
    return [rescaled(image, 0.5) for image in whole.images[:3]]


def test_each_rescaled_crop_is_found_in_its_field_and_nothing_else(drawn, found):
    table, pairs = drawn.table.set_index("image_id"), found.pairs
    true = {(crop, row["parent"]) for crop, row in table.iterrows() if row["parent"]}
    fields = pairs[pairs["b"].isin(table.index[table["data_set"] == "ALL-IDB 1"])]
    assert set(zip(fields["a"], fields["b"], strict=True)) == true
    others = pairs[~pairs.index.isin(fields.index)]
    parents = {side: table.loc[others[side], "parent"].to_numpy() for side in ("a", "b")}
    assert (parents["a"] == parents["b"]).all() and (parents["a"] != "").all()  # two crops of one field may overlap


def test_boxes_are_where_the_crops_were_cut(drawn, found):
    boxes = drawn.table.set_index("image_id")["box"]
    pairs = found.pairs[found.pairs["kind"] == "contained"]
    pairs = pairs[pairs["b"].str.startswith("ALL-IDB 1/")]
    true = np.array([[float(edge) for edge in boxes[a].split(",")] for a in pairs["a"]])
    assert np.abs(pairs[["left", "top", "width", "height"]].to_numpy() - true).max() < 3


def test_copies_turned_mirrored_resized_and_exact_are_distinguished(whole):
    at = np.flatnonzero(whole.table["data_set"].isin(["Bloodline", "CellaVision 2"]))[:6]
    a, b, c, d, e, f = (whole.images[place] for place in at)
    images = [a, b, c, d, e, f, a.copy(), jpeg(rescaled(b, 0.6)), near.turned(c, 1), near.turned(d, 6)]
    pairs, _ = look(made(images))
    kinds = {(int(row.a[-3:]), int(row.b[-3:])): (row.kind, bool(row.turn)) for row in pairs.itertuples()}
    assert kinds == {(0, 6): ("exact", False), (1, 7): ("near", False), (2, 8): ("near", True), (3, 9): ("near", True)}


def test_turns_are_the_eight_of_a_square():
    image = rng("turns").integers(0, 255, (20, 20, 3), np.uint8)
    assert len({near.turned(image, k).tobytes() for k in range(8)}) == len(near.TURNS) == 8


def test_other_cells_are_not_confirmed(drawn):
    cells = [confirm.grey(drawn.images[k]) for k in np.flatnonzero(drawn.table["data_set"] == "JTSC")[:3]]
    whole = (0, 0, *cells[0].shape[::-1])
    assert confirm.same(cells[0], cells[0].copy(), whole).score > 0.999
    assert all(confirm.same(other, cells[0], whole) is None for other in cells[1:])
    assert confirm.same(np.full((40, 40), 9, np.float32), cells[0], whole) is None


def test_outlines_and_bars_are_seen_where_they_are_drawn(drawn):
    plain = [drawn.images[k].copy() for k in np.flatnonzero(drawn.table["data_set"] == "Bloodline")[:4]]
    assert not any(marks.outline(image) or marks.scale_bar(image) for image in plain)
    height, width = plain[0].shape[:2]
    cv2.circle(plain[0], (width // 2, height // 2), height // 4, (255, 0, 0), 2)
    assert marks.outline(plain[0]) and not marks.scale_bar(plain[0])
    plain[1] = rng("bar").integers(190, 215, (240, 320, 3), np.uint8)
    height, width = 240, 320
    cv2.rectangle(plain[1], (width - 80, height - 20), (width - 20, height - 16), (0, 0, 0), -1)
    assert marks.scale_bar(plain[1]) and not marks.outline(plain[1])


def lettered(image, colour, bar=True):
    """Draw ticks, a thin bar and its length in the lower right corner, as a microscope's software does."""
    height, width = image.shape[:2]
    left, right, low = round(0.7 * width), round(0.95 * width), round(0.94 * height)
    for x in (left, right):
        cv2.line(image, (x, low - 16), (x, low + 16), colour, 6)
    if bar:
        cv2.line(image, (left, low), (right, low), colour, 4)
    cv2.putText(image, "100 um", (left + 8, low - 12), cv2.FONT_HERSHEY_SIMPLEX, 1.1, colour, 5)
    return image


def test_bars_with_ticks_and_what_is_left_of_their_lettering_are_seen(drawn):
    fields = [rescaled(drawn.images[k], 896 / drawn.images[k].shape[1]) for k in
              np.flatnonzero(drawn.table["data_set"] == "Bloodline")[:3]]  # fmt: skip
    assert not any(marks.scale_bar(field[::4, ::4]) for field in fields)
    assert marks.scale_bar(lettered(fields[0].copy(), (0, 0, 0)))
    for colour in ((0, 0, 0), (200, 20, 30)):  # thin bars fall between the pixels that are kept
        assert all(marks.scale_bar(lettered(field.copy(), colour, bar=False)[::4, ::4]) for field in fields)


def test_a_shortcut_is_named_and_noise_is_not():
    generator, n = rng("shortcut test"), 80
    images = generator.integers(90, 160, (n, 24, 24, 3), np.uint8)
    labels = np.arange(n) % 2
    wide = [
        np.pad(image, ((0, 0), (0, 4 * label), (0, 0)), "reflect") for image, label in zip(images, labels, strict=True)
    ]
    pictures = made(wide, label=labels)
    table = shortcuts(pictures.table, pd.DataFrame([facts(image, None) for image in wide]))
    scores = table[table["data_set"] == ALL].set_index("named by")
    assert scores.loc["image size", "score"] == 1 and scores.loc["image size", "low"] == 1
    assert "file format" not in scores.index  # alike in all images
    assert scores.loc["border pixels", "low"] < 0.5 < scores.loc["border pixels", "high"]


def test_files_say_format_camera_and_tables():
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Canon", "PowerShot G5", "2005:09:01 10:00:00"
    file = io.BytesIO()
    Image.fromarray(np.full((16, 20, 3), 120, np.uint8)).save(file, "JPEG", quality=50, exif=exif)
    row = facts(np.full((16, 20, 3), 120, np.uint8), file.getvalue())
    assert (row["format"], row["camera"], row["day"]) == ("JPEG", "Canon PowerShot G5", "2005:09:01")
    assert row["jpeg_luma"] > 10 and row["width"] == 20 and row["red_mean"] == 120


def test_an_audit_is_kept_and_says_its_verdict(drawn, found, monkeypatch):
    monkeypatch.setattr("leuknet.data.leakage.audit.look", None)  # kept: nothing is looked at again
    again = audit(drawn)
    pd.testing.assert_frame_equal(found.pairs, again.pairs)
    record = as_dict(again, drawn.table)
    assert "contained" in record["verdict"] and len(record["pairs"]) == len(again.pairs) and record["key"] == found.key


def test_a_cohort_without_files_and_a_single_picture_are_refused():
    with pytest.raises(LeuknetError, match="has no files"):
        pictures_of(small_cohort())
    with pytest.raises(LeuknetError, match="fewer than two"):
        look(made([np.zeros((30, 30, 3), np.uint8)]))


def test_jtsc_112_equals_139_and_nothing_else_among_its_neighbours(shared):
    files = [shared / "real/segmentation_WBC/Dataset 1" / f"{k:03d}.bmp" for k in (*range(108, 118), *range(135, 143))]
    images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    pairs, _ = look(made(images))
    (pair,) = pairs.itertuples()
    assert [files[int(side[-3:])].stem for side in (pair.a, pair.b)] == ["112", "139"] and pair.kind == "exact"


def test_full_size_images_of_a_synthetic_cohort_follow_its_table(whole):
    cohort = synthetic_cohort(32, 0.001, 4)
    pd.testing.assert_frame_equal(whole.table, cohort.table)
    assert [sha256(image).hexdigest() for image in whole.images] == cohort.table["sha256"].tolist()


def test_one_picture_in_both_classes_is_called_a_contradiction(three):
    a, b, c = three
    pictures = made([a, b, c, a.copy(), jpeg(b, 80)], label=[0, 0, 0, 1, 1])
    found = audit(pictures)
    assert found.pairs.set_index("kind")["contradiction"].to_dict() == {"exact": True, "near": True}
    assert "CONTRADICTION: 2 images in both classes (first X/negative/000 and X/negative/003)" in verdict(found)
    assert [one["contradiction"] for one in as_dict(found, pictures.table)["families"]] == [True, True]
    same_class = audit(made([a, b, a.copy()], label=[0, 1, 0]))
    assert not same_class.pairs["contradiction"].any() and "CONTRADICTION" not in verdict(same_class)


def test_identical_pictures_are_one_family_and_compared_once(three, monkeypatch):
    a, b, c = three
    looked, search_all = [], search.candidates
    monkeypatch.setattr(
        search, "candidates", lambda found, sizes: looked.append(len(found)) or search_all(found, sizes)
    )
    pairs, _ = look(made([a, b, *[a.copy() for _ in range(8)], c, *[b.copy() for _ in range(4)]]))
    assert looked == [3] and len(pairs) == 12 and set(pairs["kind"]) == {"exact"}
    described = pairs.assign(**{f"{name}_{side}": "X" for name in ("data_set", "label") for side in "ab"})
    rows = families(described)
    assert rows["pictures"].tolist() == [9, 5] and rows["example"].tolist() == ["X/negative/000", "X/negative/001"]


def test_pictures_saved_again_are_confirmed_once_each(three):
    a = three[0]
    pairs, _ = look(made([a, *[jpeg(a, quality) for quality in range(60, 90, 8)]]))
    assert set(pairs["kind"]) == {"near"} and len(pairs) == 4


@pytest.mark.parametrize(("labels", "words"), [([0, 0, 0], "one class only"), ([0, 1, 1], "fewer than 5 groups")])
def test_why_shortcuts_were_not_tested_is_true(three, labels, words):
    assert words in verdict(audit(made(three, label=labels)))


def test_a_duplicate_and_shifted_fields_of_one_slide_are_found_as_in_all_idb_1(drawn):
    """Fields of one slide overlap: neither holds the other, and each was saved again at its own scale."""
    fields = [rescaled(drawn.images[k], 0.5) for k in np.flatnonzero(drawn.table["data_set"] == "ALL-IDB 1")[:4]]
    height, width = fields[0].shape[:2]
    right, down = round(0.4 * width), round(0.35 * height)
    images = [fields[0], fields[0].copy(), fields[1][:, :-right], jpeg(rescaled(fields[1][:, right:], 0.8))]
    images += [fields[2][:-down, :-right], fields[2][down:, right:], fields[3]]
    pairs, _ = look(made(images))
    kinds = {tuple(sorted((row.a[-3:], row.b[-3:]))): row.kind for row in pairs.itertuples()}
    assert kinds == {("000", "001"): "exact", ("002", "003"): "overlap", ("004", "005"): "overlap"}
    box = pairs.set_index("a").loc["X/negative/005"] if "X/negative/005" in set(pairs["a"]) else None
    shift = (right, down) if box is not None else (-right, -down)
    box = pairs.set_index("a").loc["X/negative/004"] if box is None else box
    assert np.abs(box[["left", "top"]].to_numpy(float) - shift).max() < 2


def test_the_search_does_not_depend_on_what_ran_before(drawn):
    images = [rescaled(image, 0.5) for image in drawn.images[:20]]
    found, sizes = [search.features(image) for image in images], [image.shape[1::-1] for image in images]
    first = search.candidates(found, sizes)
    assert len(first)
    cv2.setRNGSeed(7)
    pd.testing.assert_frame_equal(search.candidates(found, sizes), first)
