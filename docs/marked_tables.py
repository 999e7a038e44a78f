"""Tables between marks of Markdown pages, and the committed results that they are made of.

A table stands between `<!-- KIND(NAME) -->` and `<!-- end -->`.
"""

import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"


@cache
def results(script: str, part: str = "rows") -> list[dict[str, Any]]:
    """The `rows` or `runs` that a benchmark committed."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{script}.json").read_text("utf-8"))[part]
    return found


def markdown(rows: Iterable[Iterable[str]]) -> str:
    """A table of cells, its head in the first row."""
    head, *lines = (list(row) for row in rows)
    written = [
        "|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in (head, *lines)
    ]
    return "\n".join([written[0], "|" + "---|" * len(head), *written[1:]])


def with_tables(page: str, kind: str, table: Callable[[str], str]) -> str:
    """The text of a page, its tables of a kind written anew from their names."""
    marked = rf"(<!-- {kind}\((\w+)\) -->\n)(?:.*?\n)??(<!-- end -->)"

    def anew(match: re.Match[str]) -> str:
        return f"{match[1]}{table(match[2]).strip()}\n{match[3]}"

    return re.sub(marked, anew, page, flags=re.DOTALL)


def rewrite(paths: Iterable[Path], written: Callable[[str], str]) -> None:
    """Writes pages that are to be other than they are, and says which."""
    for path in paths:
        page = path.read_text("utf-8")
        if written(page) != page:
            path.write_text(written(page), "utf-8")
            print(path)
