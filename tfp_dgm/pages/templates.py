"""Templates of HTML pages that run no script and load nothing, and what they show things with."""

import os
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEXT_CHARACTERS = 300
_NAME_CHARACTERS = 80


def page_templates(folder: str | os.PathLike[str]) -> Environment:
    """Of a job's templates and of those that all jobs share, which lie beside this file.

    Whatever is shown is escaped, and a name that is missing is an error. Filters: `excerpt`,
    `name` (a shorter excerpt), `percent`, `number`.

    Args:
      folder: of the job's templates.
    """
    made = Environment(
        loader=FileSystemLoader([Path(folder), Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(excerpt=excerpt, name=_name, percent=percent, number=_number)
    return made


def excerpt(text: object, limit: int = _TEXT_CHARACTERS) -> str:
    """One line of at most about `limit` characters, all of which HTML and UTF-8 can hold."""
    head = " ".join(str(text)[: 4 * limit].split())
    head = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in head[:limit])
    return head if len(head) < limit else head[:limit].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def percent(share: float | None) -> str:
    """At most one decimal; never 0% or 100% for what is more or less."""
    if share is None:
        return "\N{EN DASH}"
    if 0.9995 <= share < 1 or 0 < share < 0.0005:
        return "over 99.9%" if share > 0.5 else "under 0.1%"
    return f"{share:.1%}".replace(".0%", "%")


def _name(name: object) -> str:
    return excerpt(name, _NAME_CHARACTERS)


def _number(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:,}"
