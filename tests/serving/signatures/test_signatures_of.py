import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from scipy.stats import norm

from tests.models import captioner_toys, compressor_toys, hierarchical_toys, toys
from tests.models.texts import make_language_model, make_quantized, make_vae
from tests.references import captioner_oracle
from tests.references.recurrent_text import lstm_log_prob, weights_of
from tests.references.vector_quantization import neural_autoregressive_log_prob
from tests.serving.beam.answered_shards import asked
from tfp_dgm import layers, models
from tfp_dgm.inference import greedy, sample_texts
from tfp_dgm.serving import export
from tfp_dgm.serving.replay import replay
from tfp_dgm.serving.signatures.signatures_of import SIGNATURES, signatures_of
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


class TextVAEEverywhere(NamedTuple):
    """A text VAE, where its `.keras` file lies, its SavedModel, and that one's signatures."""

    model: models.TextVAE
    folder: Path
    version: Path
    served: Mapping[str, Callable[..., Mapping[str, tf.Tensor]]]


@pytest.fixture(scope="module")
def text_vae(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text_vae")
    model = _text_vae()
    model.save(folder / "model.keras")
    signatures = dict(signatures_of(model))
    # By one name and not by two, of which the second would be traced and recorded again.
    signatures["serving_default"] = signatures.pop("generate")
    assert all(signature.xla for signature in signatures.values())
    for name in set(signatures) - {"serving_default"}:  # Twins take long to export.
        signatures[name] = replace(signatures[name], xla=False)
    version = export(model, folder / "saved", signatures=signatures, batch_sizes=[2])
    return TextVAEEverywhere(model, folder, version, tf.saved_model.load(str(version)).signatures)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_text_everywhere(text_vae):
    model, served = text_vae.model, text_vae.served
    seed = np.array([[1, k] for k in range(40)], np.int32)
    temperature = np.linspace(0.5, 2, 40).astype(np.float32)
    answer = served["serving_default"](seed=seed, temperature=temperature)
    texts = answer["text"].numpy().tolist()
    assert len(set(texts)) > 5
    # From Python, with the latents that the answer names.
    ids = sample_texts(
        model.decode(answer["encoding"]), tf.constant(seed), temperature=tf.constant(temperature)
    )
    assert model.vocabulary.detokenize(ids).numpy().tolist() == texts
    weights = weights_of(model.decoder)
    for z, row, log_prob in zip(
        answer["encoding"].numpy(), ids.numpy(), answer["log_probability"].numpy(), strict=True
    ):
        expected = lstm_log_prob(weights, z, [token for token in row if token])
        np.testing.assert_allclose(log_prob, expected, rtol=1e-4, atol=1e-4)
    # One by one, under XLA, and from the reloaded `.keras`.
    for row in (0, 17):
        one = slice(row, row + 1)
        alone = served["serving_default"](seed=seed[one], temperature=temperature[one])
        assert alone["text"].numpy().tolist() == texts[one]
    twin = served["serving_default_xla"](seed=seed, temperature=temperature)
    assert served["serving_default_finish"](**twin)["text"].numpy().tolist() == texts
    reloaded = signatures_of(keras.saving.load_model(text_vae.folder / "model.keras"))
    again = reloaded["generate"].plain()(seed, temperature)
    assert again["text"].numpy().tolist() == texts


@pytest.mark.slow
def test_a_shard_has_the_answers_of_a_text_vae(text_vae, tmp_path):
    texts = ["the cat sat", "cat", ""]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    found = {}
    for task in ("encode", "reconstruct"):
        path = asked(text_vae.version, task, tmp_path / "in.jsonl", tmp_path / task)
        found[task] = [json.loads(line) for line in path.read_text().splitlines()]
    ids = text_vae.model.vocabulary(tf.constant(texts))
    means = text_vae.model.posterior(ids).mean().numpy()
    for row, mean in zip(found["encode"], means, strict=True):
        np.testing.assert_allclose(row["encoding"], mean, atol=1e-5)
    again = text_vae.served["reconstruct"](text=tf.constant(texts))["text"].numpy()
    assert [row["text"] for row in found["reconstruct"]] == texts
    assert [row["reconstruct_text"].encode() for row in found["reconstruct"]] == [*again]


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_shard_of_seeds_has_the_texts_that_they_draw(text_vae, tmp_path, ending):
    seeds = np.array([[2, k] for k in range(5)], np.int32)
    rows = {"seed": seeds.tolist(), "temperature": [0.5, 1, 1, 1, 2]}
    if ending == ".csv":
        frame = pd.DataFrame(rows | {"seed": [json.dumps(seed) for seed in rows["seed"]]})
        frame.to_csv(tmp_path / "in.csv", index=False)
    else:
        pd.DataFrame(rows).to_parquet(tmp_path / "in.parquet")
    path = asked(
        text_vae.version,
        "serving_default",
        tmp_path / f"in{ending}",
        tmp_path / "run",
        inputs=["seed", "temperature"],
    )
    read = pd.read_csv if ending == ".csv" else pd.read_parquet
    drawn = text_vae.served["serving_default"](
        seed=seeds, temperature=np.array(rows["temperature"], np.float32)
    )["text"].numpy()
    assert read(path)["text"].fillna("").str.encode("utf-8").tolist() == [*drawn]


@pytest.mark.slow
def test_a_text_vae_passes_the_checks(tmp_path):
    """With all twins. Quicker: one twin, above; the checks of letters, `test_check.py`.

    In this process: a fresh one and the C++ loader have tests of their own.
    """
    version = export(_text_vae(), tmp_path / "saved", batch_sizes=[2])
    verdicts = list(replay(version))
    assert {verdict["kind"] for verdict in verdicts} == {"recorded", "twin", "warm-up"}
    assert [verdict for verdict in verdicts if verdict["problem"] is not None] == []


@pytest.mark.slow
def test_generated_latents_follow_the_prior(text_vae):
    served = text_vae.served
    seed = np.array([[2, k] for k in range(2000)], np.int32)
    z = served["serving_default"](seed=seed, temperature=np.ones(2000, np.float32))[
        "encoding"
    ].numpy()
    # 4 standard errors: fails with probability 1e-4 for a seed drawn at random.
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(2000)
    assert np.abs(z.std(axis=0) - 1).max() < 4 / np.sqrt(2 * 2000)


def test_a_score_is_close_to_the_integral_over_the_latent(text_vae):
    model, served = text_vae.model, text_vae.served
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


@pytest.mark.slow
def test_a_text_vae_on_the_circle_generates_and_scores():
    """Quicker: the plane, above; `test_latents_on_the_sphere_are_encoded_and_decoded_there`."""
    model = make_vae(
        vocabulary=WordVocabulary(WORDS),
        latent_units=None,
        posterior=layers.PowerSpherical(2, concentration=2.0),
        prior=layers.SphericalUniformPrior(2),
    )
    model.build((None, None))
    random = np.random.default_rng(4)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    z = _ask(model, "generate", seed=_seeds(200), temperature=np.ones(200, np.float32))["encoding"]
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)
    texts, draws = ["the cat sat", "cat cat", "sat"], 60
    encoding = _ask(model, "encode", text=texts)["encoding"]
    np.testing.assert_allclose(np.linalg.norm(encoding, axis=1), 1, rtol=1e-5)
    back = _ask(model, "reconstruct", text=texts)
    ids = greedy(model.decode(tf.constant(encoding))).numpy()
    weights = weights_of(model.decoder)
    log_prob = [
        lstm_log_prob(weights, z, [token for token in row if token])
        for z, row in zip(encoding, ids, strict=True)
    ]
    np.testing.assert_allclose(back["log_probability"], log_prob, atol=1e-4)
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, np.newaxis].astype(np.float32)
    ids = model.vocabulary(tf.constant(texts))
    log_px = model.decode(tf.constant(circle)).log_prob(ids).numpy()  # [angles, B]
    exact = logsumexp(log_px, axis=0) - np.log(len(angles))
    answer = _ask(model, "score", text=np.repeat(texts, draws), seed=_seeds(len(texts) * draws))
    weights = np.exp(answer["log_likelihood"].reshape(len(texts), draws) - exact[:, np.newaxis])
    # exp(score) is unbiased; 4 standard errors.
    error = weights.std(axis=1) / np.sqrt(draws)
    assert (np.abs(weights.mean(axis=1) - 1) < 4 * error + 1e-3).all()
    assert error.max() < 0.2


def test_tokenised_texts_are_written_as_they_are_read():
    """What is imputed begins with the text's own tokens, marks apart."""
    model = make_vae(vocabulary=WordVocabulary(["said", ")", "."], split_punctuation=False))
    model.build((None, None))
    answer = _ask(model, "impute", text=["said ) ."])["text"]
    assert answer[0].decode().split()[:3] == ["said", ")", "."]


def test_imputed_texts_begin_as_they_were_given(text_vae):
    served = text_vae.served
    given = ["the cat", "sat", ""]
    ended = served["impute"](text=tf.constant(given))["text"].numpy()
    for beginning, text in zip(given, ended, strict=True):
        assert text.decode().startswith(beginning)
    assert set(served) >= {"encode", "reconstruct", "score", "impute"}


@pytest.mark.slow
@pytest.mark.parametrize("twin", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_captioner_gives_a_caption_of_every_expert(tmp_path, twin):
    words = [f"w{k}" for k in range(captioner_toys.VOCABULARY - 4)]
    inputs = captioner_toys.inputs()
    model = captioner_toys.randomized(
        captioner_toys.captioner(vocabulary=WordVocabulary(words)), inputs
    )
    signatures = signatures_of(model)
    chosen = {
        "serving_default": replace(signatures["describe"], xla=False),
        "sample": replace(signatures["sample"], xla=twin),
    }
    version = export(model, tmp_path / "captioner", signatures=chosen, batch_sizes=[2])
    served = tf.saved_model.load(str(version)).signatures
    source = tf.constant(inputs["source"])
    answer = {
        name: value.numpy() for name, value in served["serving_default"](source=source).items()
    }
    assert answer["captions"].shape == (5, captioner_toys.EXPERTS)
    np.testing.assert_allclose(answer["gate"].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(answer["best"], answer["log_probability"].argmax(axis=1))
    for features, captions, log_prob in zip(
        inputs["source"], answer["captions"], answer["log_probability"], strict=True
    ):
        tokens = [captioner_toys.written_tokens(model, text.decode()) for text in captions]
        joint = captioner_oracle.log_joint(model, [features] * len(tokens), tokens)
        np.testing.assert_allclose(log_prob, logsumexp(joint, axis=1), rtol=1e-4, atol=1e-4)
    seed = np.array([[3, k] for k in range(5)], np.int32)
    drawn = {"seed": seed, "temperature": np.ones(5, np.float32), "top_p": np.ones(5, np.float32)}
    captions = served["sample"](source=source, **drawn)["captions"].numpy()
    assert captions.shape == answer["captions"].shape
    assert len(set(captions.ravel().tolist())) > 1
    if twin:
        compiled = served["sample_xla"](source=source, **drawn)
        finished = served["sample_finish"](**compiled)["captions"].numpy()
        assert finished.tolist() == captions.tolist()


def _image_vae():
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(6, activation="tanh")])
    decoder = keras.layers.Dense(6, activation="tanh")
    likelihood = layers.IndependentBernoulli((2, 2))
    model = models.VAE(encoder, decoder, likelihood, latent_units=1, seed=1)
    model.build((None, 2, 2))
    _widen_posterior(model)
    return model


def test_an_image_vae_scores_close_to_the_integral():
    model = _image_vae()
    images = np.random.default_rng(1).integers(0, 2, (6, 2, 2)).astype(np.float32)
    grid = np.linspace(-8, 8, 2001, dtype=np.float32)
    log_px = model.log_likelihood(tf.tile(grid[:, None, None], [1, 6, 1]), images).numpy()
    exact = logsumexp(log_px + norm.logpdf(grid)[:, None], axis=0) + np.log(grid[1] - grid[0])
    seed = np.array([[9, k] for k in range(6)], np.int32)
    score = _ask(model, "score", inputs=images, seed=seed)["log_likelihood"]
    # 64 weights, of a posterior like the prior and a likelihood that is nearly flat.
    np.testing.assert_allclose(score, exact, atol=0.15)
    encoding = _ask(model, "encode", inputs=images)["mean"]
    np.testing.assert_allclose(encoding, model.posterior(images).mean(), atol=1e-6)
    mean = _ask(model, "reconstruct", inputs=images)["reconstruction"]
    np.testing.assert_allclose(mean, model.decode(tf.constant(encoding)).mean(), atol=1e-6)
    assert _ask(model, "generate", seed=seed)["mean"].shape == (6, 2, 2)


def _ask(model, name, **inputs):
    signature = signatures_of(model)[name]
    answer = signature.plain()(*(tf.constant(inputs[key]) for key in signature.inputs))
    return {key: value.numpy() for key, value in answer.items()}


def _seeds(count, first=11):
    return np.array([[first, k] for k in range(count)], np.int32)


@pytest.mark.slow
def test_scores_over_layers_of_latents_are_unbiased_and_each_rows_own():
    """Against the evidence, enumerated over both layers of binary latents."""
    model = hierarchical_toys.randomized(hierarchical_toys.belief_network())
    images, draws = hierarchical_toys.X, 200
    rows = np.repeat(images, draws, axis=0)
    scores = _ask(model, "score", inputs=rows, seed=_seeds(len(rows)))["log_likelihood"]
    exact = [hierarchical_toys.evidence(model, image, (3, 2)) for image in images]
    weights = np.exp(scores.reshape(len(images), draws) - np.array(exact)[:, np.newaxis])
    error = weights.std(axis=1) / np.sqrt(draws)
    # exp(score) is unbiased; 4 standard errors each: fails with probability 2e-4.
    assert (np.abs(weights.mean(axis=1) - 1) < 4 * error).all()
    assert 0 < error.max() < 0.05
    alone = _ask(model, "score", inputs=rows[250:251], seed=_seeds(len(rows))[250:251])
    np.testing.assert_allclose(alone["log_likelihood"], scores[250:251], rtol=1e-5)


@pytest.mark.parametrize("make", ["gaussian", "belief_network", "categorical"])
def test_generated_images_follow_the_prior(make):
    model = hierarchical_toys.randomized(getattr(hierarchical_toys, make)())
    served = _ask(model, "generate", seed=_seeds(5000))["mean"]
    z = model.prior(None).sample(20_000, seed=(8, 9))
    expected = model.decode(z).mean().numpy()
    # 4 standard errors of each of 4 pixels: fails with probability 3e-4.
    error = served.std(axis=0) / np.sqrt(5000) + expected.std(axis=0) / np.sqrt(20_000)
    assert (np.abs(served.mean(axis=0) - expected.mean(axis=0)) < 4 * error).all()


@pytest.mark.slow
def test_a_language_model_scores_what_it_generates():
    model = make_language_model(vocabulary=WordVocabulary(WORDS))
    model.build()
    random = np.random.default_rng(4)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    answer = _ask(model, "generate", seed=_seeds(60), temperature=np.ones(60, np.float32))
    # A text that ended by itself and holds known words is read as it was written.
    whole = [
        k
        for k, text in enumerate(answer["text"])
        if len(text.split()) < model.max_length and set(text.decode().split()) <= set(WORDS)
    ]
    assert len({answer["text"][k] for k in whole}) > 3
    scores = _ask(model, "score", text=answer["text"])["log_likelihood"]
    np.testing.assert_allclose(answer["log_probability"][whole], scores[whole], rtol=1e-4)
    np.testing.assert_allclose(scores, model.predict(tf.constant(answer["text"])), rtol=1e-4)
    given = ["the cat", "sat", ""]
    ended = _ask(model, "impute", text=given)["text"]
    for beginning, text in zip(given, ended, strict=True):
        assert text.decode().startswith(beginning)


def test_m1_m2_gives_the_class_and_the_lower_latent():
    upper = models.M2(
        toys.CLASSES,
        keras.layers.Dense(3),
        None,
        layers.MultivariateNormalDiag(2),
        latent_units=1,
    )
    model = models.M1M2(toys.randomized(toys.vae()), upper)
    model.build((None, toys.WORDS))
    rows = toys.counts(5)[0]
    answer = _ask(model, "serving_default", inputs=rows)
    expected = model.predict(rows, verbose=0)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
    np.testing.assert_array_equal(answer["class_id"], expected.argmax(axis=1))
    mean = model.vae.predict(rows, verbose=0)
    np.testing.assert_allclose(_ask(model, "encode", inputs=rows)["mean"], mean, atol=1e-6)


@pytest.mark.slow
def test_codes_are_served_with_their_texts():
    """What is drawn, read and written, by the model's own parts; a bound by the oracle."""
    prior = layers.NeuralAutoregressivePrior(2, 4, hidden_units=3)
    model = make_quantized(prior=prior, vocabulary=WordVocabulary(WORDS))
    model.build((None, None))
    random = np.random.default_rng(4)
    for weight in (*model.trainable_weights, model.posterior_layer.codebook):
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    codebook = model.posterior_layer.codebook.numpy()
    texts = ["the cat sat", "cat", "sat the"]
    encoded = _ask(model, "serving_default", text=tf.constant(texts))
    vectors = codebook[encoded["codes"]].reshape(3, -1)
    np.testing.assert_allclose(encoded["encoding"], vectors, rtol=1e-6)
    np.testing.assert_allclose(model(tf.constant(texts)), vectors, rtol=1e-6)
    weights = weights_of(model.decoder)
    of_prior = [weight.numpy() for weight in prior.weights]
    found = _ask(model, "score", text=tf.constant(texts))["log_likelihood"]
    for b, (text, codes) in enumerate(zip(texts, encoded["codes"], strict=True)):
        ids = [token for token in model.token_ids(tf.constant([text])).numpy()[0] if token]
        expected = lstm_log_prob(weights, vectors[b], ids)
        expected += neural_autoregressive_log_prob(of_prior, codes)
        np.testing.assert_allclose(found[b], expected, rtol=1e-4)
    written = _ask(model, "reconstruct", text=tf.constant(texts))
    ids = greedy(model.decode(tf.one_hot(encoded["codes"], 4)))
    np.testing.assert_array_equal(written["text"], model.vocabulary.detokenize(ids))
    seed = tf.constant([[1, k] for k in range(20)])
    drawn = _ask(model, "generate", seed=seed, temperature=tf.ones([20]))
    assert len(np.unique(drawn["codes"], axis=0)) > 5
    ids = sample_texts(model.decode(tf.one_hot(drawn["codes"], 4)), seed)
    np.testing.assert_array_equal(drawn["text"], model.vocabulary.detokenize(ids))
    alone = _ask(model, "generate", seed=seed[7:8], temperature=tf.ones([1]))
    np.testing.assert_array_equal(alone["codes"][0], drawn["codes"][7])


@pytest.mark.slow
def test_a_compressor_of_sentences_gives_the_likeliest_compression(tmp_path):
    model = compressor_toys.compressor()
    version = export(model, tmp_path / "saved", batch_sizes=[2])
    served = tf.saved_model.load(str(version)).signatures
    answer = served["serving_default"](text=tf.constant(compressor_toys.TEXTS))
    for row, text in enumerate(compressor_toys.TEXTS):
        x = compressor_toys.token_ids(text)
        log_probs = {
            " ".join(compressor_toys.WORDS[token - 4] for token in c): (
                compressor_toys.log_posterior(model, x, c)
            )
            for c in compressor_toys.every_compression(text)
        }
        best = max(log_probs, key=log_probs.get)
        assert answer["text"][row].numpy().decode() == best
        np.testing.assert_allclose(answer["log_probability"][row], log_probs[best], rtol=1e-4)
    prepared = served["serving_default_prepare"](text=tf.constant(compressor_toys.TEXTS))
    twin = served["serving_default_finish"](**served["serving_default_xla"](**prepared))
    np.testing.assert_array_equal(twin["text"], answer["text"])


def test_every_model_is_served():
    for name in models.__all__:
        kind = getattr(models, name)
        if not (isinstance(kind, type) and issubclass(kind, models.LatentVariableModel)):
            continue
        # Of what the inputs are, two know nothing, and whoever derives from them says it; the bound
        # of the third is for training alone.
        unserved = (
            models.LatentVariableModel,
            models.ExactLikelihoodModel,
            models.MeanFieldModel,
        )
        if kind not in unserved:
            above = any(base in SIGNATURES for base in kind.__mro__)
            assert above or hasattr(kind, "serving_signatures"), name


@pytest.mark.slow
def test_what_has_no_density_is_not_scored():
    prior = layers.ImplicitPrior(2, keras.layers.Dense(3))
    given = {"latent_units": None, "posterior": layers.PointMass(2), "prior": prior}
    model = make_vae(vocabulary=WordVocabulary(WORDS), **given)
    model.build((None, None))
    signatures = set(signatures_of(model))
    assert {"generate", "encode", "reconstruct", "impute"} <= signatures
    assert "score" not in signatures
    z = _ask(model, "generate", seed=_seeds(3), temperature=np.ones(3, np.float32))["encoding"]
    alone = _ask(model, "generate", seed=_seeds(3)[2:], temperature=np.ones(1, np.float32))
    np.testing.assert_allclose(alone["encoding"][0], z[2], rtol=1e-5)
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    likelihood = layers.IndependentBernoulli((2, 2))
    image = models.VAE(encoder, None, likelihood, posterior=layers.PointMass(2))
    image.build((None, 2, 2))
    assert "score" not in signatures_of(image)
    assert _ask(image, "generate", seed=_seeds(5))["mean"].shape == (5, 2, 2)


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
    with pytest.raises(ValueError, match="expected a LanguageModel with a vocabulary"):
        signatures_of(make_language_model())
