"""Sentences of another kind: how many new words chance explains, by draws; nothing is accepted."""

import numpy as np
import pytest
import tensorflow as tf

from tests.tagging.made_sentences import parts_of_speech
from tfp_dgm.data import TagScheme
from tfp_dgm.tagging import tag_sentences
from tfp_dgm.tagging.judgement_warnings import unlike_tagged
from tfp_dgm.tagging.unlike_sentences import UnlikeSentences, _most_new


def test_sentences_of_the_kind_are_hardly_ever_taken_for_others():
    random = np.random.default_rng(0)
    sizes = random.integers(5, 40, 4000)
    new = random.binomial(sizes, random.beta(2, 8, 4000))
    most = np.array(_most_new(new[:500], sizes[:500]))
    over = new > most[sizes - 1]
    assert over.mean() < 0.002
    # A fifth of the words is new on average; of 200, chance does not explain all of them.
    assert 0.5 * 200 < most[199] < 0.95 * 200
    assert most[0] == 1
    assert (np.diff(most) >= 0).all()


def test_words_of_copies_are_new_and_case_and_digits_are_one():
    made = [["a", f"b{number}", "C"] for number in range(30)]
    group = np.arange(30)
    found = UnlikeSentences.fit(made, group, group)
    assert found.known == {"l a", "l c", "l b0", "l b00"}
    # One sentence and its copy know nothing of each other: everything may be new.
    alone = UnlikeSentences.fit([["a", "b"], ["A", "b"]], np.arange(2), np.zeros(2, int))
    assert not alone.of([["x", "y"] * 50]).any()


@pytest.fixture(scope="module")
def tagged():
    made = parts_of_speech(80, seed=3, unknown=0.05)
    letters = np.array(list("\u0436\u0449\u044f\u044e\u044d\u0444\u0446"))
    random = np.random.default_rng(1)
    odd = ["".join(random.choice(letters, 6)) for _ in range(40)]
    tokens = [words for words, _ in made] + [odd, odd[:1]]
    given = [[(tag,) for tag in tags] for _, tags in made[:50]]
    given += [[()] * len(words) for words in tokens[50:]]
    scheme = TagScheme("none", tuple(sorted({tag for _, tags in made for tag in tags})))
    return tokens, *tag_sentences(tokens, given, scheme, min_precision=0.6)


def test_nothing_is_accepted_of_another_kind(tagged):
    tokens, model, outcome = tagged
    accepted = np.split(outcome.accept, outcome.starts[1:-1])
    assert np.mean(np.concatenate(accepted[50:80])) > 0.5
    assert not accepted[80].any()
    assert unlike_tagged(1)[0] in outcome.warnings
    padded = np.full((3, 40), "", object)
    for row, words in enumerate([tokens[80], tokens[60], tokens[81]]):
        padded[row, : len(words)] = words
    answers = model.answers(tf.constant(padded))
    assert answers["unlike"].numpy().tolist() == [True, False, False]
    assert not answers["accept"].numpy()[0].any()
    served = answers["accept"].numpy()[1, : len(tokens[60])]
    assert served.tolist() == accepted[60].tolist()


def test_the_graph_counts_new_words_as_the_job_does(tagged):
    tokens, model, _ = tagged
    annotated = np.arange(50)
    kinds = UnlikeSentences.fit(tokens, annotated, annotated)
    sentences = [[*tokens[80][:3], "The", "CAT", "gr77"], tokens[70], ["cat"], tokens[80] * 8]
    padded = np.full((len(sentences), 320), "", object)
    for row, words in enumerate(sentences):
        padded[row, : len(words)] = words
    counts = model.tagger.new_words(tf.constant(padded)).numpy()
    seen = {word.lower() for words in tokens[:50] for word in words}
    assert counts[[2, 3]].tolist() == [0, 320]
    assert counts[1] >= sum(w.lower() not in seen for w in tokens[70]) - 1
    assert kinds.of(sentences)[3]
    assert (
        model.answers(tf.constant(padded))["unlike"].numpy().tolist()
        == kinds.of(sentences).tolist()
    )
