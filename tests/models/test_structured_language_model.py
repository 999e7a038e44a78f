"""Language models with a structure: strings in, tags out, against every path in turn."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.references import hidden_markov
from tests.references.tagged_trees import vector_scores
from tfp_dgm import layers
from tfp_dgm.models import StructuredLanguageModel
from tfp_dgm.models.structure_answers import answer_of
from tfp_dgm.text import WordVocabulary

WORDS = ["the", "cat", "sat"]
TEXTS = ["the cat sat", "cat unknown", ""]
IDS = [[4, 5, 6], [5, 3]]
VECTORS = np.random.default_rng(2).normal(size=(7, 2)).astype(np.float32)


def vocabulary(**kwargs):
    return WordVocabulary(WORDS, **{"split_punctuation": False, **kwargs})


def model(with_vectors):
    if with_vectors:
        likelihood = layers.GaussianHiddenMarkov(2, 2, 4, min_scale=0.1, seed=1)
        embedding = keras.layers.Embedding(7, 2, trainable=False)
        embedding.build(None)
        embedding.embeddings.assign(VECTORS)
    else:
        likelihood, embedding = layers.HiddenMarkovText(7, 2, 4, seed=1), None
    made = StructuredLanguageModel(likelihood, vocabulary(), embedding=embedding, seed=1)
    made.build((None, None))
    return made


def paths(made, ids):
    initial, moves, *rest = (np.asarray(w, np.float64) for w in made.likelihood.weights)
    if made.embedding is None:
        return hidden_markov.path_scores(initial, moves, hidden_markov.text_densities(*rest, ids))
    covariances = hidden_markov.covariances(0.1 + np.exp(rest[1]), False)
    densities = hidden_markov.normal_densities(rest[0], covariances, VECTORS[ids])
    return hidden_markov.path_scores(initial, moves, densities)


@pytest.mark.parametrize("with_vectors", [False, True])
def test_strings_and_ids_are_summed_over_every_path(with_vectors):
    made = model(with_vectors)
    expected = [*(hidden_markov.total(paths(made, ids)) for ids in IDS), 0.0]
    found = made(tf.constant(TEXTS))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    ids = np.array([[4, 5, 6, 0], [5, 3, 2, 0], [2, 0, 0, 0]])  # END is no word.
    np.testing.assert_allclose(made(ids), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("with_vectors", [pytest.param(False, marks=pytest.mark.slow), True])
def test_what_is_served_is_the_best_path_and_how_sure_its_tags_are(with_vectors):
    made = model(with_vectors)
    served = made.serving_signatures()["serving_default"].plain()
    answer = {name: value.numpy() for name, value in served(tf.constant(TEXTS)).items()}
    assert answer["tokens"].tolist()[1:] == [[b"cat", b"unknown", b""], [b""] * 3]
    for row, ids in enumerate(IDS):
        scores, size = paths(made, ids), len(ids)
        best = max(scores, key=scores.get)
        assert answer["tags"][row].tolist() == [*best, *[-1] * (3 - size)]
        total = hidden_markov.total(scores)
        for place, tag in enumerate(best):
            mass = sum(np.exp(s - total) for path, s in scores.items() if path[place] == tag)
            np.testing.assert_allclose(answer["probabilities"][row, place], mass, rtol=1e-4)
        np.testing.assert_allclose(answer["log_likelihood"][row], total, rtol=1e-5)
    assert answer["tags"][2].tolist() == [-1] * 3
    alone = served(tf.constant([""]))
    assert alone["tags"].numpy().tolist() == [[-1]]


def test_bad_inputs_are_refused():
    with pytest.raises(ValueError, match=r"`vocabulary` must be .*split_punctuation=False"):
        StructuredLanguageModel(layers.HiddenMarkovText(7, 2, 4), WordVocabulary(WORDS))
    with pytest.raises(NotImplementedError, match="no answer is known for a NoneType"):
        answer_of(None, None)


@pytest.mark.usefixtures("eager")
def test_what_is_served_of_tagged_trees_is_the_best_tree_and_how_sure_its_parts_are():
    likelihood = layers.GaussianDependencyModelWithValence(2, 2, 4, min_scale=0.1, seed=1)
    embedding = keras.layers.Embedding(7, 2, trainable=False)
    embedding.build(None)
    embedding.embeddings.assign(VECTORS)
    made = StructuredLanguageModel(likelihood, vocabulary(), embedding=embedding, seed=1)
    made.build((None, None))
    served = made.serving_signatures()["serving_default"].plain()
    answer = {name: value.numpy() for name, value in served(tf.constant(TEXTS)).items()}
    *rules, loc, scale = (np.asarray(w, np.float64) for w in likelihood.weights)
    covariances = hidden_markov.covariances(0.1 + np.exp(scale), False)
    for row, ids in enumerate(IDS):
        found = vector_scores(*rules, loc, covariances, VECTORS[ids])
        scores = np.array([score for score, *_ in found])
        total = np.logaddexp.reduce(scores)
        chances = np.exp(scores - total)
        _, heads, tags, _ = found[int(scores.argmax())]
        padding = [-1] * (len(IDS[0]) - len(ids))
        assert answer["heads"][row].tolist() == [*heads, *padding]
        assert answer["tags"][row].tolist() == [*tags, *padding]
        np.testing.assert_allclose(answer["log_likelihood"][row], total, rtol=1e-5)
        for name, best, place in (("probabilities", heads, 1), ("tag_probabilities", tags, 2)):
            agreeing = [
                sum(c for c, tree in zip(chances, found, strict=True) if tree[place][i] == best[i])
                for i in range(len(ids))
            ]
            padded = np.pad(agreeing, [0, len(padding)])
            np.testing.assert_allclose(answer[name][row], padded, rtol=1e-4)
    assert (answer["heads"][2] == -1).all()
    assert (answer["tags"][2] == -1).all()
    assert (answer["probabilities"][2] == 0).all()
