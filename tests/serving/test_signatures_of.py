import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from scipy.stats import norm

from tests.models import captioner_toys
from tests.models.texts import make_vae
from tfp_dgm import layers, models
from tfp_dgm.inference import sample_texts
from tfp_dgm.serving import export
from tfp_dgm.serving.signatures_of import signatures_of
from tfp_dgm.text import WordVocabulary

WORDS = ["the", "cat", "sat"]


def _text_vae():
    model = make_vae(vocabulary=WordVocabulary(WORDS))
    model.build((None, None))
    random = np.random.default_rng(4)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    _widen_posterior(model)
    return model


def _widen_posterior(model):
    """Somewhat wider than the prior, so that importance weights have light tails."""
    projection = model.posterior_layer.projection
    projection.kernel.assign(0.1 * projection.kernel)
    size = model.posterior_layer.event_size
    projection.bias.assign(np.repeat([0.1, 0.8], size))  # softplus(0.8) = 1.17


@pytest.fixture(scope="module")
def text_vae(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text_vae")
    model = _text_vae()
    model.save(folder / "model.keras")
    return model, folder, export(model, folder / "saved", batch_sizes=[1, 3])


def test_the_same_seed_gives_the_same_text_everywhere(text_vae):
    model, folder, version = text_vae
    served = tf.saved_model.load(str(version)).signatures
    seed = np.array([[1, k] for k in range(40)], np.int32)
    temperature = np.linspace(0.5, 2, 40).astype(np.float32)
    answer = served["generate"](seed=seed, temperature=temperature)
    texts = answer["text"].numpy().tolist()
    assert len(set(texts)) > 5
    # From Python, with the latents that the answer names.
    ids = sample_texts(
        model.decode(answer["encoding"]), tf.constant(seed), temperature=tf.constant(temperature)
    )
    assert model.vocabulary.detokenize(ids).numpy().tolist() == texts
    log_prob = model.decode(answer["encoding"]).log_prob(ids)
    np.testing.assert_allclose(answer["log_probability"], log_prob, atol=1e-4)
    # One by one, under XLA, and from the reloaded `.keras`.
    for row in (0, 17):
        one = slice(row, row + 1)
        alone = served["generate"](seed=seed[one], temperature=temperature[one])
        assert alone["text"].numpy().tolist() == texts[one]
    twin = served["generate_xla"](seed=seed, temperature=temperature)
    assert served["generate_finish"](**twin)["text"].numpy().tolist() == texts
    reloaded = signatures_of(keras.saving.load_model(folder / "model.keras"))
    again = reloaded["generate"].plain()(seed, temperature)
    assert again["text"].numpy().tolist() == texts


def test_generated_latents_follow_the_prior(text_vae):
    served = tf.saved_model.load(str(text_vae[2])).signatures
    seed = np.array([[2, k] for k in range(2000)], np.int32)
    z = served["generate"](seed=seed, temperature=np.ones(2000, np.float32))["encoding"].numpy()
    # 4 standard errors: fails with probability 1e-4 for a seed drawn at random.
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(2000)
    assert np.abs(z.std(axis=0) - 1).max() < 4 / np.sqrt(2 * 2000)


def test_a_score_is_close_to_the_integral_over_the_latent(text_vae):
    model, _, version = text_vae
    served = tf.saved_model.load(str(version)).signatures
    texts = ["the cat sat", "cat cat", "sat"]
    grid = np.linspace(-5, 5, 81)
    z = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 1, 2).astype(np.float32)
    ids = model.vocabulary(tf.constant(texts))
    log_px = model.decode(tf.constant(z)).log_prob(ids).numpy()  # [grid, B]
    log_pz = norm.logpdf(z).sum(axis=-1)  # [grid, 1]
    exact = logsumexp(log_px + log_pz, axis=0) + 2 * np.log(grid[1] - grid[0])
    draws = [
        served["score"](text=tf.constant(texts), seed=np.full((3, 2), k, np.int32))
        for k in range(50)
    ]
    scores = np.stack([answer["log_likelihood"].numpy() for answer in draws])
    # exp(score) is unbiased; 4 standard errors.
    weights = np.exp(scores - exact)
    error = weights.std(axis=0) / np.sqrt(50)
    assert (np.abs(weights.mean(axis=0) - 1) < 4 * error + 1e-3).all()
    assert error.max() < 0.2


def test_imputed_texts_begin_as_they_were_given(text_vae):
    served = tf.saved_model.load(str(text_vae[2])).signatures
    given = ["the cat", "sat", ""]
    ended = served["impute"](text=tf.constant(given))["text"].numpy()
    for beginning, text in zip(given, ended, strict=True):
        assert text.decode().startswith(beginning)
    assert set(served) >= {"encode_xla", "reconstruct_xla", "score_xla", "impute_xla"}


def test_a_captioner_gives_a_caption_of_every_expert(tmp_path):
    words = [f"w{k}" for k in range(captioner_toys.VOCABULARY - 4)]
    inputs = captioner_toys.inputs()
    model = captioner_toys.randomized(
        captioner_toys.captioner(vocabulary=WordVocabulary(words)), inputs
    )
    version = export(model, tmp_path / "captioner", batch_sizes=[2])
    served = tf.saved_model.load(str(version)).signatures
    source = tf.constant(inputs["source"])
    answer = {name: value.numpy() for name, value in served["describe"](source=source).items()}
    assert answer["captions"].shape == (5, captioner_toys.EXPERTS)
    np.testing.assert_allclose(answer["gate"].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(answer["best"], answer["log_probability"].argmax(axis=1))
    ids = tf.reshape(model.vocabulary(answer["captions"].ravel()), [5, captioner_toys.EXPERTS, -1])
    for k in range(captioner_toys.EXPERTS):
        if not any(b"unk" in text or len(text.split()) > 4 for text in answer["captions"][:, k]):
            marginal = model.log_marginal({"source": source, "token_ids": ids[:, k]})
            np.testing.assert_allclose(answer["log_probability"][:, k], marginal, atol=1e-4)
    seed = np.array([[3, k] for k in range(5)], np.int32)
    drawn = {"seed": seed, "temperature": np.ones(5, np.float32), "top_p": np.ones(5, np.float32)}
    captions = served["sample"](source=source, **drawn)["captions"].numpy()
    twin = served["sample_xla"](source=source, **drawn)
    assert served["sample_finish"](**twin)["captions"].numpy().tolist() == captions.tolist()


def _image_vae():
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(6, activation="tanh")])
    decoder = keras.layers.Dense(6, activation="tanh")
    likelihood = layers.IndependentBernoulli((2, 2))
    model = models.VAE(encoder, decoder, likelihood, latent_units=1, seed=1)
    model.build((None, 2, 2))
    _widen_posterior(model)
    return model


def test_an_image_vae_scores_close_to_the_integral(tmp_path):
    model = _image_vae()
    version = export(model, tmp_path / "vae", batch_sizes=[1])
    served = tf.saved_model.load(str(version)).signatures
    images = np.random.default_rng(1).integers(0, 2, (6, 2, 2)).astype(np.float32)
    grid = np.linspace(-8, 8, 2001, dtype=np.float32)
    log_px = model.log_likelihood(tf.tile(grid[:, None, None], [1, 6, 1]), images).numpy()
    exact = logsumexp(log_px + norm.logpdf(grid)[:, None], axis=0) + np.log(grid[1] - grid[0])
    seed = np.array([[9, k] for k in range(6)], np.int32)
    score = served["score"](inputs=images, seed=seed)["log_likelihood"].numpy()
    # 64 weights, of a posterior like the prior and a likelihood that is nearly flat.
    np.testing.assert_allclose(score, exact, atol=0.15)
    encoding = served["encode"](inputs=images)["mean"].numpy()
    np.testing.assert_allclose(encoding, model.posterior(images).mean(), atol=1e-6)
    mean = served["reconstruct"](inputs=images)["reconstruction"].numpy()
    np.testing.assert_allclose(mean, model.decode(tf.constant(encoding)).mean(), atol=1e-6)
    assert served["generate"](seed=seed)["mean"].shape == (6, 2, 2)


def test_m2_gives_the_class():
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    model = models.M2(3, encoder, None, layers.IndependentBernoulli((2, 2)), latent_units=1)
    model.build((None, 2, 2))
    images = np.random.default_rng(1).random((5, 2, 2)).astype(np.float32)
    answer = signatures_of(model)["serving_default"].plain()(images)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
    np.testing.assert_array_equal(answer["class_id"], expected.argmax(axis=1))


def test_a_model_that_is_not_served_is_named():
    with pytest.raises(ValueError, match="Dense declares no serving_signatures"):
        signatures_of(keras.layers.Dense(1))
    with pytest.raises(ValueError, match="expected a TextVAE with a vocabulary"):
        signatures_of(make_vae())
