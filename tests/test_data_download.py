"""Downloads from a server on loopback: good, wrong hash, cut off, 404, slow; and ``data get``."""

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
from typer.testing import CliRunner

from leuknet.cli import app
from leuknet.data.formats import getting
from leuknet.exceptions import LeuknetError

BODY = bytes(range(256)) * 1200
DIGEST = hashlib.sha256(BODY).hexdigest()
CUT = 200_000  # bytes sent before the server breaks off


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `BODY`; a path beginning with ``cut`` breaks off once."""

    broken = set()

    def do_GET(self):
        if self.path == "/none":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path == "/slow":
            time.sleep(2)
        first = "cut" in self.path and self.path not in self.broken
        self.broken.add(self.path)
        self.wfile.write(BODY[:CUT] if first else BODY)

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
    path = getting.download(f"{server}/good", DIGEST)
    assert Path(path).read_bytes() == BODY and kept(downloads) == [f"{DIGEST[:16]}-good"]
    assert getting.download("http://127.0.0.1:9/good", DIGEST) == path  # nothing listens there


@pytest.mark.parametrize("name", ["wrong", "none", "slow"])
def test_bad_downloads_say_why_and_leave_nothing(server, downloads, name):
    with pytest.raises(LeuknetError, match=f"/{name}"):
        getting.download(f"{server}/{name}", "0" * 64, timeout=0.5)
    assert kept(downloads) == []


def test_a_download_cut_off_leaves_nothing_and_can_be_had_again(server, downloads):
    with pytest.raises(LeuknetError, match="run again, or get it by hand"):
        getting.download(f"{server}/cut", DIGEST)
    assert kept(downloads) == []
    path = getting.download(f"{server}/cut", DIGEST)
    assert Path(path).read_bytes() == BODY and kept(downloads) == [Path(path).name]


def test_the_bar_is_drawn_on_standard_error_only_where_wanted(server, downloads, capsys):
    getting.download(f"{server}/good", DIGEST)
    assert capsys.readouterr().err == ""
    getting.download(f"{server}/better", DIGEST, progress=True)
    shown = capsys.readouterr()
    assert "100%" in shown.err and shown.out == ""


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
    command = ["data", "get", "BCCD", "--to", str(tmp_path / "BCCD")]
    output = CliRunner().invoke(app, command).output
    assert "terms: MIT" in output and "BCCD: 3 negative, 0 positive; not in Table 1" in output
    again = CliRunner().invoke(app, command)
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
