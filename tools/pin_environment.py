"""Write the versions of ``requirements.lock`` into ``environment.yml``: ``python tools/pin_environment.py``.

Conda's environment then has the packages that the tests ran with. A package that the lock holds in several versions,
one for each Python, keeps its range from ``pyproject.toml``. The comments stay.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"^(      - )([a-z][a-z0-9-]*)[<>=.0-9]*( #.*)$", re.MULTILINE)


def pinned(environment: str, lock: str, ranges: dict[str, str]) -> str:
    """Return the text of ``environment.yml`` with each package's version of the lock, or its range.

    Parameters
    ----------
    environment, lock : str
        The texts of the two files.
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
