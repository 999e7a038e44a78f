"""Dependencies of words as vectors: the tags that come with them, the start, and the flow."""

import json

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import multivariate_normal

from tests.as_python import as_python
from tests.induction.dependency_runs import induced, settings_of, written
from tests.induction.toy_grammar import heads_of, sentences
from tests.references.tagged_trees import vector_scores
from tfp_dgm import training
from tfp_dgm.data import DataError, read_conllu
from tfp_dgm.induction import results
from tfp_dgm.induction.dependency_parses import parse_with_tags
from tfp_dgm.induction.gaussian_valence_learner import GaussianValenceLearner
from tfp_dgm.induction.sentences import read_words
from tfp_dgm.induction.without_marks import kept_words
from tfp_dgm.models import load_model

ROWS = sentences(40)
FEW = ROWS[:12]
SMALL = (
    "model.kind=gaussian_valence",
    "model.num_tags=4",
    "model.units=4",
    "model.min_scale=0.3",
    "model.tag_iterations=3",
    "model.rule_iterations=3",
    "model.iterations=2",
    "max_length=5",
)


@pytest.fixture(scope="module", autouse=True)
def _without_export_and_traces():
    with pytest.MonkeyPatch.context() as patch, as_python():
        patch.setattr(results, "export", lambda *args, **kwargs: None)
        yield


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return written(tmp_path_factory, ROWS)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The first sentences."""
    return written(tmp_path_factory, FEW)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("runs") / "trees"
    return folder, induced(folder, text, settings_of(*SMALL))


@pytest.mark.slow
def test_words_have_heads_and_tags_and_marks_have_no_tag(finished):
    folder, numbers = finished
    found = read_conllu(folder / "parsed.conllu")
    assert [row.words for row in found] == ROWS
    for row in found:
        assert set(row.xpos[:-1]) <= {"T00", "T01", "T02", "T03"}
        assert row.xpos[-1] == "_"
        assert row.heads.count(0) == 1
        assert row.heads[-1] == row.heads.index(0) + 1
    right = [
        head == wanted
        for row, annotated in zip(ROWS, found, strict=True)
        for head, wanted in zip(annotated.heads[:-1], heads_of(row)[:-1], strict=True)
    ]
    assert numbers["directed_any_length"] == pytest.approx(np.mean(right))
    assert numbers["num_learned_sentences"] == sum(len(row) <= 6 for row in ROWS) < len(ROWS)
    page = (folder / "report.html").read_text()
    assert page.count("<polygon") == sum(len(row) - 1 for row in ROWS)
    assert page.count('class="symbol"') == page.count("<polygon")


@pytest.mark.slow
def test_the_likelihood_rises_and_is_that_of_the_model_that_comes_back(finished):
    folder, numbers = finished
    (start,) = json.loads((folder / "history.json").read_text())
    curve = start["log_likelihood"]
    assert len(curve) == 3
    assert curve[0] < curve[1] < curve[2]
    learned = [" ".join(row[:-1]) for row in ROWS if len(row) <= 6]
    model = load_model(folder / "model.keras")
    assert np.sum(model(tf.constant(learned))) == pytest.approx(curve[-1], rel=1e-5)
    words = sum(len(line.split()) for line in learned)
    assert numbers["log_likelihood_per_word"] == pytest.approx(curve[-1] / words)


@pytest.mark.slow
@pytest.mark.parametrize("max_length", [3, 2])
def test_trees_are_the_best_with_their_tags_or_for_the_likeliest_tags(finished, max_length):
    """Beside the enumeration of all tagged trees, and SciPy's densities."""
    model = load_model(finished[0] / "model.keras")
    rows = [row[:-1] for row in model.vocabulary.encode_all(["the dog sees", "", "cat likes that"])]
    names = ["T00", "T01", "T02", "T03"]
    heads, tags = parse_with_tags(model, rows, names, max_length=max_length, cells=9)
    assert heads[1] == tags[1] == []
    *rules, loc, scale = (np.asarray(w, np.float64) for w in model.likelihood.weights)
    covariances = [np.diag(np.square(0.3 + np.exp(row))) for row in scale]
    for place in (0, 2):
        vectors = np.asarray(model.embedding.embeddings)[rows[place]]
        densities = [
            multivariate_normal.logpdf(vectors, mean, covariance)
            for mean, covariance in zip(loc, covariances, strict=True)
        ]
        trees = vector_scores(*rules, loc, np.stack(covariances), vectors)
        if max_length == 2:
            likeliest = tuple(np.argmax(densities, axis=0))
            trees = [tree for tree in trees if tree[2] == likeliest]
        best = max(trees, key=lambda tree: tree[0])
        assert heads[place] == list(best[1])
        assert tags[place] == [names[tag] for tag in best[2]]


@pytest.mark.slow
def test_training_begins_from_the_tags_and_from_rules_over_them(few, monkeypatch):
    """Normals are those of the hidden Markov model, and rules give its tags what they gave."""
    sentences = read_words(few)
    settings = settings_of(*SMALL, "model.iterations=1")
    learner = GaussianValenceLearner(settings.model, settings, sentences, kept_words(sentences))
    seen = []

    def watched(model, batches, **kwargs):
        if kwargs.get("guess") is None and seen:
            seen.append([np.array(weight) for weight in model.likelihood.weights])
        fitted = fit_em(model, batches, **kwargs)
        if kwargs.get("guess") is not None:
            seen.append([np.array(weight) for weight in model.likelihood.weights])
            assert max(batch.max() for batch in batches) <= 3 + 3  # Four tags, from UNKNOWN on.
        return fitted

    fit_em = training.fit_em
    monkeypatch.setattr(training, "fit_em", watched)
    learner.train(0, lambda step, done, total: None)
    (root, attachments, decisions), begun = seen
    np.testing.assert_array_equal(begun[0], root[3:])
    np.testing.assert_array_equal(begun[1], attachments[3:, :, :, 3:])
    np.testing.assert_array_equal(begun[2], decisions[3:])


@pytest.mark.slow
def test_a_flow_is_trained_after_the_rest_and_comes_back(tmp_path):
    plain = tmp_path / "t.txt"
    plain.write_text("".join(" ".join(row) + "\n" for row in FEW))
    flow = "model.flow={epochs: 2, units: 3, learning_rate: 0.01}"
    numbers = induced(tmp_path / "run", plain, settings_of(*SMALL, flow))
    assert "directed" not in numbers  # Plain text has nothing to compare with.
    (start,) = json.loads((tmp_path / "run" / "history.json").read_text())
    assert len(start["log_likelihood"]) == 3 + 2
    assert start["log_likelihood"][-1] > start["log_likelihood"][2]
    model = load_model(tmp_path / "run" / "model.keras")
    moving = [weight for weight in model.weights if "moving/kernel" in weight.path]
    assert len(moving) == 2
    assert all(np.any(weight) for weight in moving)  # It was the identity.
    lines = tf.constant([" ".join(row[:-1]) for row in FEW])
    found = read_conllu(tmp_path / "run" / "parsed.conllu")
    best = model.structure(lines).mode().numpy()
    for row, annotated, event in zip(FEW, found, best, strict=True):
        if len(row) <= 6:
            assert annotated.heads[:-1] == event[: len(row) - 1, 0].tolist()


@pytest.mark.slow
def test_a_run_goes_on_after_its_start(few, tmp_path, monkeypatch):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    settings = settings_of(*SMALL, "model.iterations=1")
    with monkeypatch.context() as patch:
        patch.setattr(results, "export", killed)
        with pytest.raises(KeyboardInterrupt):
            induced(tmp_path / "run", few, settings)
    monkeypatch.setattr(GaussianValenceLearner, "train", killed)  # What has ended is kept.
    numbers = induced(tmp_path / "run", few, settings, resume=True)
    model = load_model(tmp_path / "run" / "model.keras")
    learned = [" ".join(row[:-1]) for row in FEW if len(row) <= 6]
    words = numbers["num_learned_words"]
    expected = numbers["log_likelihood_per_word"] * words
    assert np.sum(model(tf.constant(learned))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["reads=xpos"], "reads must be words or null with model.kind=gaussian_valence"),
        (["model.kind=valence", "vocabulary_size=5001"], "vocabulary_size must be at most 5000"),
        (["model.num_tags=400"], r"model.num_tags must be at most the number of words, \d+; rec"),
        (["model.units=90"], "model.units must be below"),
    ],
)
def test_settings_that_do_not_fit_are_refused(assignments, message, text, tmp_path):
    small = ["max_length=5"] if "model.kind=valence" in assignments else SMALL
    with pytest.raises(DataError, match=message):
        settings = settings_of(*small, *assignments)
        induced(tmp_path / "run", text, settings)
    assert not (tmp_path / "run").exists()
