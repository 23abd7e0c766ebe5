"""Files written whole or not at all, and where the companion keeps what it can make again."""

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import platformdirs


def cache_dir():
    """Return the cache folder: ``$LEUKNET_CACHE``, else the user's own cache folder."""
    return Path(os.environ.get("LEUKNET_CACHE") or platformdirs.user_cache_dir("leuknet"))


@contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; rename it to `path` only if the block ends well.

    Readers see the old file or the new one, never a part; on an exception nothing is left behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno and error.filename is None:  # a write's error does not say where
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write `text` to `path` atomically (UTF-8)."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Write `value` to `path` as indented JSON, atomically, keys sorted."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def hash_of(value, length=16):
    """Return the first `length` hexadecimal digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def markdown(frame):
    """Return a pandas `frame` as a Markdown table, without its index."""
    rows = [frame.columns, ["---"] * frame.shape[1], *frame.itertuples(index=False)]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |\n" for row in rows)
