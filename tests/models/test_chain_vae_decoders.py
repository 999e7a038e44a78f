"""Chains of states that condition a decoder of texts, against the enumeration of all of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from tests.references.chains import chain as all_chains
from tests.saving import assert_same_weights
from tfp_dgm import models, objectives
from tfp_dgm.networks import GRUDecoder, SequenceDecoder
from tfp_dgm.token_ids import PAD, START

V, K, E = 6, 2, 3
TOKENS = np.array([[3, 4, 5, 2], [4, 4, 0, 0], [2, 0, 0, 0]], np.int32)
LENGTHS = (4, 2, 1)
FADING = 0.5


@keras.saving.register_keras_serializable(package="tests")
class Fading(SequenceDecoder):
    """h_t = e(x_t-1) + s_t, s_t = s_t-1 / 2 + A z_t: it remembers its conditioning."""

    @property
    def output_units(self):
        return self.embedding_units

    def _build(self):
        shape = (self.conditioning_units, self.embedding_units)
        self.states = self.add_weight(shape=shape, name="states")

    def _initial_state(self, conditioning, max_length):
        return tf.zeros_like(tf.matmul(conditioning, self.states))

    def _features(self, conditioning, x, memory, training):
        shares = tf.cumsum(FADING ** tf.range(tf.shape(x)[-2], dtype=tf.float32))
        seen = tf.matmul(conditioning, self.states)
        return x + seen[..., tf.newaxis, :] * shares[:, tf.newaxis]

    def _step(self, conditioning, x, time, state, memory):
        state = FADING * state + tf.matmul(conditioning, self.states)
        return x + state, state


def make(**kwargs):
    decoder = Fading(V, conditioning_units=K, embedding_units=E)
    model = models.ChainVAE(V, K, keras.layers.Embedding(V, 4), decoder=decoder, seed=1, **kwargs)
    model.build((None, None))
    random = np.random.default_rng(2)
    for weight in model.trainable_weights:
        weight.assign(random.normal(size=weight.shape))
    return model


def log_probs_of_token(model, before, seen):
    """log p(x | the token before, what was seen of states [E]), [V]."""
    decoder = model.decoder
    features = np.asarray(decoder.embedding, np.float64)[before] + seen
    logits = features @ np.asarray(decoder.output_weights).T + np.asarray(decoder.output_bias)
    logits[[PAD, START]] = -np.inf
    return log_softmax(logits)


def read(row):
    """Each token of a row, and the one before it."""
    tokens = TOKENS[row, : LENGTHS[row]]
    return list(zip([START, *tokens[:-1]], tokens, strict=True))


def chains(model, unary):
    """The prior times exp(unary), and the posterior, of every sequence of states."""
    return all_chains(
        unary,
        np.broadcast_to(
            log_softmax(np.asarray(model.transition_logits, np.float64), axis=1),
            (len(unary) - 1, K, K),
        ),
        log_softmax(np.asarray(model.initial_logits, np.float64)),
    )


def posterior_of(model, row):
    length = LENGTHS[row]
    layer = model.posterior_layer
    features = np.asarray(model.encoder.embeddings, np.float64)[TOKENS[row, :length]]
    unary = features @ np.asarray(layer.projection.kernel) + np.asarray(layer.projection.bias)
    own = np.broadcast_to(np.asarray(layer.transitions, np.float64), (length - 1, K, K))
    return all_chains(unary, own, np.asarray(layer.initial, np.float64))


def test_of_its_own_state_alone_all_bounds_are_exact():
    model = make()
    bound, evidence = (
        model.bound(TOKENS, objective=objective, seed=tf.constant([1, 2]))
        for objective in (objectives.EnumeratedELBO(), objectives.ExactMarginal())
    )
    states = np.asarray(model.decoder.states, np.float64)
    for row in range(3):
        unary = np.array(
            [
                [
                    # The whole text is read under one state.
                    log_probs_of_token(model, before, state * sum(FADING**i for i in range(t + 1)))[
                        token
                    ]
                    for state in states
                ]
                for t, (before, token) in enumerate(read(row))
            ]
        )
        joint, posterior = chains(model, unary), posterior_of(model, row)
        elbo = np.sum(posterior.probs * (joint.scores - posterior.log_probs))
        np.testing.assert_allclose(bound.value[row], elbo, rtol=1e-5)
        np.testing.assert_allclose(evidence.value[row], joint.log_partition, rtol=1e-5)


def test_of_all_states_so_far_the_bound_is_that_of_draws():
    model = make(remembers_states=True)
    assert isinstance(model.objective, objectives.ScoreFunctionELBO)
    objective = objectives.ScoreFunctionELBO(num_samples=3000)
    bound = model.bound(TOKENS, objective=objective, seed=tf.constant([3, 4]))
    states = np.asarray(model.decoder.states, np.float64)
    for row, length in enumerate(LENGTHS):
        prior, posterior = chains(model, np.zeros([length, K])), posterior_of(model, row)
        nats = []
        for event in prior.events:
            seen, total = np.zeros(E), 0.0
            for state, (before, token) in zip(event, read(row), strict=True):
                seen = FADING * seen + states[state]
                total += log_probs_of_token(model, before, seen)[token]
            nats.append(total)
        events = np.zeros([len(nats), 3, 4], np.int32)
        events[:, row, :length] = prior.events
        found = model.log_likelihood(tf.constant(events), TOKENS)[:, row]
        np.testing.assert_allclose(found, nats, rtol=1e-5)
        elbo = np.sum(posterior.probs * (nats + prior.scores - posterior.log_probs))
        spread = np.std(bound.log_weights[:, row]) / np.sqrt(3000)
        assert abs(bound.value[row] - elbo) < 5 * spread + 1e-4
    for exact in (objectives.EnumeratedELBO(), objectives.ExactMarginal()):
        with pytest.raises(NotImplementedError, match=r"ChainVAE has no .* sum over the parts"):
            model.bound(TOKENS, objective=exact, seed=tf.constant([1, 2]))


@pytest.mark.slow
@pytest.mark.parametrize("remembers_states", [pytest.param(False, marks=pytest.mark.slow), True])
def test_trains_and_comes_back_from_a_file(remembers_states, tmp_path, eager):
    decoder = GRUDecoder(V, 3, conditioning_units=K, embedding_units=E)
    encoder = keras.layers.Embedding(V, 4)
    model = models.ChainVAE(
        V, K, encoder, decoder=decoder, remembers_states=remembers_states, seed=1
    )
    model.compile(keras.optimizers.Adam(0.05))
    annotation = np.where(TOKENS == 4, 1, -1)
    model.fit(TOKENS, annotation, epochs=2, verbose=0)
    before = [np.asarray(weight) for weight in model.trainable_weights]
    model.fit(TOKENS, annotation, verbose=0)
    moved = [
        np.any(np.asarray(w) != b) for w, b in zip(model.trainable_weights, before, strict=True)
    ]
    assert all(moved)
    model.save(tmp_path / "model.keras")
    copy = models.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    assert type(copy.objective) is type(model.objective)
    z = tf.zeros([1, 3, 4], tf.int32)
    np.testing.assert_allclose(
        copy.log_likelihood(z, TOKENS), model.log_likelihood(z, TOKENS), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decoder": {}, "emission": keras.layers.Dense(V)}, "give `emission` or `decoder`"),
        ({"decoder": {"conditioning_units": 3}}, r"must be 6, 2 and 0; received 6, 3 and 0"),
        ({"decoder": {"memory_units": 4}}, r"must be 6, 2 and 0; received 6, 2 and 4"),
        ({"remembers_states": True}, "`remembers_states` needs a `decoder`; received none"),
        (
            {"decoder": {"word_dropout": 0.5}, "remembers_states": True},
            r"`dropout` and `word_dropout` must be 0; received 0.0 and 0.5",
        ),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    if "decoder" in arguments:
        decoder = GRUDecoder(V, 3, **{"conditioning_units": K} | arguments["decoder"])
        arguments = arguments | {"decoder": decoder}
    with pytest.raises(ValueError, match=f"ChainVAE: .*{message}"):
        models.ChainVAE(V, K, keras.layers.Embedding(V, 4), **arguments)
