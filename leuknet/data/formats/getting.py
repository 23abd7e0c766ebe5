"""Instructions for obtaining each data set, and download of files with a known SHA-256."""

import logging
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
import pooch
import requests

from leuknet._io import cache_dir, scratch, sha256_of
from leuknet.data.formats.layouts import LAYOUTS
from leuknet.data.registry import DATA_SETS
from leuknet.exceptions import LeuknetError

UNKNOWN = "not stated in the paper: ask the provider"


@cache
def providers() -> dict[str, dict[str, Any]]:
    """Return ``providers.toml``: by data set, its page, terms, and a file with hash or instructions to obtain it."""
    return tomllib.loads(files("leuknet.data").joinpath("resources/providers.toml").read_text("utf-8"))


def direct(name: str) -> tuple[str, str] | None:
    """Return the (URL, SHA-256) of a data set's file on the provider's site, or None if unknown."""
    known = providers().get(name, {})
    return (known["file"], known["sha256"]) if "file" in known else None


def about(name: str) -> str:
    """Return the provider, terms and layout of a data set as text."""
    if name not in LAYOUTS:
        raise LeuknetError(f"no data set {name!r}; there are {', '.join(LAYOUTS)}")
    known, listed = providers().get(name, {}), DATA_SETS.get(name)
    cited = (listed.url or listed.citation) if listed else ""
    return (
        f"{name}\nprovider: {known.get('page') or cited or 'the paper gives no reference'}\n"
        f"terms: {known.get('terms', UNKNOWN)}\nlayout: {LAYOUTS[name].looks_like}"
    )


def steps(name: str) -> str:
    """Return instructions for obtaining a data set, as text."""
    return (
        f"{about(name)}\n1. {_how(name)}; accept the provider's terms there: nothing is redistributed here.\n"
        f"2. leuknet data get {name!r} --file ARCHIVE --to DIR   unpacks and checks it."
    )


def _how(name: str) -> str:
    if direct(name):
        return f"leuknet data get {name!r} downloads it"
    return providers().get(name, {}).get("how", "get the images from the provider")


def listing(counts: Mapping[str, tuple[int, int]] | None = None) -> pd.DataFrame:
    """Tabulate the data sets: published and local counts (``{name: (negative, positive)}``), terms, how to get them."""
    rows = []
    for name, layout in LAYOUTS.items():
        known = DATA_SETS.get(name)
        published = f"{known.negatives} + {known.positives}" if known else "related, outside the 18"
        here = " + ".join(map(str, counts[name])) if counts and name in counts else ""
        terms = providers().get(name, {}).get("terms", UNKNOWN)
        rows.append((name, published, here, terms, _how(name), layout.looks_like))
    return pd.DataFrame(rows, columns=["data set", "published (- and +)", "found", "terms", "how to get it", "layout"])


def download(url: str, sha256: str, timeout: float = 30, progress: bool = False) -> str:
    """Download a file into the cache with pooch, unless it is already cached; a file with a wrong hash is deleted.

    An interrupted download is restarted from the beginning by the next call.

    Parameters
    ----------
    url, sha256 : str
    timeout : float
        Seconds without data after which the download is aborted.
    progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    str
        Path of the cached file.

    Raises
    ------
    LeuknetError
        If the download fails or is incomplete, or the SHA-256 does not match.
    """
    pooch.get_logger().setLevel(logging.ERROR)
    name = url.rstrip("/").rpartition("/")[2].partition("?")[0] or "file"
    path = cache_dir() / "downloads" / f"{sha256[:16]}-{name}"
    getter = pooch.HTTPDownloader(progressbar=progress, timeout=timeout)
    try:
        if not (path.is_file() and sha256_of(path) == sha256.lower()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with scratch(path.parent, ".part") as part:
                os.replace(pooch.retrieve(url, f"sha256:{sha256}", path.name, part, downloader=getter), path)
        return str(path)
    except ValueError as error:
        raise LeuknetError(f"{url}: the file has another SHA-256 than {sha256[:12]}…: {error}") from error
    except (requests.RequestException, OSError) as error:
        fix = "run again, or get it by hand and use --file"
        raise LeuknetError(f"{url} cannot be downloaded: {error}; {fix}") from error
