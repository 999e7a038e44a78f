"""The classifier between two fits of the annotators' model, here one that reads off the text."""

import numpy as np
import pytest
from keras import random

from tests.labelling.annotators.crowds import of_triples, simulated
from tests.labelling.outcomes import hand_made
from tests.references.dawid_skene import log_evidence_and_posterior
from tfp_dgm.data import DataError
from tfp_dgm.labelling import annotated_fitting, fit_from_answers

CLASSES = ["ham", "spam"]


@pytest.fixture
def labels(monkeypatch):
    """The labels that classifiers were given; their own answer is 0.8 for the text's class."""
    given = []

    def fit(texts, allowed, classes, **_):
        given.append(allowed)
        says = np.array([int(text) for text in texts])
        probabilities = np.where(np.arange(2) == says[:, np.newaxis], 0.8, 0.2)
        return None, hand_made(texts=texts, allowed=allowed, probabilities=probabilities)

    monkeypatch.setattr(annotated_fitting, "fit_classifier", fit)
    monkeypatch.setattr(annotated_fitting, "fit_features", lambda *_, **__: None)
    return given


def test_the_truths_are_those_of_answers_and_texts_together(labels):
    # Three who agree on much; row 0 is one against one, and its text decides.
    triples = [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1), (2, 2, 0), (3, 0, 0), (3, 2, 0)]
    answers = of_triples(*triples, num_rows=5, names="abc")
    _, outcome = fit_from_answers(list("11001"), answers, CLASSES)
    first, final = labels
    np.testing.assert_array_equal(final[0], [False, True])
    for allowed in labels:
        np.testing.assert_array_equal(allowed[1:4], [[False, True], [True, False], [True, False]])
        assert allowed[4].all()
    assert first[0].any()

    crowd = outcome.crowd
    np.testing.assert_array_equal(crowd.answered, [True, True, True, True, False])
    assert crowd.answers == 7
    model = annotated_fitting.fit_dawid_skene(answers, np.log(outcome.probabilities))
    _, expected = log_evidence_and_posterior(outcome.probabilities, model.confusions, triples, 5)
    np.testing.assert_allclose(crowd.truth, expected, rtol=1e-9)


def test_features_are_fitted_from_the_seed(labels, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        annotated_fitting, "fit_features", lambda *_, **__: drawn.append(float(random.normal(())))
    )
    answers = of_triples((0, 0, 0), (1, 0, 1), num_rows=2)
    for seed in (3, 3, 4):
        fit_from_answers(list("01"), answers, CLASSES, seed=seed)
    assert drawn[0] == drawn[1] != drawn[2]


def test_texts_make_truths_better(labels):
    answers, truth = simulated(500, answers_of_a_row=2)
    rng = np.random.default_rng(0)
    says = np.where(rng.random(500) < 0.8, truth, 1 - truth)
    _, outcome = fit_from_answers([str(k) for k in says], answers, CLASSES)
    alone = (labels[0].argmax(axis=1) == truth).mean()
    together = (outcome.crowd.truth.argmax(axis=1) == truth).mean()
    assert together > alone + 0.02
    verdicts = {one.name: one.verdict for one in outcome.crowd.annotators}
    assert verdicts["wrong"] == "adversary"
    assert verdicts["same"] == "spammer"
    said = " ".join(outcome.warnings)
    assert "truths inferred from the answers of 7 annotators" in said
    assert "systematically wrong, and are used as such: those of wrong (" in said


def test_what_tells_nothing_is_refused(labels):
    ties = of_triples((0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 1), num_rows=2)
    with pytest.raises(DataError, match=r"answers: expected .* all of them contradict each other"):
        fit_from_answers(list("00"), ties, CLASSES)
    with pytest.raises(ValueError, match=r"answers: expected 3 rows and 2 classes.*received 2 and"):
        fit_from_answers(list("000"), ties, CLASSES)
