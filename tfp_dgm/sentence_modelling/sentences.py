"""Sentences of a file, as models of texts are given them."""

import os
from dataclasses import dataclass

import numpy as np

from tfp_dgm.data import DataError, read_sentences
from tfp_dgm.text import Vocabulary

_LINES_SHOWN = 5


@dataclass(frozen=True)
class Texts:
    """Sentences of a file, and what is to be said of its other lines.

    Attributes:
      sentences: as the file has them.
      lines: the number of each one's line.
      rows: the token ids of each, END included.
      warnings: what was left out, or is too long, with the first line numbers.
    """

    sentences: list[str]
    lines: list[int]
    rows: list[np.ndarray]
    warnings: list[str]


def read_texts(
    file: str | os.PathLike[str],
    vocabulary: Vocabulary,
    max_length: int,
    *,
    keep_long: bool = False,
) -> Texts:
    """Reads sentences; those of more than `max_length` tokens are named, and left out or kept.

    Raises:
      DataError: where the file cannot be read, or has less than the two sentences that a training
        and an evaluation need; where the long ones are kept, less than one.
    """
    read = read_sentences(file)
    rows = vocabulary.encode_all(read.texts)
    all_texts = list(zip(read.texts, read.line_numbers, rows, strict=True))
    kept = [text for text in all_texts if keep_long or len(text[2]) <= max_length]
    warnings = [f"{file}: {warning}" for warning in read.warnings()]
    long = [line for _, line, row in all_texts if len(row) > max_length]
    if long:
        fate = "longer than any text of the model" if keep_long else "left out"
        shown = ", ".join(map(str, long[:_LINES_SHOWN]))
        more = f" and {len(long) - _LINES_SHOWN} more" if len(long) > _LINES_SHOWN else ""
        warnings.append(
            f"{file}: {len(long):,} sentences of more than {max_length} tokens, {fate}: "
            f"line {shown}{more}"
        )
    if len(kept) < 2 and not keep_long:
        raise DataError.at(
            file,
            f"expected at least 2 sentences of at most {max_length} tokens; there are {len(kept)}",
        )
    sentences, lines, rows = (list(column) for column in zip(*kept, strict=True))
    return Texts(sentences, lines, rows, warnings)
