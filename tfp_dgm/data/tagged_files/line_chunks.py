"""Parts of files that have a word a line and blank lines between sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk, RawSentence
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


def change_lines(
    pieces: list[str],
    sentence: RawSentence,
    added: Sequence[list[str]],
    change: Callable[[str, list[str], str], str],
) -> None:
    """Changes the lines of a sentence's words, but not how they end.

    Args:
      pieces: of the part of the file; changed.
      sentence: one of it, of T words.
      added: what each of the T lines gets.
      change: takes a line, what it gets, and its place; returns the new line.
    """
    words = zip(sentence.pieces, added, strict=True)
    for word, (piece, cells) in enumerate(words):
        body = pieces[piece].rstrip("\r\n")
        pieces[piece] = change(body, cells, sentence.place(word)) + pieces[piece][len(body) :]
