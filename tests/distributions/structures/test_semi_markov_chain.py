"""Semi-Markov chains: every answer against the enumeration of all segmentations."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.distributions.structures.chain_answers import (
    answers,
    assert_answers,
    assert_compiles,
    assert_draws_follow,
)
from tests.references.chains import segmentation
from tfp_dgm.distributions import SemiMarkovChain

B, T, L, K = 3, 4, 3, 2


def _answers(segments, transitions, lengths, events):
    chain = SemiMarkovChain(segments, transitions, lengths=lengths)
    return answers(chain, SemiMarkovChain(-segments / 2, transitions / 2, lengths=lengths), events)


ANSWERS = tf.function(_answers)


def _potentials(seed, form, impossible):
    random = np.random.default_rng(seed)
    segments = 2 * random.normal(size=(B, T, L, K))
    transitions = 2 * random.normal(size=(1, 1, K, K) if form == "shared" else (B, T - 1, K, K))
    transitions[random.random(transitions.shape) < impossible] = -np.inf
    transitions[..., range(K), range(K)] = 0.5
    return segments.astype(np.float32), transitions.astype(np.float32)


def _row(segments, transitions, row, length):
    """(The enumeration of a row, its potentials without padding.)"""
    own = np.broadcast_to(transitions, (B, T - 1, K, K))[row, : length - 1]
    parts = (segments[row, :length], own)
    return segmentation(*parts), parts


@pytest.mark.slow
@given(
    seed=st.integers(0, 10_000),
    lengths=st.lists(st.integers(1, T), min_size=B, max_size=B),
    impossible=st.sampled_from([0.0, 0.5]),
)
@settings(max_examples=8, deadline=None)
def test_all_answers_are_those_of_enumeration(seed, lengths, impossible):
    segments, transitions = _potentials(seed, "own", impossible)
    padded = segments.copy()
    for row, length in enumerate(lengths):
        padded[row, length:] = np.nan
    events = np.random.default_rng(seed).integers(-1, K, (6, B, T)).astype(np.int32)
    found = ANSWERS(padded, transitions, np.array(lengths, np.int32), events)
    for row, length in enumerate(lengths):
        rows, own = _row(segments, transitions, row, length)
        others, _ = _row(-segments / 2, transitions / 2, row, length)
        assert_answers(found, row, length, rows, others, own, events)
        assert (found["mode"][row, length:].numpy() == -1).all()


@pytest.mark.slow
def test_xla_compiles_it():
    """Quicker: `test_linear_chain.py::test_xla_compiles_it`, of a chain in the same frame."""

    def make(segments, transitions, lengths):
        return SemiMarkovChain(segments, transitions, lengths=lengths)

    assert_compiles(make, _potentials(2, "shared", 0.3), [4, 1, 2], _row)


def test_draws_are_exact():
    segments, transitions = _potentials(3, "shared", 0.3)
    lengths = [3, 1, 2]
    draws = SemiMarkovChain(segments, transitions, lengths=lengths).sample(3000, seed=(1, 2))
    for row, length in enumerate(lengths):
        assert_draws_follow(_row(segments, transitions, row, length)[0], draws[:, row, :length])
        assert (draws[:, row, length:].numpy() == -1).all()


def test_segments_of_one_step_are_a_chain_of_states():
    segments, transitions = _potentials(4, "own", 0.0)
    chain = SemiMarkovChain(segments[:, :, :1], transitions)
    whole = segmentation(segments[0, :, :1], transitions[0])
    assert len(whole.events) == K**T
    np.testing.assert_allclose(chain.log_partition()[0], whole.log_partition, rtol=1e-5)


def test_derivatives_of_the_entropy_are_those_of_differences():
    segments, transitions = _potentials(5, "shared", 0.0)
    inputs = tf.constant(segments)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        entropy = SemiMarkovChain(inputs, transitions).entropy()[1]
    direction = np.random.default_rng(7).normal(size=segments.shape)
    slope = np.sum(tape.gradient(entropy, inputs) * direction)
    exact = [
        _row(segments + step * direction, transitions, 1, T)[0].entropy for step in (-1e-4, 1e-4)
    ]
    np.testing.assert_allclose(slope, (exact[1] - exact[0]) / 2e-4, rtol=1e-2, atol=1e-3)


def test_evidence_conditions():
    segments, transitions = _potentials(11, "own", 0.0)
    allowed = np.ones((1, T, L, K), bool)
    allowed[0, 1] = False  # No segment starts at the second step.
    conditioned = SemiMarkovChain(segments, transitions).given(allowed)
    for row in range(B):
        kept, _ = _row(np.where(allowed, segments, -np.inf), transitions, row, T)
        np.testing.assert_allclose(conditioned.log_partition()[row], kept.log_partition, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"segments": np.zeros((3, 2, 2))}, r"`segments` must be \[B, T, L, K\]"),
        (
            {"transitions": np.zeros((3, 3))},
            r"`transitions` must be .* received shape \(1, 1, 3, 3\)",
        ),
        ({"lengths": [4, 0]}, "`lengths` must be 1 to 4; received 0 in row 1"),
    ],
)
def test_what_does_not_fit_is_named(arguments, said):
    fitting = {"segments": np.zeros((2, 4, 3, 2)), "transitions": np.zeros((2, 2))}
    with pytest.raises(ValueError, match=said):
        SemiMarkovChain(**{**fitting, **arguments})


def test_steps_that_no_segment_reaches_allow_nothing():
    segments = np.zeros((2, 4, 3, 2))
    segments[1, 1:] = -np.inf  # A segment of the first step has at most three.
    with pytest.raises(ValueError, match=r"`allowed` .* allows none in row 1"):
        SemiMarkovChain(segments, np.zeros((2, 2))).given(True)
