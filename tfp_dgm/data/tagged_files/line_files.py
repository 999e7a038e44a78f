"""Files that have a word a line and blank lines between sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.tag_scheme import TagScheme
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk, RawSentence
from tfp_dgm.data.tagged_files.tag_results import SentenceResult
from tfp_dgm.data.text_file import open_text

# A line without its end, its number, and how many words of the sentence went before; the word and
# its tag, or None where the line holds none.
ReadWord: TypeAlias = Callable[[str, int, int], "tuple[str, str] | None"]


def line_chunks(
    path: Path, size: int | None, word: ReadWord, *, starts: str | None = None
) -> Iterator[RawChunk]:
    """Yields a file in parts of `size` sentences; the last has what follows it, too.

    Args:
      path: the file.
      size: of a part; None for all of the file at once.
      word: reads a line that is not blank.
      starts: with what a line begins that ends a sentence as a blank one does.
    Raises:
      DataError: if the file cannot be read, or from `word`.
    """
    chunk = RawChunk()
    sentence = RawSentence([], [], [], [])
    with open_text(path, "", longest=MAX_CELL_CHARACTERS) as lines:
        for number, line in enumerate(lines, start=1):
            body = line.rstrip("\r\n")
            found = None
            if not body.strip(" \t") or (starts and body.startswith(starts)):
                sentence = RawSentence([], [], [], [])
            else:
                found = word(body, number, len(sentence.tokens))
            if found and not sentence.tokens:
                if size is not None and len(chunk.sentences) >= size:
                    yield chunk
                    chunk = RawChunk()
                chunk.sentences.append(sentence)
            if found:
                sentence.add(*found, number, len(chunk.pieces))
            chunk.pieces.append(line)
    yield chunk


class LineFile(ABC):
    """A file with a word a line, in which lines get results."""

    @property
    def kind(self) -> str | None:
        """The scheme of the tags where the format tells it."""
        return None

    def written(
        self, chunk: RawChunk, scheme: TagScheme, results: Iterable[SentenceResult], output: Path
    ) -> str:
        """See `TaggedFile.written`."""
        pieces = list(chunk.pieces)
        for sentence, result in zip(chunk.sentences, results, strict=True):
            words = zip(sentence.pieces, self._added(scheme, result), strict=True)
            for word, (piece, added) in enumerate(words):
                body = pieces[piece].rstrip("\r\n")
                changed = self._changed(body, added, sentence.place(word))
                pieces[piece] = changed + pieces[piece][len(body) :]
        return "".join(pieces)

    @abstractmethod
    def _added(self, scheme: TagScheme, result: SentenceResult) -> list[list[str]]:
        """What each of the T lines of a sentence gets."""

    @abstractmethod
    def _changed(self, body: str, added: list[str], place: str) -> str:
        """A line without its end, with what it gets."""
