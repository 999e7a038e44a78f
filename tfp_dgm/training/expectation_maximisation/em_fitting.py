"""Fitting a model with a latent structure by expectation maximisation."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np

from tfp_dgm.distributions import GenerativeStructure
from tfp_dgm.models import ExactLikelihoodModel
from tfp_dgm.ordered_work import done_in_order
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.training.expectation_maximisation.expectation import (
    Expectation,
    Guess,
    batches_of,
    distribution_of,
)
from tfp_dgm.training.expectation_maximisation.gradient_ascent import GradientAscent
from tfp_dgm.training.expectation_maximisation.maximisation import (
    has_closed_form,
    log_prior,
    m_step,
)
from tfp_dgm.training.expectation_maximisation.starts import start_anew


@dataclass(frozen=True)
class EMHistory:
    """What `fit_em` saw, as Keras's `History` has it.

    Attributes:
      history: of the run that is kept: "log_likelihood", nats of all rows (of hard EM, of rows and
        their best structures together), and "objective", the log prior added; one number before
        the first iteration, and one after each.
      seed: of the run that is kept; None where the model went on from its weights.
      objectives: seed -> the last objective of its run.
    """

    history: dict[str, list[float]]
    seed: int | None
    objectives: dict[int, float]


def fit_em(
    model: ExactLikelihoodModel,
    batches: Any,
    *,
    iterations: int = 100,
    tolerance: float = 1e-4,
    smoothing: float = 0.0,
    hard: bool = False,
    seeds: Sequence[int] = (),
    guess: Guess | None = None,
    gradient_steps: int = 20,
    learning_rate: float = 0.05,
    threads: int = 1,
    progress: Progress = no_progress,
) -> EMHistory:
    """Fits a model whose distribution sums a structure out, by expectation maximisation [1].

    The E-step adds expected statistics over the batches: derivatives of log p(x) in the
    log-probabilities, for every family alike. The M-step is the layer's own closed form (`m_step`),
    or gradient steps on the expected log p(x, z) (generalised EM). The objective never falls, but
    by rounding. Without smoothing, what is never used becomes impossible: weights of -inf.

    Args:
      model: whose likelihood gives a `distributions.GenerativeStructure`; it need not be compiled.
      batches: events [N, ...] as one batch, or what gives batches [B, ...] at each iteration: a
        list, a `tf.data.Dataset`.
      iterations: at most.
      tolerance: nats a row; an iteration that gains less is the last.
      smoothing: what is added to every count: Dirichlet priors of 1 + smoothing over all that is
        possible.
      hard: whether the best structure of a row stands for its posterior (Viterbi training).
      seeds: a run from new weights each (see `start_anew`), of which the best is kept; the model
        goes on from its weights where there are none.
      guess: the model's posterior -> marginals that stand for its own once, before the first
        iteration: a start from structures that are likely beforehand (`harmonic`) or known in part
        (`lambda posterior: posterior.given(allowed).marginals()`).
      gradient_steps: of an M-step without a closed form, each.
      learning_rate: of these steps.
      threads: so many runs go on at the same time, each on a copy of the model; batches are then
        read by several threads. Worth as many as there are cores, TensorFlow having one thread.
      progress: told of iterations, by one thread at a time.
    Returns:
      The history; the model has the weights.
    Raises:
      TypeError: if the model's distribution is another one, if batches cannot be read again, or if
        there is neither a closed form nor a way by gradients.
      ValueError: if a number is out of its range, or a row of the batches has no probability.
      InvalidArgumentError: if a row is no event; names the value and the row.
    References:
      [1] Dempster, Laird and Rubin. Maximum likelihood from incomplete data via the EM algorithm.
        1977.
    """
    _check_numbers(iterations, tolerance, smoothing, gradient_steps, learning_rate, threads)
    first = next(batches_of(batches))
    _check_model(model, first.shape)
    reporting = Lock()

    def fitting(model: ExactLikelihoodModel) -> Callable[[str], dict[str, list[float]]]:
        """What runs EM on a model from the weights that it has; traced once."""
        expect = Expectation(model, batches, hard=hard)
        layer = model.likelihood

        def maximiser() -> Callable[[Any], None]:
            if has_closed_form(layer):
                return functools.partial(m_step, layer, smoothing=smoothing)
            return GradientAscent(
                model, steps=gradient_steps, learning_rate=learning_rate, smoothing=smoothing
            )

        def run(name: str) -> dict[str, list[float]]:
            maximise, history = maximiser(), _History(model, smoothing)
            if guess is not None:
                maximise(Expectation(model, batches, guess=guess)()[1])
            statistics = history.observe(*expect())
            for iteration in range(iterations):
                maximise(statistics)
                statistics = history.observe(*expect())
                with reporting:
                    progress(name, iteration + 1, iterations)
                if history.gain < tolerance * expect.num_rows:
                    break
            return history.history

        return run

    if not seeds:
        return EMHistory(fitting(model)("EM"), None, {})
    number = min(threads, len(seeds))
    # Each thread has a model of its own while it runs; a model's graph serves all of its runs.
    free: SimpleQueue[tuple[Any, Callable[[str], dict[str, list[float]]]]] = SimpleQueue()
    for own in [model, *(_copy(model, first.shape) for _ in range(number - 1))]:
        free.put((own.likelihood, fitting(own)))

    def fit_from(seed: int) -> tuple[dict[str, list[float]], list[np.ndarray]]:
        layer, run = own = free.get()
        try:
            start_anew(layer, first.numpy(), seed)
            return run(f"EM, seed {seed}"), layer.get_weights()
        finally:
            free.put(own)

    work = ((seed, seed) for seed in seeds)
    # One thread is this one: what it calls sees this one's contexts, and is interrupted with it.
    found = (
        ((seed, fit_from(seed)) for seed in seeds)
        if number == 1
        else done_in_order(fit_from, work, threads=number)
    )
    runs = dict(found)
    objectives = {seed: history["objective"][-1] for seed, (history, _) in runs.items()}
    best = max(objectives, key=lambda seed: objectives[seed])
    history, weights = runs[best]
    model.likelihood.set_weights(weights)
    return EMHistory(history, best, objectives)


def _copy(model: ExactLikelihoodModel, shape: Any) -> ExactLikelihoodModel:
    """Another model of the same arguments, with weights of its own."""
    copy = type(model).from_config(model.get_config())
    _check_model(copy, shape)
    return copy


class _History:
    def __init__(self, model: ExactLikelihoodModel, smoothing: float) -> None:
        self._model = model
        self._smoothing = smoothing
        self.history: dict[str, list[float]] = {"log_likelihood": [], "objective": []}

    def observe(self, log_likelihood: float, statistics: Any) -> Any:
        """Notes what an E-step gave, and hands its statistics on."""
        prior = log_prior(distribution_of(self._model), self._smoothing)
        self.history["log_likelihood"].append(log_likelihood)
        self.history["objective"].append(log_likelihood + prior)
        return statistics

    @property
    def gain(self) -> float:
        """Of the last iteration, nats."""
        before, after = self.history["objective"][-2:]
        return after - before


def _check_numbers(
    iterations: int,
    tolerance: float,
    smoothing: float,
    gradient_steps: int,
    learning_rate: float,
    threads: int,
) -> None:
    for argument, value, fits, wanted in (
        ("iterations", iterations, iterations >= 1, ">= 1"),
        ("tolerance", tolerance, tolerance >= 0, ">= 0"),
        ("smoothing", smoothing, 0 <= smoothing < np.inf, ">= 0 and finite"),
        ("gradient_steps", gradient_steps, gradient_steps >= 1, ">= 1"),
        ("learning_rate", learning_rate, learning_rate > 0, "> 0"),
        ("threads", threads, threads >= 1, ">= 1"),
    ):
        if not fits:
            raise ValueError(f"fit_em: `{argument}` must be {wanted}; received {value}")


def _check_model(model: Any, shape: Any) -> None:
    wanted = (
        "fit_em: `model` must be an ExactLikelihoodModel without an encoder, whose likelihood "
        "gives a `distributions.GenerativeStructure`"
    )
    if not isinstance(model, ExactLikelihoodModel):
        raise TypeError(f"{wanted}; received {type(model).__name__}")
    if model.encoder is not None:
        raise TypeError(f"{wanted}; received one with the encoder {model.encoder.name}")
    if not model.built:
        model.build(tuple(shape))
    distribution = distribution_of(model)
    if not isinstance(distribution, GenerativeStructure):
        raise TypeError(
            f"{wanted}; received a {type(model.likelihood).__name__}, which gives a "
            f"{type(distribution).__name__}"
        )
