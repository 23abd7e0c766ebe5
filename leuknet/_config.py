"""Checks of values that users write in files and on the command line: each kind says in words what it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from numbers import Integral, Real

from leuknet.exceptions import LeuknetError


@dataclass(frozen=True)
class Kind:
    """What a value may be: in words, and a test."""

    said: str
    fits: Callable


TEXT = Kind("a text in quotes", lambda v: isinstance(v, str))
YES_NO = Kind("true or false", lambda v: isinstance(v, bool))
TABLE = Kind("a table", lambda v: isinstance(v, dict))


def choice(names):
    """Return the kind of a text that is one of `names`."""
    return Kind(f"one of {', '.join(names)}", lambda v: isinstance(v, str) and v in names)


def whole(least):
    """Return the kind of a whole number of `least` or more."""
    return Kind(f"a whole number, {least} or more", lambda v: _is(v, Integral) and v >= least)


def number(below=inf, zero=True):
    """Return the kind of a number of 0 or more (above 0 unless `zero`) and less than `below`."""
    said = ("0 or more" if zero else "above 0") + (f" and below {below}" if below < inf else "")
    return Kind(f"a number, {said}", lambda v: _is(v, Real) and (v >= 0 if zero else v > 0) and v < below)


def many(kind, empty=False):
    """Return the kind of a list of values of `kind`, with one at least unless it may be `empty`."""

    def fits(value):
        return isinstance(value, list | tuple) and (len(value) > 0 or empty) and all(map(kind.fits, value))

    return Kind(f"a list in brackets{'' if empty else ', not empty'}, of which each is {kind.said}", fits)


def either(first, second):
    """Return the kind of what is of one kind or another."""
    return Kind(f"{first.said}, or {second.said}", lambda v: first.fits(v) or second.fits(v))


def optional(kind):
    """Return the kind of what is of `kind` or None."""
    return Kind(kind.said, lambda v: v is None or kind.fits(v))


def check(values, kinds, of=""):
    """Raise `LeuknetError` for the first of `values` (a dictionary) that is not what `kinds` says of its name."""
    for name, value in values.items():
        if not kinds[name].fits(value):
            raise LeuknetError(f"{of}{name} = {value!r}: give {kinds[name].said}")


def _is(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)
