"""Dawid and Skene's model of annotators, its classes' prior open to a classifier."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.special

from tfp_dgm.labelling.annotators.answers import Answers

# Pseudo-answers of each class in the pool's prior, and how many of them are right.
_POOL_ANSWERS, _POOL_RIGHT = 10.0, 0.7
# Pseudo-answers of each class that an annotator has from the pool. That of highest evidence is
# larger (8 on the five ordered classes of `web`), and its truths are worse than the votes' there.
_STRENGTH = 2.0
_ROUNDS = 2  # Of the pool, each followed by EM.
_ITERATIONS = 200
_TOLERANCE = 1e-8  # Of the log posterior, relative.


@dataclass(frozen=True)
class DawidSkene:
    """Each annotator's confusions, and the share of each class.

        class      y[i] ~ Categorical(shares), or the prior that is given for the row
        answer     l[i, a] | y[i] = k ~ Categorical(C[a, k, :])
        confusions C[a, k, :] ~ Dirichlet(1 + strength pool[k, :])

    Dawid and Skene [1] with the priors of [2], made hierarchical: an annotator of few answers is
    taken for what annotators usually are.

    Attributes:
      shares: float [K]; the classes' shares among the rows.
      pool: float [K, K]; p(answer | class) of annotators on the whole.
      strength: what the pool counts for each annotator, in answers of a class.
      by_answer: float [A, K, K]; log p(answer | class) of each, axes annotator, answer, class.
      log_posterior: log p(answers, shares, confusions) in nats, without constants, after each
        iteration of the last EM.
    References:
      [1] Dawid and Skene. Maximum Likelihood Estimation of Observer Error-Rates Using the EM
        Algorithm. Applied Statistics 28, 1979.
      [2] Kim and Ghahramani. Bayesian Classifier Combination. AISTATS 2012.
    """

    shares: np.ndarray
    pool: np.ndarray
    strength: float
    by_answer: np.ndarray
    log_posterior: tuple[float, ...] = ()

    @property
    def confusions(self) -> np.ndarray:
        """float [A, K, K]; p(answer | class), axes annotator, class, answer."""
        return np.exp(self.by_answer).transpose(0, 2, 1)

    def log_joint(self, answers: Answers, log_prior: np.ndarray | None = None) -> np.ndarray:
        """log p(y, answers) of each row, nats [N, K].

        Args:
          answers: of N rows by the same annotators.
          log_prior: float [N, K]; log p(y | what else is known of the row), such as its text; None
            takes `shares`.
        """
        num_classes = len(self.shares)
        log_likelihood = answers.one_hot @ self.by_answer.reshape(-1, num_classes)
        return log_likelihood + (np.log(self.shares) if log_prior is None else log_prior)

    def log_prob(self, answers: Answers, log_prior: np.ndarray | None = None) -> np.ndarray:
        """log p(answers) of each row, nats [N]; 0 where there are none. Arguments as above."""
        return scipy.special.logsumexp(self.log_joint(answers, log_prior), axis=1)

    def posterior(self, answers: Answers, log_prior: np.ndarray | None = None) -> np.ndarray:
        """p(y | answers) of each row, [N, K]; the prior where there are none."""
        return scipy.special.softmax(self.log_joint(answers, log_prior), axis=1)


def fit_dawid_skene(answers: Answers, log_prior: np.ndarray | None = None) -> DawidSkene:
    """Fits the model by EM, its closed steps in sparse products.

    First one table of confusions for all annotators, from the votes; then each one's own, which
    begins at the posteriors of the former. Before each round of EM, the pool becomes what the
    expected counts of all annotators say.

    Args:
      answers: at least one.
      log_prior: as for `DawidSkene.log_joint`.
    Returns:
      The model of highest posterior density that EM finds from there.
    Raises:
      ValueError: if there are no answers, or `log_prior` has another shape.
    """
    if not len(answers.row):
        raise ValueError("answers: expected at least one; received none")
    expected = (answers.num_rows, answers.num_classes)
    if log_prior is not None and np.shape(log_prior) != expected:
        raise ValueError(
            f"log_prior: expected shape {expected}, for each row and class; received "
            f"{np.shape(log_prior)}"
        )
    size = answers.num_classes
    prior = np.full((size, size), (1 - _POOL_RIGHT) / max(size - 1, 1))
    np.fill_diagonal(prior, _POOL_RIGHT)
    votes = (answers.votes + 1 / size) / (answers.votes.sum(axis=1, keepdims=True) + 1)
    everyone = answers.of_one()
    model = _em(everyone, _maximised(everyone, votes, prior, _POOL_ANSWERS), log_prior)
    posterior = model.posterior(everyone, log_prior)
    for _ in range(_ROUNDS):
        pool = np.exp(_maximised(everyone, posterior, prior, _POOL_ANSWERS).by_answer[0].T)
        model = _em(answers, _maximised(answers, posterior, pool, _STRENGTH), log_prior)
        posterior = model.posterior(answers, log_prior)
    return model


def _em(answers: Answers, model: DawidSkene, log_prior: np.ndarray | None) -> DawidSkene:
    """The model that both steps lead to, pool and strength as they are."""
    trace: list[float] = []
    for _ in range(_ITERATIONS):
        log_joint = model.log_joint(answers, log_prior)
        total = scipy.special.logsumexp(log_joint, axis=1)
        log_density = model.strength * np.einsum("kj,ajk->", model.pool, model.by_answer)
        if log_prior is None:
            log_density += np.log(model.shares).sum()
        trace.append(float(total.sum() + log_density))
        if len(trace) > 1 and trace[-1] - trace[-2] <= _TOLERANCE * abs(trace[-1]):
            break
        posterior = np.exp(log_joint - total[:, np.newaxis])
        model = _maximised(answers, posterior, model.pool, model.strength)
    return replace(model, log_posterior=tuple(trace))


def expected_counts(answers: Answers, posterior: np.ndarray) -> np.ndarray:
    """Expected answers [A, K, K] of each annotator, axes annotator, answer, class."""
    size = answers.num_classes
    return np.asarray(answers.one_hot.T @ posterior).reshape(-1, size, size)


def _maximised(
    answers: Answers, posterior: np.ndarray, pool: np.ndarray, strength: float
) -> DawidSkene:
    """The M-step: the model of highest density, given the posteriors [N, K] of the classes."""
    table = expected_counts(answers, posterior)  # The one array of its size: A K K may be large.
    table += strength * pool.T
    table /= table.sum(axis=1, keepdims=True)
    np.log(table, out=table)
    answered = posterior[answers.answered]
    shares = (answered.sum(axis=0) + 1) / (len(answered) + posterior.shape[1])
    return DawidSkene(shares, pool, strength, table)
