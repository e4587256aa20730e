"""The command line: print the tables one after the other."""

import argparse
import sys
from collections.abc import Sequence

from .. import report
from . import memory, publishing, switching, waiting

PACKAGES = ("gevent", "greenlet", "simpy")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtime")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts")
    parser.add_argument("--steps", type=int, default=20_000, help="operations per measurement")
    options = parser.parse_args(argv)
    print(waiting.table(options.rounds, options.steps))
    print(switching.table(options.rounds, options.steps))
    print(memory.table())
    print(publishing.table(options.rounds))
    print(report.machine(PACKAGES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
