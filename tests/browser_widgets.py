"""Every widget of every page in a real JupyterLab in headless Chromium: ``make test-browser``.

Each page is run whole in profile smoke, each control is moved by keyboard (menus by choice), and the picture beside it
must change. Nothing may fail in the browser's console or in the kernel. ``runs/browser`` keeps pictures of the widgets.
"""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest
from chromium import chromium
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "runs" / "browser"
CONTROLS = {  # sliders, menus, buttons on each page with widgets
    "01_data_survey": (1, 4, 0),
    "03_augmentation": (8, 0, 0),
    "05_leuknet_training": (2, 1, 0),
    "06_lodocv": (0, 1, 0),
    "07_feature_space": (1, 4, 3),
    "08_activation_maps": (1, 3, 0),
    "11_your_own_slide": (0, 0, 1),
}
SETTINGS = {  # all cells are in the document, visible or not; independent of the network
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
TOKEN = secrets.token_hex(16)
PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(p => p.textContent).join()"
HOVERED = "07_feature_space"
PIXELS = """box => Array.from(box.querySelectorAll('img.widget-image')).map(img => {
  const canvas = document.createElement('canvas'); canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
  canvas.getContext('2d').drawImage(img, 0, 0); return canvas.toDataURL() }).join()
  + Array.from(box.querySelectorAll('div.widget-label')).map(words => words.innerText).join()"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the pages that have widgets, their parameters set to profile smoke and one result folder."""
    root = tmp_path_factory.mktemp("lab")
    for name in CONTROLS:
        book = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4)
        cell = next(cell for cell in book.cells if "parameters" in cell.metadata.get("tags", []))
        cell.source = cell.source.replace('"demo"', '"smoke"').replace("out = None", f"out = {str(root / 'out')!r}")
        nbformat.write(book, root / f"{name}.ipynb")
    for name, values in SETTINGS.items():
        path = root / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    return root


@pytest.fixture(scope="module")
def server(folder):
    """Return the address of a JupyterLab over `folder`, with settings of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": folder / "config", "JUPYTERLAB_SETTINGS_DIR": folder / "settings"}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces", "PYTHONPATH": ROOT, "TF_CPP_MIN_LOG_LEVEL": 3}
    own |= {"JUPYTER_TOKEN": TOKEN}
    options = [f"--ServerApp.root_dir={folder}", f"--port={port}", "--no-browser"]
    command = [sys.executable, "-m", "jupyter", "lab", *options, *(["--allow-root"] if os.geteuid() == 0 else [])]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env=os.environ | {k: str(v) for k, v in own.items()}, stdout=log, stderr=log
        )
    try:
        address = f"http://127.0.0.1:{port}"
        assert any(answers(address) for _ in range(240)), (folder / "server.log").read_text()[-2000:]
        yield address
    finally:
        process.terminate()
        process.wait(30)


def answers(address):
    """Say whether a server answers there, half a second later if not."""
    try:
        return bool(api(address, "status"))
    except OSError:
        return time.sleep(0.5)


def api(address, path, method="GET", body=None):
    """Ask the server's own interface, and return its answer."""
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{address}/api/{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read() or b"null")


@pytest.fixture(scope="module")
def pages(server):
    """Return a function that opens a page and runs all its cells; the next page is started as well."""
    opened, names = {}, list(CONTROLS)
    with chromium() as browser:

        def page(name):
            for one in names[names.index(name) :][:2]:
                opened[one] = opened.get(one) or running(browser, server, f"{one}.ipynb")
            return opened[name]

        yield page
    contact_sheet(sorted(SHOTS.glob("[0-9]*.png")))


def contact_sheet(paths, width=1400):
    """Save all screenshots of widgets on one sheet, two per row, for visual inspection."""
    shots = [Image.open(path).convert("RGB") for path in paths]
    shots = [shot.resize((width // 2 - 10, shot.height * (width // 2 - 10) // shot.width)) for shot in shots]
    heights, sheet = [0, 0], Image.new("RGB", (width, sum(shot.height + 20 for shot in shots) + 20), "#777777")
    for shot in shots:
        side = heights.index(min(heights))
        sheet.paste(shot, (side * width // 2 + 5, heights[side] + 10))
        heights[side] += shot.height + 20
    sheet.crop((0, 0, width, max(heights))).save(SHOTS / "contact-sheet.png")


def running(browser, server, path):
    """Open a page in JupyterLab and run all of its cells; return it, its session, and what its console complains of."""
    body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    session = api(server, "sessions", "POST", body)["id"]
    page, complaints = browser.new_page(viewport={"width": 1300, "height": 1000}), []
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("websocket", lambda line: line.on("framereceived", lambda frame: complaints.extend(errors_in(frame))))
    page.goto(f"{server}/lab/tree/{path}?reset&token={TOKEN}")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    return page, session, complaints


def errors_in(frame):
    """Return the error in a message of the kernel, if any: errors of widget callbacks are not shown on the page."""
    text = frame if isinstance(frame, str) else frame.decode(errors="replace")
    return [text[-300:]] if '"msg_type": "error"' in text else []


def finished(page, limit):
    """Wait until no cell runs any more, and return the prompts of all code cells and the errors shown."""
    page.wait_for_function(f"() => /[0-9]/.test({PROMPTS})", polling=500)
    page.wait_for_function(f"() => !{PROMPTS}.includes('*')", polling=500, timeout=limit)
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    return prompts, page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()


def changed(box, before, what):
    """Wait until the pictures or words of a widget are no longer `before` and come to rest, and return them."""
    last = before
    for _ in range(200):
        now = box.evaluate(PIXELS)
        if now != before and now == last:
            return now
        last = now
        box.page.wait_for_timeout(300)
    raise AssertionError(f"{what} was moved and the picture did not change")


def slide(handle):
    """Move a slider by an arrow key, towards where there is room."""
    room = float(handle.get_attribute("aria-valuenow")) < float(handle.get_attribute("aria-valuemax"))
    handle.focus()
    handle.press("ArrowRight" if room else "ArrowLeft")


def move_all(box, folder):
    """Move each control of one widget; return how many sliders, menus and buttons it has."""
    handles, menus = box.locator(".noUi-handle").all(), box.locator("select").all()
    buttons = box.locator("button.widget-button:not(.widget-upload)").all()
    uploads = box.locator("button.widget-upload").all()
    seen = box.evaluate(PIXELS)
    for number, handle in enumerate(handles):
        slide(handle)
        seen = changed(box, seen, f"slider {number}")
    for number, button in enumerate(buttons):
        button.press("Enter")
        seen = changed(box, seen, f"button {number}")
    for upload in uploads:
        Image.fromarray(np.full((80, 80, 3), 200, np.uint8)).save(folder / "grey.png")
        with box.page.expect_file_chooser() as chooser:
            upload.press("Enter")
        chooser.value.set_files(folder / "grey.png")
        seen = changed(box, seen, "the upload")
    for number, menu in enumerate(menus):
        begun, other = menu.evaluate("menu => [menu.selectedIndex, menu.length - 1]")
        for choice in (other if other != begun else 0, begun):
            menu.select_option(index=choice)
            seen = changed(box, seen, f"menu {number}")
    return len(handles), len(menus), len(buttons) + len(uploads)


def failures(log):
    """Return the server's log entries with a traceback; a page closed while the server wrote to it is no failure."""
    entries = re.split(r"^(?=\[[DIWEC] )", log, flags=re.MULTILINE)
    return [entry for entry in entries if "Traceback" in entry and "WebSocketClosedError" not in entry]


def test_only_a_page_closed_under_a_write_is_forgiven():
    closed = "[E 2026 ServerApp] Task exception was never retrieved\nTraceback (most recent call last):\n{}\n"
    log = "[I 2026 ServerApp] begun\n" + closed.format("tornado.websocket.WebSocketClosedError")
    assert failures(log) == []
    assert failures(log + closed.format("KeyError: 1") + log) == [closed.format("KeyError: 1")]


@pytest.mark.parametrize("name", CONTROLS)
def test_each_control_of_the_page_moves_its_picture(name, pages, folder, server):
    page, session, complaints = pages(name)
    prompts, errors = finished(page, 900_000)
    assert errors == [] and all(re.fullmatch(r"\[\d+\]:", prompt) for prompt in prompts)
    boxes = page.locator(".jp-OutputArea-output > .widget-vbox").all()
    SHOTS.mkdir(parents=True, exist_ok=True)
    counts = []
    for number, box in enumerate(boxes):
        counts.append(move_all(box, folder))
        box.screenshot(path=SHOTS / f"{name}-{number}.png")
    assert tuple(map(sum, zip(*counts, strict=True))) == CONTROLS[name]
    if name == HOVERED:
        mark = page.locator("[class^=hover-] b").nth(3)
        mark.hover(force=True)
        assert mark.locator("+ span").is_visible()
        page.locator("[class^=hover-]").screenshot(path=SHOTS / f"{name}-hover.png")
    page.close()
    api(server, f"sessions/{session}", "DELETE")  # its kernel would keep a gigabyte
    assert complaints == [] and failures((folder / "server.log").read_text()) == []
