"""The spans, or words, of tagged sentences that were accepted, each in its sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfp_dgm.data import (
    DataError,
    ResultSentences,
    is_tagged,
    read_result_sentences,
    read_tag_settings,
    settings_of_results,
)
from tfp_dgm.data.tag_scheme import PLAIN
from tfp_dgm.reviewing.accepted_rows import AcceptedRows

_HEAD = 65_536  # Bytes, in which a table names its columns.
_AROUND = 60  # Words that are shown on each side.
_LEFT = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}"
_RIGHT = "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"


def tagger_beside(path: str | os.PathLike[str]) -> Path | None:
    """The folder that `dgm tag` wrote with a file, where it lies in its usual place."""
    table = Path(path)
    folder = table.with_name(table.name.removesuffix(".gz")).with_suffix(".model")
    try:
        settings = read_tag_settings(folder)
    except DataError:
        return None
    return folder if settings.get("output") == table.name else None


def is_tagged_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds tagged sentences, and is no labelled table."""
    if tagger_beside(path) is not None:
        return True
    if not is_tagged(path):
        return False
    with Path(path).open("rb") as file:
        return b"predicted_label" not in file.read(_HEAD)


def read_accepted_spans(path: str | os.PathLike[str]) -> AcceptedRows:
    """Reads what was accepted of a file that `dgm tag` or `dgm tag predict` wrote.

    Where tags are of spans, it is the accepted spans, which stand for all of their words; else the
    accepted words. `rows` numbers all spans, or words, of the file from 1, accepted or not. The
    columns for a person are `place`, as "line 17", and `sentence`, in which the words in question
    stand in white square brackets.

    Raises:
      DataError: if it is no such file, or nothing was accepted.
    """
    folder = tagger_beside(path)
    settings = settings_of_results(path) if folder is None else read_tag_settings(folder)
    found = read_result_sentences(path, settings)
    plain = found.scheme.kind == PLAIN
    unit = "words" if plain else "spans"
    asked = [one for one in (_words(found) if plain else _spans(found)) if one["accept"]]
    if not asked:
        raise DataError.at(path, f"no {unit[:-1]} was accepted, so there is nothing to check")
    import pandas as pd

    return AcceptedRows(
        rows=np.array([one["number"] for one in asked], np.int64),
        labels=[one["name"] for one in asked],
        probabilities=np.array([one["probability"] for one in asked], np.float64),
        frame=pd.DataFrame({name: [one[name] for one in asked] for name in ("place", "sentence")}),
        units=unit,
    )


def _spans(found: ResultSentences) -> Iterator[dict[str, Any]]:
    number = 0
    for row, result in enumerate(found.results):
        for span in result.spans:
            number += 1
            yield {
                "number": number,
                "name": span.name,
                "probability": span.probability,
                "accept": span.accept,
                "place": found.place(row, span.first),
                "sentence": _marked(found.tokens[row], span.first, span.last),
            }


def _words(found: ResultSentences) -> Iterator[dict[str, Any]]:
    number = 0
    for row, result in enumerate(found.results):
        told = zip(result.tags, result.probabilities, result.accept, strict=True)
        for word, (tag, probability, accept) in enumerate(told):
            number += 1
            yield {
                "number": number,
                "name": tag,
                "probability": probability,
                "accept": accept,
                "place": found.place(row, word),
                "sentence": _marked(found.tokens[row], word, word),
            }


def _marked(tokens: Sequence[str], first: int, last: int) -> str:
    """A sentence, or what is around some of its words, which stand in brackets."""
    begin, end = max(0, first - _AROUND), min(len(tokens), last + 1 + _AROUND)
    before = ["\N{HORIZONTAL ELLIPSIS}"] * (begin > 0) + list(tokens[begin:first])
    behind = list(tokens[last + 1 : end]) + ["\N{HORIZONTAL ELLIPSIS}"] * (end < len(tokens))
    words = f"{_LEFT}{' '.join(tokens[first : last + 1])}{_RIGHT}"
    return " ".join([*before, words, *behind])
