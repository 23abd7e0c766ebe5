"""How to get each data set, and the download of a file whose SHA-256 is known."""

import logging
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
import pooch
import requests

from leuknet._io import cache_dir
from leuknet.data.formats.layouts import LAYOUTS
from leuknet.data.registry import DATA_SETS
from leuknet.exceptions import LeuknetError

UNKNOWN = "not stated in the paper: ask the provider"


@cache
def providers() -> dict[str, dict[str, Any]]:
    """Return ``providers.toml``: data set to its page, terms, and either direct file with hash or how to get it."""
    return tomllib.loads(files("leuknet.data").joinpath("resources/providers.toml").read_text("utf-8"))


def direct(name: str) -> tuple[str, str] | None:
    """Return (address, SHA-256) of the provider's own file of a data set, or None if no such file is known."""
    known = providers().get(name, {})
    return (known["file"], known["sha256"]) if "file" in known else None


def about(name: str) -> str:
    """Return provider, terms and layout of a data set as text."""
    if name not in LAYOUTS:
        raise LeuknetError(f"no data set {name!r}; there are {', '.join(LAYOUTS)}")
    known, listed = providers().get(name, {}), DATA_SETS.get(name)
    cited = (listed.url or listed.citation) if listed else ""
    return (
        f"{name}\nprovider: {known.get('page') or cited or 'the paper gives no reference'}\n"
        f"terms: {known.get('terms', UNKNOWN)}\nlayout: {LAYOUTS[name].looks_like}"
    )


def steps(name: str) -> str:
    """Return what a user does to get a data set, as text."""
    return (
        f"{about(name)}\n1. {_how(name)}; accept the provider's terms there: nothing is redistributed here.\n"
        f"2. leuknet data get {name!r} --file ARCHIVE --to DIR   unpacks and checks it."
    )


def _how(name: str) -> str:
    if direct(name):
        return f"leuknet data get {name!r} downloads it"
    return providers().get(name, {}).get("how", "get the images from the provider")


def listing(counts: Mapping[str, tuple[int, int]] | None = None) -> pd.DataFrame:
    """Return one row a data set: counts as published and found (``{name: (negative, positive)}``), terms, and how."""
    rows = []
    for name, layout in LAYOUTS.items():
        known = DATA_SETS.get(name)
        published = f"{known.negatives} + {known.positives}" if known else "related, outside the 18"
        here = " + ".join(map(str, counts[name])) if counts and name in counts else ""
        terms = providers().get(name, {}).get("terms", UNKNOWN)
        rows.append((name, published, here, terms, _how(name), layout.looks_like))
    return pd.DataFrame(rows, columns=["data set", "published (- and +)", "found", "terms", "how to get it", "layout"])


def download(url: str, sha256: str, timeout: float = 30, progress: bool = False) -> str:
    """Download a file into the cache by pooch, unless it is there; a wrong hash leaves nothing behind.

    A download that breaks off begins again from its start the next time.

    Parameters
    ----------
    url, sha256 : str
    timeout : float
        Seconds without a byte after which the attempt ends.
    progress : bool
        Draw a bar on standard error.

    Returns
    -------
    str
        Path of the file.

    Raises
    ------
    LeuknetError
        If it cannot be had, is cut off, or has another SHA-256.
    """
    pooch.get_logger().setLevel(logging.ERROR)
    name = f"{sha256[:16]}-{url.rstrip('/').rpartition('/')[2].partition('?')[0] or 'file'}"
    getter = pooch.HTTPDownloader(progressbar=progress, timeout=timeout)
    try:
        return pooch.retrieve(url, f"sha256:{sha256}", name, cache_dir() / "downloads", downloader=getter)
    except ValueError as error:
        raise LeuknetError(f"{url}: the file has another SHA-256 than {sha256[:12]}…: {error}") from error
    except (requests.RequestException, OSError) as error:
        raise LeuknetError(
            f"{url} cannot be downloaded: {error}; run again, or get it by hand and use --file"
        ) from error
