"""The parameters of a page as papermill, a command line or a hand writes them, read in one way."""

import ast
import json
from pathlib import Path
from typing import Any

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from leuknet.exceptions import LeuknetError

ABSENT = (None, "", "None", "none", "null")


def read_folder(name: str, value: str | Path | None) -> Path | None:
    """Return a folder, ``~`` expanded, or None if it is not given.

    Raises
    ------
    LeuknetError
        If `value` is neither text nor a path; the message names the parameter.
    """
    if value in ABSENT:
        return None
    if not isinstance(value, str | Path):
        raise LeuknetError(f"parameter {name}: {value!r} is not a folder; write it as text in quotes, or None")
    try:
        return Path(value).expanduser().resolve()
    except RuntimeError as error:  # an unknown user's home
        raise LeuknetError(f"parameter {name}: {value!r}: {error}") from error


def read_seed(value: int | float | str) -> int:
    """Return a seed: 1, 1.0 and "1" are the same.

    Raises
    ------
    LeuknetError
        If it is not a whole number of 0 or more.
    """
    try:
        return TypeAdapter(NonNegativeInt).validate_python(None if isinstance(value, bool) else value)
    except ValidationError:
        raise LeuknetError(f"parameter seed: {value!r} is not a whole number of 0 or more") from None


def read_changes(value: dict | str | None) -> dict:
    """Return changes to the profile: a dictionary, or one as text (JSON or Python); numbers in quotes are numbers.

    Raises
    ------
    LeuknetError
        If it is anything else.
    """
    changes = {} if value in ABSENT else literal(value)
    if not isinstance(changes, dict) or not all(isinstance(key, str) for key in changes):
        raise LeuknetError(f'parameter changes: {value!r} is not a dictionary such as {{"epochs": 8}}')
    return {key: literal(item) for key, item in changes.items()}


def literal(value: Any) -> Any:
    """Return what a text stands for in JSON or Python; a text that is neither, and any other value, stays."""
    if not isinstance(value, str):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return value
