"""Downloads from a server on loopback: good, wrong hash, cut off, 404, slow, resumed; and ``data get``."""

import hashlib
import http.server
import io
import re
import threading
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from leuknet.cli import app
from leuknet.data.formats import getting
from leuknet.data.formats.download import CHUNK, bar
from leuknet.exceptions import LeuknetError

BODY = bytes(range(256)) * 1200
DIGEST = hashlib.sha256(BODY).hexdigest()
CUT = 200_000  # bytes sent before the server breaks off
KEPT = CUT // CHUNK * CHUNK


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `BODY`; a path beginning with ``cut`` breaks off once, and ``norange`` knows no ranges."""

    asked, broken = [], set()

    def do_GET(self):
        self.asked.append((self.path, self.headers["Range"]))
        if self.path == "/none":
            self.send_error(404)
            return
        start = int(re.findall(r"\d+", self.headers["Range"] or "0")[0]) if "norange" not in self.path else 0
        if start > len(BODY):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        if self.path == "/slow":
            time.sleep(2)
        first = "cut" in self.path and self.path not in self.broken
        self.broken.add(self.path)
        self.wfile.write(BODY[start:CUT] if first else BODY[start:])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    """Return the folder of downloads of a cache of its own."""
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "downloads"


def kept(folder):
    return sorted(path.name for path in folder.glob("*"))


def test_a_good_download_is_kept_and_not_fetched_again(server, downloads):
    told = []
    path = getting.download(f"{server}/good", DIGEST, tell=lambda *both: told.append(both))
    assert Path(path).read_bytes() == BODY and kept(downloads) == [f"{DIGEST[:16]}-good"]
    assert told[0] == (0, len(BODY)) and told[-1] == (len(BODY), len(BODY)) and told == sorted(told)
    assert getting.download("http://127.0.0.1:9/good", DIGEST) == path  # nothing listens there


@pytest.mark.parametrize("name", ["wrong", "none", "slow"])
def test_bad_downloads_say_why_and_leave_nothing(server, downloads, name):
    with pytest.raises(LeuknetError, match=f"/{name}"):
        getting.download(f"{server}/{name}", "0" * 64, timeout=0.5)
    assert kept(downloads) == []


@pytest.mark.parametrize("name", ["cut", "cut-norange"])
def test_a_download_cut_off_goes_on_or_starts_over_where_the_server_cannot(server, downloads, name):
    with pytest.raises(LeuknetError, match=f"go on after {KEPT} bytes"):
        getting.download(f"{server}/{name}", DIGEST)
    assert kept(downloads) == [f"{DIGEST[:16]}-{name}.part"]
    told = []
    path = getting.download(f"{server}/{name}", DIGEST, tell=lambda *both: told.append(both))
    assert Path(path).read_bytes() == BODY and kept(downloads) == [Path(path).name]
    assert Handler.asked[-1] == (f"/{name}", f"bytes={KEPT}-")
    assert told[0] == (0 if "norange" in name else KEPT, len(BODY)) and told[-1] == (len(BODY), len(BODY))


def test_a_part_of_another_file_is_refused_by_its_hash_and_then_gone(server, downloads):
    downloads.mkdir(parents=True)
    (downloads / f"{DIGEST[:16]}-good.part").write_bytes(b"other" * 10)
    with pytest.raises(LeuknetError, match="another SHA-256"):
        getting.download(f"{server}/good", DIGEST)
    assert kept(downloads) == []
    (downloads / f"{DIGEST[:16]}-good.part").write_bytes(bytes(2 * len(BODY)))  # longer than the file: starts over
    assert Path(getting.download(f"{server}/good", DIGEST)).read_bytes() == BODY


def test_the_bar_draws_on_a_terminal_and_is_silent_elsewhere(server, downloads):
    screen, file = (Console(file=io.StringIO(), force_terminal=terminal, width=100) for terminal in (True, False))
    for console in (screen, file):
        with bar("BCCD", console) as tell:
            tell(50_000, 100_000)
    assert "50.0/100.0 kB" in screen.file.getvalue() and file.file.getvalue() == ""


def archive():
    """Return a zip as GitHub makes them: one folder around all."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        for number in range(3):
            picture = io.BytesIO()
            Image.new("RGB", (8, 8), (number, 0, 0)).save(picture, "JPEG")
            zipped.writestr(f"BCCD_Dataset-1.0/BCCD/JPEGImages/BloodImage_{number:05d}.jpg", picture.getvalue())
        zipped.writestr("BCCD_Dataset-1.0/README.md", "text")
    return content.getvalue()


def test_get_downloads_unpacks_and_checks_a_direct_file(server, downloads, tmp_path, monkeypatch):
    whole = archive()
    monkeypatch.setattr("test_data_download.BODY", whole)
    known = {"BCCD": {"file": f"{server}/bccd.zip", "sha256": hashlib.sha256(whole).hexdigest(), "terms": "MIT"}}
    monkeypatch.setattr(getting, "providers", lambda: known)
    asked = ["data", "get", "BCCD", "--to", str(tmp_path / "BCCD")]
    output = CliRunner().invoke(app, asked).output
    assert "terms: MIT" in output and "BCCD: 3 negative, 0 positive; not in Table 1" in output
    again = CliRunner().invoke(app, asked)
    assert isinstance(again.exception, LeuknetError) and "is there already" in str(again.exception)


def test_direct_files_have_address_hash_and_size_and_all_else_has_steps():
    for name, known in getting.providers().items():
        assert known["page"].startswith("http") and known["terms"]
        if getting.direct(name):
            assert re.fullmatch(r"[0-9a-f]{64}", known["sha256"]) and known["bytes"] > 0
        else:
            assert known["how"]
    assert set(getting.providers()) <= set(getting.LAYOUTS)
    assert "on request" in getting.steps("ALL-IDB 1") and "the paper gives no reference" in getting.steps("Atlas")
