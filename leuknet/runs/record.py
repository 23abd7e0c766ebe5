"""Records of finished runs: sealed with checksums in ``done.json``, and read with a check for damage.

``done.json`` is written last. In addition to the run's duration it contains ``files`` (size and SHA-256 of every file
of the run) and ``checksum`` (of all other values in ``done.json``). The checksums detect damage and manual edits. They
are not a signature: anyone who changes a file on purpose can seal the folder again, so all content is still validated
as untrusted input.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leuknet._io import hash_of, read_limited, read_object, sha256_of, write_json
from leuknet.exceptions import LeuknetError

DONE = "done.json"
SEAL = ("files", "checksum")
REQUIRED = ("run.json", "split.csv", "environment.json", "history.csv", "predictions.parquet", "weights.json")
TYPES = {"settings": dict, "recipe": dict | None, "protocol": str, "fold": str, "seed": int | None}
NETWORK = ("model.keras", "training_features.npz")
LARGE = 4 << 20  # bytes; for larger files `damage` compares only the size, and the checksum is compared on reading
MAX_ROWS = 10_000_000  # of predictions; a few bytes of Parquet can encode any number of rows
MAX_BYTES = 1 << 30  # of a file, and of one column of predictions
PREDICTION_COLUMNS = ["image_id", "data_set", "source", "group", "y", "p", "fold", "seed", "split"]


class DamagedRunError(LeuknetError):
    """A finished run whose files do not match its ``done.json``."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder} is damaged: {reason}. Delete this folder and retrain with leuknet study or leuknet train"
        )
        self.folder, self.reason = Path(folder), reason


@contextmanager
def readable(folder: Path, complaint: str) -> Iterator[None]:
    """Raise `DamagedRunError` with `complaint` and the reason if the block cannot read a file of the run."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, RecursionError, pa.ArrowException) as error:
        text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        reason = "no JSON" if isinstance(error, json.JSONDecodeError) else text.splitlines()[0][:200]
        raise DamagedRunError(folder, f"{complaint} ({reason})") from error


def seal(folder: str | Path, timing: dict[str, Any]) -> None:
    """Write ``done.json`` with `timing` and the size and checksum of every file of the run in `folder`.

    Raises
    ------
    LeuknetError
        If one of the `REQUIRED` files is missing.
    """
    folder = Path(folder)
    if absent := [name for name in REQUIRED if not (folder / name).is_file()]:
        raise LeuknetError(f"{folder} cannot be sealed: it has no {', '.join(absent)}")
    there = [folder / name for name in (*REQUIRED, *NETWORK) if (folder / name).is_file()]
    files = {path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in there}
    done = {name: value for name, value in timing.items() if name not in SEAL} | {"files": files}
    write_json(folder / DONE, done | {"checksum": hash_of(done)})


def damage(folder: str | Path) -> str:
    """Return a short description of the damage to the finished run in `folder`; empty if it is intact."""
    try:
        _checked(Path(folder))
    except DamagedRunError as error:
        return error.reason
    return ""


def read(folder: str | Path) -> "Record":
    """Read the finished run in `folder`.

    Raises
    ------
    DamagedRunError
        If a file is missing, unreadable or does not match ``done.json``.
    LeuknetError
        If the run is not finished.
    """
    folder = Path(folder)
    if not (folder / DONE).is_file():
        raise LeuknetError(f"{folder} is not finished: it has no {DONE}")
    done = _checked(folder)
    parts = {name: _object(folder, f"{name}.json") for name in ("run", "environment", "weights")}
    for name, kind in TYPES.items():
        if not isinstance(parts["run"].get(name), kind):
            raise DamagedRunError(folder, f"run.json holds no {name}")
    return Record(folder, **parts, done=done)


def read_all(root: str | Path) -> tuple[list["Record"], list[DamagedRunError]]:
    """Read every finished run in the folder `root`, in order of keys; return the intact and the damaged ones."""
    whole, damaged = [], []
    for folder in finished(root):
        try:
            whole.append(read(folder))
        except DamagedRunError as error:
            damaged.append(error)
    return whole, damaged


def finished(root: str | Path) -> Iterator[Path]:
    """Yield the folders in `root` that have a ``done.json``, in the order of their names."""
    yield from (path.parent for path in sorted(Path(root).glob(f"*/{DONE}")))


@dataclass(frozen=True)
class Record:
    """A finished run with intact files.

    Attributes
    ----------
    folder : pathlib.Path
    run, environment, weights, done : dict
        Content of ``run.json``, ``environment.json``, ``weights.json`` and ``done.json``.
    """

    folder: Path
    run: dict[str, Any]
    environment: dict[str, Any]
    weights: dict[str, Any]
    done: dict[str, Any]

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Return the four dictionaries by name, with ``done`` excluding the checksums."""
        done = {name: value for name, value in self.done.items() if name not in SEAL}
        return {"run": self.run, "environment": self.environment, "weights": self.weights, "done": done}

    def data(self, name: str) -> bytes:
        """Return the content of one of the run's files.

        Raises
        ------
        DamagedRunError
            If it does not match its checksum, or is larger than `MAX_BYTES`.
        """
        with readable(self.folder, f"{name} cannot be read"):
            content = read_limited(self.folder / name, MAX_BYTES)
        if hashlib.sha256(content).hexdigest() != self.done["files"][name]["sha256"]:
            raise DamagedRunError(self.folder, f"{name} changed after the run was finished")
        return content

    def path(self, name: str) -> Path:
        """Return the path of one of the run's files after verifying its checksum, regardless of its size."""
        path, entry = self.folder / name, self.done["files"].get(name)
        if entry is None:
            raise LeuknetError(f"{self.folder} has no {name}")
        if not path.is_file() or sha256_of(path) != entry["sha256"]:
            raise DamagedRunError(self.folder, f"{name} changed after the run was finished")
        return path

    def predictions(self) -> pd.DataFrame:
        """Return the predictions (`PREDICTION_COLUMNS`), one row per image and role."""
        return self.prediction_table().cast(_schema(pa.string())).to_pandas()

    def prediction_table(self) -> pa.Table:
        """Return the predictions as an Arrow table with dictionary-encoded text, to join thousands of runs quickly."""
        with readable(self.folder, "predictions.parquet holds no predictions"):
            table = _table(self.data("predictions.parquet"))
        return table

    def history(self) -> pd.DataFrame:
        """Return the history, one row per epoch."""
        with readable(self.folder, "history.csv is no table"):
            table = pd.read_csv(io.BytesIO(self.data("history.csv")))
        return table


def _schema(text: pa.DataType) -> pa.Schema:
    numbers = {"y": pa.int64(), "p": pa.float64(), "seed": pa.int64()}
    return pa.schema([(name, numbers.get(name, text)) for name in PREDICTION_COLUMNS])


def _table(data: bytes) -> pa.Table:
    """Return the predictions in a possibly untrusted Parquet file; raise ValueError if they are not valid."""
    schema = _schema(pa.dictionary(pa.int32(), pa.string()))
    texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
    rows, parts = file.metadata.num_rows, range(file.metadata.num_row_groups)
    if rows > MAX_ROWS or sum(file.metadata.row_group(part).total_byte_size for part in parts) > MAX_BYTES:
        raise ValueError(f"{rows} rows, more than {MAX_ROWS}, or more than {MAX_BYTES} bytes")
    table = file.read(PREDICTION_COLUMNS, use_threads=False).select(PREDICTION_COLUMNS).cast(schema)
    table.validate(full=True)  # reading does not check that text is UTF-8
    y, p = table["y"].to_numpy(), table["p"].to_numpy()
    if not (np.isin(y, (0, 1)) & (p >= 0) & (p <= 1)).all():
        raise ValueError("a class other than 0 and 1, or a probability outside 0 to 1")
    longest = (pc.max(pc.binary_length(chunk.dictionary)).as_py() for name in texts for chunk in table[name].chunks)
    if rows * max((length or 0 for length in longest), default=0) > MAX_BYTES:
        raise ValueError(f"texts of more than {MAX_BYTES} bytes")
    return table


def _checked(folder: Path) -> dict[str, Any]:
    """Return the content of ``done.json`` after checking it and the files that it lists."""
    done = _object(folder, DONE)
    files = done.get("files")
    if done.get("checksum") != hash_of({name: value for name, value in done.items() if name != "checksum"}):
        raise DamagedRunError(folder, f"{DONE} was changed or cut off")
    if not isinstance(files, dict) or not set(REQUIRED) <= set(files) <= {*REQUIRED, *NETWORK}:
        raise DamagedRunError(folder, f"{DONE} does not name the run's files")
    for name, entry in files.items():
        _compare(folder, name, entry)
    return done


def _compare(folder: Path, name: str, entry: dict[str, Any]) -> None:
    path = folder / name
    with readable(folder, f"{name} cannot be read"):
        size = path.stat().st_size if path.is_file() else -1
        same = size == entry["bytes"] and (size > LARGE or sha256_of(path) == entry["sha256"])
    if not same:
        raise DamagedRunError(folder, f"{name} is absent" if size < 0 else f"{name} changed after the run was finished")


def _object(folder: Path, name: str) -> dict[str, Any]:
    with readable(folder, f"{name} cannot be read"):
        value = read_object(folder / name)
    return value
