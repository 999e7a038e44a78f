"""Whether an entry of a journal says something that can be understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfp_dgm.data import DataError
from tfp_dgm.data.label_sets import quoted_class

# What an entry does: a row is of a class, of none of them, left for later; a remark on it; a class
# that is new; an earlier entry taken back; a spot check begun, and a row of it judged.
LABEL, NONE, SKIP, NOTE, CLASS, UNDO = "label", "none", "skip", "note", "class", "undo"
CHECK, JUDGE = "check", "judge"
OF_ROWS = (LABEL, NONE, SKIP, NOTE, CLASS, UNDO, CHECK, JUDGE)
# Words of a sentence have these tags.
TAGS = "tags"
OF_SENTENCES = (TAGS, SKIP, NOTE, UNDO)
SAYS = ("right", "wrong", "unsure")
MOST_CHARACTERS = {CLASS: 200, NOTE: 10_000}


@dataclass(frozen=True)
class Known:
    """What entries are checked against.

    Attributes:
      num_rows: N.
      classes: how often each class is named; those that are not, or no more, are none.
      separator: what no new class's name may hold; "" for nothing.
      last: the number of the annotator's last entry that stands; None for none.
      checking: whether a spot check has begun.
      kinds: of the entries that there may be.
    """

    num_rows: int
    classes: Mapping[str, int]
    separator: str
    last: int | None
    checking: bool
    kinds: tuple[str, ...] = OF_ROWS


def check_entry(entry: Mapping[str, Any], known: Known) -> None:
    """Refuses an entry that cannot be taken up.

    Raises:
      DataError: names the field, what was expected and what came.
    """
    kind, who, rows = entry.get("kind"), entry.get("annotator"), entry.get("rows", [])
    if kind not in known.kinds:
        raise DataError(f"kind: expected what an answer does; received {kind!r}")
    if not isinstance(who, str):
        raise DataError(f"annotator: expected a name; received {who!r}")
    if kind in (LABEL, NONE, SKIP, NOTE, JUDGE, TAGS) and not (
        isinstance(rows, list)
        and rows
        and all(type(row) is int and 0 <= row < known.num_rows for row in rows)
    ):
        raise DataError(f"rows: expected numbers below {known.num_rows:,}; received {rows!r:.60}")
    label = entry.get("label")
    if (kind == LABEL or (kind == JUDGE and label)) and known.classes.get(str(label), 0) < 1:
        raise DataError(f"label: expected one of the classes; received {label!r}")
    for name, most in MOST_CHARACTERS.items():
        said = entry.get(name)
        if kind == name and not (isinstance(said, str) and 0 < len(said.strip()) <= most):
            raise DataError(
                f"{name}: expected 1 to {most:,} characters; received {str(said)[:60]!r}"
            )
    if kind == CLASS:
        _check_new_class(entry["class"], known)
    if kind == UNDO and known.last != entry.get("of"):
        raise DataError(
            f"of: expected the last entry of {who!r}, {known.last}; received {entry.get('of')!r}"
        )
    if kind == CHECK and not isinstance(entry.get("plan"), dict):
        raise DataError(f"plan: expected how rows are drawn; received {entry.get('plan')!r:.60}")
    if kind == JUDGE and not known.checking:
        raise DataError("kind: expected a spot check before its first judgement; received none")
    if kind == JUDGE and entry.get("says") not in SAYS:
        raise DataError(f"says: expected one of {', '.join(SAYS)}; received {entry.get('says')!r}")


def _check_new_class(name: str, known: Known) -> None:
    if known.classes.get(name, 0) > 0:
        raise DataError(f"class: there is a class {name!r} already")
    if quoted_class(name) != name:
        raise DataError(f"class: {name!r} has a meaning of its own as a label")
    if known.separator and known.separator in name:
        raise DataError(
            f"class: {name!r} would be read as a set, since {known.separator!r} "
            "stands between the classes of one"
        )
