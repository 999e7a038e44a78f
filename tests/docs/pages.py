"""README and docs, taken apart: their blocks, and the commands within."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:dgm|make|pip|docker|python) [^`]*)`")


@dataclass(frozen=True)
class Shown:
    """A command, and what the page says that it prints; None where it does not say."""

    command: str
    output: str | None = None


def text_of(name):
    return next(page for page in PAGES if page.name == name).read_text(encoding="utf-8")


def blocks(page, *languages):
    return [code for language, code in _FENCE.findall(page) if language in languages]


def languages(page):
    return {language for language, _ in _FENCE.findall(page)}


def commands(page):
    """The commands of a page's blocks, in their order.

    In a block of `sh` each line is one; in a block of `console` those that follow a `$`, and what
    stands below, if anything, is all that they print.
    """
    for language, code in _FENCE.findall(page):
        if language == "sh":
            yield from (Shown(line) for line in _joined(code).splitlines() if line)
        elif language == "console":
            first, *parts = re.split(r"^\$ ", code, flags=re.MULTILINE)
            assert first == "", f"a block of `console` begins with a command; received {first!r}"
            for part in parts:
                command = re.match(r".*(?:\\\n.*)*", part)[0]
                yield Shown(_joined(command), part[len(command) + 1 :])


def inline(page):
    """The commands within sentences, those of whole lines left out."""
    return [" ".join(line.split()) for line in _INLINE.findall(_FENCE.sub("", page))]


def _joined(code):
    return re.sub(r"\\\n\s*", "", code)


def table(page, header):
    """The rows below a table's header, which begins so."""
    lines = page.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def shape(output, *, free=False):
    """What stays of an output when it is computed from other data: its words, numbers as `#`.

    Args:
      output: the text.
      free: its lines are texts that a model writes; how far they are indented stays.
    """
    lines = output.rstrip("\n").splitlines()
    if free:
        return [len(line) - len(line.lstrip(" ")) if line else None for line in lines]
    joined = " ".join(lines) if any(line.endswith("\\") for line in lines) else None
    if joined is not None:
        lines = [joined.replace("\\ ", " ")]
    return [re.sub(r"\d[\d,.]*(?<=\d)", "#", " ".join(line.split())) for line in lines]
