"""Sentences of words that no tagged sentence has: another language, symbols, noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

from tfp_dgm.text import OWN_FORM, forms_of_all

_LONGEST = 200  # Words; of longer sentences the same share of words may be new.
_CHANCE = 1e-4  # How often a sentence like the tagged ones may be taken for another.
# Normal prior of the logarithm of a + b.
_PRECISION, _SPREAD = np.log(10.0), 1.5


@dataclass(frozen=True)
class UnlikeSentences:
    """Tells sentences that have more new words than chance explains.

    How many words of a tagged sentence are in none of the others is beta-binomial: sentences differ
    in their share of new words. One whose number is more improbable than 1 in 10,000 is of another
    kind, of which tagged sentences tell nothing.

    Attributes:
      known: the forms of the words of tagged sentences: case and digits are one.
      most_new: of a sentence of 1 to 200 words, how many may be new.
    """

    known: frozenset[str]
    most_new: tuple[int, ...]

    @classmethod
    def fit(
        cls, tokens: Sequence[Sequence[str]], annotated: np.ndarray, group: np.ndarray
    ) -> UnlikeSentences:
        """Learns from sentences with tags.

        Args:
          tokens: S lists of words.
          annotated: int [n]; the numbers of tagged sentences.
          group: int [n]; copies have the same number, and are no other sentences.
        """
        taught = [tokens[number] for number in annotated]
        form = _forms(taught)
        only: dict[str, int] = {}  # The one group that has the form; -1: several.
        for sentence, own in zip(taught, group.tolist(), strict=True):
            for word in sentence:
                if only.setdefault(form[word], own) != own:
                    only[form[word]] = -1
        new = [
            sum(only[form[word]] == own for word in sentence)
            for sentence, own in zip(taught, group.tolist(), strict=True)
        ]
        sizes = np.array([len(sentence) for sentence in taught])
        return cls(frozenset(only), _most_new(np.array(new), sizes))

    def of(self, tokens: Sequence[Sequence[str]]) -> np.ndarray:
        """bool [S]; which of S sentences are of another kind."""
        form = _forms(tokens)
        new = np.array([sum(form[w] not in self.known for w in s) for s in tokens])
        sizes = np.array([len(sentence) for sentence in tokens])
        most = np.array(self.most_new)[np.minimum(sizes, _LONGEST) - 1]
        return np.asarray(new > most * np.maximum(sizes, _LONGEST) / _LONGEST)


def _forms(tokens: Sequence[Sequence[str]]) -> dict[str, str]:
    words = list({word for sentence in tokens for word in sentence})
    return dict(zip(words, forms_of_all(words)[:, OWN_FORM], strict=True))


def _most_new(new: np.ndarray, sizes: np.ndarray) -> tuple[int, ...]:
    """Of sentences of 1 to 200 words, by what `new` [n] of `sizes` [n] words were."""

    def loss(parameters: np.ndarray) -> float:
        a, b = _shape(parameters)
        prior = (parameters[1] - _PRECISION) ** 2 / (2 * _SPREAD**2)
        return float(prior - scipy.stats.betabinom.logpmf(new, sizes, a, b).sum())

    mean = (new.sum() + 1) / (sizes.sum() + 2)
    start = np.array([scipy.special.logit(mean), _PRECISION])
    found = scipy.optimize.minimize(loss, start, method="Nelder-Mead")
    words = np.arange(1, _LONGEST + 1)
    most = scipy.stats.betabinom.isf(_CHANCE, words, *_shape(found.x))
    return tuple(int(number) for number in most)


def _shape(parameters: np.ndarray) -> tuple[float, float]:
    """a and b of the logit of a / (a + b), and the logarithm of a + b."""
    mean, total = scipy.special.expit(parameters[0]), np.exp(parameters[1])
    return mean * total, (1 - mean) * total
