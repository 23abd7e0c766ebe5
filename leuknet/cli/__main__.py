"""``python -m leuknet.cli``."""

from leuknet.cli import main

main()
