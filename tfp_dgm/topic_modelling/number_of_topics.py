"""How many topics: as many as predict unseen words best, are had by texts, and are found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.evaluation import document_completion, topic_stability
from tfp_dgm.progress import Progress
from tfp_dgm.topic_modelling.collapsed_topics import empty_topics

CANDIDATES = (2, 3, 5, 10, 15, 20, 30, 40)
_RESTARTS = 2
_TRAINING_ROWS, _HELD_OUT_ROWS = 3_000, 1_000
_HELD_OUT_SHARE = 0.2
_LEAST_ROWS = 50
_ROWS_A_TOPIC = 10
_ENOUGH = 0.8  # Of the gain.
_MOST_EMPTY = 0.2  # Of the topics; one may be missed by chance.


class Fitted(Protocol):
    """What is asked of fitted topics; `topic_fitting.TopicFit` has it."""

    @property
    def topics(self) -> NDArray[np.floating]:
        """p(word | topic) [K, V]."""

    def mixtures_of(self, counts: scipy.sparse.csr_matrix) -> NDArray[np.floating]:
        """What documents with counts [n, V] have of the topics, [n, K]."""


# The rows to learn from, the number of topics and a seed -> topics.
FitTopics = Callable[[NDArray[np.int64], int, int], Fitted]


@dataclass(frozen=True)
class Candidate:
    """A number of topics that was tried.

    Attributes:
      num_topics: K.
      log_likelihood: of a held-out word, nats; higher is better.
      gain: how much of the best candidate's gain over one topic for all it has; the best is one
        that leaves no more than a fifth of its topics empty.
      standard_error: of its difference from the best candidate's, over documents; 0 of the best.
      stability: what the topics of two seeds have in common; see `evaluation.topic_stability`.
      empty: topics that no document has most of, of the seed that left more of them.
    """

    num_topics: int
    log_likelihood: float
    gain: float
    standard_error: float
    stability: float
    empty: int


@dataclass(frozen=True)
class NumberOfTopics:
    """How many topics there are to be, and why.

    Attributes:
      chosen: K.
      candidates: what was tried, by rising K; none where the number was given or texts are few.
    """

    chosen: int
    candidates: tuple[Candidate, ...] = ()


def choose_number_of_topics(
    counts: scipy.sparse.csr_matrix,
    fit: FitTopics,
    *,
    least: int = 2,
    seed: int = 0,
    progress: Progress = lambda step, done, total: None,
) -> NumberOfTopics:
    """Tries numbers of topics on a part of the documents.

    A fifth of the documents, at most 1,000, is held out; topics of 3,000 others at most are learned
    from two seeds. Each held-out document's words are predicted from its other half, which more
    topics nearly always do better. So of the numbers that have four fifths of what the best one
    gains over one topic for all, the one is chosen on whose topics two seeds agree most. Numbers of
    which more than a fifth stay empty are too many: empty topics are all alike, and would pass for
    stable.

    Args:
      counts: word counts [N, V].
      fit: learns topics from some of the rows.
      least: the smallest number that there may be.
      seed: of the parts and the first training.
      progress: called with a step's name, how much of it is done, and how much there is.
    """
    rows = np.flatnonzero(np.asarray(counts.sum(axis=1)).ravel() > 1)
    if len(rows) < _LEAST_ROWS:
        return NumberOfTopics(max(least, min(5, len(rows) // 2)))
    rows = np.random.default_rng(seed).permutation(rows)
    held = max(1, min(_HELD_OUT_ROWS, int(_HELD_OUT_SHARE * len(rows))))
    learned = rows[held : held + _TRAINING_ROWS]
    held_out, training = counts[rows[:held]], counts[learned]
    numbers = _numbers(training.shape[0], least)
    step = "Choosing the number of topics"
    progress(step, 0, len(numbers))
    likelihoods, stabilities, empty = [], [], []
    tokens: NDArray[np.int64] = np.zeros(held, np.int64)
    for done, number in enumerate(numbers, start=1):
        fits = [fit(learned, number, seed + restart) for restart in range(_RESTARTS)]
        found = [document_completion(held_out, word_probabilities(one), seed=seed) for one in fits]
        likelihoods.append(np.mean([likelihood for likelihood, _ in found], axis=0))
        tokens = found[0][1]
        stabilities.append(topic_stability([one.topics for one in fits])[0])
        empty.append(max(len(empty_topics(one.mixtures_of(training))) for one in fits))
        progress(step, done, len(numbers))
    share = np.asarray(training.sum(axis=0)).ravel() + 1 / training.shape[1]
    share = share / share.sum()
    of_one, _ = document_completion(
        held_out, lambda known: np.tile(share, (known.shape[0], 1)), seed=seed
    )
    return _choice(numbers, np.array(likelihoods), of_one, tokens, stabilities, empty)


def word_probabilities(
    fitted: Fitted,
) -> Callable[[scipy.sparse.csr_matrix], NDArray[np.floating]]:
    """Counts [n, V] of what is known of documents -> probabilities [n, V] of a further word."""
    return lambda counts: fitted.mixtures_of(counts) @ fitted.topics


def _numbers(rows: int, least: int) -> list[int]:
    most = max(least, rows // _ROWS_A_TOPIC)
    numbers = [number for number in CANDIDATES if least <= number <= most]
    return numbers or [max(least, min(most, CANDIDATES[0]))]


def _choice(
    numbers: Sequence[int],
    likelihoods: NDArray[np.float64],
    of_one: NDArray[np.float64],
    tokens: NDArray[np.integer],
    stabilities: Sequence[float],
    empty: Sequence[int],
) -> NumberOfTopics:
    """Of log-likelihoods [candidates, documents], those of one topic, and each one's scores."""
    total = max(int(tokens.sum()), 1)
    sums = likelihoods.sum(axis=1)
    filled = np.array(empty) <= _MOST_EMPTY * np.array(numbers)
    if not filled.any():
        filled[0] = True  # Fewer topics are not to be had.
    best = int(np.where(filled, sums, -np.inf).argmax())
    errors = (likelihoods - likelihoods[best]).std(axis=1) * np.sqrt(likelihoods.shape[1]) / total
    gains = (sums - of_one.sum()) / max(sums[best] - of_one.sum(), 1e-12)
    candidates = tuple(
        Candidate(number, float(own / total), float(gain), float(error), float(stability), none)
        for number, own, gain, error, stability, none in zip(
            numbers, sums, gains, errors, stabilities, empty, strict=True
        )
    )
    # Where one topic for all is the best, only the best of the others is left.
    good = [
        one for k, one in enumerate(candidates) if filled[k] and (one.gain >= _ENOUGH or k == best)
    ]
    return NumberOfTopics(max(good, key=lambda one: one.stability).num_topics, candidates)
