"""Linear chains: every answer against the enumeration of all state sequences."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_probability import distributions as tfd

from tests.distributions.structures.chain_answers import (
    answers,
    assert_answers,
    assert_compiles,
    assert_draws_follow,
)
from tests.references.chains import chain as all_chains
from tfp_dgm.distributions import LinearChain
from tfp_dgm.distributions.annotations import log_prob_of_annotation

B, T, K = 3, 4, 3


def _answers(unary, transitions, initial, lengths, events):
    chain = LinearChain(unary, transitions, initial, lengths=lengths)
    return answers(chain, LinearChain(-unary / 2, transitions / 2, lengths=lengths), events)


ANSWERS = tf.function(_answers, reduce_retracing=True)


def _potentials(seed, form, impossible):
    random = np.random.default_rng(seed)
    unary = 2 * random.normal(size=(B, T, K))
    transitions = 2 * random.normal(size=(1, 1, K, K) if form == "shared" else (B, T - 1, K, K))
    transitions[random.random(transitions.shape) < impossible] = -np.inf
    transitions[..., range(K), range(K)] = 0.5  # One sequence at least stays possible.
    return [part.astype(np.float32) for part in (unary, transitions, random.normal(size=(1, K)))]


def _row(unary, transitions, initial, row, length):
    """(The enumeration of a row, its potentials without padding.)"""
    own = np.broadcast_to(transitions, (B, T - 1, K, K))[row, : length - 1]
    parts = (unary[row, :length], own, initial[0])
    return all_chains(*parts), parts


@pytest.mark.slow
@pytest.mark.parametrize("form", ["shared", pytest.param("own", marks=pytest.mark.slow)])
@given(
    seed=st.integers(0, 10_000),
    lengths=st.lists(st.integers(1, T), min_size=B, max_size=B),
    impossible=st.sampled_from([0.0, 0.4]),
)
@settings(max_examples=8, deadline=None)
def test_all_answers_are_those_of_enumeration(form, seed, lengths, impossible):
    unary, transitions, initial = _potentials(seed, form, impossible)
    padded = unary.copy()
    for row, length in enumerate(lengths):
        padded[row, length:] = np.nan
    events = np.random.default_rng(seed).integers(0, K, (2, B, T))
    lengths32 = np.array(lengths, np.int32)
    found = ANSWERS(padded, transitions, initial, lengths32, events.astype(np.int32))
    for row, length in enumerate(lengths):
        rows, own = _row(unary, transitions, initial, row, length)
        others, _ = _row(-unary / 2, transitions / 2, np.zeros_like(initial), row, length)
        assert_answers(found, row, length, rows, others, own, events)
        assert not found["mode"][row, length:].numpy().any()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["shared", pytest.param("own", marks=pytest.mark.slow)])
def test_xla_compiles_it(form):
    def make(unary, transitions, initial, lengths):
        return LinearChain(unary, transitions, initial, lengths=lengths)

    assert_compiles(make, _potentials(2, form, 0.3), [4, 1, 2], _row)


def test_draws_are_exact():
    unary, transitions, initial = _potentials(3, "shared", 0.3)
    lengths = [3, 1, 2]
    chain = LinearChain(unary, transitions, initial, lengths=lengths)
    draws = chain.sample(3000, seed=(1, 2)).numpy()
    for row, length in enumerate(lengths):
        rows, _ = _row(unary, transitions, initial, row, length)
        assert_draws_follow(rows, draws[:, row, :length])
        assert not draws[:, row, length:].any()


@pytest.mark.parametrize("scale", [1.0, 100.0])  # 100: sums in one form, products in the other.
def test_derivatives_of_the_entropy_are_those_of_differences(scale):
    unary, transitions, initial = _potentials(5, "shared", 0.0)
    transitions *= scale
    unary *= scale / 10

    def entropy(unary, transitions):
        return tf.reduce_sum(LinearChain(unary, transitions, initial, lengths=[4, 2, 1]).entropy())

    inputs = [tf.constant(unary), tf.constant(transitions)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = entropy(*inputs)
    gradients = tape.gradient(value, inputs)
    random = np.random.default_rng(7)
    for place in range(2):
        direction = random.normal(size=inputs[place].shape)
        exact = [0.0, 0.0]
        for side, step in enumerate((-1e-4, 1e-4)):
            moved = [np.asarray(one, np.float64) for one in inputs]
            moved[place] = moved[place] + step * direction
            exact[side] = sum(
                _row(moved[0], moved[1], initial, row, length)[0].entropy
                for row, length in enumerate([4, 2, 1])
            )
        slope = np.sum(gradients[place] * direction)
        np.testing.assert_allclose(slope, (exact[1] - exact[0]) / 2e-4, rtol=2e-2, atol=2e-3)


def test_evidence_conditions_and_its_probability_is_a_difference():
    unary, transitions, initial = _potentials(11, "own", 0.3)
    chain = LinearChain(unary, transitions, initial)
    allowed = np.ones((B, T, K), bool)
    allowed[:, 1] = [True, False, False]
    conditioned = chain.given(allowed)
    for row in range(B):
        rows, _ = _row(unary, transitions, initial, row, T)
        kept, _ = _row(np.where(allowed, unary, -np.inf), transitions, initial, row, T)
        evidence = conditioned.log_partition()[row] - chain.log_partition()[row]
        np.testing.assert_allclose(evidence, kept.log_partition - rows.log_partition, rtol=1e-4)
        np.testing.assert_allclose(conditioned.entropy()[row], kept.entropy, rtol=1e-4)
    assert (conditioned.sample(20, seed=(3, 4)).numpy()[:, :, 1] == 0).all()


def test_divergence_is_infinite_where_the_other_excludes_what_is_possible():
    unary = np.zeros((1, 2, 2), np.float32)
    free = LinearChain(unary, np.zeros((2, 2)))
    bound = free.given([[True, False], [True, True]])
    assert np.isposinf(tfd.kl_divergence(free, bound)[0])
    np.testing.assert_allclose(tfd.kl_divergence(bound, free), [np.log(2)], rtol=1e-6)


def test_what_is_no_sequence_of_states_is_impossible():
    chain = LinearChain(np.zeros((1, 3, 2), np.float32), np.zeros((2, 2)), lengths=[2])
    events = [[[0, 2, 0]], [[0, -1, 0]], [[0, 1, 7]]]  # The last one's 7 is not read.
    np.testing.assert_allclose(chain.log_prob(events)[:, 0], [-np.inf, -np.inf, -np.log(4)])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"unary": np.zeros((3, 2))}, r"`unary` must be \[B, T, K\]; received shape \(3, 2\)"),
        (
            {"transitions": np.zeros((3, 2))},
            r"`transitions` must be .* received shape \(1, 1, 3, 2\)",
        ),
        (
            {"transitions": np.zeros((1, 2, 2, 2))},
            r"`transitions` must be .* \[2 or 1, 3 or 1, 2, 2\]",
        ),
        ({"initial": np.zeros(3)}, r"`initial` must be \[B or 1, K\].*received shape \(1, 3\)"),
        ({"lengths": [4, 0]}, "`lengths` must be 1 to 4; received 0 in row 1"),
        ({"lengths": [5, 1]}, "`lengths` must be 1 to 4; received 5 in row 0"),
        ({"lengths": [4, 4, 4]}, r"`lengths` must be \[B\] = \[2\]; received shape \(3,\)"),
    ],
)
def test_what_does_not_fit_is_named(arguments, said):
    fitting = {"unary": np.zeros((2, 4, 2)), "transitions": np.zeros((2, 2))}
    with pytest.raises(ValueError, match=said):
        LinearChain(**{**fitting, **arguments})


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        (np.array([[[True] * 2] * 4, [[False] * 2] * 4]), r"`allowed` .* allows none in row 1"),
        (np.ones((2, 3, 2), bool), r"`allowed` must have the shape of `unary`, \(2, 4, 2\)"),
        (np.ones((2, 4, 2)), "`allowed` must be bool; received float64"),
    ],
)
def test_evidence_that_does_not_fit_is_named(allowed, said):
    chain = LinearChain(np.zeros((2, 4, 2)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match=said):
        chain.given(allowed)


def test_lengths_within_a_graph_are_refused_too():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def log_partition(lengths):
        unary = tf.zeros([tf.shape(lengths)[0], 4, 2])
        return LinearChain(unary, tf.zeros([2, 2]), lengths=lengths).log_partition()

    np.testing.assert_allclose(log_partition([1, 4]), np.log([2, 16]), rtol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`lengths` must be 1 to"):
        log_partition([1, 0])


def test_shared_transitions_are_not_copied_where_sizes_are_known_only_later():
    """Copies for every row and step would cost as much as transitions of their own."""
    shapes = []

    @tf.function(input_signature=[tf.TensorSpec([None, None, 2])])
    def log_partition(unary):
        chain = LinearChain(unary, tf.zeros([2, 2]))
        shapes.append(chain._finite.transitions.shape)
        return chain.log_partition()

    np.testing.assert_allclose(log_partition(tf.zeros([3, 4, 2])), np.log([16] * 3), rtol=1e-6)
    assert shapes[0] == (1, 1, 2, 2)


def test_k_is_at_least_one():
    chain = LinearChain(np.zeros((2, 4, 2)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="`k` must be >= 1; received 0"):
        chain.top_k(0)


def test_where_nothing_is_possible_nothing_has_an_entropy():
    unary = np.zeros((2, 3, 2), np.float32)
    unary[0, 0] = -np.inf
    chain = LinearChain(unary, np.zeros((2, 2), np.float32))
    np.testing.assert_allclose(chain.log_partition(), [-np.inf, 3 * np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(chain.entropy(), [np.nan, 3 * np.log(2)], rtol=1e-6)


def test_events_of_another_shape_are_refused():
    chain = LinearChain(np.zeros((2, 3, 2), np.float32), np.zeros((2, 2), np.float32))
    annotated = partial(log_prob_of_annotation, chain)
    for method in (chain.log_prob, chain.score, annotated):
        with pytest.raises(
            ValueError, match=r"must have the event shape \(3,\); received \(2, 1\)"
        ):
            method(np.zeros((2, 1), int))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def in_a_graph(event):
        return chain.log_prob(event)

    assert in_a_graph(np.zeros((2, 3), np.int32)).shape == (2,)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have the event shape"):
        in_a_graph(np.zeros((2, 1), np.int32))
