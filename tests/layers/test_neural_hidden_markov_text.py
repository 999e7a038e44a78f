"""Hidden Markov models with networks: what words share by their spelling, and how they learn."""

import numpy as np
import pytest

from tests.training.em_models import TEXTS
from tfp_dgm import layers, training
from tfp_dgm.models import ExactLikelihoodModel
from tfp_dgm.text import NO_FEATURE, characters_of_words, spelling_features


def test_features_are_endings_and_marks_that_words_share():
    words = ["Walking", "talking", "5-ton", "x-ray", "1990", "ng", "a"]
    table = spelling_features(words)

    def shared(one, other):
        rows = (set(table[words.index(word)]) - {NO_FEATURE} for word in (one, other))
        return len(set.intersection(*rows))

    assert shared("Walking", "talking") == 3  # -g, -ng, -ing
    assert shared("talking", "ng") == 1  # An ending is not all of a word.
    assert shared("5-ton", "1990") == 1  # A digit.
    assert shared("5-ton", "x-ray") == 1  # A hyphen.
    assert not (table[words.index("a")] != NO_FEATURE).any()
    # A capital that one word has alone is not counted: 3 endings, a digit, a hyphen.
    assert len(set(table.ravel()) - {NO_FEATURE}) == 5


def layer(**kwargs):
    spellings = ["aed", "bed"]
    made = layers.NeuralHiddenMarkovText(6, 3, 5, spellings=spellings, seed=1, **kwargs)
    made.build()
    return made


def test_gradient_m_steps_never_lose_likelihood():
    model = ExactLikelihoodModel(layer(embedding_units=4), seed=1)
    history = training.fit_em(
        model, TEXTS, iterations=3, tolerance=0, gradient_steps=5, learning_rate=0.02, seeds=[2]
    )
    gains = np.diff(history.history["log_likelihood"])
    assert (gains > 0).all()
    assert gains.sum() > 0.1


def test_weights_begin_as_the_seed_says():
    ours, theirs = layer(), layer()
    theirs.restart(2)
    assert any(np.any(a != b) for a, b in zip(ours.weights, theirs.weights, strict=True))
    theirs.restart(1)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_words_that_share_no_feature_are_as_without_spellings():
    made = [
        layers.NeuralHiddenMarkovText(7, 2, 4, spellings=s, seed=1) for s in (["a", "b", "."], None)
    ]
    for one in made:
        one.build()
    with_features, without = made
    assert with_features.feature_embeddings.shape == (1, 64)
    for weight in without.weights:
        getattr(with_features, weight.name).assign(weight)
    texts = np.array([[4, 5, 2], [6, 2, 0]])
    np.testing.assert_allclose(with_features(None).log_prob(texts), without(None).log_prob(texts))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spellings": ["a"]}, "`spellings` must be those of 2 words; received 1"),
        ({"character_filters": 2}, "`character_filters` must be 0 without `spellings`; received 2"),
        ({"character_filters": -1}, "`character_filters` must be >= 0; received -1"),
        ({"embedding_units": 0}, "`embedding_units` must be a positive int; received 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.NeuralHiddenMarkovText(6, 3, 5, **arguments)


def test_characters_are_read_in_windows_of_three():
    """Each word's vector, character by character; of a long word, its first ten and last ten."""
    spellings = ["ab", "ba", "b", "ab" * 12]
    made = layers.NeuralHiddenMarkovText(
        8, 2, 4, embedding_units=3, spellings=spellings, spelling_features=False,
        character_filters=5, seed=1,
    )  # fmt: skip
    made.build()
    made.character_bias.assign([0.3, -0.2, 0.1, -2.0, 0.5])
    weights = {weight.name: np.float64(weight) for weight in made.weights}
    start, end, a, b = 1, 2, 4, 5  # 3 is a character of one word.
    words = weights["word_embeddings"].copy()
    for place, inner in enumerate([[a, b], [b, a], [b], [a, b] * 10]):
        vectors = weights["character_embeddings"][[start, *inner, end]]
        padded = np.concatenate([np.zeros((1, 16)), vectors, np.zeros((1, 16))])
        found = [
            np.einsum("dc,dcf->f", padded[i : i + 3], weights["character_kernel"])
            for i in range(len(vectors))
        ]
        best = np.maximum(np.array(found) + weights["character_bias"], 0).max(axis=0)
        words[4 + place] += best @ weights["character_output"]
    hidden = weights["state_embeddings"][:2] @ weights["emission_kernel"]
    logits = np.maximum(hidden + weights["emission_bias"], 0) @ words.T + weights["word_bias"]
    emissions = np.exp(made(None).log_potentials.emissions)  # Of PAD and START, 0.
    expected = np.exp(logits)
    expected[:, :2] = 0
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(emissions, expected, rtol=1e-4)


def test_characters_of_one_word_are_one():
    table = characters_of_words(["ax", "ay", "a"])
    assert table.tolist() == [[1, 4, 3, 2], [1, 4, 3, 2], [1, 4, 2, 0]]
