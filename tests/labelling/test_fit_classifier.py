import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.labelling.tiny_encoder import write_tiny_encoder
from tfp_dgm.labelling import WordReasons, fit_classifier, fit_features, label_file, members
from tfp_dgm.labelling.reasons import reasons_column

pytestmark = pytest.mark.usefixtures("short")

WORDS = {0: ["apple", "pear", "plum"], 1: ["iron", "zinc", "rust"], 2: ["wave", "tide", "reef"]}


@pytest.fixture
def short(monkeypatch):
    """The words of these texts speak for themselves: the VAE's vectors need no long training."""
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 2)


def _texts(rows, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, rows)
    return [" ".join(rng.choice([*WORDS[k], "the", "and"], 6)) for k in truth], truth


def _varied_texts(rows, strange):
    """Texts of two topics, few of which are copies, and of a third after the first `rows`."""
    rng = np.random.default_rng(0)
    truth = np.append(rng.integers(0, 2, rows), np.full(strange, 2))
    rng.shuffle(truth[80:])
    topics = [[f"{kind}{n}" for n in range(12)] for kind in ("fruit", "metal", "ocean")]
    common = [f"common{n}" for n in range(30)]
    drawn = ([*rng.choice(topics[k], 5), *rng.choice(common, 4)] for k in truth)
    return [" ".join(words) for words in drawn], truth


@pytest.mark.usefixtures("eager")
def test_features_of_one_seed_are_the_same_whatever_was_drawn_before():
    texts, _ = _texts(30)
    found = []
    for drawn_before in (1, 2):
        keras.utils.set_random_seed(drawn_before)
        found.append(fit_features(texts, seed=3))
    for view, other in zip(found[0].views, found[1].views, strict=True):
        np.testing.assert_array_equal(view, other)


def _allowed(truth, labelled, classes=3):
    allowed = np.ones((len(truth), classes), bool)
    allowed[:labelled] = np.eye(classes, dtype=bool)[truth[:labelled]]
    return allowed


def _names(classes):
    return [f"class {k}" for k in range(classes)]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answers(eager):
    texts, truth = _texts(60)
    allowed = _allowed(truth, 18)
    first, again, other = (
        fit_classifier(texts, allowed, _names(3), seed=seed)[1].probabilities for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-6


def test_annotated_rows_are_judged_by_models_that_did_not_see_them(eager):
    """Of words and labels drawn apart nothing can be learned, but whatever was seen be learned."""
    random = np.random.default_rng(2)
    words = [f"w{n}" for n in range(300)]
    texts = [" ".join(random.choice(words, 8)) for _ in range(90)]
    truth = random.integers(0, 3, 90)
    _, outcome = fit_classifier(texts, _allowed(truth, 80), _names(3))
    # 1/3, and 4 standard errors: fails with probability 1e-4 for labels drawn at random.
    assert np.mean(outcome.predicted[:80] == truth[:80]) < 1 / 3 + 4 * np.sqrt(2 / 9 / 80)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [18, 90])
def test_of_many_texts_some_are_learned_from_and_all_are_answered(eager, monkeypatch, labels):
    monkeypatch.setattr("tfp_dgm.labelling.members._MOST_LEARNED_FROM", 60)
    seen = []
    self_train = members.self_train

    def watched(view, rows, *teaching, **options):
        seen.append(len(view))
        assert (np.diff(rows) > 0).all()
        return self_train(view, rows, *teaching, **options)

    monkeypatch.setattr(members, "self_train", watched)
    texts, truth = _texts(300)
    _, outcome = fit_classifier(texts, _allowed(truth, labels), _names(3))
    assert {*seen} == {max(60, labels)}
    assert outcome.probabilities.shape == (300, 3)
    assert np.mean(outcome.predicted[labels:] == truth[labels:]) > 0.95


@pytest.mark.slow
def test_a_class_is_learned_from_what_its_rows_are_not(eager):
    texts, truth = _texts(120)
    allowed = _allowed(truth, 80)
    third = np.flatnonzero(truth[:80] == 2)
    allowed[third] = True
    allowed[third[::2], 0] = allowed[third[1::2], 1] = False  # Not the first, or not the second.
    _, outcome = fit_classifier(texts, allowed, _names(3))
    assert set(outcome.observed.tolist()) == {-1, 0, 1}
    np.testing.assert_array_equal(outcome.predicted[80:], truth[80:])
    np.testing.assert_array_equal(outcome.predicted[third], 2)


@pytest.mark.slow
def test_a_wrong_label_does_not_teach_its_own_row(eager):
    texts, truth = _texts(80)
    lied = _allowed(truth, 40)
    lied[7] = np.roll(lied[7], 1)
    _, outcome = fit_classifier(texts, lied, _names(3))
    assert outcome.predicted[7] == truth[7]
    assert np.flatnonzero(outcome.suspects).tolist() == [7]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [4, 30])
def test_few_rows_work(eager, rows):
    texts, truth = ["apple pear", "iron zinc", "apple plum", "rust iron"], np.array([0, 1, 0, 1])
    texts, truth = (texts * 8)[:rows], np.resize(truth, rows)
    model, outcome = fit_classifier(texts, _allowed(truth, 2, 2), _names(2))
    assert outcome.probabilities.shape == (rows, 2)
    np.testing.assert_allclose(outcome.probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        model(tf.constant(texts)).numpy()[2:], outcome.probabilities[2:], atol=1e-5
    )


@pytest.mark.slow
def test_one_label_in_a_class_and_everything_labelled(eager):
    texts, truth = _texts(20)
    truth[:] = np.where(np.arange(20) == 4, 2, truth % 2)
    _, outcome = fit_classifier(texts, _allowed(truth, 20), _names(3))
    assert np.isfinite(outcome.probabilities).all()
    assert outcome.threshold is None
    # Nothing is open, so that nothing is missing either.
    assert not any("Too few labels" in warning for warning in outcome.warnings)


@pytest.mark.slow
def test_too_few_labels_are_said_to_be_too_few(eager):
    texts, truth = _texts(60)
    _, outcome = fit_classifier(texts, _allowed(truth, 3), _names(3))
    assert outcome.threshold is None
    assert any("Too few labels to tell" in warning for warning in outcome.warnings)


@pytest.mark.slow
def test_a_class_without_any_single_label(eager):
    texts, truth = _texts(60)
    allowed = np.ones((60, 3), bool)
    allowed[:30] = np.eye(3, dtype=bool)[truth[:30]]
    allowed[:30][truth[:30] == 2] = [False, True, True]  # Class 2 occurs in sets only.
    _, outcome = fit_classifier(texts, allowed, _names(3))
    np.testing.assert_allclose(outcome.probabilities.sum(axis=1), 1, atol=1e-5)
    rest, known = outcome.predicted[30:], truth[30:]
    assert np.mean(rest[known < 2] == known[known < 2]) > 0.9
    # Its words are unlike class 0's, whatever its rows may be.
    assert np.mean(rest[known == 2] == 0) < 0.1


@pytest.mark.slow
def test_a_population_without_labels_is_warned_of(eager):
    texts, truth = _texts(300)
    known = np.argsort(truth == 2, kind="stable")
    texts, truth = [texts[row] for row in known], truth[known]
    _, outcome = fit_classifier(texts, _allowed(truth, 60)[:, :2], _names(2))
    assert (truth[outcome.unlike_labelled] == 2).mean() > 0.9
    (warning,) = (warning for warning in outcome.warnings if "unlike everything" in warning)
    assert f"About {len(outcome.unlike_labelled)} of the 240 rows" in warning
    assert {"wave", "tide", "reef"} <= set(warning.replace(",", " ").replace(".", " ").split())


@pytest.mark.slow
def test_rows_of_no_class_are_counted_and_none_is_accepted(eager):
    texts, truth = _varied_texts(300, 100)
    model, outcome = fit_classifier(texts, _allowed(truth, 80)[:, :2], _names(2))
    strange, share = truth[80:] == 2, np.mean(truth[80:] == 2)
    _, low, high = outcome.none_share
    assert low - 0.05 < share < high + 0.05
    none = outcome.none_probability[80:]
    assert none[strange].mean() > 0.8 > 0.2 > none[~strange].mean()
    labels = np.array(outcome.labels)[outcome.label_ranking[80:, 0]]
    assert np.mean((labels == "(none)") == strange) > 0.95
    assert not outcome.accepted[80:][strange].any()
    served = model.serving_signatures()["serving_default"].plain()(tf.constant(texts[80:]))
    assert [label.decode() for label in served["label"].numpy()] == labels.tolist()
    np.testing.assert_allclose(served["none_probability"], none, atol=2e-3)
    np.testing.assert_allclose(
        served["probability"], outcome.label_probabilities[80:].max(axis=1), atol=2e-3
    )


def test_texts_without_a_known_word_are_accepted_by_neither_the_table_nor_the_model(eager):
    """Nine in ten texts are of one class: so is what nothing is known of, as surely as asked."""
    rng = np.random.default_rng(0)
    truth = (rng.random(200) < 0.1).astype(int)
    texts = [" ".join(rng.choice([*WORDS[k], "the", "and"], 6)) for k in truth]
    texts += [f"unheard{row} strange{row}" for row in range(6)]
    allowed = _allowed(np.append(truth, np.zeros(6, int)), 90, 2)
    model, outcome = fit_classifier(texts, allowed, _names(2), min_precision=0.6)
    assert (outcome.confidence[200:] >= outcome.threshold).all()
    assert not outcome.accepted[200:].any()
    assert outcome.accepted[90:200].mean() > 0.5
    served = model.serving_signatures()["serving_default"].plain()(tf.constant(texts[90:]))
    np.testing.assert_array_equal(served["accept"], outcome.accepted[90:])


def test_of_copies_that_contradict_each_other_one_at_most_is_right(eager):
    texts, truth = _texts(60, classes=2)
    truth[:2] = [0, 1]
    texts[:2] = ["apple pear plum apple pear plum"] * 2
    _, outcome = fit_classifier(texts, _allowed(truth, 40, 2), _names(2))
    right, wrong = outcome.given_probability[:2]
    assert right > 0.5 > wrong
    assert right + wrong <= 1 + 1e-6


@pytest.mark.slow
def test_a_class_of_that_name_is_the_rows_of_no_class(eager):
    texts, truth = _varied_texts(300, 100)
    model, outcome = fit_classifier(texts, _allowed(truth, 80)[:, :2], ["(none)", "metal"])
    assert outcome.labels == ["(none)", "metal"]
    assert (outcome.label_ranking[80:, 0] == 0)[truth[80:] != 1].mean() > 0.95
    served = model.serving_signatures()["serving_default"].plain()(tf.constant(texts[80:]))
    assert set(served["label"].numpy()) == {b"(none)", b"metal"}
    np.testing.assert_allclose(
        served["none_probability"], outcome.label_probabilities[80:, 0], atol=2e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize("labelled", [2, 40])
def test_one_word_and_empty_texts_have_finite_answers(eager, labelled):
    texts = [*["apple", "iron", "", "zinc", "pear"] * 8]
    truth = np.array([0, 1, 0, 1, 0] * 8)
    model, outcome = fit_classifier(texts, _allowed(truth, labelled, 2), _names(2))
    assert np.isfinite(outcome.probabilities).all()
    assert np.isfinite(outcome.none_probability).all()
    served = model.serving_signatures()["serving_default"].plain()(tf.constant([*texts, "new"]))
    for name in ("probability", "none_probability", "novelty"):
        assert np.isfinite(served[name]).all()


@pytest.mark.slow
def test_texts_without_known_words_get_an_answer(eager):
    texts, truth = _texts(60)
    texts[50], texts[51] = "", "!!! ???"
    model, outcome = fit_classifier(texts, _allowed(truth, 18), _names(3))
    np.testing.assert_allclose(outcome.probabilities[50], outcome.probabilities[51], atol=1e-6)
    answer = model(tf.constant(["never seen words", b"\xff\xfe"])).numpy()
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("texts", "allowed", "message"),
    [
        (["a", "b"], np.ones((3, 2), bool), r"expected shape \[2, 2\].*received \(3, 2\)"),
        (["a", "b"], np.ones((2, 2), bool), "at least one annotated row"),
        (["..", ""], np.eye(2, dtype=bool), "at least one word"),
    ],
)
def test_what_cannot_work_is_explained(texts, allowed, message):
    with pytest.raises(ValueError, match=message):
        fit_classifier(texts, allowed, _names(2))


@pytest.fixture
def tiny_encoder(tmp_path):
    words = ["the", "and", *(word for words in WORDS.values() for word in words)]
    return write_tiny_encoder(tmp_path / "encoder", words, layers=3)


PREDICT = """
import sys
from tfp_dgm.labelling import predict_file
predict_file(sys.argv[1], sys.argv[2], sys.argv[3])
assert "keras_hub" not in sys.modules
"""


@pytest.mark.slow
def test_a_pretrained_encoder_is_served_from_strings_and_its_vectors_are_kept(
    tiny_encoder, tmp_path, monkeypatch
):
    """Quicker: `test_sentence_vectors.py`; `text_classifier_encoder` in the golden files."""
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path / "cache"))
    texts, truth = _texts(60)
    texts[54:] = [f"{text} {text} {text}" for text in texts[54:]]
    labels = [f"class {k}" if n < 18 else "" for n, k in enumerate(truth)]
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "in.csv", index=False)
    outcome = label_file(
        tmp_path / "in.csv",
        tmp_path / "out.csv",
        text_columns=["text"],
        label_column="label",
        encoder=tiny_encoder,
        reasons=True,
    ).outcome
    assert any("6 of the 60 texts (10%) are longer than the 16" in w for w in outcome.warnings)
    reloaded = keras.models.load_model(tmp_path / "out.model" / "model.keras")
    assert reloaded.encoder.units == 2 * 8  # The last layer, and the second of three.
    answers = reloaded(tf.constant(texts)).numpy()
    np.testing.assert_allclose(answers[18:], outcome.probabilities[18:], atol=1e-5)
    written = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    columns = written.iloc[18:22].to_dict("list")
    cells = reasons_column(WordReasons(reloaded), texts[18:22], columns, lambda done: None)
    assert cells == columns["reasons"]
    assert all(cells)
    paths = [str(tmp_path / name) for name in ("out.model", "in.csv", "new.csv")]
    subprocess.run([sys.executable, "-c", PREDICT, *paths], check=True)
    old, new = (pd.read_csv(tmp_path / name)[18:] for name in ("out.csv", "new.csv"))
    assert new["predicted_label"].tolist() == old["predicted_label"].tolist()
    np.testing.assert_allclose(new["probability"], old["probability"], atol=1e-5)
    np.testing.assert_allclose(new["none_probability"], old["none_probability"], atol=2e-3)
    assert new["novelty"].between(0, 1).all()

    def encode(*_, **__):
        raise AssertionError("the vectors are in the cache")

    monkeypatch.setattr("tfp_dgm.networks.SentenceEncoder.encode", encode)
    _, again = fit_classifier(texts, _allowed(truth, 18), _names(3), encoder=tiny_encoder)
    np.testing.assert_array_equal(again.probabilities, outcome.probabilities)


def test_an_encoder_that_is_none_is_explained(tmp_path):
    pytest.importorskip("keras_hub")
    texts, truth = _texts(20)
    with pytest.raises(OSError, match="encoder: expected a folder or preset"):
        fit_classifier(texts, _allowed(truth, 9), _names(3), encoder=str(tmp_path))
