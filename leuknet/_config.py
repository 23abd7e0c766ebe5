"""Settings as pydantic models: one field per setting, and one-line errors that state the allowed values.

`Settings` is the base class of everything that users configure (training, baseline, profile, experiment, cluster).
Names, types, bounds, defaults, units and descriptions are defined only in the model's fields; records, TOML files,
``--set``, tables and help texts are derived from them.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from leuknet._io import read_limited
from leuknet.exceptions import LeuknetError


def setting(default: Any = ..., description: str = "", unit: str = "", step: bool = True, **options: Any) -> Any:
    """Return a field of a `Settings` model.

    Parameters
    ----------
    default
        Default value; ``...`` if the setting is required.
    description : str
        One sentence, as printed in tables and help texts.
    unit : str
        Unit of a number, e.g. ``"px"``.
    step : bool
        Whether the setting affects the compiled training step (`leuknet.models.settings.TrainSettings.step_key`).
    **options
        Options of ``pydantic.Field``, such as bounds (``ge``, ``gt``, ``le``, ``lt``) and ``alias``.
    """
    return Field(default, description=description, json_schema_extra={"unit": unit, "step": step}, **options)


class Settings(BaseModel):
    """Immutable settings; an unknown name or an invalid value raises a one-line `LeuknetError`.

    Types are strict (``"3"`` and ``True`` are not integers), except that a list is accepted for a tuple if the field is
    declared with ``strict=False``. Settings with equal values compare equal and have the same hash.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True, validate_default=False
    )
    subject: ClassVar[str] = ""  # prefix of error messages, e.g. "augmentation: "

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise LeuknetError(self.subject + explain(error, type(self), values)) from None

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the settings as written in records and files."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build settings from the result of `as_dict`."""
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types; `from_dict` is the inverse."""
        return self.model_dump(mode="json", by_alias=True)

    def but(self, **changes: Any) -> Self:
        """Return a copy with `changes` applied and validated."""
        return type(self)(**({name: getattr(self, name) for name in type(self).model_fields} | changes))


def marks(field: FieldInfo) -> dict[str, Any]:
    """Return ``unit`` and ``step`` of a field created by `setting`."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def possible(model: type[Settings], name: str) -> str:
    """Describe the allowed values of the setting `name` of `model`, e.g. "a whole number from 1 to 9"."""
    return _words(model.model_json_schema()["properties"][name])


def explain(error: ValidationError, model: type[Settings], values: Mapping[str, Any]) -> str:
    """Return one line for the first invalid entry of `values`: its key, its value and the allowed values."""
    first = error.errors(include_url=False)[0]
    if not first["loc"]:  # a validator of several settings writes its own message
        return str(first.get("ctx", {}).get("error", first["msg"]))
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return unknown("setting", name, model.names())
    if first["type"] == "missing":
        return f"{name} is missing: give {possible(model, name)}"
    if first["type"] == "value_error":  # a validator of one setting
        return f"{name} = {values[name]!r}: {first['ctx']['error']}"
    return f"{name} = {values[name]!r}: give {possible(model, name)}"


def unknown(kind: str, name: str, known: list[str]) -> str:
    """Return the error line for a name that is not among the `known` ones: suggests the closest match, or lists all."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"unknown {kind} {name!r}: " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the tables of a TOML file; raise a `LeuknetError` naming the file if it cannot be read."""
    try:
        return tomllib.loads(read_limited(os.fspath(path)).decode("utf-8"))
    except OSError as error:
        raise LeuknetError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError among them
        raise LeuknetError(f"{path}: not TOML ({error})") from error


def _words(schema: Mapping[str, Any]) -> str:
    """Describe the values that a JSON schema allows; null is omitted because a TOML file cannot contain it."""
    if "anyOf" in schema:
        return ", or ".join(_words(each) for each in schema["anyOf"] if each.get("type") != "null")
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else None):
        return f"one of {', '.join(map(str, choices))}"
    kind = schema.get("type", "object")
    if kind == "array":
        some = ", not empty" if schema.get("minItems") else ""
        return f"a list in brackets{some}, of which each is {_words(schema['items'])}"
    return KINDS.get(kind, "a table") + _bounds(schema)


KINDS = {"integer": "a whole number", "number": "a number", "string": "a text in quotes", "boolean": "true or false"}


def _bounds(schema: Mapping[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    limits = {"of at least": low, "above": above, "of at most": high, "below": below}
    return " and".join(f" {word} {limit:g}" for word, limit in limits.items() if limit is not None)
