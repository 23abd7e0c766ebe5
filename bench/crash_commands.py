"""Kill every command that writes but trains nothing, and see that the next one ends as if nothing had happened.

Run: ``python bench/crash_commands.py [--kills 2]``. For each command: once undisturbed; then, that many times, killed
by SIGKILL and run again. Kills take turns: at a random moment; as soon as a temporary file or folder of it appears. At
the end its files must be those of the undisturbed command, with no temporary, connection file or process left. A
command that ended before its kill is tried again, `TRIES` times. Runs are killed by ``bench/crash.py``.
"""

import argparse
import hashlib
import http.server
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from killer import RECIPE, small_grid  # noqa: E402

from leuknet._io import LEFTOVER, clear_once  # noqa: E402
from leuknet._random import rng  # noqa: E402
from leuknet.data.load import load_cohort  # noqa: E402
from leuknet.runs.executors.local import execute_processes, slots  # noqa: E402
from leuknet.runs.store import Store  # noqa: E402

TRIES = 5
SLOW = 0.02  # seconds between the parts of a download
VARYING = (".html", ".md", ".log", ".lock", ".json", ".ipynb", ".csv")  # hold times: must be there, need not be equal


def call(arguments, log):
    """Run a command in this process, which was made for it; what it prints goes to the file `log`."""
    from leuknet.cli import main

    clear_once.cache_clear()  # as in a new process
    with open(log, "a") as stream:
        for number in (1, 2):
            os.dup2(stream.fileno(), number)
    sys.argv = ["leuknet", *arguments]
    main()


def temporaries(place):
    return [path for folder in (place, place / "tmp") for path in _below(folder) if LEFTOVER.fullmatch(path.name)]


def _below(folder):
    try:
        return list(folder.rglob("*"))
    except FileNotFoundError:  # it changes meanwhile
        return []


def content(out):
    """Return the files below `out`, with the hash of those that hold no time."""
    paths = [path for path in _below(out) if path.is_file()]
    return {
        str(path.relative_to(out)): "" if path.suffix in VARYING else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def ended(arguments, place):
    """Run a command undisturbed; return its seconds."""
    began, process = time.monotonic(), multiprocessing.Process(target=call, args=(arguments, place / "log"))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{' '.join(arguments)} ended with {process.exitcode}:\n{(place / 'log').read_text()[-2000:]}")
    return time.monotonic() - began


def killed(arguments, place, seconds, aim, random):
    """Start a command and kill it; return whether it was killed in time, and what it left."""
    process = multiprocessing.Process(target=call, args=(arguments, place / "log"))
    process.start()
    moment = time.monotonic() + random.uniform(0.1, 0.9) * seconds
    while process.is_alive() and (time.monotonic() < moment if aim == "any" else not temporaries(place)):
        time.sleep(0.001)
    below = psutil.Process(process.pid).children(recursive=True) if process.is_alive() else []
    process.kill()
    process.join()
    _, alive = psutil.wait_procs(below, timeout=60)
    assert not alive, f"processes left: {alive}"
    return process.exitcode == -9, len(temporaries(place))


class Slow(http.server.BaseHTTPRequestHandler):
    """Serves `body` in small parts."""

    body = b""

    def do_GET(self):  # noqa: N802
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        try:
            for start in range(0, len(self.body), len(self.body) // 50):
                self.wfile.write(self.body[start : start + len(self.body) // 50])
                time.sleep(SLOW)
        except ConnectionError:
            pass  # its reader was killed

    def log_message(self, *_):
        pass


def commands(place, key):
    """Return each command's arguments and the folder it writes to; `place` holds what they need."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with zipfile.ZipFile(place / "BCCD.zip", "w") as archive:
        for number, path in enumerate(Path(__file__).parents[1].joinpath("figures").glob("*.png")):
            archive.write(path, f"BCCD_Dataset-1.0/BCCD/JPEGImages/BloodImage_{number:05d}.jpg")
    Slow.body = (place / "BCCD.zip").read_bytes()
    get = ["--url", f"http://127.0.0.1:{server.server_port}/BCCD.zip", "--sha256"]
    get += [hashlib.sha256(Slow.body).hexdigest(), "--to", str(place / "BCCD")]
    return {
        "report": (["report", str(place / "out")], place / "out"),
        "export": (
            ["export", str(place / "out" / "trainings" / key), "--out", str(place / "export")],
            place / "export",
        ),
        "handout": (["pages", "handout", str(place / "handout")], place / "handout"),
        "gallery": (["pages", "gallery", str(place / "out"), str(place / "gallery")], place / "gallery"),
        "download": (["data", "get", "BCCD", *get], place / "BCCD"),
        "study": (["study", "10", "--profile", "smoke", "--out", str(place / "study")], place / "study"),
    }


def disturbed(name, arguments, out, place, kills, random):
    """Kill a command `kills` times, each time running it again; return how many kills landed."""
    landed, marks, fresh = 0, Counter(), name in ("download", "export", "handout", "gallery", "study")
    seconds = ended(arguments, place)
    whole = content(out)
    for attempt in range(kills * TRIES):
        if landed == kills:
            break
        if fresh:
            shutil.rmtree(out)
            shutil.rmtree(place / "cache" / "downloads", ignore_errors=True)
        done, left = killed(arguments, place, seconds, ("any", "temporary")[attempt % 2], random)
        landed, marks = landed + done, marks + Counter({"left something": int(done and left > 0)})
        if (done or not fresh) and not (name == "download" and out.exists()):  # killed when it was whole
            ended(arguments, place)
        assert content(out) == whole, (name, set(content(out).items()) ^ set(whole.items()))
        assert temporaries(place) == [], temporaries(place)
        (place / "tmp").mkdir(exist_ok=True)
    print(
        f"{name}: {landed} SIGKILLs, {marks['left something']} left temporaries, which the next start cleared",
        flush=True,
    )
    return landed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=2, help="of each command")
    parser.add_argument("--only", help="one command")
    options = parser.parse_args()
    multiprocessing.set_start_method("fork")  # no interpreter and no import to wait for
    with tempfile.TemporaryDirectory() as folder:
        place, random = Path(folder), rng("crash of commands")
        (place / "tmp").mkdir()
        os.environ |= {"TMPDIR": str(place / "tmp"), "LEUKNET_CACHE": str(place / "cache")}
        tempfile.tempdir = None
        specs = small_grid(load_cohort(**RECIPE), 1, epochs=2)
        store = Store(place / "out" / "trainings")
        kept = [replace(specs[0], keep_model=True)]
        execute_processes([*kept, *specs[1:]], store, slots(1, [], narrow=True))
        shutil.copytree(Path(__file__).parents[1] / "figures", place / "out" / "figures")
        named = commands(place, kept[0].key)
        landed = {
            name: disturbed(name, *named[name], place, options.kills, random)
            for name in ([options.only] if options.only else named)
        }
    print(f"{sum(landed.values())} SIGKILLs; each command ended whole when it was run again")
    if min(landed.values()) < options.kills:
        sys.exit("too few: a command ended before its kills; try again")


if __name__ == "__main__":
    main()
