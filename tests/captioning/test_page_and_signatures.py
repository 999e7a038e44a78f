"""The page is safe whatever it shows; the served model says what the live one does."""

import base64
import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.special import logsumexp, softmax

from tests.models import captioner_toys as toys
from tests.references import captioner_oracle
from tfp_dgm import serving
from tfp_dgm.captioning import (
    CaptionedSources,
    Decoding,
    Description,
    describe,
    evaluate_captioner,
    render_caption_page,
)
from tfp_dgm.data import CaptionedImages, DataError
from tfp_dgm.inference import texts_of_expert
from tfp_dgm.networks import ConvolutionalEncoder, GRUEncoder, decode_image
from tfp_dgm.text import WordVocabulary

SIZE = 8
WORDS = ["a", "dog", "cat", "runs", "sits"]


def encoded(n):
    file = io.BytesIO()
    pixels = np.random.default_rng(n).integers(256, size=(SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def model():
    images = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    captioner = toys.captioner(
        encoder=ConvolutionalEncoder((8,), name="encoder"),
        vocabulary=WordVocabulary(WORDS, lower=True, max_length=toys.LENGTH),
    )
    return toys.randomized(captioner, {**toys.inputs(rows=1), "source": images})


def pixels_of(count):
    return np.stack([decode_image(tf.constant(encoded(n)), SIZE, SIZE) for n in range(count)])


def test_page_shows_everything_as_text():
    evil = '<script>alert("x")</script>'
    found = Description(
        [evil, "fine"],
        np.array([0.3, 0.7]),
        np.array([[0.9, 0.1], [0.2, 0.8]]),
        np.array([-3.0, -2.0]),
        np.array([3, 2]),
        1,
    )
    page = render_caption_page(
        evil, [evil, "b"], [encoded(1), b"no image"], [found, found], references=[[evil], []]
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert page.count("data:image/jpeg;base64,") == 1
    assert page.count("no picture") == 1
    assert page.count(">30%<") == 2
    assert page.count(f"{np.exp(-1):.1%}") == 4
    assert "no picture" not in render_caption_page("texts", ["a b"], [None], [found])


def test_pictures_on_the_page_are_upright_and_on_white():
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(file, "JPEG", exif=exif)
    drawn = io.BytesIO()
    Image.new("RGBA", (20, 40)).save(drawn, "PNG")
    one = np.ones(1)
    found = Description(["a"], one, one[:, np.newaxis], -one, np.array([2]), 0)
    page = render_caption_page("p", ["a", "b"], [file.getvalue(), drawn.getvalue()], [found] * 2)
    shown = [
        Image.open(io.BytesIO(base64.b64decode(data)))
        for data in re.findall(r'data:image/jpeg;base64,([^"]+)"', page)
    ]
    assert [image.size for image in shown] == [(20, 40), (20, 40)]
    assert [image.getpixel((10, 10)) for image in shown] == [(0, 0, 0), (255, 255, 255)]


def log_marginal(model, features, tokens):
    """log p(x | c) of texts of one source, by the oracle."""
    joint = captioner_oracle.log_joint(model, [features] * len(tokens), tokens)
    return logsumexp(joint, axis=1)


@pytest.mark.slow
def test_descriptions_agree_with_the_oracle(model):
    images = pixels_of(5)
    found = describe(model, images, batch_size=2)
    for features, one in zip(model.encoder(images).numpy(), found, strict=True):
        tokens = [toys.written_tokens(model, caption) for caption in one.captions]
        expected = log_marginal(model, features, tokens)
        np.testing.assert_allclose(one.log_prob, expected, rtol=1e-4, atol=1e-4)
        assert one.num_tokens.tolist() == [len(text) for text in tokens]
    assert all(one.best == one.log_prob.argmax() for one in found)
    drawn = [
        describe(model, images, Decoding(sample=True, seed=3), batch_size=size) for size in (2, 5)
    ]
    assert [one.captions for one in drawn[0]] == [one.captions for one in drawn[1]]
    with pytest.raises(DataError, match="from 0 to 2; received 7"):
        describe(model, images, Decoding(expert=7))


def test_texts_of_one_expert_come_of_a_beam_as_wide_as_asked(model):
    """The best of a wider beam, or of groups that avoid each other."""
    sources = model.encode(tf.constant(pixels_of(3)))
    for given, sought in (
        ({"beam_size": 6}, {"beam_size": 6}),
        ({}, {"beam_size": 2}),
        ({"beam_size": 4, "diversity": 2.0}, {"beam_size": 4, "diversity": 2.0}),
    ):
        texts = texts_of_expert(model, sources, 1, 2, **sought)
        expected = model.vocabulary.detokenize(texts.token_ids).numpy()
        found = describe(model, pixels_of(3), Decoding(expert=1, num_texts=2, **given))
        assert [one.captions for one in found] == [
            [text.decode() for text in row] for row in expected
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_size": 2, "num_texts": 3}, "expected at least the number of texts, 3; received 2"),
        (
            {"beam_size": 4, "num_texts": 3, "diversity": 0.5},
            "beam_size: expected a multiple of the number of texts, 3; received 4",
        ),
        ({"diversity": -1.0}, "diversity: expected a number of at least 0; received -1.0"),
        ({"diversity": math.nan}, "diversity: expected a number of at least 0; received nan"),
        (
            {"diversity": 0.5, "sample": True},
            "expected 0, but for one expert's beam; received 0.5",
        ),
        (
            {"diversity": 0.5, "expert": None},
            "expected 0, but for one expert's beam; received 0.5",
        ),
    ],
)
def test_a_beam_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        Decoding(**{"expert": 0, **arguments})


def test_evaluation_counts_every_caption_once(model):
    captions = CaptionedImages({"0": ["a dog runs", "dog"], "1": ["a zebra sits"]})
    captioned = CaptionedSources(captions, pixels_of(2), "images")
    metrics, found = evaluate_captioner(model, captioned, batch_size=2)
    features = model.encoder(pixels_of(2)).numpy()[[0, 0, 1]]
    tokens = [[4, 5, 7, 2], [5, 2], [4, 3, 8, 2]]  # No zebra is among the words.
    joint = captioner_oracle.log_joint(model, features, tokens)
    nll = -logsumexp(joint, axis=1)
    np.testing.assert_allclose(metrics["nll"], nll.mean(), rtol=1e-4)
    np.testing.assert_allclose(metrics["nll_per_token"], nll.sum() / 10, rtol=1e-4)
    np.testing.assert_allclose(metrics["unknown_words"], 1 / 7)
    usage = softmax(joint, axis=1).mean(axis=0)
    np.testing.assert_allclose(metrics["usage"], usage, rtol=1e-4)
    assert len(found) == metrics["images"] == 2


@pytest.mark.slow
def test_served_model_says_what_the_live_one_does(model, tmp_path):
    """Quicker: `test_round_trip.py`, of a captioner; `test_descriptions_agree_with_the_oracle`."""
    contents = [encoded(n) for n in range(3)]
    declared = serving.captioner_signatures(model, contents, beam_size=1)
    sample = declared["sample"].plain()  # Its graph alone: exporting takes its time, so do twins.
    signatures = {name: replace(declared[name], xla=False) for name in ("serving_default", "score")}
    folder = serving.export(model, tmp_path / "m", signatures=signatures, batch_sizes=[3])
    served = tf.saved_model.load(str(folder)).signatures
    live = describe(model, pixels_of(3))
    answer = served["serving_default"](image=tf.constant(contents))
    for n, one in enumerate(live):
        assert [text.decode() for text in answer["captions"][n].numpy()] == one.captions
        assert answer["caption"][n].numpy().decode() == one.captions[one.best]
        np.testing.assert_allclose(answer["log_probability"][n], one.log_prob, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(answer["gate"][n], one.experts, rtol=1e-4)
    noise = {
        "seed": tf.constant([[0, 0], [0, 1], [0, 2]]),
        "temperature": tf.ones([3]),
        "top_p": tf.ones([3]),
    }
    drawn = sample(tf.constant(contents), *noise.values())
    for n, one in enumerate(describe(model, pixels_of(3), Decoding(sample=True))):
        assert [text.decode() for text in drawn["captions"][n].numpy()] == one.captions
    texts = ["A dog runs", "cat", "a zebra"]
    score = served["score"](image=tf.constant(contents), caption=tf.constant(texts))
    inputs = {"source": pixels_of(3), "token_ids": model.vocabulary(tf.constant(texts))}
    np.testing.assert_allclose(score["log_probability"], model.log_marginal(inputs), rtol=1e-4)
    np.testing.assert_allclose(
        score["responsibilities"], model.responsibilities(inputs), rtol=1e-3, atol=1e-5
    )


@pytest.mark.slow
def test_tables_of_a_source_vocabulary_of_words_are_served(tmp_path):
    sources = WordVocabulary(WORDS, lower=True, max_length=4)
    model = toys.captioner(
        encoder=GRUEncoder(sources.size, toys.FEATURES, embedding_units=3, name="encoder"),
        vocabulary=WordVocabulary(WORDS, lower=True, max_length=toys.LENGTH),
        source_vocabulary=sources,
    )
    texts = ["a dog runs", "cat"]
    toys.randomized(model, {**toys.inputs(rows=2), "source": sources(tf.constant(texts))})
    signatures = serving.captioner_signatures(model, texts, beam_size=1)
    default = {"serving_default": replace(signatures["serving_default"], xla=False)}
    folder = serving.export(model, tmp_path / "m", signatures=default, batch_sizes=[2])
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    answer = served(text=tf.constant(texts))
    for n, text in enumerate(texts):
        features = model.encoder(sources(tf.constant([text])))[0].numpy()
        captions = [caption.decode() for caption in answer["captions"][n].numpy()]
        tokens = [toys.written_tokens(model, caption) for caption in captions]
        expected = log_marginal(model, features, tokens)
        np.testing.assert_allclose(answer["log_probability"][n], expected, rtol=1e-4, atol=1e-4)
        assert answer["caption"][n].numpy().decode() == captions[expected.argmax()]
