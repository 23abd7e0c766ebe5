"""Conditions on tables of runs, limited to column names, comparisons and literals, so that they cannot run code.

A condition is a Python expression, for example ``backbone == 'VGG16' and 5 < epochs <= 50`` or
``status in ['failed', 'damaged'] or not seed == 0``. A value that a run does not have matches only ``!=`` and
``not in``.
"""

import ast
import itertools
import operator
from collections.abc import Callable
from typing import Any

import pandas as pd

from leuknet.exceptions import LeuknetError

LONGEST = 1000  # characters
ALLOWED: tuple[type[ast.AST], ...] = (ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare)
ALLOWED += (ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple)
COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, among: value in among,
    ast.NotIn: lambda value, among: value not in among,
}


def matches(frame: pd.DataFrame, condition: str) -> list[bool]:
    """Return for each row of `frame` whether it matches `condition`.

    Raises
    ------
    LeuknetError
        If `condition` contains anything except column names, comparisons, ``and``, ``or``, ``not`` and literals.
    """
    try:
        if len(condition) > LONGEST:
            raise ValueError(f"longer than {LONGEST} characters")
        tree = ast.parse(condition.strip(), mode="eval").body
        _check(tree, set(frame.columns))
        return [bool(_value(tree, row)) for row in frame.to_dict("records")]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
        short = condition if len(condition) < 80 else condition[:80] + "…"
        raise LeuknetError(
            f"--where {short!r}: {reason}. Give comparisons over {', '.join(frame.columns)}, joined by and, or, not"
        ) from error


def _check(tree: ast.AST, names: set[str]) -> None:
    """Raise ValueError if `tree` contains anything that is not allowed in a condition."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in names:
            raise ValueError(f"there is no column {node.id}")
        if not isinstance(node, (*ALLOWED, *COMPARISONS)):
            raise ValueError(f"a condition holds no {type(node).__name__}")


def _value(node: ast.AST, row: dict[Any, Any]) -> Any:
    """Evaluate a checked `node` for one run."""
    match node:
        case ast.Name():
            value = row[node.id]
            return None if value != value else value  # pandas uses NaN for missing values
        case ast.BoolOp():
            return (all if isinstance(node.op, ast.And) else any)(_value(part, row) for part in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, row)
        case ast.Compare():
            values = [_value(part, row) for part in (node.left, *node.comparators)]
            return all(_compared(op, *pair) for op, pair in zip(node.ops, itertools.pairwise(values), strict=True))
    return ast.literal_eval(node)


def _compared(op: ast.cmpop, left: Any, right: Any) -> bool:
    """Compare two values; None is unequal to every other value, and ordered comparisons with it are false."""
    if isinstance(op, ast.Eq | ast.NotEq):
        return COMPARISONS[type(op)](left, right)
    if right is None or (left is None and not isinstance(op, ast.In | ast.NotIn)):
        return isinstance(op, ast.NotIn)
    return COMPARISONS[type(op)](left, right)
