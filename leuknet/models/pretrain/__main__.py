"""Run a checkout's ``tools/pretrain/start_weights.py``: ``python -m leuknet.models.pretrain vgg16-nano --epochs 12``.

The weights are shipped with the package. The program is only needed to change them, and writes into the package.
"""

import runpy
import sys
from pathlib import Path

TOOL = Path(__file__).parents[3] / "tools" / "pretrain"


def main() -> None:
    """Run the program with this process's arguments."""
    if not TOOL.is_dir():
        sys.exit(f"error: {TOOL} is missing: start weights are trained in a checkout of the repository")
    sys.path.insert(0, str(TOOL))
    runpy.run_module("start_weights", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
