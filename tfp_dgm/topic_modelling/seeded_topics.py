"""Topics that there must be: the words that a person named, looked up in the texts."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.data import DataError, SeedTopic
from tfp_dgm.text import words

_NEAREST = 3


@dataclass(frozen=True)
class SeededTopics:
    """Topics that a person named, by words or by texts.

    Attributes:
      names: [S] of them.
      words: [S]; of each the words that were given, () where there are only texts.
      documents: int64 [D]; the topic that a person gave each text, -1 where none.
    """

    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    documents: NDArray[np.int64]

    def word_ids(self, vocabulary: Sequence[str], num_topics: int) -> list[NDArray[np.int64]]:
        """[K]; the places in the vocabulary [V] of each topic's words, none after the first S."""
        places = {word: place for place, word in enumerate(vocabulary)}
        own = [[places[word] for word in given if word in places] for given in self.words]
        return [np.array(ids, np.int64) for ids in [*own, *[[]] * (num_topics - len(own))]]


def seeded_topics(
    topics: Sequence[SeedTopic],
    texts: Sequence[str],
    given: Sequence[str | None] | None,
    *,
    source: str | PathLike[str],
    frequencies: dict[str, int],
) -> SeededTopics:
    """Looks seeds up in the texts.

    Args:
      topics: of a file of seed words.
      texts: D texts.
      given: [D], the names of the topics that a person gave texts; None without such a column.
      source: the file of seed words, for messages.
      frequencies: the words of the texts, and how many texts have each.
    Raises:
      DataError: if a seed has no word that a text has; names it, and the nearest that one has.
    """
    found: dict[str, tuple[str, ...]] = {}
    for topic in topics:
        own: list[str] = []
        for seed, line in topic.words:
            tokens = [token.decode("utf-8") for token in words(tf.constant([seed])).values.numpy()]
            missing = [token for token in tokens if token not in frequencies]
            if missing or not tokens:
                raise DataError.at(
                    source,
                    f"no text has the word {(missing or [seed])[0]!r} of {topic.name!r}"
                    f"{_near((missing or [seed])[0], frequencies)}",
                    place=f"line {line}",
                )
            own += tokens
        found[topic.name] = tuple(dict.fromkeys(own))
    counts = Counter(name for name in given or () if name is not None)
    names = [*found, *sorted(counts.keys() - found.keys())]
    number = {name: k for k, name in enumerate(names)}
    documents = [-1 if name is None else number[name] for name in given or [None] * len(texts)]
    return SeededTopics(
        tuple(names),
        tuple(found.get(name, ()) for name in names),
        np.array(documents, np.int64),
    )


def _near(word: str, frequencies: dict[str, int]) -> str:
    """The words of the texts that are spelled most like it, the more frequent first."""
    close = difflib.get_close_matches(word, frequencies, n=_NEAREST, cutoff=0.6)
    if not close:
        return "; nor one that is spelled alike"
    told = [
        f"{other!r} ({frequencies[other]:,} text{'' if frequencies[other] == 1 else 's'})"
        for other in close
    ]
    return f"; the nearest that texts have: {', '.join(told)}"
