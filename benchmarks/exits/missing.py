"""The end of a benchmark that lacks data, or a program to compare with."""

import os
import sys
from typing import NoReturn


def end_for_want_of(what: str) -> NoReturn:
    """Says what is wanted; ends with a code of its own, which `make bench` tells from a fault."""
    print(f"Wanted: {what}", file=sys.stderr)
    sys.exit(os.EX_NOINPUT)
