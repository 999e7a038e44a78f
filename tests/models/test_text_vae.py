"""The text VAE: its bound by hand, its auxiliary term, strings and ids, and its file."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm
from tensorflow_probability import distributions as tfd

from tests.models.text_vae_oracle import TEXTS, numpy_log_prob, numpy_posterior, randomize
from tests.models.texts import RULE, make_language_model, make_vae, rule_texts
from tests.references.densities import normal_diag_kl, softplus
from tests.references.networks import dense
from tests.saving import assert_comes_back
from tfp_dgm import inference, layers, models, networks, objectives
from tfp_dgm.text import BucketedBatches, WordVocabulary


@pytest.mark.parametrize("samples", [1, 3])
def test_bound_by_hand(samples):
    model = randomize(make_vae())
    bound = model.bound(TEXTS, objective=objectives.ELBO(num_samples=samples), seed=(3, 4))
    loc, scale = zip(*(numpy_posterior(model, row) for row in TEXTS), strict=True)
    # The noise alone is taken from TFP.
    q = tfd.MultivariateNormalDiag(np.float32(loc), np.float32(scale))
    z = q.sample(samples, seed=(3, 4)).numpy()
    expected = np.mean(
        [[numpy_log_prob(model, z[s, b], TEXTS[b]) for b in range(3)] for s in range(samples)], 0
    )
    kl = [normal_diag_kl(*numpy_posterior(model, row), np.zeros(2), np.ones(2)) for row in TEXTS]
    np.testing.assert_allclose(bound.reconstruction, expected, rtol=2e-5)
    np.testing.assert_allclose(bound.kl, kl, rtol=1e-4)
    np.testing.assert_allclose(bound.value, expected - kl, rtol=1e-4)


def test_padding_and_batching_change_nothing():
    model = randomize(make_vae())
    padded = np.pad(TEXTS, [[0, 0], [0, 3]])
    z = tf.random.stateless_normal([2, 3, 2], seed=(1, 1))
    together = model.log_likelihood(z, padded).numpy()
    for b, row in enumerate(TEXTS):
        alone = row[np.newaxis][:, row > 0]
        np.testing.assert_allclose(
            model.log_likelihood(z[:, b : b + 1], alone)[:, 0], together[:, b], rtol=1e-5
        )
        np.testing.assert_allclose(model(padded)[b], model(alone)[0], rtol=1e-4, atol=1e-6)


def test_bag_of_words_changes_the_gradient_and_no_value():
    plain, aided = make_vae(), make_vae(bag_of_words_weight=0.7)
    for model in (plain, aided):
        randomize(model)
    assert aided.bag_of_words.weights
    for a, b in zip(plain.weights, aided.weights, strict=False):
        b.assign(a)
    z = tf.random.stateless_normal([1, 3, 2], seed=(1, 1))
    results = []
    for model in (plain, aided):
        with tf.GradientTape() as tape:
            tape.watch(z)
            log_px = model.log_likelihood(z, TEXTS, training=True)
        results.append((log_px.numpy(), tape.gradient(log_px, z).numpy()))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-5)
    kernel, bias = (weight.numpy() for weight in aided.bag_of_words.weights)
    expected = np.zeros((3, 2))
    for b, row in enumerate(TEXTS):
        logits = z[0, b].numpy() @ kernel + bias
        probabilities = np.exp(logits) / np.exp(logits).sum()
        for token in row[row > 0]:
            expected[b] += 0.7 * kernel @ (np.eye(len(bias))[token] - probabilities)
    added = results[1][1][0] - results[0][1][0]
    np.testing.assert_allclose(added, expected, rtol=1e-3, atol=1e-4)
    # Nothing is added outside training.
    with tf.GradientTape() as tape:
        tape.watch(z)
        log_px = aided.log_likelihood(z, TEXTS)
    np.testing.assert_allclose(tape.gradient(log_px, z), results[0][1], rtol=1e-3, atol=1e-4)


def standard_log_prob(prior, model, z):
    return norm.logpdf(z).sum()


def mixture_log_prob(prior, model, z):
    log_weights = log_softmax(np.asarray(prior.logits, np.float64))
    components = norm.logpdf(z, prior.loc.numpy(), np.exp(prior.log_scale.numpy())).sum(axis=1)
    return logsumexp(log_weights + components)


def vamp_log_prob(prior, model, z):
    """The mean over posteriors of pseudo-inputs, which stand among the encoder's features."""
    weights = model.posterior_layer.projection.weights
    pseudo_parameters = np.array([dense(u, weights) for u in prior.pseudo_inputs.numpy()])
    loc, rho = np.split(pseudo_parameters, 2, axis=1)
    return logsumexp(norm.logpdf(z, loc, 1e-4 + np.vectorize(softplus)(rho)).sum(axis=1)) - np.log(
        len(loc)
    )


@pytest.mark.parametrize(
    ("prior", "log_prob"),
    [
        (lambda: layers.StandardNormalPrior(2), standard_log_prob),
        (lambda: layers.MixtureOfNormalsPrior(2, 3), mixture_log_prob),
        (lambda: layers.VampPrior(2, 3, (6,)), vamp_log_prob),
    ],
    ids=["standard", "mixture", "vamp"],
)
def test_every_prior_gives_its_bound_and_gradients(prior, log_prob):
    prior = prior()
    model = randomize(make_vae(prior=prior))
    objective = objectives.ELBO(analytic_kl=False)
    with tf.GradientTape() as tape:
        bound = model.bound(TEXTS, objective=objective, seed=(1, 2), training=True)
        loss = tf.reduce_mean(bound.loss)
    for b, row in enumerate(TEXTS):
        loc, scale = numpy_posterior(model, row)
        z = model.posterior(TEXTS).sample(1, seed=(1, 2))[0, b].numpy()
        kl = norm.logpdf(z, loc, scale).sum() - log_prob(prior, model, z)
        np.testing.assert_allclose(bound.kl[b], kl, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(bound.value[b], numpy_log_prob(model, z, row) - kl, rtol=1e-3)
    weights = model.trainable_weights
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), weight.path
        assert np.abs(gradient).max() > 1e-6, weight.path


@pytest.mark.slow
def test_trains_and_comes_back(tmp_path):
    """By a bound whose draws share texts, in chunks of positions."""
    objective = objectives.ImportanceWeighted(num_samples=2)
    texts = np.tile(TEXTS, (2, 1))
    assert_comes_back(make_vae(bag_of_words_weight=0.5), (texts,), tmp_path, objective)


def test_mixed_precision_trains_near_float32(dtype_policy):
    """The bound by hand, to the three digits that bfloat16 has; then a step of training."""
    dtype_policy("mixed_bfloat16")
    model = randomize(make_vae())
    bound = model.bound(TEXTS, seed=(3, 4))
    assert {field.dtype for field in bound} == {tf.float32}
    z = model.posterior(TEXTS).sample(1, seed=(3, 4))
    assert z.dtype == tf.float32
    expected = [numpy_log_prob(model, z[0, b].numpy(), TEXTS[b]) for b in range(3)]
    np.testing.assert_allclose(bound.reconstruction, expected, rtol=0.03)
    before = [weight.numpy() for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    losses = model.fit(TEXTS, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    for weight, value in zip(model.trainable_weights, before, strict=True):
        assert weight.dtype == "float32"
        assert (weight.numpy() != value).any(), weight.path


@pytest.mark.slow
def test_learns_the_rule_of_its_texts():
    """Quicker: `test_bound_by_hand`, `test_every_prior_gives_its_bound_and_gradients`."""
    model = make_vae(units=16)
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(BucketedBatches(rule_texts(320), 32, seed=1), epochs=5, shuffle=False, verbose=0)
    held_out = np.array(rule_texts(64, seed=9), np.int32)
    # The entropy of a text is log 2 for each of its three words.
    assert np.mean(model.bound(held_out, seed=(1, 2)).value) > -3 * np.log(2) - 0.4
    draws = model.decode(model.prior(None).sample(200, seed=(1, 1))).sample(seed=(2, 2)).numpy()
    assert np.mean([RULE(row) for row in draws]) > 0.9


def test_dreams_come_from_the_model():
    """Of 3,000, each figure within 5 standard errors."""
    model, count = randomize(make_vae()), 3000
    # END, UNKNOWN and three words, whatever stands before them and whatever the latent is.
    probabilities = np.array([0.3, 0.05, 0.4, 0.15, 0.1])
    model.decoder.output_weights.assign(tf.zeros_like(model.decoder.output_weights))
    model.decoder.output_bias.assign(np.log([1.0, 1.0, *probabilities]))
    z, texts = model.dream(np.tile(TEXTS[:1], [count, 1]), seed=tf.constant([1, 2]))
    np.testing.assert_allclose(np.mean(z, axis=0), [0, 0], atol=5 / np.sqrt(count))
    np.testing.assert_allclose(np.cov(z.numpy().T), np.eye(2), atol=5 * np.sqrt(2 / count))
    left = np.full(count, True)  # They have not ended.
    for tokens in texts.numpy().T[:4]:
        found = np.bincount(tokens[left], minlength=7)[2:] / left.sum()
        error = np.sqrt(probabilities * (1 - probabilities) / left.sum())
        assert (np.abs(found - probabilities) < 5 * error).all()
        assert not tokens[~left].any()
        left &= tokens != 2


def test_dreams_change_no_value_of_a_bound():
    """It is log mean exp of the weights, each of them in NumPy."""
    model = randomize(make_vae())
    objective = objectives.ReweightedWakeSleep(num_samples=2)
    bound = model.bound(TEXTS, objective=objective, seed=(1, 2))
    loc, scale = zip(*(numpy_posterior(model, row) for row in TEXTS), strict=True)
    # The noise alone is taken from TFP.
    q = tfd.MultivariateNormalDiag(np.float32(loc), np.float32(scale))
    z = q.sample(2, seed=(1, 2)).numpy()  # [S, B, Z]
    log_px = [[numpy_log_prob(model, z[s, b], TEXTS[b]) for b in range(3)] for s in range(2)]
    log_ratio = (norm.logpdf(z) - norm.logpdf(z, loc, scale)).sum(axis=-1)
    expected = logsumexp(log_px + log_ratio, axis=0) - np.log(2)
    np.testing.assert_allclose(bound.value, expected, rtol=1e-4)


def test_latents_on_the_sphere_are_encoded_and_decoded_there(monkeypatch):
    model = randomize(
        make_vae(
            posterior=layers.PowerSpherical(2, concentration=2.0),
            prior=layers.SphericalUniformPrior(2),
        )
    )
    np.testing.assert_allclose(np.linalg.norm(model(TEXTS), axis=1), 1.0, rtol=1e-5)
    decoded, decode = [], model.decode
    monkeypatch.setattr(model, "decode", lambda z: decoded.append(z) or decode(z))
    inference.impute(model, TEXTS[:2, :1], beam_size=2, mode_steps=1)
    assert len(decoded) == 2
    np.testing.assert_allclose(np.linalg.norm(decoded, axis=-1), 1.0, rtol=1e-5)


@pytest.mark.slow
def test_strings_are_the_same_as_their_ids():
    vocabulary = WordVocabulary(["a", "b", "c"])
    model = randomize(make_vae(vocabulary=vocabulary))
    strings = tf.constant(["a b c", "c", ""])
    np.testing.assert_array_equal(vocabulary(strings), TEXTS)
    np.testing.assert_array_equal(model(strings), model(TEXTS))
    z = tf.zeros([1, 3, 2])
    np.testing.assert_array_equal(model.log_likelihood(z, strings), model.log_likelihood(z, TEXTS))
    model.compile(keras.optimizers.SGD(0.0))
    data = tf.data.Dataset.from_tensors(strings)
    losses = model.fit(data, shuffle=False, verbose=0).history
    assert np.isfinite(losses["bound"]).all()


def test_a_model_of_strings_comes_back(tmp_path):
    model = randomize(make_vae(vocabulary=WordVocabulary(["a", "b", "c"])))
    strings = tf.constant(["a b c", "c", ""])
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy(strings), model(strings))
    assert copy.vocabulary.tokens == ("a", "b", "c")


@pytest.mark.usefixtures("eager")
def test_weights_of_training_leave_evaluation_alone():
    model = randomize(make_vae())
    results = []
    for weight in (0.0, 3.0):
        model.compile("sgd", objectives.ELBO(kl_weight=weight))
        model.seed_generator.state.assign(np.array([1, 1], np.uint32))
        results.append(model.evaluate(TEXTS, verbose=0, return_dict=True))
    assert results[0] == results[1]


def test_language_model_is_its_distribution(tmp_path):
    model = make_language_model()
    model.build()
    random = np.random.default_rng(5)
    for weight in model.weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    assert not [weight for weight in model.weights if "condition" in weight.path]
    expected = [numpy_log_prob(model, None, row) for row in TEXTS]
    np.testing.assert_allclose(model(TEXTS), expected, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.saving.load_model(tmp_path / "model.keras")(TEXTS), model(TEXTS)
    )


@pytest.mark.slow
def test_language_model_reaches_the_entropy():
    """Quicker: `test_language_model_is_its_distribution`."""
    model = make_language_model(units=16)
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(BucketedBatches(rule_texts(400), 32, seed=1), epochs=12, shuffle=False, verbose=0)
    bound = np.mean(model(np.array(rule_texts(64, seed=9), np.int32)))
    assert -3 * np.log(2) - 0.2 < bound < -3 * np.log(2) + 0.2


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: make_vae(latent_units=None), "give `latent_units` or a `posterior`"),
        (lambda: make_vae(latent_units=5), "must be the latent's size 5; received 2"),
        (lambda: make_vae(vocabulary=WordVocabulary(["a"])), "has 5 tokens, the decoder 7"),
        (lambda: make_vae(bag_of_words_weight=-1.0), "`bag_of_words_weight` must be >= 0"),
        (lambda: make_vae()(tf.constant(["a"])), "only with a `vocabulary`"),
        (lambda: make_vae().token_ids(tf.zeros([3])), r"must be \[B, T\]"),
        (
            lambda: models.LanguageModel(networks.LSTMDecoder(7, conditioning_units=2)),
            "must be 0; received 2",
        ),
    ],
)
def test_errors_name_the_argument(run, message):
    with pytest.raises(ValueError, match=message):
        run()
