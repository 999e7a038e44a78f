"""Texts of a mixture's experts against search over all texts of a tiny vocabulary."""

import importlib
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.models import captioner_toys as toys
from tests.references import captioner_oracle
from tfp_dgm.inference import (
    diverse_beam_search,
    expert_texts,
    score_texts,
    texts_of_expert,
)

INPUTS = toys.inputs(rows=3, grid=True)
EVERY = [
    [*words, 2, *[0] * (toys.LENGTH - 1 - len(words))]
    for length in range(4)
    for words in itertools.product(range(3, toys.VOCABULARY), repeat=length)
]


@pytest.fixture(scope="module", params=[False, True], ids=["shared", "separate"])
def model(request):
    return toys.randomized(toys.captioner(separate=request.param, attends=True), INPUTS)


def joint_of(model, row, texts):
    """log p(x, k | c) of many texts of one source, [N, K]."""
    return captioner_oracle.log_joint(model, [INPUTS["source"][row]] * len(texts), texts)


@pytest.fixture
def brief(model):
    """The model with a bias that favours END: many of the best texts have at most three words."""
    biases = [head.decoder.output_bias for head in model.experts.heads]
    before = [bias.numpy() for bias in biases]
    for bias in biases:
        bias.assign(bias.numpy() + np.eye(toys.VOCABULARY)[2])
    yield model
    for bias, value in zip(biases, before, strict=True):
        bias.assign(value)


def test_wide_beams_find_each_experts_best_text(brief):
    model = brief
    encoded = model.encode(INPUTS["source"])
    found = expert_texts(model, encoded, beam_size=40)
    num_short = 0
    for row in range(3):
        joint = joint_of(model, row, EVERY)
        for k in range(toys.EXPERTS):
            text = found.token_ids[row, k].numpy().tolist()
            assert found.log_joint[row, k, k] > joint[:, k].max() - 1e-3
            if text in EVERY:
                num_short += 1
                assert text == EVERY[joint[:, k].argmax()]
        own = np.array(found.log_joint[row])
        expected = joint_of(model, row, found.token_ids[row].numpy())
        np.testing.assert_allclose(own, expected, rtol=1e-3, atol=2e-3)
        marginal = np.log(np.exp(expected).sum(axis=1))
        np.testing.assert_allclose(marginal[found.best[row]], marginal.max(), rtol=1e-6)
    assert num_short >= 2


def test_greedy_takes_the_likeliest_word_of_each_expert(model):
    found = expert_texts(model, model.encode(INPUTS["source"])).token_ids.numpy()
    for row, k in ((0, 0), (1, 1), (2, 2)):
        words = found[row, k][: np.argmax(found[row, k] == 2) + 1 if 2 in found[row, k] else None]
        for t, word in enumerate(words):
            tried = [
                [*words[:t], other, *[0] * (toys.LENGTH - 1 - t)]
                for other in range(2, toys.VOCABULARY)
            ]
            assert joint_of(model, row, tried)[:, k].argmax() + 2 == word


def test_draws_follow_the_rows_seed_and_differ_between_experts(model):
    encoded = model.encode(INPUTS["source"])
    seeds = tf.constant([[1, 2], [3, 4], [5, 6]])
    drawn = expert_texts(model, encoded, seeds=seeds, temperature=3.0).token_ids.numpy()
    order = [2, 0, 1]
    other = expert_texts(
        model,
        model.encode(INPUTS["source"][order]),
        seeds=tf.gather(seeds, order),
        temperature=tf.constant([3.0, 3.0, 3.0]),
    ).token_ids.numpy()
    np.testing.assert_array_equal(other, drawn[order])
    assert len({tuple(text) for text in drawn.reshape(9, -1)}) > 6
    narrow = expert_texts(model, encoded, seeds=seeds, top_p=1e-6).token_ids
    np.testing.assert_array_equal(narrow, expert_texts(model, encoded).token_ids)


def test_several_texts_of_one_expert(model):
    encoded = model.encode(INPUTS["source"])
    beam = texts_of_expert(model, encoded, 1, 4)
    assert beam.token_ids.shape == (3, 4, toys.LENGTH)
    own = beam.log_joint[..., 1].numpy()
    assert (np.diff(own, axis=1) <= 1e-4).all()
    drawn = texts_of_expert(model, encoded, 1, 4, seeds=tf.constant([[1, 2]] * 3))
    assert len({tuple(text) for text in drawn.token_ids[0].numpy()}) > 1
    np.testing.assert_allclose(drawn.responsibilities.numpy().sum(-1), 1, rtol=1e-5)
    with pytest.raises(ValueError, match=r"expected a number in \[0, 3\); received 3"):
        texts_of_expert(model, encoded, 3, 2)


def test_a_wider_beam_gives_the_best_of_its_texts(model):
    encoded = model.encode(INPUTS["source"])
    wide = texts_of_expert(model, encoded, 1, 8).token_ids[:, :2]
    np.testing.assert_array_equal(
        texts_of_expert(model, encoded, 1, 2, beam_size=8).token_ids, wide
    )
    with pytest.raises(ValueError, match="beam_size: expected at least 3; received 2"):
        texts_of_expert(model, encoded, 1, 3, beam_size=2)


def test_a_diverse_beam_gives_the_best_of_each_group(model):
    encoded = model.encode(INPUTS["source"])
    texts = model.experts.expert(1, encoded.context, encoded.memory, encoded.mask)
    expected, _ = diverse_beam_search(texts, 3, 6, diversity=2.0)
    found = texts_of_expert(model, encoded, 1, 3, beam_size=6, diversity=2.0)
    np.testing.assert_array_equal(found.token_ids, expected)
    apart = texts_of_expert(model, encoded, 1, 3, diversity=30.0).token_ids.numpy()
    assert all(len(set(words)) == 3 for words in apart[:, :, 0])  # That the texts begin with.


def test_a_place_of_the_beam_without_a_text_has_no_probability(model, monkeypatch):
    """As after a search that found two texts alone."""
    module = importlib.import_module("tfp_dgm.inference.texts_of_experts")
    search = module.beam_search

    def two(texts, size, **kwargs):
        token_ids, scores = search(texts, size, **kwargs)
        token_ids = tf.where(tf.range(size)[:, tf.newaxis] < 2, token_ids, 0)
        return token_ids, tf.where(tf.range(size) < 2, scores, -np.inf)

    encoded = model.encode(INPUTS["source"])
    whole = texts_of_expert(model, encoded, 1, 4)
    monkeypatch.setattr(module, "beam_search", two)
    found = texts_of_expert(model, encoded, 1, 4)
    np.testing.assert_allclose(found.log_joint[:, :2], whole.log_joint[:, :2], rtol=1e-5)
    assert np.isneginf(found.log_marginal[:, 2:]).all()
    np.testing.assert_allclose(
        found.responsibilities.numpy().sum(-1), [[1, 1, 0, 0]] * 3, rtol=1e-5
    )
    assert (found.best.numpy() < 2).all()


def test_scores_are_those_of_each_text_alone(model):
    encoded = model.encode(INPUTS["source"])
    chosen = np.array(EVERY)[np.random.default_rng(1).integers(len(EVERY), size=(3, 4))]
    found = score_texts(model, encoded, tf.constant(chosen, tf.int32))
    for row in range(3):
        expected = joint_of(model, row, chosen[row])
        np.testing.assert_allclose(found.log_joint[row], expected, rtol=1e-4, atol=1e-3)
