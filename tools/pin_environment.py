"""Copy the versions of ``requirements.lock`` to ``environment.yml``: ``python tools/pin_environment.py``.

The Conda environment then has the same package versions as the tests. A package that the lock pins to several versions,
one for each Python version, keeps its range from ``pyproject.toml``. Comments are preserved.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"^(      - )([a-z][a-z0-9-]*)[<>=.0-9]*( #.*)$", re.MULTILINE)


def pinned(environment: str, lock: str, ranges: dict[str, str]) -> str:
    """Return the text of ``environment.yml`` with each package's version from the lock, or its range.

    Parameters
    ----------
    environment, lock : str
        Contents of the two files.
    ranges : dict of str
        The requirement of each package, by name.
    """

    def line(match: re.Match) -> str:
        head, name, comment = match.groups()
        versions = set(re.findall(rf"^{name}==(\S+)", lock, flags=re.MULTILINE))
        wanted = f"{name}=={versions.pop()}" if len(versions) == 1 else ranges[name]
        return f"{head}{wanted}{comment}"

    return LINE.sub(line, environment)


if __name__ == "__main__":
    import tomllib

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    path = ROOT / "environment.yml"
    ranges = {re.split(r"[<>=\[]", line)[0]: line for line in wanted}
    path.write_text(pinned(path.read_text("utf-8"), (ROOT / "requirements.lock").read_text("utf-8"), ranges), "utf-8")
