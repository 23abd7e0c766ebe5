"""Count the code of the package, and fail beyond limits: ``python tools/count_code.py --total 11000 --file 350``.

A code line contains a token that is neither a comment nor a docstring; the signature of a function counts as one line
even if it is wrapped. Prints the code lines of ``leuknet/`` in total and by subpackage, the code lines that notebooks
reach by static imports, the median length of a function body, the longest file, and the fullest level.
"""

import argparse
import ast
import collections
import io
import json
import statistics
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LAYOUT = ("COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT", "ENCODING", "ENDMARKER")
SKIPPED = {getattr(tokenize, name) for name in LAYOUT}


def docstring(node: ast.AST) -> ast.Expr | None:
    """Return the docstring statement of a module, class or function, if any."""
    if not isinstance(node, DOCUMENTED) or not node.body or not isinstance(node.body[0], ast.Expr):
        return None
    value = node.body[0].value
    return node.body[0] if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def code_lines(text: str) -> set[int]:
    """Return the numbers of the lines that contain code: no docstrings, comments or wrapped signatures."""
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in SKIPPED:
            used |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if found := docstring(node):
            used -= set(range(found.lineno, (found.end_lineno or found.lineno) + 1))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            used -= set(range(node.lineno + 1, node.body[0].lineno))
    return used


def bodies(text: str) -> list[int]:
    """Return the number of code lines of each function's body."""
    lines = code_lines(text)
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [len(lines & set(range(node.body[0].lineno, (node.end_lineno or 0) + 1))) for node in functions]


def imported(text: str, modules: dict[str, Path]) -> set[str]:
    """Return the modules of the package that source code imports anywhere, including their parent packages."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    parts = [name.split(".") for name in names]
    return {".".join(part[:n]) for part in parts for n in range(1, len(part) + 1)} & set(modules)


def reached(modules: dict[str, Path], notebooks: Path) -> set[str]:
    """Return the modules that the notebooks import, directly or indirectly."""
    sources = []
    for path in sorted(notebooks.glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        sources += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    found: set[str] = set()
    waiting = set().union(*(imported(source, modules) for source in sources))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imported(modules[name].read_text("utf-8"), modules) - found
    return found


def count(root: Path = ROOT) -> tuple[dict[str, float], list[str]]:
    """Return the figures that have limits, by the limit's name, and explanatory lines."""
    top = root / "leuknet"
    paths = sorted(top.rglob("*.py"))
    texts = {path: path.read_text("utf-8") for path in paths}
    code = {path: len(code_lines(text)) for path, text in texts.items()}
    modules = {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    rooms = collections.Counter({path.relative_to(top).parts[0]: 0 for path in paths})
    levels = collections.Counter(path.parent.relative_to(root).as_posix() for path in paths if path.stem != "__init__")
    for path, lines in code.items():
        rooms[path.relative_to(top).parts[0]] += lines
    longest = max(paths, key=lambda path: len(texts[path].splitlines()))
    fullest = max(levels, key=lambda level: levels[level])
    figures = {
        "total": sum(code.values()),
        "notebooks": sum(code[modules[name]] for name in reached(modules, root / "notebooks")),
        "body": statistics.median([lines for text in texts.values() for lines in bodies(text)] or [0]),
        "file": len(texts[longest].splitlines()),
        "level": levels[fullest],
    }
    explained = [
        f"code lines: {figures['total']}; by room: {', '.join(f'{room} {n}' for room, n in rooms.most_common())}",
        f"code lines that the notebooks reach: {figures['notebooks']}",
        f"median body of a function: {figures['body']:g} lines",
        f"longest file: {longest.relative_to(root).as_posix()}, {figures['file']} lines",
        f"most files on a level: {fullest}, {figures['level']}",
    ]
    return figures, explained


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; return 1 if one exceeds its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("total", "notebooks", "body", "file", "level"):
        parser.add_argument(f"--{name}", type=float, default=float("inf"), metavar="LIMIT")
    limits = vars(parser.parse_args(arguments))
    figures, explained = count()
    beyond = [
        f"{name}: {figures[name]:g} is more than {limit:g}" for name, limit in limits.items() if figures[name] > limit
    ]
    print(*explained, *beyond, sep="\n")
    return int(bool(beyond))


if __name__ == "__main__":
    sys.exit(main())
