"""Files that a tagger wrote: results read again, and a person's answers written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tfp_dgm.data.tag_scheme import PLAIN, TagScheme
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk, RawSentence
from tfp_dgm.data.tagged_files.tag_results import SentenceResult, SpanResult
from tfp_dgm.data.tagged_files.tagged_formats import TaggedFile

# Of each word another tag, in the scheme of the file, or None where the file's own stays.
Answers = Sequence[str | None]


class ResultFile(TaggedFile, Protocol):
    """A file that `TaggedFile.written` made."""

    def result(self, chunk: RawChunk, sentence: RawSentence, scheme: TagScheme) -> SentenceResult:
        """What was written of a sentence.

        Raises:
          DataError: if something else stands there; names the line.
        """

    def with_answers(self, chunk: RawChunk, answers: Sequence[Answers | None]) -> str:
        """The source, with other tags where they are given.

        Args:
          chunk: the file, or a part of it.
          answers: of each sentence; None where all of it stays.
        """


class WordResult(NamedTuple):
    """What stands behind a word: its tag, probability, whether it is accepted, and of a span that
    begins there probability, whether it is accepted, the runner-up and the probability of that."""

    tag: str
    probability: float
    accept: bool | None
    span: tuple[float, bool | None, str, float] | None


class LinesWithResults(ABC):
    """Files with a word a line, which bears the word's results."""

    def result(self, chunk: RawChunk, sentence: RawSentence, scheme: TagScheme) -> SentenceResult:
        """See `ResultFile.result`."""
        words = [self.word_result(chunk, sentence, word) for word in range(len(sentence.tokens))]
        tags = [word.tag for word in words]
        spans = []
        labels = [] if scheme.kind == PLAIN else labels_of_tags(scheme, tags)
        for span in scheme.spans(labels):
            own = words[span.first].span
            if own is not None:
                spans.append(SpanResult(span.first, span.last, span.name, *own))
        return SentenceResult(
            tags,
            [word.probability for word in words],
            [word.accept for word in words],
            spans,
        )

    def with_answers(self, chunk: RawChunk, answers: Sequence[Answers | None]) -> str:
        """See `ResultFile.with_answers`."""
        pieces = list(chunk.pieces)
        for sentence, given in zip(chunk.sentences, answers, strict=True):
            told = [None] * len(sentence.tokens) if given is None else given
            for piece, tag in zip(sentence.pieces, told, strict=True):
                body = pieces[piece].rstrip("\r\n")
                pieces[piece] = self.answered(body, tag) + pieces[piece][len(body) :]
        return "".join(pieces)

    @abstractmethod
    def word_result(self, chunk: RawChunk, sentence: RawSentence, word: int) -> WordResult:
        """What stands behind a word."""

    @abstractmethod
    def answered(self, body: str, tag: str | None) -> str:
        """The source's line, without its end, with another tag where one is given."""


def labels_of_tags(scheme: TagScheme, tags: Sequence[str]) -> list[str]:
    """The legal sequence of labels that T tags of a sentence stand for.

    Raises:
      ValueError: if the scheme has no such tag.
    """
    if not tags:
        return []
    return [scheme.labels[k] for k in scheme.allowed([(tag,) for tag in tags]).argmax(axis=1)]
