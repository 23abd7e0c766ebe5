"""One walk for every command, and one reader for what users write as CSV."""

import os
from unicodedata import normalize

import pytest

from leuknet.data import walk as module
from leuknet.data.user_tables import read_table
from leuknet.data.walk import pictures, read_bytes, shown, walk
from leuknet.exceptions import LeuknetError


def touch(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def found(folder):
    return {entry.path.relative_to(folder).as_posix(): entry.reason for entry in walk(folder)}


SYSTEM = [
    "._a.png",
    ".git/b.png",
    ".ipynb_checkpoints/c.png",
    "__MACOSX/d.png",
    "Thumbs.db",
    "x/desktop.ini",
    ".DS_Store",
]


def test_system_files_are_passed_over_and_others_are_listed(tmp_path):
    for name in [*SYSTEM, "b/a.PNG", "a.jpeg", "notes.txt"]:
        touch(tmp_path / name)
    reasons = found(tmp_path)
    assert list(reasons) == ["a.jpeg", "b/a.PNG", "notes.txt"]
    assert [bool(reason) for reason in reasons.values()] == [False, False, True]


def test_links_are_followed_but_not_around(tmp_path):
    touch(tmp_path / "in/a.png")
    (tmp_path / "in/around").symlink_to(tmp_path)
    (tmp_path / "in/again.png").symlink_to(tmp_path / "in/a.png")
    (tmp_path / "in/lost.png").symlink_to(tmp_path / "none.png")
    (tmp_path / "in/self.png").symlink_to(tmp_path / "in/self.png")
    (tmp_path / "other").symlink_to(tmp_path / "in")
    reasons = found(tmp_path)
    assert reasons["in/a.png"] == reasons["in/again.png"] == reasons["other/a.png"] == ""
    assert reasons["in/lost.png"] == reasons["in/self.png"] == "a broken link"
    assert reasons["in/around"] == "a link to a folder around it"


def test_links_that_multiply_folders_do_not_hang_it(tmp_path, monkeypatch):
    """Each of 20 folders holds two links to the next: a million ways to the last one."""
    monkeypatch.setattr(module, "MAX_FOLDERS", 1000)
    for depth in range(20):
        (tmp_path / f"d{depth}").mkdir()
        for name in ("a", "b"):
            (tmp_path / f"d{depth}" / name).symlink_to(tmp_path / f"d{depth + 1}")
    (tmp_path / "d20").mkdir()
    with pytest.raises(LeuknetError, match="more than 1000 folders"):
        list(walk(tmp_path / "d0"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system makes no pipes")
def test_only_regular_files_are_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    touch(tmp_path / "large.png", b"x" * 100)
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 50)
    assert {reason.split(",")[0] for reason in found(tmp_path).values()} == {"not a regular file", "0 MiB"}
    assert all(_refused(tmp_path / name) for name in ("pipe.png", "zero.png", "large.png"))


def _refused(path):
    try:
        read_bytes(path)
    except OSError as error:
        return "regular" in error.strerror or "above" in error.strerror
    return False


def test_a_name_that_is_not_utf_8_is_read_and_can_be_shown(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    try:
        path.write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    files, left_out = pictures([tmp_path])
    assert files == [path] and not left_out
    assert shown(files[0]).endswith("caf\\xe9.png") and shown(files[0]).encode("utf-8")


def test_named_files_and_folders_become_pictures_or_reasons(tmp_path):
    touch(tmp_path / "a/x.png")
    touch(tmp_path / "a/readme.txt")
    (tmp_path / "a/lost.png").symlink_to(tmp_path / "none")
    touch(tmp_path / "odd.scan")
    files, left_out = pictures([tmp_path / "a", tmp_path / "odd.scan"])
    assert [file.name for file in files] == ["x.png", "odd.scan"]
    assert [(entry.path.name, entry.reason) for entry in left_out] == [("lost.png", "a broken link")]
    (tmp_path / "none").mkdir()
    with pytest.raises(LeuknetError, match="holds no image"):
        pictures([tmp_path / "none"])


NAME, GROUP = "Prüfung/é.png", "Station 3, Straße"
BODY = f'image,group\n"{NAME}","{GROUP}"\n\nb.png,\n'
TEXTS = {
    "UTF-8": BODY.encode(),
    "UTF-8 with mark": b"\xef\xbb\xbf" + BODY.encode(),
    "UTF-16": BODY.encode("utf-16"),
    "UTF-16 big-endian with mark": b"\xfe\xff" + BODY.encode("utf-16-be"),
    "UTF-16 without mark": BODY.encode("utf-16-le"),
    "Windows-1252": BODY.encode("cp1252"),
    "semicolons": BODY.replace("image,", "image;").replace('","', '";"').replace("b.png,", "b.png;").encode(),
    "tabs": BODY.replace("image,", "image\t").replace('","', '"\t"').replace("b.png,", "b.png\t").encode("utf-16"),
    "Excel's own line": ("sep=,\r\n" + BODY).encode(),
    "CRLF": BODY.replace("\n", "\r\n").encode(),
    "CR": BODY.replace("\n", "\r").encode(),
    "NFD": normalize("NFD", BODY).encode(),
    "no last line end, other case": BODY.rstrip("\n").replace("image,group", " Image , GROUP").encode(),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_tables_are_read_as_they_come(tmp_path, kind):
    table = read_table(touch(tmp_path / "t.csv", TEXTS[kind]), ["image"], ["group", "source"])
    assert table[["image", "group"]].to_numpy().tolist() == [[NAME, GROUP], ["b.png", ""]]
    assert table["line"].tolist() == ([3, 5] if "own" in kind else [2, 4])


WRONG = {
    "empty": (b"", "line 1: the columns are missing; use image, group"),
    "another column": (b"image,patient\na,b\n", "line 1.*'patient'"),
    "a column missing": (b"group\na\n", "line 1"),
    "a column twice": (b"image,group,group\na,b,c\n", "line 1"),
    "short row": (b"image,group\na,b\n\nc\n", "line 4: 1 cells where the header has 2"),
    "open quote": (b'image,group\n"a,b\n', "quotes"),
    "workbook": (b"PK\3\4rest", "workbook"),
    "no text": (bytes(range(256)), "no text"),
    "bytes that Windows-1252 does not define": (b"image,group\n\x81\x8d\xff,b\n", "no text"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_table_gives_one_line(tmp_path, kind):
    data, message = WRONG[kind]
    with pytest.raises(LeuknetError, match=message) as caught:
        read_table(touch(tmp_path / "t.csv", data), ["image", "group"])
    assert "\n" not in str(caught.value) and str(caught.value).count("t.csv") == 1
