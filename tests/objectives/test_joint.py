"""What a joint computes, how often, and what it says of what it lacks."""

import concurrent.futures
import inspect
import threading

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives import (
    ELBO,
    Draws,
    ExactMarginal,
    Joint,
    LackingPartError,
    ScoreFunctionELBO,
    SemiAmortized,
)


class Owner:
    """A model, but for what it is."""


def normal(loc):
    return tfd.MultivariateNormalDiag(loc, tf.ones_like(loc))


def counting(calls, name, value):
    def part():
        calls.append(name)
        return value

    return part


def joint_of(calls, loc=((1.0, -2.0), (0.5, 3.0)), prior_units=2):
    return Joint(
        Owner(),
        log_likelihood=lambda z: -tf.reduce_sum(tf.abs(z), axis=-1),
        prior=counting(calls, "prior", normal(tf.zeros(prior_units))),
        parameters=counting(calls, "parameters", tf.constant(loc)),
        family=normal,
        baseline=counting(calls, "baseline", tf.constant([0.1, 0.2])),
    )


def test_what_is_computed_once_is_described_on_the_class():
    assert inspect.getdoc(Joint.posterior).startswith("q(")
    assert "posterior" in dict(inspect.getmembers(Joint))


def test_each_part_is_computed_when_asked_for_and_once():
    calls = []
    joint = joint_of(calls)
    assert calls == []
    objective = SemiAmortized(ELBO(num_samples=2), num_steps=3, learning_rate=0.1)
    objective(joint, seed=(1, 2))
    ScoreFunctionELBO()(joint, seed=(1, 2))
    assert sorted(calls) == ["parameters", "prior"]
    assert joint.was_asked_for("posterior")
    assert not joint.was_asked_for("baseline")


def test_what_is_replaced_changes_and_the_rest_is_shared():
    calls = []
    joint = joint_of(calls)
    moved = joint.replaced(parameters=lambda: joint.parameters + 1, training=True)
    np.testing.assert_allclose(moved.posterior.mean(), [[2.0, -1.0], [1.5, 4.0]])
    np.testing.assert_allclose(joint.posterior.mean(), [[1.0, -2.0], [0.5, 3.0]])
    assert moved.prior is joint.prior
    assert moved.training
    assert not joint.training
    assert sorted(calls) == ["parameters", "prior"]
    given = joint.replaced(posterior=lambda: normal(tf.zeros([2, 2]))).replaced(training=True)
    np.testing.assert_allclose(given.posterior.mean(), np.zeros([2, 2]))
    refined = given.replaced(parameters=lambda: joint.parameters)
    np.testing.assert_allclose(refined.posterior.mean(), joint.posterior.mean())


def test_steps_are_made_once_and_shared():
    calls = []
    joint = Joint(Owner(), steps=counting(calls, "steps", "the steps"))
    assert joint.replaced(training=True).steps == joint.steps == "the steps"
    assert calls == ["steps"]


def test_the_log_weights_of_draws():
    joint = joint_of([])
    z = tf.constant([[[0.3, -1.0], [2.0, 0.0]]])
    draws = Draws.of(joint, z)
    loc = np.array([[1.0, -2.0], [0.5, 3.0]])
    squares = 0.5 * np.sum((z - loc) ** 2, axis=-1) - 0.5 * np.sum(np.square(z), axis=-1)
    expected = -np.abs(z).sum(axis=-1) + squares
    np.testing.assert_allclose(draws.log_weights, expected, rtol=1e-5)
    assert draws.true is draws


@pytest.mark.parametrize(
    ("objective", "parts", "message"),
    [
        (ELBO(), {}, "Owner has no posterior, which ELBO asks for"),
        (ExactMarginal(), {}, "Owner has no prior, which ExactMarginal asks for"),
        (
            SemiAmortized(ELBO()),
            {"posterior": lambda: normal(tf.zeros([2, 2]))},
            "Owner has no parameters of its posterior, which SemiAmortized asks for",
        ),
        (
            ELBO(),
            {
                "posterior": lambda: normal(tf.zeros([2, 2])),
                "prior": lambda: normal(tf.zeros([2])),
                "inner": lambda z: None,
            },
            "Owner has no log-likelihood given this latent alone, which ELBO asks for",
        ),
    ],
    ids=["posterior", "prior", "parameters", "nested"],
)
def test_what_a_model_lacks_is_said_by_name(objective, parts, message):
    with pytest.raises(NotImplementedError, match=f"^{message}$"):
        objective(Joint(Owner(), **parts), seed=(1, 2))


def test_a_part_that_is_lacking_without_an_objective():
    with pytest.raises(LackingPartError, match=r"^Owner has no learned control variate$"):
        _ = joint_of([]).surrogate


@pytest.mark.parametrize("first", ["prior", "posterior"])
def test_posterior_and_prior_are_of_one_space(first):
    joint = joint_of([], prior_units=3)
    getattr(joint, first)
    with pytest.raises(ValueError, match=r"Owner: `prior` must be over .*\(2,\).*\(3,\)"):
        ELBO()(joint, seed=(1, 2))


def test_replicas_do_not_wait_for_each_other():
    """A posterior that writes a variable goes on when all replicas have come to it."""
    met = threading.Barrier(2, timeout=10)

    def posterior():
        met.wait()
        return tfd.Categorical(logits=tf.zeros([1, 2]))

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        joints = [Joint("model", posterior=posterior) for _ in range(2)]
        found = list(threads.map(lambda joint: joint.posterior, joints))
    assert all(joint.posterior is own for joint, own in zip(joints, found, strict=True))
