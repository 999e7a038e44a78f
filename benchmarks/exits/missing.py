"""The end of a benchmark that lacks data, or a package to compare with."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

MISSING = os.EX_NOINPUT  # Which `make bench` tells from a fault.


def end_for_want_of(what: str) -> NoReturn:
    """Says what is wanted, and ends with the code that stands for it."""
    print(f"Wanted: {what}", file=sys.stderr)
    sys.exit(MISSING)


@contextmanager
def wanting(*kinds: type[Exception]) -> Iterator[None]:
    """Ends so where a block that looks for data or a package raises one of the kinds."""
    try:
        yield
    except kinds as error:
        end_for_want_of(" ".join(str(error).split()))
