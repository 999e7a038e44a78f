"""Where the words of a text stand in it, as `words` cuts them."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import tensorflow as tf

from tfp_dgm.text.word_counts import words

_KINDS = " wc"  # Between words; part of a word; a word by itself, of a script without spaces.
_WORD = re.compile("w+|c")


@dataclass(frozen=True)
class WordSpan:
    """One occurrence of a word.

    Attributes:
      word: as a vocabulary holds it, in lower case.
      start, end: of its characters in the text, the last one not included.
    """

    word: str
    start: int
    end: int


def word_spans(texts: Sequence[str]) -> list[list[WordSpan]]:
    """The words of each text in their order, with their places.

    Args:
      texts: N texts that UTF-8 can hold.
    """
    if not texts:
        return []
    characters = sorted(set().union(*texts))
    # Asked twice in a row, a letter is one word, and a word by itself two.
    lengths = words(tf.constant([2 * character for character in characters] or [""])).row_lengths()
    kinds = {ord(c): _KINDS[n] for c, n in zip(characters, lengths.numpy().tolist(), strict=False)}
    spans = []
    for text, tokens in zip(texts, words(tf.constant(list(texts))).to_list(), strict=True):
        found = _WORD.finditer(text.translate(kinds))
        spans.append(
            [
                WordSpan(token.decode("utf-8"), match.start(), match.end())
                for token, match in zip(tokens, found, strict=True)
            ]
        )
    return spans


def without_words(text: str, spans: Sequence[WordSpan], left_out: Collection[str]) -> str:
    """The text with a space wherever one of these words stood; the rest is as it was."""
    parts, end = [], 0
    for span in spans:
        if span.word in left_out:
            parts.append(text[end : span.start])
            end = span.end
    return " ".join([*parts, text[end:]])
