"""The served tagger: its potentials by hand, its files, what it may never say."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.saving import assert_same_weights
from tfp_dgm.tagging import SequenceTagger
from tfp_dgm.text import WordForms, forms_of_words

LABELS = ("O", "B-X", "I-X", "E-X", "S-X")
LEGAL = {
    "initial": [True, True, False, False, True],
    "transitions": [
        [True, True, False, False, True],
        [False, False, True, True, False],
        [False, False, True, True, False],
        [True, True, False, False, True],
        [True, True, False, False, True],
    ],
    "final": [True, False, False, True, True],
}
# The first five have weights of their own, and the last three vectors only.
FEATURES = ("w Rome", "l rome", "s2 me", "f Xx", "w in", "l in", "s1 n", "s2 ng")
TAUGHT, UNITS = 5, 3
SENTENCES = [["Rome", "in", "Rome"], ["in"], ["being", "in", "Home", "Rome", "9"]]


@pytest.fixture(scope="module")
def tagger():
    model = SequenceTagger(LABELS, WordForms(FEATURES), taught=TAUGHT, units=UNITS, **LEGAL)
    model.build()
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    model.table.assign(np.concatenate([np.zeros((1, 30)), model.table[1:]]))
    model.vectors.assign(np.concatenate([np.zeros((1, UNITS)), model.vectors[1:]]))
    model.temperature.assign(1.7)
    return model


def test_forms_of_a_word():
    rows = forms_of_words(tf.constant(["Mc-Coy12", "\u00c9t\u00e9", "a", "USA"])).numpy()
    found = [{cell.decode() for cell in row if cell} for row in rows]
    assert found[0] == {
        *("w Mc-Coy12", "l mc-coy00", "f Xx-Xx00", "i X"),
        *("p1 m", "p2 mc", "p3 mc-", "p4 mc-c"),
        *("s1 0", "s2 00", "s3 y00", "s4 oy00", "s5 coy00"),
    }
    assert found[1] == {
        *("w \u00c9t\u00e9", "l \u00e9t\u00e9", "f Xx", "i X"),
        *("p1 \u00e9", "p2 \u00e9t", "s1 \u00e9", "s2 t\u00e9"),
    }
    assert found[2] == {"w a", "l a", "f x", "i x"}
    assert {"f XX", "l usa"} <= found[3]
    assert forms_of_words(tf.constant([b"\xff"])).numpy()[0, 0].decode() == "w \ufffd"


# Of each word of the sentences, written down by hand: which features it has of those.
KNOWN = {
    "Rome": {"w Rome", "l rome", "s2 me", "f Xx"},
    "in": {"w in", "l in", "s1 n"},
    "being": {"s2 ng"},
    "Home": {"s2 me", "f Xx"},
    "9": set(),
}


def potential_by_hand(tagger, sentence, place):
    table = tagger.table.numpy().reshape(-1, 6, len(LABELS))
    projection = tagger.projection.numpy().reshape(UNITS, 6, len(LABELS))
    total = tagger.bias.numpy().astype(float)

    def add(word, block):
        numbers = [FEATURES.index(name) + 1 for name in KNOWN[word]]
        own = sum(table[number, block] for number in numbers if number <= TAUGHT)
        vector = sum((tagger.vectors.numpy()[number] for number in numbers), np.zeros(UNITS))
        return own + vector @ projection[:, block]

    for block, offset in enumerate((-2, -1, 0, 1, 2)):
        there = place + offset
        if there < 0:
            total += table[TAUGHT + 1, block]
        elif there >= len(sentence):
            total += table[TAUGHT + 2, block]
        else:
            total += add(sentence[there], block)
    if place == 0:
        total += add(sentence[0], 5)
    return total / 1.7


def test_potentials_are_sums_over_the_features_of_the_words_around(tagger):
    chain = tagger.chain(SENTENCES)
    unary = chain.potentials.unary.numpy()
    final = np.where(LEGAL["final"], 0, -np.inf)
    for row, sentence in enumerate(SENTENCES):
        for place in range(len(sentence)):
            expected = potential_by_hand(tagger, sentence, place)
            expected = expected + final if place + 1 == len(sentence) else expected
            np.testing.assert_allclose(unary[row, place], expected, rtol=1e-4, atol=1e-5)
    moves = np.where(LEGAL["transitions"], tagger.move_potentials.numpy() / 1.7, -np.inf)
    np.testing.assert_allclose(chain.potentials.transitions[0, 0], moves, rtol=1e-5)


def test_an_answer_is_its_own_rows_whatever_stands_beside(tagger):
    together = tagger.chain(SENTENCES).marginals().unary.numpy()
    for row, sentence in enumerate(SENTENCES):
        alone = tagger.chain([sentence]).marginals().unary.numpy()
        np.testing.assert_allclose(together[row, : len(sentence)], alone[0], atol=1e-5)


def test_answers_are_those_of_the_chain(tagger):
    chain = tagger.chain(SENTENCES)
    marginals = chain.marginals().unary.numpy()
    # "O" has lost its penalty where the best path is looked for.
    lost = np.array([float(tagger.outside_penalty), 0, 0, 0, 0], np.float32)
    path = chain.copy(unary=chain.potentials.unary - lost).mode().numpy()
    for row, answer in enumerate(tagger.answers(SENTENCES)):
        steps = len(SENTENCES[row])
        np.testing.assert_allclose(answer.marginals, marginals[row, :steps], atol=1e-5)
        np.testing.assert_array_equal(answer.mode, path[row, :steps])


def test_what_is_illegal_is_never_said(tagger):
    """Whatever the words, and however much "O" loses."""
    random = np.random.default_rng(1)
    words = list(KNOWN)
    sentences = [list(random.choice(words, size=1 + i % 9)) for i in range(60)]
    for answer in tagger.answers(sentences):
        path = answer.mode.tolist()
        assert LEGAL["initial"][path[0]]
        assert LEGAL["final"][path[-1]]
        assert all(LEGAL["transitions"][a][b] for a, b in itertools.pairwise(path))
        assert answer.marginals[0][[2, 3]].max() == 0
        assert answer.marginals[-1][[1, 2]].max() == 0


def test_a_tagger_comes_back_from_its_file(tagger, tmp_path):
    tagger.save(tmp_path / "tagger.keras")
    copy = keras.saving.load_model(tmp_path / "tagger.keras")
    assert_same_weights(tagger, copy)
    for one, other in zip(tagger.answers(SENTENCES), copy.answers(SENTENCES), strict=True):
        np.testing.assert_allclose(one.marginals, other.marginals, atol=1e-6)
