"""Rationales of a labelling: the words kept, by hand; learnt ones; and the same ones served."""

import numpy as np
import pytest
import tensorflow as tf

from tests.labelling.made_classifiers import drawn_classifier
from tfp_dgm.labelling import WordMarks, WordReasons
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifiers import TextClassifiers
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.rationale_fitting import fit_rationales
from tfp_dgm.labelling.rationale_tokens import MOST_WORDS, known_of
from tfp_dgm.labelling.word_rationales import WordRationales, rationale_column
from tfp_dgm.layers import IndependentBernoulli
from tfp_dgm.models import RationaleClassifier, load_model
from tfp_dgm.networks import BagOfWordsEncoder
from tfp_dgm.text import WordCounts, WordVocabulary

WORDS = ["card", "charged", "delivery", "late", "refund", "the", "日", "本"]
# What each word says: whether it is kept, and of which class.
SAYS = {"card": "b", "charged": "a", "late": "c", "refund": "a", "日": "b", "the": None}
TEXTS = [
    "Refund the card, refund!",
    "late LATE late delivery",
    "the unheard-of",
    "日本 charged",
    "",
    "unheard late",
]
# By counting: of "refund card refund" two of three speak for a; of one for each, the first class.
KEPT = [
    ["refund", "card", "refund"],
    ["late", "late", "late"],
    [],
    ["日", "charged"],
    [],
    ["late"],
]
TOLD = ["a", "c", "a", "a", "a", "c"]


def with_rationales():
    """A classifier of drawn weights, whose rationales go by `SAYS`."""
    model = drawn_classifier(WORDS)
    size = 4 + len(WORDS)
    selector = BagOfWordsEncoder(size, 1, embedding_units=1, return_sequences=True)
    reader = BagOfWordsEncoder(size, 3, embedding_units=3)
    rationales = RationaleClassifier(
        model.classes,
        WordVocabulary(WORDS, split_punctuation=False),
        selector,
        reader,
        masks=IndependentBernoulli(1),
    )
    rationales.build()
    kept, classes = np.zeros((size, 1)), np.zeros((size, 3))
    for place, word in enumerate(WORDS):
        if SAYS.get(word) is not None:
            kept[4 + place] = 1
            classes[4 + place, "abc".index(SAYS[word])] = 1
    # Each encoder passes its vectors on; a word is kept where its own number is above 1/2.
    selector.set_weights([kept, np.eye(1), np.zeros(1)])
    rationales.masks.projection.set_weights([np.array([[2.0]]), np.array([-1.0])])
    reader.set_weights([classes, np.eye(3), np.zeros(3)])
    rationales.head.set_weights([9 * np.eye(3), np.array([0.2, 0.1, 0.0])])
    found = TextClassifier(**model.given_arguments() | {"rationales": rationales})
    found.build()
    return found


def test_known_words_stand_in_their_order_without_the_others():
    ids = known_of(WordCounts(WORDS), tf.constant(TEXTS)).numpy().tolist()
    number = {word: 4 + place for place, word in enumerate(WORDS)}
    for row, words in zip(
        ids,
        [
            ["refund", "the", "card", "refund"],
            ["late", "late", "late", "delivery"],
            ["the"],
            ["日", "本", "charged"],
            [],
            ["late"],
        ],
        strict=True,
    ):
        assert row == [number[word] for word in words] + [0] * (4 - len(words))
    assert known_of(WordCounts(WORDS), tf.constant(["", "?"])).shape == (2, 1)
    long = known_of(WordCounts(WORDS), tf.constant(["x the " * 700]))
    assert long.shape == (1, MOST_WORDS)


def test_the_words_kept_are_those_that_tell_the_class():
    model = with_rationales()
    read = WordRationales(model.rationales, model.word_counts)
    done = []
    kept, told, known = read.read(TEXTS, done.append)
    assert kept == KEPT
    assert ["abc"[k] for k in told] == TOLD
    assert known.tolist() == [4, 4, 1, 3, 0, 1]
    assert done[-1] == len(TEXTS)
    # Where they tell another class, or none is asked for, there is none.
    assert read(TEXTS[:2], np.array([0, 0])) == [KEPT[0], []]
    assert read(TEXTS[:2], np.array([-1, 2])) == [[], KEPT[1]]
    assert read([], np.zeros(0, int)) == []
    columns = {"predicted_label": ["a", "(none)", "a", "b", "c", "c"]}
    cells = rationale_column(model, TEXTS, columns, lambda _: None)
    assert cells == ["refund card refund", "", "", "", "", "late"]


@pytest.mark.slow
def test_the_same_words_are_served_beside_the_label_that_they_tell():
    model = with_rationales()
    answer = model.serving_signatures()["serving_default"]
    found = answer.plain()(tf.constant(TEXTS))
    labels = [label.decode() for label in found["label"].numpy()]
    told = [" ".join(k) if t == y else "" for k, t, y in zip(KEPT, TOLD, labels, strict=True)]
    assert [cell.decode() for cell in found["rationale"].numpy()] == told
    assert any(told)
    assert not all(told)
    prepared = answer.prepare()(tf.constant(TEXTS))
    by_twin = answer.finish()(*answer.uncompiled_twin(*prepared.values()).values())
    assert by_twin["rationale"].numpy().tolist() == found["rationale"].numpy().tolist()
    without = TextClassifier(**model.given_arguments() | {"rationales": None})
    without.build()
    without = without.serving_signatures()["serving_default"].plain()(tf.constant(TEXTS))
    assert "rationale" not in without
    np.testing.assert_array_equal(found["probabilities"], without["probabilities"])


@pytest.mark.slow
def test_each_label_column_has_its_own_and_a_file_keeps_them(tmp_path):
    model = TextClassifiers.of({"mood": with_rationales(), "topic": with_rationales()})
    other = model.by_column["topic"].rationales
    kernel, bias = other.head.get_weights()
    other.head.set_weights([kernel[:, ::-1], bias[::-1]])  # What speaks for a tells c there.
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    answers = [
        one.serving_signatures()["serving_default"].plain()(tf.constant(TEXTS))
        for one in (model, loaded)
    ]
    swapped = {"a": "c", "b": "b", "c": "a"}
    for column, told in (("mood", TOLD), ("topic", [swapped[name] for name in TOLD])):
        labels = [label.decode() for label in answers[0][f"{column}_label"].numpy()]
        wanted = [
            " ".join(words) if said == label else ""
            for words, said, label in zip(KEPT, told, labels, strict=True)
        ]
        for answer in answers:
            cells = [cell.decode() for cell in answer[f"{column}_rationale"].numpy()]
            assert cells == wanted


@pytest.mark.slow
def test_readers_of_many_label_columns_trace_without_a_warning(caplog):
    """TensorFlow warns where five calls in a row of what it takes for one function were traced."""
    model = with_rationales()
    for _ in range(7):
        read = WordRationales(model.rationales, model.word_counts)
        assert read(TEXTS[:1], np.array([0])) == [KEPT[0]]
    assert "retracing" not in caplog.text


def test_marks_are_reasons_and_rationales_together():
    model = with_rationales()
    answers, others = np.array([0, 2]), np.array([1, 0])
    marks = WordMarks(model)(TEXTS[:2], answers, others)
    reasons = WordReasons(model)(TEXTS[:2], answers, others)
    for found, why, kept in zip(marks, reasons, KEPT, strict=False):
        assert [(word, added) for word, added, _ in found][: len(why)] == why
        assert {word for word, _, is_kept in found if is_kept} == set(kept)
        assert all(mark.added == 0 for mark in found[len(why) :])
    plain = WordMarks(drawn_classifier(WORDS))(TEXTS[:2], answers, others)
    assert [[mark[:2] for mark in found] for found in plain] == reasons
    assert not any(mark.kept for found in plain for mark in found)


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.rationale_fitting._STEPS", 250)


@pytest.mark.slow
def test_planted_words_are_learnt(few_steps):
    """The label is which of nine words a text holds, among fillers that tell nothing."""
    random = np.random.default_rng(0)
    telling = {"a": ["ant", "ape", "asp"], "b": ["bat", "bee", "boa"], "c": ["cat", "cod", "cow"]}
    fillers = [f"f{n}" for n in range(12)]
    texts, labels = [], []
    for _ in range(400):
        label = int(random.integers(3))
        words = [*random.choice(fillers, 8), random.choice(telling["abc"[label]])]
        texts.append(" ".join(random.permutation(words)))
        labels.append(label)
    planted = [word for words in telling.values() for word in words]
    model = drawn_classifier([*planted, *fillers])
    outcome = Outcome(
        classes=("a", "b", "c"),
        texts=texts,
        allowed=np.ones((400, 3), bool),
        probabilities=np.eye(3, dtype=np.float32)[labels],
        weights=np.zeros(400),
        given_probability=np.full(400, np.nan),
        class_shares=np.ones((1, 3)) / 3,
        min_precision=0.9,
        threshold=None,
    )
    steps = []
    found, scored = fit_rationales(
        model, outcome, seed=1, progress=lambda step, done, total: steps.append((step, done, total))
    )
    assert steps[-1] == ("Learning rationales", 250, 250)
    scores = scored.rationales
    assert scores.held_out == 40
    assert scores.agreement > 0.95
    assert scores.kept < 0.35
    assert scored.seconds["rationales"] > 0
    np.testing.assert_array_equal(scored.predicted, outcome.predicted)
    kept, told, _ = WordRationales(found.rationales, found.word_counts).read(texts)
    assert np.mean(told == np.array(labels)) > 0.95
    all_kept = [word for words in kept for word in words]
    assert np.mean([word in planted for word in all_kept]) > 0.8
    np.testing.assert_array_equal(found(tf.constant(texts[:5])), model(tf.constant(texts[:5])))


@pytest.mark.slow
def test_of_few_texts_none_is_held_out(monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.rationale_fitting._STEPS", 2)
    model = drawn_classifier(WORDS, classes=("a", "b"))
    outcome = Outcome(
        classes=("a", "b"),
        texts=["late", "", "?", "late"],
        allowed=np.ones((4, 2), bool),
        probabilities=np.float32([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.9, 0.1]]),
        weights=np.zeros(4),
        given_probability=np.full(4, np.nan),
        class_shares=np.ones((1, 2)) / 2,
        min_precision=0.9,
        threshold=None,
    )
    _, scored = fit_rationales(model, outcome, seed=1, progress=lambda *_: None)
    assert scored.rationales == type(scored.rationales)(0, None, None)
