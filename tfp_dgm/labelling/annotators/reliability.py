"""Who is reliable, who answers whatever the truth is, and who is systematically wrong."""

from dataclasses import dataclass

import numpy as np
import scipy.special
import scipy.stats

from tfp_dgm.labelling.annotators.answers import Answers
from tfp_dgm.labelling.annotators.dawid_skene import DawidSkene, expected_counts

RELIABLE, SPAMMER, ADVERSARY, UNKNOWN = "reliable", "spammer", "adversary", "too few answers"
_EVIDENCE = np.log(20)  # Of one hypothesis over another, from which on it is told.
_NEARLY_NOTHING = 0.05  # Nats an answer.
_INTERVAL = 0.95


@dataclass(frozen=True)
class Reliability:
    """What an annotator's answers are worth.

    Attributes:
      name: of the annotator.
      answers: how many there are.
      accuracy: the expected share of right answers, over classes as they occur; with the interval
        from `low` to `high` that holds it with probability 0.95 where the model is right.
      agreement: the share of others that say the same of the same row; None where no other did.
      information: nats that an answer tells of the truth on average, on answers that are left out
        of the annotator's own confusions: the mutual information, about 0 for a spammer.
      verdict: "reliable" or "adversary" (answers depend on the truth, and are more or less often
        right than by chance), "spammer" (they do not), "too few answers" to tell.
    """

    name: str
    answers: int
    accuracy: float
    low: float
    high: float
    agreement: float | None
    information: float
    verdict: str


def reliabilities(
    model: DawidSkene, answers: Answers, log_prior: np.ndarray | None = None
) -> list[Reliability]:
    """Judges each annotator who gave an answer, by what the others and the prior say of the truth.

    Three hypotheses on the answers of one annotator are compared by their log pseudo-marginal
    likelihoods [1], sums of log p(answer | all other answers): confusions of one's own, answers
    that are independent of the truth, and the pool's confusions. A spammer is one whose answers
    speak for independence against the pool by 20 to 1, and not against it in favour of confusions
    of one's own, which add less than 0.05 nats an answer.

    Args:
      model, answers, log_prior: as for `DawidSkene.log_joint`.
    Returns:
      The judgements, in the order of `answers.names`.
    References:
      [1] Geisser and Eddy. A Predictive Approach to Model Selection. JASA 74, 1979.
    """
    log_joint = model.log_joint(answers, log_prior)
    counts = expected_counts(answers, scipy.special.softmax(log_joint, axis=1))
    own, independent, pooled = _predictive(model, answers, counts, log_joint)
    number = answers.num_annotators
    gain = np.bincount(answers.annotator, own - independent, number)
    against_pool = np.bincount(answers.annotator, independent - pooled, number)
    mean, low, high = _accuracies(model, answers, counts, log_joint)
    agreement = answers.agreement()
    given = answers.given.sum(axis=1)
    chance = answers.given @ model.shares / np.maximum(given, 1)
    found = []
    for a in np.flatnonzero(given).tolist():
        if gain[a] > _EVIDENCE:
            verdict = RELIABLE if mean[a] > chance[a] else ADVERSARY
        elif against_pool[a] > _EVIDENCE and gain[a] < _NEARLY_NOTHING * given[a]:
            verdict = SPAMMER
        else:
            verdict = UNKNOWN
        found.append(
            Reliability(
                name=answers.names[a],
                answers=int(given[a]),
                accuracy=float(mean[a]),
                low=float(low[a]),
                high=float(high[a]),
                agreement=None if np.isnan(agreement[a]) else float(agreement[a]),
                information=float(max(gain[a] / given[a], 0)),
                verdict=verdict,
            )
        )
    return found


def _predictive(
    model: DawidSkene, answers: Answers, counts: np.ndarray, log_joint: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log p(answer | all others) [n]: by own confusions, without the truth, and by the pool's."""
    who, label = answers.annotator, answers.label
    posterior = scipy.special.softmax(log_joint, axis=1)[answers.row]  # [n, K]
    others = log_joint[answers.row] - model.by_answer[who, label]
    others = scipy.special.softmax(others, axis=1)
    of_pool = model.pool[:, label].T  # [n, K]
    seen = counts[who, label] - posterior + model.strength * of_pool
    own = seen / (counts.sum(axis=1)[who] - posterior + model.strength)

    given = answers.given[who, label] - 1 + model.strength * (model.shares @ model.pool)[label]
    independent = given / (answers.given.sum(axis=1)[who] - 1 + model.strength)
    return (
        np.log((others * own).sum(axis=1)),
        np.log(independent),
        np.log((others * of_pool).sum(axis=1)),
    )


def _accuracies(
    model: DawidSkene, answers: Answers, counts: np.ndarray, log_joint: np.ndarray
) -> np.ndarray:
    """Mean and ends [3, A] of sum_k shares[k] C[a, k, k], of a beta distribution of that variance.

    The variance is that of the empirical information on the C[a, k, k], the sum of the scores'
    outer products (the rest of a row keeps its proportions). Scores are expected ones, so that what
    is not known of the truths widens the interval [1]; so does which classes an annotator met.

    References:
      [1] Louis. Finding the Observed Information Matrix when Using the EM Algorithm. JRSS B 44,
        1982.
    """
    right = np.einsum("akk->ak", counts) + model.strength * np.diag(model.pool)
    share = right / (model.strength + counts.sum(axis=1))  # [A, K]
    mean = share @ model.shares
    prior = np.diag(model.pool) / share**2 + (1 - np.diag(model.pool)) / (1 - share) ** 2
    order = np.argsort(answers.annotator, kind="stable")
    ends = np.cumsum(np.bincount(answers.annotator, minlength=answers.num_annotators))
    variance = np.empty(len(mean))
    for a, mine in enumerate(np.split(order, ends[:-1])):
        posterior = scipy.special.softmax(log_joint[answers.row[mine]], axis=1)
        hit = answers.label[mine, np.newaxis] == np.arange(answers.num_classes)
        score = posterior * np.where(hit, 1 / share[a], -1 / (1 - share[a]))  # [n_a, K]
        information = score.T @ score + np.diag(model.strength * prior[a])
        variance[a] = model.shares @ np.linalg.solve(information, model.shares)
        variance[a] += (share[a] ** 2 @ model.shares - mean[a] ** 2) / max(len(mine), 1)
    size = np.maximum(mean * (1 - mean) / variance - 1, 1)
    tail = (1 - _INTERVAL) / 2
    interval = scipy.stats.beta.ppf([[tail], [1 - tail]], mean * size, (1 - mean) * size)
    return np.stack([mean, *interval])
