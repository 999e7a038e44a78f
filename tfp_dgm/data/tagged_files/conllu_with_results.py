"""CoNLL-U with results among the attributes, read again, and the answers to them written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.tagged_files.conllu_files import ATTRIBUTES, ConlluFile
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk, RawSentence
from tfp_dgm.data.tagged_files.read_values import accept_of, probability_of
from tfp_dgm.data.tagged_files.result_files import LinesWithResults, WordResult

_ESCAPE = re.compile(r"\\(.)")
_NOTHING = "_"


@dataclass(frozen=True)
class ConlluWithResults(LinesWithResults, ConlluFile):
    """A file that `ConlluFile` wrote."""

    def _word(self, body: str, number: int, before: int) -> tuple[str, str] | None:
        return super()._word(self.answered(body, None), number, before)

    def word_result(self, chunk: RawChunk, sentence: RawSentence, word: int) -> WordResult:
        """What the attributes of a word say."""
        place = (self.path, sentence.place(word))
        items = chunk.pieces[sentence.pieces[word]].rstrip("\r\n").rpartition("\t")[2].split("|")
        found = dict(item.partition("=")[::2] for item in items)
        if "Tag" not in found:
            raise DataError.at(
                self.path, "expected the attribute 'Tag' in the last column", place=place[1]
            )
        span = None
        if "SpanProb" in found:
            span = (
                probability_of(found["SpanProb"], *place),
                accept_of(found.get("SpanAccept", _NOTHING), *place),
                _unescaped(found.get("SpanOther", "")),
                probability_of(found.get("SpanOtherProb"), *place),
            )
        return WordResult(
            _unescaped(found["Tag"]),
            probability_of(found.get("TagProb"), *place),
            accept_of(found.get("TagAccept", _NOTHING), *place),
            span,
        )

    def answered(self, body: str, tag: str | None) -> str:
        """The source's line, with another tag where one is given."""
        cells = body.split("\t")
        items = [item for item in cells[-1].split("|") if item.partition("=")[0] not in ATTRIBUTES]
        cells[-1] = "|".join(items) or _NOTHING
        if tag is not None:
            cells[self.tag] = tag
        return "\t".join(cells)


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda found: "|" if found[1] == "p" else found[1], value)
