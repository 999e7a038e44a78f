"""What every family over structures answers, beside the enumeration of its structures."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats
from tensorflow_probability import distributions as tfd

from tests.references.enumerated_structures import EnumeratedStructures

ROWS, WORDS, BEST = 40, 4, 4


class Family(NamedTuple):
    """How a family is made, and all structures of so many words.

    Attributes:
      make: (potentials, lengths) -> Structure.
      shape: of a row's potentials.
      structures: words -> [(event, indices of potentials), ...].
      told_by: the name of the potentials.
      shortest: words of the shortest row that has a structure.
      longest: words of the longest.
      scales: of potentials; marginals must stay above the least float32.
      always_read: bool, as `shape`: potentials that are read whether a row uses them or not.
    """

    make: Callable[..., Any]
    shape: tuple[int, ...]
    structures: Callable[[int], Any]
    told_by: str
    shortest: int = 1
    longest: int = WORDS
    scales: tuple[float, ...] = (0.3, 2.0, 30.0)
    always_read: Any = False


class Case(NamedTuple):
    """Potentials [B, ...] of two distributions, lengths [B], and which parts are allowed."""

    potentials: np.ndarray
    others: np.ndarray
    lengths: np.ndarray
    allowed: np.ndarray

    def __repr__(self):
        """The numbers are drawn anew by the same test, and are too many to read."""
        return f"Case(lengths={self.lengths.tolist()})"


@st.composite
def cases(draw, family):
    """Rows of any lengths and scales; some impossible parts; what is not read is NaN or huge."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (2, ROWS, *family.shape)
    every = range(family.shortest, family.longest + 1)
    lengths = draw(st.permutations([every[row % len(every)] for row in range(ROWS)]))
    scales, shares = rng.choice(family.scales, ROWS), rng.choice([0.0, 0.1, 0.4], ROWS)
    axes = (slice(None), *[np.newaxis] * len(family.shape))
    both = (rng.normal(size=shape) * scales[axes]).astype(np.float32)
    possible = rng.random(shape) >= shares[axes]
    allowed = rng.random(shape[1:]) < 0.8
    for row, length in enumerate(lengths):
        structures = family.structures(length)
        _, kept = structures[rng.integers(len(structures))]
        for part in kept:
            possible[(slice(None), row, *part)] = allowed[(row, *part)] = True
        used = EnumeratedStructures(both[0, row], structures).used
        both[:, row][~possible[:, row] & used] = -np.inf
        both[:, row][:, ~(used | family.always_read)] = rng.choice([np.nan, np.inf, 1e30, -1e30])
    return Case(*both, np.array(lengths, np.int32), allowed)


def enumerated(family):
    """A test of one case, of many rows: its failures are not made smaller, which is slow."""

    def decorator(check):
        drawn = [Phase.explicit, Phase.generate]
        rules = settings(max_examples=1, deadline=None, derandomize=True, phases=drawn)
        return rules(given(cases(family))(check))

    return decorator


def answers_of(family, case):
    """What the family answers to a case, by name: [..., B, ...] each."""
    potentials = tf.constant(case.potentials)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(potentials)
        q = family.make(potentials, case.lengths)
        log_partition, entropy = q.log_partition(), q.entropy()
    mode, draws, (best, best_log_prob) = q.mode(), q.sample(2, seed=[1, 2]), q.top_k(BEST)
    return {
        "log_partition": log_partition,
        "gradient": tape.gradient(log_partition, potentials),
        "marginals": getattr(q.marginals(), family.told_by),
        "entropy": entropy,
        "entropy_gradient": tape.gradient(entropy, potentials),
        "rounding": 2 * q.rounding + np.finfo(np.float32).tiny,
        "kl": tfd.kl_divergence(q, family.make(case.others, case.lengths)),
        "given": q.given(case.allowed).log_partition() - log_partition,
        "mode": mode,
        "best": best,
        "best_log_prob": best_log_prob,
        "draws": draws,
        "log_prob_of_best_and_draws": q.log_prob(tf.concat([best, draws], axis=0)),
    }


def assert_as_enumerated(family, answers, case):
    """Every row's answers are those of the enumeration."""
    answers = dict(answers)
    rounding = answers.pop("rounding")
    for row, length in enumerate(case.lengths):
        structures = family.structures(length)
        answer = {
            name: value.numpy()[:, row] if "best" in name or "draws" in name else value.numpy()[row]
            for name, value in answers.items()
        }
        assert np.isfinite(answer["gradient"]).all()
        assert np.isfinite(answer["entropy_gradient"]).all()
        q = EnumeratedStructures(case.potentials[row], structures)
        p = EnumeratedStructures(case.others[row], structures)
        _assert_values(answer, q)
        if not 0 < q.missed(p) < rounding:
            _assert_close(answer["kl"], q.divergence(p), q)
        _assert_close(answer["given"], np.log(q.allowed(case.allowed[row])), q)
        _assert_structures(answer, q)


def assert_compiles(family, potentials, lengths, *, mode=True):
    """What XLA makes of it, traced for any sizes, is as enumerated, too.

    The mode of a recursion is the same recursion of another semiring: one family shows it.
    """
    any_sizes = [tf.TensorSpec([None] * potentials.ndim), tf.TensorSpec([None], tf.int32)]

    @functools.partial(tf.function, input_signature=any_sizes, jit_compile=True)
    def ask(potentials, lengths):
        with tf.GradientTape() as tape:
            tape.watch(potentials)
            distribution = family.make(potentials, lengths)
            log_partition = distribution.log_partition()
        gradient = tape.gradient(log_partition, potentials)
        return log_partition, gradient, *([distribution.mode()] if mode else [])

    answers = [answer.numpy() for answer in ask(potentials, lengths)]
    for row, length in enumerate(lengths):
        log_partition, gradient, *best = (answer[row] for answer in answers)
        q = EnumeratedStructures(potentials[row], family.structures(length))
        _assert_close(log_partition, q.log_partition, q)
        _assert_close(gradient, q.marginals, q)
        for event in best:
            _assert_close(q.log_prob(event), q.log_probs.max(), q)


def assert_ranking_compiles(family, potentials, lengths):
    """The k best that XLA finds, traced for any sizes, are the best of the enumeration."""
    any_sizes = [tf.TensorSpec([None] * potentials.ndim), tf.TensorSpec([None], tf.int32)]

    @functools.partial(tf.function, input_signature=any_sizes, jit_compile=True)
    def ask(potentials, lengths):
        return family.make(potentials, lengths).top_k(BEST)

    events, log_probs = (answer.numpy() for answer in ask(potentials, lengths))
    for row, length in enumerate(lengths):
        q = EnumeratedStructures(potentials[row], family.structures(length))
        wanted = np.sort(q.log_probs)[::-1][:BEST]
        found = events[: len(wanted), row]
        _assert_close(log_probs[: len(wanted), row], wanted, q)
        assert np.isneginf(log_probs[len(wanted) :, row]).all()
        _assert_close([q.log_prob(event) for event in found], wanted, q)
        assert len({event.tobytes() for event in found}) == len(wanted)


def assert_entropy_compiles(family, potentials, lengths):
    """XLA compiles the second derivative, too, traced for any sizes."""
    any_sizes = [tf.TensorSpec([None] * potentials.ndim), tf.TensorSpec([None], tf.int32)]

    @functools.partial(tf.function, input_signature=any_sizes, jit_compile=True)
    def ask(potentials, lengths):
        with tf.GradientTape() as tape:
            tape.watch(potentials)
            entropy = family.make(potentials, lengths).entropy()
        return entropy, tape.gradient(entropy, potentials)

    entropy, gradient = ask(potentials, lengths)
    for row, length in enumerate(lengths):
        q = EnumeratedStructures(potentials[row], family.structures(length))
        _assert_close(entropy[row], q.entropy, q)
        _assert_close(gradient[row], q.entropy_gradient, q)


def assert_sums_as(reference, make, potentials):
    """log Z of one long row and its derivative in one direction are a reference's in float64."""
    direction = np.random.normal(size=potentials.shape)
    watched = tf.constant(potentials[np.newaxis], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        log_partition = make(watched).log_partition()
    np.testing.assert_allclose(log_partition[0], reference(potentials), rtol=1e-5)
    step = 1e-5
    up, down = (reference(potentials + sign * step * direction) for sign in (1, -1))
    along = np.sum(tape.gradient(log_partition, watched)[0] * direction)
    np.testing.assert_allclose(along, (up - down) / (2 * step), rtol=1e-3)


def assert_refuses_evidence(family, potentials, lengths, row):
    """A row that is left without a structure is named; in graphs its log Z is -inf."""
    allowed = np.ones(potentials.shape, bool)
    allowed[row] = False
    distribution = family.make(potentials, lengths)
    with pytest.raises(ValueError, match=rf"`allowed` must allow .* none in row {row}"):
        distribution.given(allowed)
    potentials = tf.constant(np.where(allowed, potentials, -np.inf).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(potentials)
        distribution = family.make(potentials, lengths)
        log_partition = distribution.log_partition()
    assert np.flatnonzero(np.isneginf(log_partition)).tolist() == [row]
    assert np.isfinite(tape.gradient(log_partition, potentials)).all()
    assert np.isfinite(getattr(distribution.marginals(), family.told_by)).all()


def assert_draws_follow(family, potentials, lengths, *, draws=3000):
    """The counts of what is drawn are those that the enumeration expects, by chi-square."""
    sampled = family.make(potentials, lengths).sample(draws, seed=[3, 4]).numpy()
    for row, length in enumerate(lengths):
        q = EnumeratedStructures(potentials[row], family.structures(length))
        expected = draws * q.probs
        counts = np.array([_count(sampled[:, row], event) for event in q.events])
        assert counts.sum() == draws
        often = expected >= 5
        rest = [[counts[~often].sum()], [expected[~often].sum()]]
        keep = rest[1][0] > 0
        observed, wanted = (
            np.concatenate([values[often], extra]) if keep else values[often]
            for values, extra in zip((counts, expected), rest, strict=True)
        )
        if len(wanted) > 1:
            assert stats.chisquare(observed, wanted).pvalue > 1e-3


def _count(events, event):
    return np.all(events == event, axis=tuple(range(1, events.ndim))).sum()


def _assert_close(got, wanted, q, **tolerances):
    """Within float32 of sums as large as the scores."""
    largest = np.max(np.abs(q.scores[np.isfinite(q.scores)]))
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * (1 + largest), **tolerances)


def _assert_values(answer, q):
    _assert_close(answer["log_partition"], q.log_partition, q)
    for name in ("gradient", "marginals"):
        _assert_close(answer[name], q.marginals, q)
    _assert_close(answer["entropy"], q.entropy, q)
    _assert_close(answer["entropy_gradient"], q.entropy_gradient, q)


def _assert_structures(answer, q):
    order = np.sort(q.log_probs)[::-1]
    _assert_close(q.log_prob(answer["mode"]), order[0], q)
    possible = np.isfinite(order).sum()
    wanted = np.concatenate([order, np.full(BEST, -np.inf)])[:BEST]
    _assert_close(answer["best_log_prob"], wanted, q)
    found = answer["best"][:possible]
    for event, log_prob in zip(found, wanted, strict=False):
        _assert_close(q.log_prob(event), log_prob, q)
    assert len({event.tobytes() for event in found}) == len(found)
    assert all(q.log_prob(event) > -np.inf for event in answer["draws"])
    events = np.concatenate([answer["best"], answer["draws"]])
    for event, log_prob in zip(events, answer["log_prob_of_best_and_draws"], strict=True):
        _assert_close(log_prob, q.log_prob(event), q)
