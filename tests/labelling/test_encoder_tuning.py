"""Encoders tuned to labels: what they learn, whether they are kept, and how a model has them."""

import gc
import weakref

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from tests.labelling.tiny_encoder import write_tiny_encoder
from tfp_dgm.confidence import EncoderChoice
from tfp_dgm.labelling import fit_classifier, label_file
from tfp_dgm.labelling.encoder_tuning import EncoderTuning
from tfp_dgm.labelling.reasons import WordReasons
from tfp_dgm.labelling.tuned_texts import TunedTexts
from tfp_dgm.labelling.vectors_of_sentences import read_encoder
from tfp_dgm.networks import TunedSentenceEncoder
from tfp_dgm.networks.tuned_encoder import copied_layers

FILLERS, KEYS = [f"w{n}" for n in range(24)], ["cat", "dog"]
CLASSES = ["of cats", "of dogs"]


def _texts(number, seed=0):
    """One word of ten tells the class."""
    rng = np.random.default_rng(seed)
    classes = np.arange(number) % 2
    texts = []
    for key in classes:
        words = rng.choice(FILLERS, 9).tolist()
        words.insert(rng.integers(9), KEYS[key])
        texts.append(" ".join(words))
    return texts, classes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("tiny") / "encoder"
    return write_tiny_encoder(place, [*FILLERS, *KEYS], layers=2)


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """A random encoder of a few units learns at other rates than a pretrained one."""
    monkeypatch.setattr("tfp_dgm.labelling.tuned_texts._LEARNING_RATE", 0.01)
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path / "cache"))


def _allowed(classes, labelled):
    allowed = np.eye(2, dtype=bool)[classes]
    allowed[labelled:] = True
    return allowed


def _vectors(encoder, texts):
    """The last layer's, of unit length."""
    vectors = encoder.encode(texts)[:, : encoder.units_of_meaning]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _tuned_texts(folder, texts, classes):
    encoder = read_encoder(folder)
    vectors = _vectors(encoder, texts)
    labels = np.eye(2, dtype=bool)[classes]
    layers = copied_layers(encoder.backbone)
    model = TunedTexts(encoder, layers, texts, vectors, labels, np.ones(len(texts)))
    return model, encoder, layers


def _fitted(model, seen, seed=0):
    model.fit_to(seen, seed=seed, progress=lambda done, total: None)
    return model


def test_layers_learn_what_the_frozen_vectors_do_not_tell(folder, quick):
    texts, classes = _texts(40)
    new, truth = _texts(30, seed=1)
    model, encoder, layers = _tuned_texts(folder, texts, classes)
    weights = encoder.backbone.get_weights()
    steps = []
    model.fit_to(np.arange(40), seed=0, progress=lambda done, total: steps.append((done, total)))
    answers = model.answers(new)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    before_tuning = LogisticRegression().fit(_vectors(encoder, texts), classes)
    of_frozen = before_tuning.score(_vectors(encoder, new), truth)
    assert (answers.argmax(axis=1) == truth).mean() > of_frozen
    assert steps[-1] == (25, 25)  # 400 texts are read at least, 16 at once.
    for one, other in zip(weights, encoder.backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # As layers of an encoder and a linear head, they give the same.
    vectors = TunedSentenceEncoder.of(encoder, layers)(tf.constant(new)).numpy()
    kernel, bias = model.kernel_and_bias()
    logits = vectors[:, -encoder.units_of_meaning :] @ kernel + bias
    np.testing.assert_allclose(tf.nn.softmax(logits).numpy(), answers, atol=2e-2)


@pytest.mark.slow
def test_each_training_begins_anew_and_knows_what_it_is_shown_alone(folder, quick):
    texts, classes = _texts(24)
    model, *_ = _tuned_texts(folder, texts, classes)
    seen = np.arange(24)
    first = _fitted(model, seen).get_weights()
    other = _fitted(model, seen[:12]).get_weights()
    assert np.abs(first[0] - other[0]).max() > 1e-3
    for one, again in zip(first, _fitted(model, seen).get_weights(), strict=True):
        np.testing.assert_array_equal(one, again)
    # The labels of rows that are not seen play no part.
    wrong = np.where(np.arange(24) < 12, classes, 1 - classes)
    hidden, *_ = _tuned_texts(folder, texts, wrong)
    for one, same in zip(other, _fitted(hidden, seen[:12]).get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


def _member(folder, texts, allowed, answered, fold=None, steps=None, judged=None):
    """`answered` [n, K]: what others answer the annotated rows; of the rest they know nothing."""
    encoder = read_encoder(folder)
    tuning = EncoderTuning(
        encoder,
        texts,
        _vectors(encoder, texts),
        choice=EncoderChoice(folder, "full", "It was asked for."),
        seed=0,
        progress=lambda *step: steps.append(step) if steps is not None else None,
    )
    rows = np.flatnonzero(~allowed.all(axis=1))
    fold = np.arange(len(rows)) // 2 % 5 if fold is None else fold
    others = np.full((len(texts), allowed.shape[1], 6), 1 / allowed.shape[1])
    others[rows] = answered[:, :, np.newaxis]
    judged = np.arange(len(texts)) if judged is None else judged
    counts = np.ones(len(rows))
    member = tuning.member(rows, allowed[rows], fold, counts, others, judged, share=0.4)
    return member, tuning.choice


def test_a_row_is_answered_by_an_encoder_that_did_not_see_it(folder, monkeypatch):
    texts, classes = _texts(63)
    allowed = np.eye(3, dtype=bool)[classes]
    allowed[4:8] = False
    allowed[4:8, 2] = True  # All classes have labels,
    allowed[[1, 9]] = [True, True, False]  # sets teach nothing,
    allowed[60:] = True  # and three rows have no annotation, of which the folds read one.
    fold = np.arange(60) % 5
    single = np.setdiff1d(np.arange(60), [1, 9])
    seen, asked = [], []

    def fit_to(model, rows, *, seed, progress):
        seen.append(single[rows].tolist())
        return model.get_weights()

    def answers(model, some, progress=None):
        asked.append(list(some))
        right = {text: one for text, one in zip(texts, allowed, strict=True)}
        return np.array([np.where(right[text], 0.8, 0.1) for text in some], np.float32)

    monkeypatch.setattr(TunedTexts, "fit_to", fit_to)
    monkeypatch.setattr(TunedTexts, "answers", answers)
    answered, judged = np.full((60, 3), 1 / 3), np.arange(61)
    member, _ = _member(folder, texts, allowed, answered, fold, judged=judged)
    assert member is not None
    for number in range(5):
        assert seen[number] == [row for row in single if fold[row] != number]
        assert asked[number] == [texts[row] for row in range(60) if fold[row] == number]
    assert seen[5] == single.tolist()
    assert asked[5] == texts
    of_encoders = np.ones((63, 6), bool)
    for number in range(5):
        read = [row for row in range(61) if fold[row % 60] == number or row in (1, 9, 60)]
        assert asked[6 + number] == [texts[row] for row in read]
        of_encoders[:, 1 + number] = np.isin(np.arange(63), read)
    # The others' answers stand for what was not asked.
    right = np.where(allowed, 0.8, 0.1)[:, :, np.newaxis]
    expected = np.where(of_encoders[:, np.newaxis], right, 1 / 3)
    np.testing.assert_allclose(member.answers, expected, atol=1e-6)


def test_it_ends_after_the_fold_that_leaves_no_hope(folder, monkeypatch):
    """An encoder that knows the first fold well, and of later ones the wrong class."""
    texts, classes = _texts(100)
    allowed, fold = np.eye(2, dtype=bool)[classes], np.arange(100) % 5
    tried = []

    def fit_to(model, rows, *, seed, progress):
        tried.append(len(tried))
        return model.get_weights()

    def answers(model, some, progress=None):
        right = allowed[[texts.index(text) for text in some]]
        return np.where(right == (len(tried) == 1), 0.75, 0.25).astype(np.float32)

    monkeypatch.setattr(TunedTexts, "fit_to", fit_to)
    monkeypatch.setattr(TunedTexts, "answers", answers)
    member, choice = _member(folder, texts, allowed, np.where(allowed, 0.6, 0.4), fold)
    assert member is None
    assert choice.taken == "full"
    assert 1 < len(tried) < 5


def test_its_gain_is_that_of_the_mixture_before_labels_speak_under_a_normal_prior(
    folder, monkeypatch
):
    """Others guess; it is right in 60 of 80 rows, as sure as that: the best temperature is 1."""
    texts, classes = _texts(80)
    allowed = np.eye(2, dtype=bool)[classes]
    told = np.where(np.arange(80) % 4 == 0, 1 - classes, classes)
    answered = dict(zip(texts, np.where(np.eye(2)[told], 0.75, 0.25), strict=True))
    monkeypatch.setattr(TunedTexts, "fit_to", lambda model, rows, **_: model.get_weights())
    monkeypatch.setattr(
        TunedTexts,
        "answers",
        lambda model, some, progress=None: np.array([answered[t] for t in some], np.float32),
    )
    _, choice = _member(folder, texts, allowed, np.full((80, 2), 0.5), np.arange(80) % 5)
    gains = np.repeat(np.log([0.6 / 0.5, 0.4 / 0.5]), [60, 20])  # 0.6 = 0.6 x 0.5 + 0.4 x 0.75
    # As though ten more had been seen that differ by 0.15.
    deviation = np.sqrt((((gains - gains.mean()) ** 2).sum() + 10 * 0.15**2) / 90)
    grid = np.linspace(-1, 1, 200_001)
    posterior = scipy.stats.norm.pdf(grid, 0.05, 0.04)
    posterior *= scipy.stats.norm.pdf(gains.mean(), grid, deviation / np.sqrt(80))
    expected = (grid * posterior).sum() / posterior.sum()
    assert choice.gains["tuned"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_a_member_that_pays_is_kept_with_answers_of_all_texts_by_each_fold(folder, quick):
    texts, classes = _texts(90)
    steps = []
    member, choice = _member(
        folder, texts, _allowed(classes, 60), np.full((60, 2), 0.5), None, steps
    )
    assert member.answers.shape == (90, 2, 6)
    np.testing.assert_allclose(member.answers.sum(axis=1), 1, atol=1e-5)
    assert (member.answers[60:].argmax(axis=1) == classes[60:, np.newaxis]).mean() > 0.8
    assert choice.taken == "tuned"
    assert 0.05 < choice.gains["tuned"] < np.log(2)
    assert choice.why.startswith("It was asked for. Tuned to the labels it is expected to gain +0.")
    assert choice.seconds["tuned"] > 0
    assert {step for step, *_ in steps} == {
        *(f"Tuning the encoder, {number} of 6" for number in range(1, 7)),
        "Reading texts with tuned encoders",
    }


@pytest.mark.slow
def test_where_others_know_nearly_all_that_it_could_tell_it_ends_after_a_fold(folder, quick):
    texts, told = _texts(120)
    classes = np.where(np.arange(120) % 10 == 3, 1 - told, told)  # One in ten is a slip.
    steps = []
    known = np.where(np.eye(2)[told], 0.9, 0.1)
    member, choice = _member(folder, texts, _allowed(classes, 120), known, None, steps)
    assert member is None
    assert (choice.taken, list(choice.gains)) == ("full", ["tuned"])
    assert choice.gains["tuned"] < 0.005
    assert "so it stays as it was. That took" in choice.why
    assert {step for step, *_ in steps} == {"Tuning the encoder, 1 of 6"}


FEW = "To tune it takes {} labels of different texts, and one of each class at least."
LITTLE = "Of the labels too little is left unexplained for tuning it."


@pytest.mark.parametrize(
    ("spoil", "right", "why"),
    [
        (lambda allowed: allowed[:48], 0.5, FEW.format(50)),
        (lambda allowed: allowed | [[True, False]], 0.5, FEW.format(50)),  # One has no label.
        (lambda allowed: np.hstack([allowed, allowed[:, :1] & False]), 0.5, FEW.format(50)),
        (lambda allowed: np.hstack([allowed] + 5 * [allowed & False]), 0.5, FEW.format(60)),
        (lambda allowed: allowed, 0.999, LITTLE),
    ],
)
def test_where_labels_are_few_or_lack_a_class_it_is_not_tried_and_it_says_so(
    folder, spoil, right, why
):
    texts, classes = _texts(58)
    allowed = spoil(np.eye(2, dtype=bool)[classes])
    texts = texts[: len(allowed)]
    allowed = np.vstack([allowed, np.ones((1, allowed.shape[1]), bool)])
    texts.append("cat")
    num_rows = int((~allowed.all(axis=1)).sum())
    answered = np.where(allowed[:num_rows], right, 1 - right)
    member, choice = _member(folder, texts, allowed, answered)
    assert member is None
    assert choice == EncoderChoice(folder, "full", f"It was asked for. {why}")


@pytest.mark.slow
@pytest.mark.parametrize("judged", [20, 8])
def test_a_labelling_with_a_tuned_encoder_is_saved_explained_and_served(
    folder, quick, tmp_path, monkeypatch, judged
):
    """Whether encoders of the folds read all of the 20 rows without a label, or some of them."""
    monkeypatch.setattr("tfp_dgm.labelling.members._MOST_JUDGED", judged)
    # Words tell these classes as well: it would be left, as not worth reading each text twice.
    for bound in ("_LEFT", "_MARGIN"):
        monkeypatch.setattr(f"tfp_dgm.labelling.encoder_tuning.{bound}", -1.0)
    read, answers = [], TunedTexts.answers
    monkeypatch.setattr(
        TunedTexts,
        "answers",
        lambda model, texts, *report: read.append(len(texts)) or answers(model, texts, *report),
    )
    texts, classes = _texts(80)
    lines = [
        "text,label",
        *(
            f"{t},{CLASSES[k] if n < 60 else ''}"
            for n, (t, k) in enumerate(zip(texts, classes, strict=True))
        ),
    ]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    found = label_file(
        tmp_path / "in.csv",
        tmp_path / "out.csv",
        text_columns=["text"],
        label_column="label",
        encoder=folder,
        reasons=True,
    )
    outcome = found.outcome
    assert outcome.encoder_choice.taken == "tuned"
    assert read == 5 * [12] + [80] + 5 * [12 + judged]  # Labels of a fold; all; what folds answer.
    assert "Tuned to the labels" in found.summary()
    model = keras.models.load_model(found.model_directory / "model.keras")
    assert model.encoder.tuned_units == 8
    np.testing.assert_allclose(
        model(tf.constant(texts))[60:], outcome.probabilities[60:], atol=2e-2
    )
    served = tf.saved_model.load(found.model_directory / "saved_model" / "1")
    answer = served.signatures["serving_default"](text=tf.constant(texts))
    np.testing.assert_allclose(answer["probabilities"], model(tf.constant(texts)), atol=1e-5)
    why = WordReasons(model)(texts[:1], np.array([0]), np.array([1]))
    assert why[0]


@pytest.mark.slow
def test_what_cannot_be_compared_does_not_pay(folder, quick, monkeypatch):
    monkeypatch.setattr(
        TunedTexts, "answers", lambda model, texts: np.full((len(texts), 2), np.nan)
    )
    texts, classes = _texts(60)
    member, choice = _member(folder, texts, _allowed(classes, 60), np.full((60, 2), 0.5))
    assert member is None
    assert (choice.taken, choice.gains) == ("full", {})
    assert "its answers are no numbers, so it stays as it was" in choice.why


@pytest.mark.slow
def test_a_training_is_let_go_when_it_is_done(folder, quick):
    texts, classes = _texts(20)
    model, *_ = _tuned_texts(folder, texts, classes)
    watched = weakref.ref(_fitted(model, np.arange(20)))
    del model
    gc.collect()
    assert watched() is None


@pytest.mark.slow
def test_an_encoder_that_other_labels_have_tuned_is_taken_as_it_was(folder, quick):
    encoder = read_encoder(folder)
    given = TunedSentenceEncoder.of(encoder, copied_layers(encoder.backbone))
    texts, classes = _texts(60)
    model, outcome = fit_classifier(
        texts, _allowed(classes, 40), CLASSES, encoder=given, tune_encoder=False
    )
    assert model.encoder.units == encoder.units
    assert outcome.encoder_choice.asked == "SentenceEncoder"


@pytest.mark.slow
def test_where_it_is_asked_not_to_be_it_is_not_tuned(folder, quick):
    texts, classes = _texts(80)
    model, outcome = fit_classifier(
        texts, _allowed(classes, 60), CLASSES, encoder=folder, tune_encoder=False
    )
    assert outcome.encoder_choice.taken == "full"
    assert model.encoder.tuned_units == 0
