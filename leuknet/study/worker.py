"""One run in a process of its own: ``python -m leuknet.study.worker ORDER.json [CHECKPOINT_SECONDS]``."""

import sys

from leuknet.errors import LeuknetError
from leuknet.study.execute import obey


def main(arguments):
    """Obey the order; return the exit code."""
    try:
        obey(arguments[0], *map(float, arguments[1:]))
    except LeuknetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
