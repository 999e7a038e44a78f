"""Files of sentences that a training goes through without loading them."""

import hashlib
import json
import os
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfp_dgm.data import DataError, find_shards, iter_shard, shard_kind
from tfp_dgm.data.sentence_shards import RECORDS
from tfp_dgm.sentence_modelling.record_shards import iter_records
from tfp_dgm.text import StoredRows, Vocabulary

_SHOWN = 5
_LONG = "long"


@dataclass(frozen=True)
class SentenceFiles:
    """The sentences of a file, or of the shards in a folder or of a pattern, in one order.

    Iterating goes through the sentences, of which one is in memory at a time.

    Args:
      path: see `data.find_shards`.
      column: of a table, or the feature of a TFRecord's examples, that holds the texts.
    Raises:
      DataError: where there are no such files; when they are gone through, if one is damaged, of
        another kind or schema, or without any sentence.
    """

    path: str | os.PathLike[str]
    column: str = "text"
    files: tuple[Path, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", tuple(find_shards(self.path)))

    def __iter__(self) -> Iterator[str]:
        return (text for _, _, text, fault in self.placed() if fault is None)

    def placed(self) -> Iterator[tuple[Path, str, str, str | None]]:
        """Each text with its file, its place there, and why it is no sentence, or None."""
        for file in self.files:
            records = shard_kind(file) in RECORDS
            for text in (iter_records if records else iter_shard)(file, self.column):
                yield file, *text


@dataclass(frozen=True)
class StoredTexts:
    """What a training learns from, on the disk.

    Attributes:
      rows: the token ids of each sentence, END included.
      digest: of the sentences.
      warnings: what was left out, with the first places of each file.
    """

    rows: StoredRows
    digest: str
    warnings: list[str]


def store_texts(
    files: SentenceFiles, vocabulary: Vocabulary, max_length: int, folder: Path
) -> StoredTexts:
    """Writes the sentences' token ids into a folder; those of more than `max_length` are left out.

    Raises:
      DataError: see `SentenceFiles`; if less than two sentences are left.
    """
    kept = _Kept(files, vocabulary, max_length)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        rows = StoredRows.write(folder, kept)
    except OSError as error:
        raise DataError.at(folder, f"cannot be written: {error.strerror}") from error
    return StoredTexts(rows, kept.digest(), kept.warnings())


class _Kept:
    """The rows of the sentences that are kept, gone through once, and what there was besides."""

    def __init__(self, files: SentenceFiles, vocabulary: Vocabulary, max_length: int) -> None:
        self.files, self.vocabulary, self.max_length = files, vocabulary, max_length
        self._count = 0
        self._hash = hashlib.sha256(b"[")
        self._texts: Counter[Path] = Counter()  # Of each file, sentences or not.
        self._left_out: dict[tuple[Path, str], _LeftOut] = defaultdict(_LeftOut)

    def __iter__(self) -> Iterator[np.ndarray]:
        waiting: deque[tuple[Path, str, str]] = deque()  # On their way through the vocabulary.

        def sentences() -> Iterator[str]:
            for file, place, text, fault in self.files.placed():
                self._texts[file] += 1
                if fault is None:
                    waiting.append((file, place, text))
                    yield text
                else:
                    self._left_out[file, fault].add(place)

        for row in self.vocabulary.iter_encoded(sentences()):
            file, place, text = waiting.popleft()
            if len(row) > self.max_length:
                self._left_out[file, _LONG].add(place)
                continue
            self._hash.update((", " if self._count else "").encode() + json.dumps(text).encode())
            self._count += 1
            yield row
        if self._count < 2:
            raise DataError.at(
                self.files.path,
                f"expected at least 2 sentences of at most {self.max_length} tokens; there are "
                f"{self._count}",
            )

    def digest(self) -> str:
        """As `data.digest` of the list of all sentences that were kept."""
        whole = self._hash.copy()
        whole.update(b"]\n")
        return whole.hexdigest()[:16]

    def warnings(self) -> list[str]:
        """What was left out of each file, a sentence a kind."""
        said = []
        for (file, fault), left_out in sorted(self._left_out.items(), key=lambda item: item[0]):
            unit = left_out.places[0].partition(" ")[0]
            if fault == _LONG:
                what = f"sentences of more than {self.max_length} tokens, left out"
            else:
                what = f"of {self._texts[file]:,} {unit}s left out, {fault}"
            said.append(f"{file}: {left_out.count:,} {what}: {left_out.shown(unit)}")
        return said


@dataclass
class _LeftOut:
    """Texts of one file that are left out for one reason: how many, and where the first stand."""

    count: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        self.count += 1
        if len(self.places) < _SHOWN:
            self.places.append(place)

    def shown(self, unit: str) -> str:
        numbers = ", ".join(place.removeprefix(f"{unit} ") for place in self.places)
        more = self.count - len(self.places)
        return f"{unit} {numbers}" + (f" and {more} more" if more else "")
