"""Parsing of page parameters as given by papermill, the command line or a notebook cell."""

import ast
import json
from pathlib import Path
from typing import Any

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from leuknet.exceptions import LeuknetError

ABSENT = (None, "", "None", "none", "null")


def read_folder(name: str, value: str | Path | None) -> Path | None:
    """Return a folder with ``~`` expanded, or None if no value is given.

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
    except RuntimeError as error:  # home folder of an unknown user
        raise LeuknetError(f"parameter {name}: {value!r}: {error}") from error


def read_seed(value: int | float | str) -> int:
    """Return a seed; 1, 1.0 and "1" are equivalent.

    Raises
    ------
    LeuknetError
        If the value is not a non-negative integer.
    """
    try:
        return TypeAdapter(NonNegativeInt).validate_python(None if isinstance(value, bool) else value)
    except ValidationError:
        raise LeuknetError(f"parameter seed: {value!r} is not a whole number of 0 or more") from None


def read_changes(value: dict | str | None) -> dict:
    """Return changes to the profile from a dictionary or its text (JSON or Python); quoted numbers become numbers.

    Raises
    ------
    LeuknetError
        If the value is of any other type.
    """
    changes = {} if value in ABSENT else literal(value)
    if not isinstance(changes, dict) or not all(isinstance(key, str) for key in changes):
        raise LeuknetError(f'parameter changes: {value!r} is not a dictionary such as {{"epochs": 8}}')
    return {key: literal(item) for key, item in changes.items()}


def literal(value: Any) -> Any:
    """Return the value of a JSON or Python literal; any other text or value is returned unchanged."""
    if not isinstance(value, str):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return value
