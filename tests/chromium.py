"""The Chromium that the browser tests drive: found on this machine, or fetched by Playwright.

``python tests/chromium.py`` says which it is, fetches one if there is none, and ends with code 1 where that fails.
"""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

from playwright.sync_api import Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def chromium():
    """Give a started headless browser; the machine's own comes before Playwright's."""
    own = os.environ.get("LEUKNET_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as play:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses its sandbox to root
        browser = play.chromium.launch(executable_path=own, args=arguments)
        yield browser
        browser.close()


def starts():
    """Return None if a browser starts, else why not, in one line."""
    try:
        with chromium():
            return None
    except Error as error:
        return next((line for line in str(error).splitlines() if line.strip()), "it does not start")


def main():
    """Make sure that there is a browser, or say plainly that there is none."""
    if reason := starts():
        print(f"no Chromium starts here ({reason}); asking Playwright for one", flush=True)
        libraries = ["--with-deps"] if os.geteuid() == 0 else []
        for more in ([], libraries):
            subprocess.run([sys.executable, "-m", "playwright", "install", *more, "chromium"], check=False)
            if not (reason := starts()):
                return
        sys.exit(f"error: no Chromium for the browser tests ({reason}): install the package chromium and try again")


if __name__ == "__main__":
    main()
