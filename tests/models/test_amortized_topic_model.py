import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import quad
from scipy.special import softmax

from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.evaluation import importance_weighted_log_likelihood
from tfp_dgm.models import AmortizedTopicModel
from tfp_dgm.objectives import ELBO
from tfp_dgm.serving import export

K, V, H = 2, 6, 3
WORDS = ["ale", "bee", "cat", "dog", "elk", "fox"]
COUNTS = np.random.default_rng(0).poisson(1.5, (5, V)).astype(np.float32)
CONTEXT = np.random.default_rng(1).normal(size=(5, H)).astype(np.float32)
LIKELIHOODS = {
    "product": lambda: layers.ProductOfTopics(V),
    "mixture": lambda: layers.MixtureOfTopics(V),
    "embedded": lambda: layers.EmbeddedTopics(V, 3, train_vectors=True),
}
LATENTS = {
    "laplace": lambda: (
        layers.BatchNormalizedNormalDiag(K),
        layers.DirichletLaplacePrior(K, concentration=0.5),
    ),
    "correlated": lambda: (layers.MultivariateNormalTriL(K), layers.LearnedNormalTriLPrior(K)),
    "flow": lambda: (layers.MultivariateNormalDiag(K), layers.AutoregressiveFlowPrior(K)),
    "dirichlet": lambda: (
        layers.Dirichlet(K, min_concentration=0.2),
        layers.DirichletPrior(K, concentration=0.7),
    ),
}


def topic_model(likelihood="mixture", latent="laplace", **kwargs):
    posterior, prior = LATENTS[latent]()
    model = AmortizedTopicModel(
        LIKELIHOODS[likelihood](), posterior, prior=prior, units=(4,), seed=2, **kwargs
    )
    model.build()
    random = np.random.default_rng(3)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.6, size=weight.shape))
    return model


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("likelihood", ["mixture", "embedded"])
def test_words_are_a_mixture_of_topics(likelihood):
    model = topic_model(likelihood)
    np.testing.assert_allclose(model.topics.numpy().sum(axis=1), 1, rtol=1e-5)
    z = np.random.default_rng(4).normal(size=(1, 5, K)).astype(np.float32)
    words = softmax(z[0], axis=1) @ model.topics.numpy()
    expected = (COUNTS * np.log(words)).sum(axis=1)
    np.testing.assert_allclose(model.log_likelihood(z, COUNTS)[0], expected, rtol=1e-5)
    mixed = model(COUNTS).numpy() @ model.topics.numpy()
    np.testing.assert_allclose(model.word_probabilities(COUNTS), mixed, rtol=1e-5)


@pytest.mark.usefixtures("eager")
def test_the_words_of_a_product_are_the_topics_multiplied():
    model = topic_model("product")
    topics = np.log(model.topics.numpy())
    mixture = model(COUNTS).numpy()
    # Logits are affine in theta, and the parts of theta sum to one.
    expected = softmax(mixture @ topics, axis=1)
    np.testing.assert_allclose(model.word_probabilities(COUNTS), expected, rtol=1e-4)


@pytest.mark.usefixtures("eager")
def test_documents_are_as_likely_as_by_quadrature():
    """log p(x), z_0 - z_1 integrated out: its prior is N(0, 2 s^2)."""
    model = topic_model("mixture", "laplace")
    scale = np.sqrt(2 * (1 / 2) / 0.5)  # Of the difference; K = 2, concentration 0.5.
    topics = model.topics.numpy().astype(np.float64)
    # A posterior that is broader than the prior, as importance sampling wants it.
    model.posterior_layer.projection.kernel.assign(np.zeros([4, 2 * K]))
    model.posterior_layer.projection.bias.assign([0, 0, 1, 1])

    def evidence(counts):
        def joint(difference):
            share = 1 / (1 + np.exp(-difference))
            words = share * topics[0] + (1 - share) * topics[1]
            density = np.exp(-((difference / scale) ** 2) / 2) / (scale * np.sqrt(2 * np.pi))
            return np.exp(counts @ np.log(words)) * density

        return np.log(quad(joint, -40, 40, epsabs=0, epsrel=1e-9, limit=200, points=[0])[0])

    draws = {"num_samples": 20_000, "samples_per_step": 5_000}  # Few steps: each runs as Python.
    found = importance_weighted_log_likelihood(model, COUNTS, seed=1, **draws)
    expected = [evidence(row) for row in COUNTS.astype(np.float64)]
    np.testing.assert_allclose(found["log_likelihood"], expected, atol=0.05)


@pytest.mark.usefixtures("eager")
def test_a_correlated_prior_has_the_covariance_of_its_factor():
    layer = layers.LearnedNormalTriLPrior(3)
    layer.build()
    layer.log_scale.assign([0.1, -0.4, 0.3])
    layer.below.assign([0.7, -0.2, 0.9])
    factor = np.array([[0, 0, 0], [0.7, 0, 0], [-0.2, 0.9, 0]]) + np.diag(np.exp([0.1, -0.4, 0.3]))
    np.testing.assert_allclose(layer().covariance(), factor @ factor.T, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("likelihood", "latent"),
    [
        ("product", "laplace"),
        ("mixture", "dirichlet"),
        ("embedded", "correlated"),
        ("mixture", "flow"),
    ],
)
def test_gradient_steps_bring_the_bound_up(likelihood, latent):
    model = topic_model(likelihood, latent, dropout=0.0)
    model.compile(keras.optimizers.Adam(0.1), ELBO(num_samples=20))
    first, *_, last = model.fit(COUNTS, epochs=9, verbose=0).history["bound"]
    assert last > first + 0.3


@pytest.mark.usefixtures("eager")
def test_the_network_reads_what_it_is_told_to():
    without = {"counts": COUNTS[:, ::-1], "context": CONTEXT}
    other = {"counts": COUNTS, "context": CONTEXT[::-1]}
    both = {"counts": COUNTS, "context": CONTEXT}
    alone = topic_model(context_units=H, reads_counts=False)
    np.testing.assert_array_equal(alone(both), alone(without))
    assert np.abs(alone(both) - alone(other)).max() > 0.01
    beside = topic_model(context_units=H)
    for changed in (without, other):
        assert np.abs(beside(both) - beside(changed)).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_comes_back_from_a_file_and_trains_on(likelihood, tmp_path):
    # Keras keeps no state of dropout.
    assert_comes_back(topic_model(likelihood, "correlated", dropout=0.0), (COUNTS,), tmp_path)


def test_serves_strings_and_contexts(tmp_path):
    model = topic_model("product", context_units=H, vocabulary=WORDS)
    version = export(model, tmp_path / "served", version=1, batch_sizes=[1])
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    texts = ["Fox and fox, CAT", "", "bee"]
    counts = np.zeros((3, V), np.float32)
    counts[0, [2, 5]], counts[2, 1] = [1, 2], 1
    answer = served(texts=tf.constant(texts), context=CONTEXT[:3])
    expected = model({"counts": counts, "context": CONTEXT[:3]})
    np.testing.assert_allclose(answer["mixture"], expected, atol=1e-5)
    assert answer["words"].shape == (3, V)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"likelihood": layers.BagOfWords(V)}, TypeError, "`likelihood` must be a ProductOfTopics"),
        ({"posterior": keras.layers.Dense(2)}, TypeError, "`posterior` must be a distribution"),
        ({"prior": layers.MultivariateNormalDiag(2)}, TypeError, "`prior` must be a prior layer"),
        ({"context_units": -1}, ValueError, "`context_units` must be >= 0; received -1"),
        ({"reads_counts": False}, ValueError, "sees the context alone; `context_units`"),
        ({"vocabulary": ["ale"]}, ValueError, "expected `vocabulary` of 6 words; received 1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, error, message):
    own = {"likelihood": layers.MixtureOfTopics(V), "posterior": layers.Dirichlet(K)}
    with pytest.raises(error, match=f"AmortizedTopicModel: .*{message}"):
        AmortizedTopicModel(**{**own, **arguments})


def test_inputs_without_their_context_are_refused():
    model = topic_model(context_units=H)
    model.compile()
    with pytest.raises(ValueError, match=r'`x` must be \{"counts": \.\.\., "context"'):
        model.check_inputs(COUNTS)
