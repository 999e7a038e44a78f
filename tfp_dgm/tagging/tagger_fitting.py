"""Trains a tagger on partially annotated sentences, and cross-fits what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize

from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.tagging.chain_answers import SentenceAnswer, answers_of_potentials
from tfp_dgm.tagging.chain_fitting import ChainProblem, ChainWeights, Legal, legal_words
from tfp_dgm.tagging.chain_sums import PackedSentences, chain_sums
from tfp_dgm.tagging.form_vectors import FormVectors
from tfp_dgm.tagging.sequence_tagger import SequenceTagger
from tfp_dgm.tagging.span_search import outside_penalty
from tfp_dgm.tagging.word_windows import WordTable, windows
from tfp_dgm.text import WordForms

FOLDS = 5
_L2 = 0.3
_STEPS = 100
_TEMPERATURE_SPREAD = 0.3  # Standard deviation of the prior of its logarithm.


@dataclass(frozen=True)
class TaggerFit:
    """A trained tagger, and what chains answer of the annotated sentences.

    Attributes:
      tagger: the model.
      annotated: int [n]; the numbers of the sentences of which something is annotated.
      fold: int [n]; which of them were left out together.
      cross_fitted: n answers by models that were trained without the sentence.
      fitted: n answers by the tagger.
    """

    tagger: SequenceTagger
    annotated: np.ndarray
    fold: np.ndarray
    cross_fitted: list[SentenceAnswer]
    fitted: list[SentenceAnswer]


def fit_tagger(
    tokens: Sequence[Sequence[str]],
    allowed: Sequence[np.ndarray | None],
    labels: Sequence[str],
    legal: Legal,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TaggerFit:
    """Trains a tagger on sentences that are annotated whole, in part, or not at all.

    The loss is the negative log-probability of what is annotated, whatever the rest may be:
    log Z - log Z(given), summed over sentences.

    Args:
      tokens: S sentences of one token or more, none of them "".
      allowed: of each sentence bool [T, K], the labels that its annotation leaves open, or None
        where nothing is annotated.
      labels: K names.
      legal: bool [K], [K, K], [K]; the labels that sentences may begin with, what may follow each,
        and those that sentences may end with.
      seed: of the folds; the same one gives the same tagger.
      progress: called with a step's name, how much of it is done, and how much there is.
    Raises:
      ValueError: if shapes disagree, a sentence has no token or an empty one, an annotation leaves
        nothing legal, or nothing is annotated.
    """
    legal = tuple(np.asarray(part, bool) for part in legal)  # type: ignore[assignment]
    annotated = _annotated(tokens, allowed, labels, legal)
    _require_possible(annotated, allowed, legal)
    taught = [tokens[row] for row in annotated]
    known = [np.asarray(allowed[row], bool) for row in annotated]
    fold = folds(taught, seed)

    progress("Vectors of words", 0, 1)
    of_forms = FormVectors.fit(tokens, seed=seed)
    progress("Vectors of words", 1, 1)
    table = WordTable.of(taught, of_forms)
    seen = windows(taught, table.words)
    bounds = np.cumsum([0, *(len(sentence) for sentence in taught)])

    def trained(rows: np.ndarray) -> ChainWeights:
        places = np.concatenate([np.arange(bounds[row], bounds[row + 1]) for row in rows])
        problem = ChainProblem(
            table,
            seen[places],
            [len(taught[row]) for row in rows],
            np.concatenate([known[row] for row in rows]),
            legal,
        )
        return problem.weights(problem.fit(_L2, steps=_STEPS))

    chains: list[tuple[np.ndarray, ChainWeights]] = []
    total = len(np.unique(fold)) + 1
    for number in range(total - 1):
        progress("Cross-fitting", number, total)
        rows = np.flatnonzero(fold != number)
        weights = trained(rows) if len(rows) else ChainWeights.zero(table, len(labels))
        chains.append((np.flatnonzero(fold == number), weights))
    progress("Cross-fitting", total - 1, total)
    final = trained(np.arange(len(taught)))
    progress("Cross-fitting", total, total)

    unary = [
        [weights.unary(table, seen[bounds[row] : bounds[row + 1]]) for row in rows]
        for rows, weights in chains
    ]
    temperature = fit_temperature(
        [
            (potentials, weights.transitions, [known[row] for row in rows])
            for potentials, (rows, weights) in zip(unary, chains, strict=True)
        ],
        legal,
    )
    tempered = [
        ([potential / temperature for potential in potentials], weights.transitions / temperature)
        for potentials, (_, weights) in zip(unary, chains, strict=True)
    ]
    penalty = outside_penalty(tempered, legal, labels)
    cross_fitted: list[SentenceAnswer] = [None] * len(taught)  # type: ignore[list-item]
    for potentials, (rows, _) in zip(tempered, chains, strict=True):
        answers = answers_of_potentials(*potentials, legal, labels, penalty)
        for row, answer in zip(rows, answers, strict=True):
            cross_fitted[row] = answer
    tagger = _tagger(labels, table, of_forms, final, temperature, legal)
    tagger.outside_penalty.assign(penalty)
    return TaggerFit(tagger, annotated, fold, cross_fitted, tagger.answers(taught))


def folds(sentences: Sequence[Sequence[str]], seed: int) -> np.ndarray:
    """The fold int [n] of each sentence, from 0 on; copies, whatever their case, are in one."""
    numbers: dict[tuple[str, ...], int] = {}
    group = np.array(
        [
            numbers.setdefault(tuple(word.lower() for word in sentence), len(numbers))
            for sentence in sentences
        ]
    )
    order = np.random.default_rng(seed).permutation(len(numbers))
    return (order % min(FOLDS, len(numbers)))[group]


Chains = Sequence[tuple[list[np.ndarray], np.ndarray, list[np.ndarray]]]


def fit_temperature(chains: Chains, legal: Legal) -> float:
    """The number that potentials are divided by for annotations to be the most probable.

    The most probable one under a log-normal prior around 1.

    Args:
      chains: potentials [T, K] of sentences, the transitions [K, K] of a model that was trained
        without them, and what is allowed, [T, K].
      legal: see `fit_tagger`.
    """
    problems = []
    for unary, transitions, known in chains:
        packed = PackedSentences([len(potential) for potential in unary])
        may = legal_words(packed, legal)
        potentials = np.where(may, np.concatenate(unary)[packed.order], -np.inf)
        moves = np.where(legal[1], transitions, -np.inf)
        problems.append((packed, potentials, moves, np.concatenate(known)[packed.order]))

    def loss(log_temperature: float) -> float:
        total = log_temperature**2 / (2 * _TEMPERATURE_SPREAD**2)
        for packed, unary, moves, known in problems:
            cooled = unary / np.exp(log_temperature), moves / np.exp(log_temperature)
            free = chain_sums(packed, *cooled, None).log_partition
            given = chain_sums(packed, *cooled, known).log_partition
            total += (free - given).sum()
        return total

    bounds = (-1.5, 1.5)
    return float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _tagger(
    labels: Sequence[str],
    table: WordTable,
    of_forms: FormVectors,
    weights: ChainWeights,
    temperature: float,
    legal: Legal,
) -> SequenceTagger:
    names = dict(zip(("initial", "transitions", "final"), legal, strict=True))
    known = set(table.features)
    further = [name for name in of_forms.features if name not in known]
    features = (*table.features, *further)
    tagger = SequenceTagger(
        labels, WordForms(features), taught=len(known), units=of_forms.units, **names
    )
    tagger.build()
    flat = weights.table.reshape(len(weights.table), -1)
    tagger.table.assign(np.concatenate([np.zeros_like(flat[:1]), flat]))
    tagger.projection.assign(weights.projection.reshape(of_forms.units, -1))
    place = {name: number for number, name in enumerate(features, start=1)}
    vectors = np.zeros((len(features) + 1, of_forms.units), np.float32)
    vectors[[place[name] for name in of_forms.features]] = of_forms.vectors
    tagger.vectors.assign(vectors)
    tagger.move_potentials.assign(weights.transitions)
    tagger.bias.assign(weights.bias)
    tagger.temperature.assign(temperature)
    return tagger


def _annotated(
    tokens: Sequence[Sequence[str]],
    allowed: Sequence[np.ndarray | None],
    labels: Sequence[str],
    legal: Legal,
) -> np.ndarray:
    """The numbers of the sentences of which something is known."""
    size = len(labels)
    shapes = tuple(part.shape for part in legal)
    if shapes != ((size,), (size, size), (size,)):
        raise ValueError(
            f"legal: expected the shapes [{size}], [{size}, {size}] and [{size}]; received {shapes}"
        )
    if len(allowed) != len(tokens):
        raise ValueError(
            f"allowed: expected {len(tokens)} sentences, as in `tokens`; received {len(allowed)}"
        )
    found = []
    for number, (sentence, known) in enumerate(zip(tokens, allowed, strict=True)):
        if not len(sentence) or "" in sentence:
            raise ValueError(
                f"tokens: expected tokens that are not empty; received {sentence!r} in sentence "
                f"{number}"
            )
        if known is None:
            continue
        if np.shape(known) != (len(sentence), size):
            raise ValueError(
                f"allowed: expected shape [{len(sentence)}, {size}] in sentence {number}; received "
                f"{np.shape(known)}"
            )
        if not np.all(known):
            found.append(number)
    if not found:
        raise ValueError("allowed: expected at least one annotated token; received none")
    return np.array(found)


def _require_possible(
    annotated: np.ndarray, allowed: Sequence[np.ndarray | None], legal: Legal
) -> None:
    known = [np.asarray(allowed[row], bool) for row in annotated]
    packed = PackedSentences([len(rows) for rows in known])
    left = np.concatenate(known)[packed.order] & legal_words(packed, legal)
    moves = np.where(legal[1], 0.0, -np.inf)
    possible = np.isfinite(chain_sums(packed, np.zeros(left.shape), moves, left).log_partition)
    if not possible.all():
        number = annotated[packed.sentences[np.argmin(possible)]]
        raise ValueError(
            f"allowed: expected labels of which a legal sequence can be made; received none such "
            f"in sentence {number}"
        )
