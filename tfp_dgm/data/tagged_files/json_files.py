"""Sentences in JSON Lines or a JSON array: lists of words and tags, or texts and spans."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.tag_scheme import TagScheme
from tfp_dgm.data.tagged_files.annotated_spans import SPAN_KEYS
from tfp_dgm.data.tagged_files.json_records import json_pieces, with_results, with_values
from tfp_dgm.data.tagged_files.output_names import require_ending
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk, RawSentence
from tfp_dgm.data.tagged_files.span_cells import SPAN_SCHEME
from tfp_dgm.data.tagged_files.tag_results import SentenceResult
from tfp_dgm.data.tagged_files.text_records import TextRecords
from tfp_dgm.data.tagged_files.tool_forms import region_names, tool_values
from tfp_dgm.data.tagged_files.word_records import WordRecords

_EMPTY = SentenceResult((), (), ())


def find_form(
    path: Path, token_column: int | str | None, tag_column: int | str | None
) -> WordRecords | TextRecords:
    """Finds the form of a file's objects, by the first.

    Args:
      path: the file.
      token_column: the key of the words, or of the text; None for `tokens`, or `text`.
      tag_column: the key of the tags, or of the spans; None for the usual ones.
    Raises:
      DataError: if there is no object, or it has no such keys.
    """
    piece = next((piece for piece in json_pieces(path) if piece.record is not None), None)
    if piece is None or piece.record is None:
        raise DataError.at(path, "expected at least one JSON object; none")
    token_key = None if token_column is None else str(token_column)
    tag_key = None if tag_column is None else str(tag_column)
    record = piece.record
    words = record.get(token_key or "tokens")
    if isinstance(words, list) and (
        token_key or "text" not in record or all(isinstance(word, str) for word in words)
    ):
        return WordRecords(path, token_key or "tokens", tag_key or "tags")
    held = record.get("data")
    held = held if isinstance(held, dict) else {}
    if isinstance(record.get(token_key or "text", held.get(token_key or "text")), str) or (
        held and token_key is None
    ):
        return TextRecords(path, token_key, tag_key)
    keys = listing([repr(key) for key in record], 20) or "none"
    wanted = "'tokens' or 'text'" if token_key is None else repr(token_key)
    raise DataError.at(
        path,
        f"expected a list of words or a text as {wanted}; the keys are {keys}; name that of the "
        "words or the text as `token_column`",
        place=piece.place,
    )


@dataclass(frozen=True)
class JsonFile:
    """A file of JSON objects.

    Attributes:
      path: the file.
      form: what the objects are.
      tool: for which texts are written, with its keys alone; see `tool_forms`. None for none.
    """

    path: Path
    form: WordRecords | TextRecords
    tool: str | None = None

    @property
    def kind(self) -> str | None:
        """The scheme of the tags where it is known."""
        return SPAN_SCHEME if isinstance(self.form, TextRecords) else None

    @property
    def tags_from(self) -> str:
        """Where the tags were looked for."""
        if isinstance(self.form, WordRecords):
            return f"as {self.form.tags!r}"
        return f"as {self.form.spans!r}" if self.form.spans else f"as {', '.join(SPAN_KEYS)}"

    def check_output(self, output: Path) -> None:
        """Checks that a file of this format may have the name."""
        require_ending(output, (".json", ".jsonl", ".ndjson"), "JSON")

    def chunks(self, size: int | None, *, with_tags: bool = True) -> Iterator[RawChunk]:
        """Yields the file in parts of `size` sentences; None for all of it at once."""
        chunk = RawChunk()
        remarks: dict[str, list[str]] = {}
        for piece in json_pieces(self.path):
            full = size is not None and len(chunk.sentences) >= size
            if full and piece.record is not None:
                yield _with_warnings(chunk, remarks)
                chunk, remarks = RawChunk(), {}
            place = len(chunk.pieces)
            chunk.pieces.append(piece.text)
            if piece.record is None:
                continue
            if isinstance(self.form, WordRecords):
                sentence = self.form.sentence(piece, place, with_tags=with_tags)
            else:
                sentence = self.form.sentence(piece, place, remarks, with_tags=with_tags)
            if sentence.tokens:
                chunk.sentences.append(sentence)
            else:
                chunk.empty.append((place, piece.place))
                remarks.setdefault("no words", []).append(piece.place)
        yield _with_warnings(chunk, remarks)

    def written(
        self, chunk: RawChunk, scheme: TagScheme, results: Iterable[SentenceResult], output: Path
    ) -> str:
        """The part of the file, with keys added to its objects."""
        pieces = list(chunk.pieces)
        found = [
            (sentence.pieces[0], sentence.place(0), sentence, result)
            for sentence, result in zip(chunk.sentences, results, strict=True)
        ]
        nothing = RawSentence([], [], [], [], [], "")
        found += [(place, where, nothing, _EMPTY) for place, where in chunk.empty]
        if self.tool is not None:
            records = {place: json.loads(pieces[place]) for place, *_ in found}
            names = region_names(records.values())
            for place, _, sentence, result in found:
                values = tool_values(self.tool, records[place], sentence, result, names)
                pieces[place] = with_values(pieces[place], values)
            return "".join(pieces)
        for place, where, sentence, result in found:
            added = self.form.added(sentence, scheme, result)
            pieces[place] = with_results(pieces[place], added, self.path, where)
        return "".join(pieces)


def _with_warnings(chunk: RawChunk, remarks: dict[str, list[str]]) -> RawChunk:
    """The chunk, with a sentence for each thing that was remarked."""
    for remark, places in remarks.items():
        chunk.warnings.append(f"{remark}: {listing(places)}")
    return chunk
