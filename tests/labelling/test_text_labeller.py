"""`dgm label` as an estimator: the same labels, with the habits of scikit-learn."""

import pickle
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from tfp_dgm.data import DataError
from tfp_dgm.labelling import TextLabeller, fit_classifier, label_file, predict_file

WORDS = {
    "fruit": ["apple", "pear", "plum", "cherry", "grape", "melon", "juice", "orchard", "banana"],
    "metal": ["iron", "zinc", "rust", "copper", "steel", "alloy", "smelter", "furnace", "ore"],
}
COMMON = ["the", "a", "of", "and", "in", "on", "with", "for", "this"]
# What scikit-learn checks of any estimator, whatever its inputs.
CHECKS = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_mixin_order,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
]


def _rows(count=120, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.array(sorted(WORDS))[rng.integers(0, 2, count)]
    texts = [" ".join([*rng.choice(WORDS[k], 4), *rng.choice(COMMON, 5)]) for k in truth]
    return texts, truth.tolist()


@pytest.fixture(scope="module")
def asked():
    """How each training was asked, first and foremost that of `fitted`."""
    return []


@pytest.fixture(scope="module")
def fitted(asked):
    texts, truth = _rows()
    labels = [name if n < 45 else None for n, name in enumerate(truth)]
    labels[3] = "metal" if truth[3] == "fruit" else "fruit"
    index = [f"r{n}" for n in range(120)]
    labeller = TextLabeller(min_precision=0.8, random_state=3)

    def fit(*args, **options):
        asked.append((*args, options))
        return fit_classifier(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 2)
        patch.setattr(sys.modules["tfp_dgm.labelling.text_labeller"], "fit_classifier", fit)
        assert labeller.fit(pd.Series(texts, index), pd.Series(labels)) is labeller
    return labeller, texts, truth, labels


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_scikit_learns_own_checks(check):
    check("TextLabeller", TextLabeller(min_precision=0.9))


@pytest.mark.slow
def test_the_command_trains_and_tells_the_same(fitted, asked, tmp_path, monkeypatch):
    labeller, texts, _, labels = fitted

    def fit(texts, allowed, classes, *, progress, **options):
        expected_texts, expected, names, given = asked[0]
        assert (texts, list(classes)) == (expected_texts, list(names))
        np.testing.assert_array_equal(allowed, expected)
        assert options == {**given, "definitions": None}
        return labeller.classifier_, labeller.outcome_

    task, file = (
        sys.modules[f"tfp_dgm.labelling.{name}"] for name in ("labelling_task", "labelled_file")
    )
    monkeypatch.setattr(task, "fit_classifier", fit)
    monkeypatch.setattr(file, "write_model", lambda *args, **options: None)
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "in.csv", index=False)
    label_file(
        tmp_path / "in.csv",
        tmp_path / "out.csv",
        text_columns=["text"],
        label_column="label",
        min_precision=0.8,
        seed=3,
    )
    written = pd.read_csv(tmp_path / "out.csv").drop(columns=["text", "label"])
    frame = labeller.labelled_.reset_index(drop=True)
    for name in written:  # An empty cell is not the same as no truth value.
        assert frame[name].astype(object).where(frame[name].notna(), None).tolist() == (
            written[name].astype(object).where(written[name].notna(), None).tolist()
        )


def test_what_a_fit_tells(fitted):
    labeller, _, truth, labels = fitted
    assert labeller.classes_.tolist() == ["fruit", "metal"]
    given = [label or name for label, name in zip(labels, truth, strict=True)]
    assert labeller.transduction_.tolist() == given
    frame = labeller.labelled_
    assert frame.index.tolist() == [f"r{n}" for n in range(120)]
    assert frame.index[frame["suspect_label"].fillna(False)].tolist() == ["r3"]
    assert frame["accept"].isna().sum() == 45
    assert labeller.acceptance_["accepted"] == frame["accept"].sum() > 0
    assert labeller.report_["rows"]["labelled"] == 45


@pytest.mark.slow
def test_answers_to_new_texts(fitted):
    labeller = fitted[0]
    texts = pd.Series(["apple pear", "zinc", ""], index=[9, 4, 4])
    predicted = labeller.predict(texts)
    assert predicted.index.tolist() == [9, 4, 4]
    assert predicted.tolist()[:2] == ["fruit", "metal"]
    probabilities = labeller.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert probabilities[0, 0] > 0.5 > probabilities[1, 0]
    plain = labeller.predict(texts.tolist())
    assert isinstance(plain, np.ndarray)
    assert plain.tolist() == predicted.tolist()
    frame = labeller.label(texts)
    assert frame.index.tolist() == [9, 4, 4]
    assert frame["predicted_label"].tolist() == predicted.tolist()
    np.testing.assert_allclose(frame["probability"], probabilities.max(axis=1), atol=1e-6)
    threshold = labeller.acceptance_["threshold"]
    assert frame["accept"].tolist() == (probabilities.max(axis=1) >= threshold).tolist()
    assert labeller.predict([]).shape == (0,)
    assert labeller.predict_proba([]).shape == (0, 2)


def test_the_words_that_spoke(fitted):
    found = fitted[0].reasons(["apple pear the", "!!!", "zinc of smelter"])
    assert {word for word, added in found[0] if added > 0} >= {"apple", "pear"}
    assert found[1] == []
    assert found[2][0][0] in {"zinc", "smelter"}


def test_the_score_counts_rows_with_a_label(fitted):
    labeller = fitted[0]
    texts = ["apple pear", "zinc iron", "plum", "rust"]
    assert labeller.score(texts, ["fruit", "fruit", None, float("nan")]) == 0.5
    assert labeller.score(texts, ["fruit", "fruit", "", "x"], [1, 2, 5, 1]) == 0.25
    with pytest.raises(ValueError, match="y: expected at least one label to score by"):
        labeller.score(texts, [None] * 4)
    for weights in ([1, 2, 5], [1, 2, 5, 1, 1], [[1]] * 4):
        with pytest.raises(ValueError, match="sample_weight: expected a weight for each of the 4"):
            labeller.score(texts, ["fruit", "fruit", "", "x"], weights)


def test_a_fitted_one_is_pickled_and_copied(fitted):
    labeller = fitted[0]
    texts = ["apple pear the", "zinc", "zinc plum"]
    again = pickle.loads(pickle.dumps(labeller))
    np.testing.assert_allclose(again.predict_proba(texts), labeller.predict_proba(texts), atol=1e-6)
    assert again.get_params() == labeller.get_params()
    pd.testing.assert_frame_equal(again.labelled_, labeller.labelled_)
    unfitted = pickle.loads(pickle.dumps(clone(labeller)))  # As `n_jobs` sends it.
    assert unfitted.get_params() == labeller.get_params()
    with pytest.raises(NotFittedError):
        unfitted.predict(texts)


@pytest.mark.slow
def test_it_is_saved_as_the_command_saves(fitted, tmp_path):
    labeller = fitted[0]
    labeller.save(tmp_path / "model")
    (tmp_path / "new.csv").write_text("text\napple pear the\nzinc plum zinc\n")
    paths = [tmp_path / name for name in ("model", "new.csv", "out.csv")]
    with pytest.raises(DataError, match="text_columns: expected at least one column"):
        predict_file(*paths)
    predict_file(*paths, text_columns=["text"])
    new = ["apple pear the", "zinc plum zinc"]
    assert pd.read_csv(paths[2])["predicted_label"].tolist() == labeller.predict(new).tolist()
    assert "r3<" in (tmp_path / "model" / "report.html").read_text()
    with pytest.raises(DataError, match="expected nothing there; found a folder"):
        labeller.save(tmp_path / "model")
    model = keras.models.load_model(tmp_path / "model" / "model.keras")
    assert model.classes == ("fruit", "metal")


@pytest.fixture
def first_words(monkeypatch):
    """Gives, in the place of a training, what knows the classes by the first words of texts."""
    asked = []

    class Model:
        def __init__(self, texts, allowed, classes):
            given = [row for row in range(len(texts)) if allowed[row].sum() == 1]
            ids = {texts[row].split()[0]: allowed[row].argmax() for row in given}
            self.probabilities = lambda texts: np.eye(len(classes))[
                [ids[text.split()[0]] for text in texts]
            ]

        def serving_signatures(self):
            return {"serving_default": self}

        def plain(self):
            return lambda text: {
                "probabilities": self.probabilities([t.decode() for t in text.numpy()])
            }

    def fit(texts, allowed, classes, **options):
        asked.append(options)
        np.random.seed(0)  # As a training does.
        return Model(texts, allowed, classes), None

    module = sys.modules["tfp_dgm.labelling.text_labeller"]
    monkeypatch.setattr(module, "fit_classifier", fit)
    monkeypatch.setattr(TextLabeller, "_keep", lambda self, X, outcome: None)
    return asked


@pytest.mark.parametrize("classes", [["b", "a"], [3, 1], [True, False]])
def test_it_drops_into_scikit_learn(first_words, classes):
    texts = pd.Series(["x one", "y two"] * 12, index=range(100, 124))
    y = pd.Series(classes * 12, index=texts.index)
    assert cross_val_score(TextLabeller(), texts, y, cv=StratifiedKFold(3)).tolist() == [1, 1, 1]
    both = make_pipeline(FunctionTransformer(lambda X: X.str.lower()), TextLabeller())
    predicted = both.fit(texts.str.upper(), y).predict(texts)
    assert predicted.tolist() == y.tolist()
    assert predicted.index.equals(texts.index)
    assert [type(value) for value in predicted.tolist()] == [type(value) for value in y.tolist()]
    assert both.classes_.tolist() == sorted(classes)
    search = GridSearchCV(TextLabeller(), {"min_precision": [0.8, 0.9]}, cv=2, scoring="f1_macro")
    assert search.fit(np.array(texts, object), y).best_score_ == 1
    assert {options["min_precision"] for options in first_words} == {0.95, 0.8, 0.9}
    semi = np.where(np.arange(24) % 4 == 0, y.to_numpy(object), -1)
    with pytest.raises(ValueError, match="two or more classes"):
        TextLabeller().fit(texts, semi)
    semi = np.where(np.arange(24) < 4, y.to_numpy(object), -1)
    assert TextLabeller().fit(texts.to_numpy(), semi).predict(texts.tolist()).tolist() == list(y)


def test_a_fit_leaves_the_generators_of_others_alone(first_words):
    np.random.seed(7)
    expected = np.random.random(3)
    np.random.seed(7)
    TextLabeller().fit(["a", "b"], [0, 1])
    np.testing.assert_array_equal(np.random.random(3), expected)


def test_seeds(first_words):
    for state in (5, np.random.RandomState(0), np.random.RandomState(0), np.int64(5)):
        TextLabeller(random_state=state).fit(["a", "b"], [0, 1])
    drawn = [options["seed"] for options in first_words]
    assert drawn[0] == drawn[3] == 5
    assert drawn[1] == drawn[2] != 5


@pytest.mark.parametrize(
    ("options", "texts", "labels", "message"),
    [
        ({}, ["a", "b"], [1, None], r"y: expected labels of two or more .*received \[1\]"),
        ({}, ["a", "b"], [1, -1], r"received \[1\]; -1 is no label"),
        ({}, ["..", ""], [1, 2], "X: expected texts with at least one word"),
        ({}, ["a", 3], [1, 2], "X, row 1"),
        ({"min_precision": 1}, ["a", "b"], [1, 2], "min_precision: expected a share between"),
        ({"random_state": -3}, ["a", "b"], [1, 2], "random_state: expected a whole number from 0"),
        ({"random_state": "x"}, ["a", "b"], [1, 2], "cannot be used to seed"),
    ],
)
def test_what_cannot_work_is_refused(options, texts, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        TextLabeller(**options).fit(texts, labels)


def test_a_pickle_of_a_version_without_an_argument_takes_its_default():
    state = TextLabeller(min_precision=0.9).__getstate__()
    del state["tune_encoder"]
    old = TextLabeller.__new__(TextLabeller)
    old.__setstate__(state)
    assert old.get_params() == TextLabeller(min_precision=0.9).get_params()
