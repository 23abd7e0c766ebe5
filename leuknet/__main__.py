"""``python -m leuknet``."""

from leuknet.cli import main

main()
