"""Chains side by side: every answer against the enumeration of all their paths."""

import numpy as np
import pytest
import tensorflow as tf

from tests.distributions.structures.chain_answers import (
    answers,
    assert_answers,
    assert_draws_follow,
)
from tests.references.chains import factorial_chain
from tfp_dgm.distributions import FactorialChain

B, T, M, K = 3, 3, 2, 2
LENGTHS = [3, 1, 2]


def potentials(seed):
    random = np.random.default_rng(seed)
    unary = 2 * random.normal(size=(B, T, K**M))
    transitions, initial = random.normal(size=(1, M, K, K)), random.normal(size=(1, M, K))
    transitions[0, 1, 0, 1] = -np.inf
    for row, length in enumerate(LENGTHS):
        unary[row, length:] = np.nan
    return [part.astype(np.float32) for part in (unary, transitions, initial)]


def of_row(parts, row):
    """The potentials of one row, without padding."""
    unary, transitions, initial = parts
    return unary[row, : LENGTHS[row]], transitions[0], initial[0]


@pytest.fixture(scope="module")
def rows():
    return [factorial_chain(*of_row(potentials(1), row)) for row in range(B)]


@pytest.mark.parametrize("form", ["shared", "own"])
def test_all_answers_are_those_of_enumeration(form, rows):
    events = np.random.default_rng(4).integers(0, K, (3, B, T, M)).astype(np.int32)
    chain, other = (
        FactorialChain(
            unary,
            *(np.repeat(part, 1 if form == "shared" else B, axis=0) for part in rest),
            lengths=LENGTHS,
        )
        for unary, *rest in (potentials(1), potentials(2))
    )
    found = answers(chain, other, events)
    for row, length in enumerate(LENGTHS):
        others, own = (of_row(potentials(seed), row) for seed in (2, 1))
        assert_answers(found, row, length, rows[row], factorial_chain(*others), own, events)
        assert not found["mode"][row, length:].numpy().any()


def test_draws_are_exact(rows):
    draws = FactorialChain(*potentials(1), lengths=LENGTHS).sample(3000, seed=(1, 2)).numpy()
    for row, length in enumerate(LENGTHS):
        assert_draws_follow(rows[row], draws[:, row, :length])
        assert not draws[:, row, length:].any()


def test_evidence_conditions_and_its_probability_is_a_difference(rows):
    chain = FactorialChain(*potentials(1), lengths=LENGTHS)
    allowed = np.ones((B, T, K**M), bool)
    allowed[:, 0, 3] = False
    evidence = chain.given(allowed).log_partition() - chain.log_partition()
    for row in range(B):
        first = [event[0].tolist() for event in rows[row].events]
        kept = [states != [1, 1] for states in first]
        expected = np.log(rows[row].probs[kept].sum())
        np.testing.assert_allclose(evidence[row], expected, rtol=1e-4)


def test_derivatives_of_the_entropy_are_those_of_differences():
    unary, transitions, initial = potentials(1)
    unary = tf.constant(np.nan_to_num(unary))
    with tf.GradientTape() as tape:
        tape.watch(unary)
        chain = FactorialChain(unary, transitions, initial, lengths=LENGTHS)
        value = tf.reduce_sum(chain.entropy())
    direction = np.random.default_rng(7).normal(size=unary.shape)
    sides = []
    for step in (-1e-4, 1e-4):
        moved = (np.float64(unary) + step * direction, transitions, initial)
        sides.append(sum(factorial_chain(*of_row(moved, row)).entropy for row in range(B)))
    slope = np.sum(tape.gradient(value, unary) * direction)
    np.testing.assert_allclose(slope, (sides[1] - sides[0]) / 2e-4, rtol=1e-2)


def test_what_are_no_states_is_impossible():
    chain = FactorialChain(*potentials(1), lengths=LENGTHS)
    wrong = np.zeros((B, T, M), np.int32)
    wrong[0, 2, 1], wrong[2, 0, 0] = K, -1
    wrong[1, 2, 0] = 7  # Not read.
    np.testing.assert_array_equal(np.isneginf(chain.log_prob(wrong)), [True, False, True])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"unary": np.zeros((2, 3, 5))}, r"`unary` .* \[2, any, 4\].* received shape \(2, 3, 5\)"),
        ({"unary": np.zeros((3, 4))}, r"`unary` must be \[B, T, K\^M\]; received shape \(3, 4\)"),
        (
            {"transitions": np.zeros((2, 2, 3))},
            r"`transitions` must be .* received .*\(1, 2, 2, 3\)",
        ),
        ({"initial": np.zeros(2)}, r"`initial` must be .* received shape \(2,\)"),
        ({"lengths": [3, 0]}, "`lengths` must be 1 to 3; received 0 in row 1"),
    ],
)
def test_what_does_not_fit_is_named(arguments, said):
    fitting = {
        "unary": np.zeros((2, 3, 4)),
        "transitions": np.zeros((2, 2, 2)),
        "initial": np.zeros((2, 2)),
    }
    with pytest.raises(ValueError, match=f"FactorialChain: {said}"):
        FactorialChain(**{**fitting, **arguments})
