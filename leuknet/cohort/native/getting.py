"""What is known of how to come by each data set, and the download of a file whose SHA-256 is known."""

import logging

import pandas as pd
import pooch
import requests

from leuknet.cohort.native.layouts import LAYOUTS
from leuknet.cohort.registry import DATA_SETS
from leuknet.errors import LeuknetError
from leuknet.files import cache_dir

TERMS = {
    "JTSC": "GPL-3 repository segmentation_WBC; cite Zheng et al. 2018",
    "CellaVision 2": "GPL-3 repository segmentation_WBC; cite Zheng et al. 2018",
    "BCCD": "MIT",
    "ALL-IDB 1": "gated: ask the Università degli Studi di Milano, Department of Computer Science",
    "ALL-IDB 2": "gated: ask the Università degli Studi di Milano, Department of Computer Science",
    "ALL-IDB 1 (Crop)": "cut from ALL-IDB 1: leuknet data crop",
}
UNKNOWN = "not stated in the paper: ask the provider"


def steps(name):
    """Return what a user does to come by a data set, as text."""
    if name not in LAYOUTS:
        raise LeuknetError(f"no data set {name!r}; there are {', '.join(LAYOUTS)}")
    known = DATA_SETS.get(name)
    where = (known.url or known.citation or "the paper gives no reference") if known else "outside the paper's 18"
    return (
        f"{name}\nprovider: {where}\nterms: {TERMS.get(name, UNKNOWN)}\nlayout: {LAYOUTS[name].looks_like}\n"
        f"1. Get the file from the provider and accept the provider's terms there; nothing is redistributed here.\n"
        f"2. leuknet data get {name!r} --file ARCHIVE --to DIR   unpacks and checks it."
    )


def listing(found=None):
    """Return one row a data set: published counts, what was found (``{name: (negative, positive)}``), terms, layout."""
    rows = []
    for name, layout in LAYOUTS.items():
        known = DATA_SETS.get(name)
        published = f"{known.negatives} + {known.positives}" if known else "related, outside the 18"
        here = " + ".join(map(str, found[name])) if found and name in found else ""
        rows.append((name, published, here, TERMS.get(name, UNKNOWN), layout.looks_like))
    order = {name: place for place, name in enumerate(DATA_SETS)}
    rows.sort(key=lambda row: order.get(row[0], len(order)))
    return pd.DataFrame(rows, columns=["data set", "published (- and +)", "found", "terms", "layout"])


def download(url, sha256, timeout=30):
    """Download a file into the cache, unless it is there, and return its path; a wrong hash leaves nothing behind.

    Raises
    ------
    LeuknetError
        If it cannot be had, is cut off, or has another SHA-256.
    """
    pooch.get_logger().setLevel(logging.ERROR)
    name = f"{sha256[:16]}-{url.rstrip('/').rpartition('/')[2].partition('?')[0] or 'file'}"
    getter = pooch.HTTPDownloader(progressbar=False, timeout=timeout)
    try:
        return pooch.retrieve(url, f"sha256:{sha256}", name, cache_dir() / "downloads", downloader=getter)
    except ValueError as error:
        raise LeuknetError(f"{url}: the file has another SHA-256 than {sha256[:12]}…: {error}") from error
    except (requests.RequestException, OSError) as error:
        raise LeuknetError(f"{url} cannot be downloaded: {error}; get the file by hand and use --file") from error
