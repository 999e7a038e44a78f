"""What a person should look at before trusting labels learnt from a table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.data_error import listing, shorten
from tfp_dgm.data.frame_chunk import FrameChunk
from tfp_dgm.data.label_column import observed_classes, said_classes
from tfp_dgm.data.visible_text import appearance, is_blank, spelling

MAX_TEXT_CHARACTERS = 1_000_000
_ENOUGH_LABELS = 3
_NUM_EXAMPLES = 3
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_Item = TypeVar("_Item")


def table_warnings(
    texts: Sequence[str],
    classes: Sequence[str],
    allowed: NDArray[np.bool_],
    chunk: FrameChunk,
) -> list[str]:
    """Lists what is doubtful in a table: labels, conflicts, empty and oversized texts, quotes.

    Args:
      texts: [N], not truncated.
      classes: [K] class names.
      allowed: bool [N, K], the classes that each annotation allows.
      chunk: the table [N], for the places of rows.
    Returns:
      The warnings, a sentence each.
    """
    observed = observed_classes(allowed)
    counts = np.bincount(observed[observed >= 0], minlength=len(classes)).tolist()
    return [
        *similar_labels(dict(zip(classes, counts, strict=True))),
        *_few_labels(dict(zip(classes, counts, strict=True))),
        *_conflicts(texts, classes, allowed, chunk),
        *odd_texts(texts, chunk),
        *chunk.warnings,
    ]


def similar_labels(counts: dict[str, int]) -> Iterator[str]:
    """Labels that look alike, of which each is given with how often it occurs."""
    for names in _groups(counts, key=_same_label):
        if len(names) < 2:
            continue
        if len({" ".join(name.split()).casefold() for name in names}) == 1:
            difference = "in case or white space only"
        elif len({appearance(name) for name in names}) == 1:
            difference = "in invisible characters or in how Unicode writes the same letters only"
        else:
            difference = "in how they write the same number only"
        spellings = ", ".join(f"{spelling(name)} ({counts[name]})" for name in names)
        yield (f"The labels {spellings} differ {difference}; they are taken for different classes.")


def columns_alike(classes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Label columns that share most of their classes, and may be annotators' answers.

    Args:
      classes: the class names of each label column.
    """
    groups: list[list[str]] = []
    for column, names in classes.items():
        for group in groups:
            others = classes[group[0]]
            if 2 * len({*names} & {*others}) >= len({*names} | {*others}):
                group.append(column)
                break
        else:
            groups.append([column])
    for group in groups:
        if len(group) > 1:
            yield (
                f"The columns {listing([repr(column) for column in group])} hold the same classes; "
                "each is learned as a question of its own. Where they are several annotators' "
                "answers to one question, give them as `answer_columns`."
            )


def _same_label(name: str) -> str:
    seen = appearance(name)
    return str(float(seen)) if _NUMBER.fullmatch(seen) else seen


def _few_labels(counts: dict[str, int]) -> Iterator[str]:
    few = [
        f"{spelling(name)} ({count})" for name, count in counts.items() if count < _ENOUGH_LABELS
    ]
    if few and any(counts.values()):  # Where there are no labels at all, that is said elsewhere.
        yield (
            f"Fewer than {_ENOUGH_LABELS} labels for {listing(few, limit=10)}: predictions of "
            "such a class cannot be checked; label more of it."
        )


def _conflicts(
    texts: Sequence[str], classes: Sequence[str], allowed: NDArray[np.bool_], chunk: FrameChunk
) -> Iterator[str]:
    annotated = np.flatnonzero(~allowed.all(axis=1)).tolist()
    conflicting = [
        rows
        for rows in _groups(annotated, key=lambda row: texts[row])
        if not is_blank(texts[rows[0]]) and not allowed[rows].all(axis=0).any()
    ]
    if not conflicting:
        return

    def named(row: int) -> str:
        given, denied = said_classes(classes, allowed[row])
        names = " or ".join(map(spelling, given))
        names = names or f"not {' or '.join(map(spelling, denied))}"
        return f"{chunk.place(row)} {names}"

    examples = "; ".join(
        f"{shorten(texts[rows[0]])}: {listing([named(row) for row in rows])}"
        for rows in conflicting[:_NUM_EXAMPLES]
    )
    yield (
        f"{_count(len(conflicting), 'text')} with conflicting labels on identical copies, "
        f"such as {examples}."
    )


def odd_texts(texts: Sequence[str], chunk: FrameChunk) -> Iterator[str]:
    """Empty and oversized texts."""
    empty = [row for row, text in enumerate(texts) if is_blank(text)]
    if empty:
        yield f"{_count(len(empty), 'empty text')}: {chunk.places(empty)}."
    long = [row for row, text in enumerate(texts) if len(text) > MAX_TEXT_CHARACTERS]
    if long:
        yield (
            f"{_count(len(long), 'text')} of more than {MAX_TEXT_CHARACTERS:,} characters: "
            f"{chunk.places(long)}; the model reads only that many, the output keeps all."
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _groups(items: Iterable[_Item], key: Callable[[_Item], str]) -> list[list[_Item]]:
    groups: defaultdict[str, list[_Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.values())
