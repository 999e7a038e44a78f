"""Bags of linear heads, trained on their own confident answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tfp_dgm.labelling.accelerated_descent import accelerated_descent
from tfp_dgm.labelling.class_shares import ClassShares
from tfp_dgm.labelling.soft_labels import SoftLabels, told

# Chosen on draws of labels that no reported figure uses; one configuration for all data sets.
_RIDGE = 0.01
_CONFIDENCE = (0.75, 0.95)
_HEADS = 2
_ROUNDS = 6
_FIRST_STEPS, _STEPS = 30, 12
_ROWS_TO_ALIGN, _STEPS_TO_ALIGN = 1000, 8
_BLOCK = 4_000_000  # Numbers that are held at once.


@dataclass(frozen=True)
class SelfTrainedHeads:
    """Linear heads from each round of self-training.

    Attributes:
      rounds: R arrays float32 [D, K, H, F]: H heads for each of F models, which differ in the
        labels they may see.
    """

    rounds: Sequence[np.ndarray]

    def round_weights(self) -> np.ndarray:
        """float [R]; half the mean over the rounds after the first, half the last."""
        last = len(self.rounds) - 1
        weights = np.full(len(self.rounds), 0.5 / last)
        weights[0] = 0
        weights[last] += 0.5
        return weights

    def head_weights(self) -> list[float]:
        """What each head of the first model counts: rounds with a weight, times H."""
        num_heads = self.rounds[0].shape[2]
        weights = self.round_weights()
        return [float(w) / num_heads for w in weights if w for _ in range(num_heads)]

    def kernel_and_bias(self) -> tuple[np.ndarray, np.ndarray]:
        """The first model's heads as one matrix [D - 1, heads K] and one vector [heads K]."""
        used = [heads for w, heads in zip(self.round_weights(), self.rounds, strict=True) if w]
        stacked = np.concatenate([heads[..., 0] for heads in used], axis=2)  # [D, K, heads]
        flat = stacked.transpose(0, 2, 1).reshape(len(stacked), -1)
        return flat[:-1], flat[-1]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities of rows [N, D]: float32 [N, K, F]."""
        size, classes, num_heads, models = self.rounds[0].shape
        total = np.zeros((len(features), classes, models), np.float32)
        for block in row_blocks(len(features), classes * num_heads * models):
            for weight, heads in zip(self.round_weights(), self.rounds, strict=True):
                if weight:
                    flat = heads.reshape(size, classes, num_heads * models)
                    answers = _probabilities(features[block], flat)
                    by_head = answers.reshape(-1, classes, num_heads, models)
                    total[block] += np.float32(weight) * by_head.mean(axis=2)
        return total


def self_train(
    features: np.ndarray,
    rows: np.ndarray,
    allowed: np.ndarray,
    visible: np.ndarray,
    *,
    class_shares: ClassShares,
    rare_class_power: float,
    seed: int,
    progress: Callable[[int, int], None],
) -> SelfTrainedHeads:
    """Trains F models of H heads at once.

    In each round a head learns from the annotated rows, with random weights of its own, and from
    the rows of which it was confident in the round before, sets among them: within these the
    likeliest class is what such a row teaches. Where labels were drawn unevenly, its
    answers are brought to the estimated shares of the classes first ("distribution alignment" [1]),
    and annotations count more in classes that have too few.

    Args:
      features: float32 [N, D], the last column ones.
      rows: int [n]; the rows that teach: the annotated ones, then any guides.
      allowed: bool [n, K]; what is known of their classes.
      visible: bool [n, F]; which of them each model may see. Other annotated rows count as not
        annotated, other guides as not there.
      class_shares: estimates the shares of the classes, and knows what each annotation counts.
      rare_class_power: how much rare classes are raised, from 0 (not at all) to 1 (to equality).
      seed: of the random weights.
      progress: called after each round, with the rounds done and their number.
    References:
      [1] Berthelot et al. ReMixMatch. ICLR 2020. arXiv:1911.09785
    """
    num_classes, models = allowed.shape[1], visible.shape[1]
    num_heads = _HEADS * models
    weights = _random_weights(allowed, seed) * class_shares.teaching[:, np.newaxis]  # [n, H]
    weights = (weights[:, :, np.newaxis] * visible[:, np.newaxis]).reshape(len(rows), num_heads)
    weights = weights.astype(np.float32)
    visible = np.tile(visible, (1, _HEADS))  # [n, H F]
    confidence = np.repeat(np.linspace(*_CONFIDENCE, _HEADS, dtype=np.float32), models)
    single = allowed.sum(axis=1) == 1
    order = np.flatnonzero(~single)[np.argsort(rows[~single])]  # Annotations that are sets.
    given = allowed.argmax(axis=1)[:, np.newaxis]
    unsure = _of_unsure_sets(allowed)[:, np.newaxis]
    guide = np.isin(rows, class_shares.guides)

    raised = np.ones((len(rows), 1), np.float32)
    if class_shares.unevenness:
        raised = class_shares.raised(np.full((num_classes, 1), 1 / num_classes))
    heads = _fit(
        features[rows],
        SoftLabels.of_sets(allowed, num_heads),
        weights * raised * unsure,
        steps=_FIRST_STEPS,
        start=np.zeros((features.shape[1], num_classes, num_heads), np.float32),
    )
    rounds = []
    for number in range(_ROUNDS):
        factors = None
        if class_shares.unevenness:
            shares = np.tile(class_shares.target(_by_model(features, heads, models)), (1, _HEADS))
            factors = _alignment(features, heads, shares)
            raised = class_shares.raised(shares)
        label, best = _likeliest(features, heads, factors)
        sets = _aligned(_probabilities(features[rows[order]], heads), factors)  # [m, K, H F]
        hidden = np.arange(num_classes)[:, np.newaxis] == label[rows[order], np.newaxis]
        posterior = restrict(sets, allowed[order, :, np.newaxis])
        sure = posterior.max(axis=1) > confidence  # [m, H F]
        likeliest = np.arange(num_classes)[:, np.newaxis] == posterior.argmax(axis=1)[:, np.newaxis]
        posterior = np.where(sure[:, np.newaxis], likeliest, posterior)
        targets = SoftLabels(
            label, rows[order], np.where(visible[order, np.newaxis], posterior, hidden)
        )
        importance = (best > confidence).astype(np.float32)  # [N, H F]
        label[rows] = np.where(visible & single[:, np.newaxis], given, label[rows])
        taught = np.repeat(unsure, num_heads, axis=1)
        taught[order] = np.where(sure, 1, taught[order])
        importance[rows] = np.where(
            visible, weights * raised * taught, importance[rows] * ~guide[:, np.newaxis]
        )
        if rare_class_power:
            sizes = targets.sizes(importance, num_classes) + 1e-3
            rarity = (sizes / sizes.mean(axis=0)) ** -rare_class_power
            importance *= targets.expected(rarity.astype(np.float32))
        heads = _fit(features, targets, importance, steps=_STEPS, start=heads)
        rounds.append(heads.reshape(-1, num_classes, _HEADS, models))
        progress(number + 1, _ROUNDS)
    return SelfTrainedHeads(rounds)


def fit_logistic_regressions(
    features: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    *,
    steps: int,
    start: np.ndarray | None = None,
    ridge: float = _RIDGE,
) -> np.ndarray:
    """Fits H ridge multinomial logistic regressions at once.

        minimise  sum_n w[n, h] CE(t[n, :, h], softmax(x[n] W[:, :, h])) + ridge / 2 |W|^2

    by accelerated gradient descent with restarts, in the metric of Boehning's bound on the Hessian
    [1], X' w X / 2 + ridge.

    Args:
      features: float32 [N, D].
      targets: float32 [N, K, H].
      weights: float32 [N, H].
      steps: iterations.
      start: float32 [D, K, H], or None for zeros.
      ridge: what squares of weights cost.
    Returns:
      W: float32 [D, K, H].
    References:
      [1] Boehning. Multinomial Logistic Regression Algorithm. Annals of the Institute of
        Statistical Mathematics 44, 1992.
    """
    if start is None:
        start = np.zeros((features.shape[1], *targets.shape[1:]), np.float32)
    soft = SoftLabels(np.zeros(weights.shape, int), np.arange(len(targets)), targets)
    return _fit(features, soft, weights, steps=steps, start=start, ridge=ridge)


def _fit(
    features: np.ndarray,
    targets: SoftLabels,
    weights: np.ndarray,
    *,
    steps: int,
    start: np.ndarray,
    ridge: float = _RIDGE,
) -> np.ndarray:
    """The same; gradients are sums over blocks of rows, so that no array is [N, K, H]."""
    used = np.flatnonzero(weights.any(axis=1))
    x, targets, weights = features[used], targets.of_rows(used), weights[used]
    size, num_classes, num_heads = start.shape
    # The largest weight of each row bounds the Hessians of all heads: one inverse serves them.
    bound = (x * (0.5 * weights.max(axis=1, keepdims=True))).T @ x
    bound[range(size), range(size)] += ridge
    inverse = np.linalg.inv(bound).astype(np.float32)  # [D, D]
    blocks = row_blocks(len(x), num_classes * num_heads)

    def gradient(heads: np.ndarray) -> np.ndarray:
        total = ridge * heads.reshape(size, -1)
        for block in blocks:
            residual = _probabilities(x[block], heads)
            targets.subtract_from(residual, block)
            residual *= weights[block, np.newaxis]
            total += x[block].T @ residual.reshape(len(residual), -1)
        return total.reshape(heads.shape)

    return accelerated_descent(gradient, inverse, start, steps=steps)


def row_blocks(num_rows: int, numbers_of_a_row: int) -> list[slice]:
    """Consecutive blocks of rows, of at most about four million numbers each."""
    size = max(1, _BLOCK // max(1, numbers_of_a_row))
    return [slice(start, min(start + size, num_rows)) for start in range(0, num_rows, size)]


def restrict(probabilities: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Probabilities [n, K, F] given that the class is among the allowed ones, [n, K, F]."""
    kept = (probabilities + 1e-9) * masks
    return kept / kept.sum(axis=1, keepdims=True)


def _likeliest(
    features: np.ndarray, heads: np.ndarray, factors: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Each head's most probable class of each row, int [N, H], and its probability."""
    _, num_classes, num_heads = heads.shape
    label = np.empty((len(features), num_heads), np.int64)
    best = np.empty((len(features), num_heads), np.float32)
    for block in row_blocks(len(features), num_classes * num_heads):
        answers = _aligned(_probabilities(features[block], heads), factors)
        label[block] = answers.argmax(axis=1)
        best[block] = answers.max(axis=1)
    return label, best


def _by_model(features: np.ndarray, heads: np.ndarray, models: int) -> np.ndarray:
    """The mean answer [N, K, F] of each model's heads."""
    _, num_classes, num_heads = heads.shape
    answers = np.empty((len(features), num_classes, models), np.float32)
    for block in row_blocks(len(features), num_classes * num_heads):
        of_heads = _probabilities(features[block], heads)
        answers[block] = of_heads.reshape(-1, num_classes, _HEADS, models).mean(axis=2)
    return answers


def _alignment(features: np.ndarray, heads: np.ndarray, class_shares: np.ndarray) -> np.ndarray:
    """Factors [K, H] of the classes that bring each head's mean answer to its shares [K, H]."""
    some = _probabilities(features[:: -(-len(features) // _ROWS_TO_ALIGN)], heads)
    factors = np.ones(some.shape[1:], np.float32)
    for _ in range(_STEPS_TO_ALIGN):
        weighed = some * factors
        weighed /= weighed.sum(axis=1, keepdims=True)
        factors *= class_shares / np.maximum(weighed.mean(axis=0), 1e-6)
        factors /= factors.max(axis=0)
    return factors


def _aligned(answers: np.ndarray, factors: np.ndarray | None) -> np.ndarray:
    """Answers [N, K, H] reweighted by class, in place; as they are without factors."""
    if factors is not None:
        answers *= factors
        answers /= answers.sum(axis=1, keepdims=True)
    return answers


def _of_unsure_sets(allowed: np.ndarray) -> np.ndarray:
    """What annotations [n, K] count before it is known which of their classes it is, float32 [n].

    A class counts in full. Of a set nothing says that its classes are equally likely; and rows that
    are known not to be of a class are no draw from which to learn that it is rare. So a set waits
    until a head is sure which of its classes it is, but where it allows one that has no labels:
    there it counts what it tells.
    """
    single = allowed.sum(axis=1) == 1
    without_labels = ~allowed[single].any(axis=0)
    needed = single | allowed[:, without_labels].any(axis=1)
    return np.where(needed, told(allowed), np.float32(0))


def _random_weights(allowed: np.ndarray, seed: int) -> np.ndarray:
    """Gamma(4, 1/4) weights [n, H] that sum to its number of rows in each class."""
    drawn = np.random.default_rng(seed).gamma(4, 0.25, (len(allowed), _HEADS)).astype(np.float32)
    first = allowed.argmax(axis=1)
    for k in np.unique(first):
        drawn[first == k] *= (first == k).sum() / drawn[first == k].sum(axis=0)
    return drawn


def _probabilities(features: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """softmax over the classes: [N, D] and [D, K, H] -> [N, K, H]."""
    size, num_classes, num_heads = heads.shape
    logits = features @ heads.reshape(size, num_classes * num_heads)
    logits = logits.reshape(len(features), num_classes, num_heads)
    return softmax(logits)


def softmax(logits: np.ndarray) -> np.ndarray:
    """softmax over axis 1, in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
