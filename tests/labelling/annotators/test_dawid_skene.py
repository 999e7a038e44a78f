import numpy as np
import pytest
import scipy.stats

from tests.labelling.annotators.crowds import CONFUSIONS, of_triples, simulated
from tests.references.dawid_skene import log_evidence_and_posterior
from tfp_dgm.labelling.annotators import Answers, DawidSkene, fit_dawid_skene

# Row 2 has no answer; one annotator answers row 3 twice.
TRIPLES = [(0, 0, 2), (0, 1, 1), (1, 1, 0), (3, 0, 1), (3, 0, 1), (3, 1, 2)]


def _model(seed=0, num_classes=3, num_annotators=2):
    rng = np.random.default_rng(seed)
    confusions = rng.dirichlet(np.ones(num_classes), (num_annotators, num_classes))
    shares = rng.dirichlet(np.full(num_classes, 3))
    by_answer = np.log(confusions).transpose(0, 2, 1)
    pool = np.full((num_classes, num_classes), 1 / num_classes)
    return DawidSkene(shares, pool, 2.0, by_answer), confusions, rng


@pytest.mark.parametrize("given", [False, True])
def test_posterior_and_evidence_are_those_of_all_truths_enumerated(given):
    model, confusions, rng = _model()
    answers = of_triples(*TRIPLES, num_rows=4, num_classes=3)
    prior = rng.dirichlet(np.ones(3), 4) if given else None
    log_prior = np.log(prior) if given else None
    evidence, posterior = log_evidence_and_posterior(
        prior if given else model.shares, confusions, TRIPLES, 4
    )
    np.testing.assert_allclose(model.log_prob(answers, log_prior).sum(), evidence, rtol=1e-12)
    np.testing.assert_allclose(model.posterior(answers, log_prior), posterior, rtol=1e-12)
    assert model.log_prob(answers, log_prior)[2] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(model.confusions, confusions, rtol=1e-12)


def test_probabilities_of_all_answers_sum_to_one():
    model, _, _ = _model()
    pairs = [(a, b) for a in range(3) for b in range(3)]
    triples = [triple for i, (a, b) in enumerate(pairs) for triple in ((i, 0, a), (i, 1, b))]
    answers = of_triples(*triples, num_rows=9, num_classes=3)
    assert np.exp(model.log_prob(answers)).sum() == pytest.approx(1)


@pytest.mark.parametrize("given", [False, True])
def test_log_posterior_never_falls_and_is_that_of_scipy(given):
    answers, truth = simulated(60, seed=3)
    log_prior = None
    if given:
        prior = np.where(np.arange(2) == truth[:, np.newaxis], 0.7, 0.3)
        log_prior = np.log(prior)
    model = fit_dawid_skene(answers, log_prior)
    assert len(model.log_posterior) > 2
    assert np.diff(model.log_posterior).min() > -1e-9

    expected, constant = model.log_prob(answers, log_prior).sum(), 0.0
    for of_annotator in model.confusions:
        for k, row in enumerate(of_annotator):
            prior = scipy.stats.dirichlet(1 + model.strength * model.pool[k])
            expected += prior.logpdf(row / row.sum())
            constant += prior.logpdf(np.array([0.5, 0.5])) + model.strength * np.log(2)
    if not given:
        expected += np.log(model.shares).sum()  # Dirichlet(2, 2), without its constant.
    assert model.log_posterior[-1] == pytest.approx(expected - constant, rel=1e-5)


def test_where_em_ends_no_confusion_is_better():
    """The mode along each single probability, by differences of the density itself."""
    answers, _ = simulated(80, seed=5)
    model = fit_dawid_skene(answers)
    table = model.confusions

    def density(confusions):
        by_answer = np.log(confusions).transpose(0, 2, 1)
        moved = DawidSkene(model.shares, model.pool, model.strength, by_answer)
        prior = model.strength * (model.pool * np.log(confusions)).sum()
        return moved.log_prob(answers).sum() + prior

    step = 1e-3
    for annotator in range(len(table)):
        for k in range(2):
            ends = []
            for sign in (-1, 1):
                moved = table.copy()
                moved[annotator, k] += sign * step * np.array([1, -1])
                assert moved.min() > 0
                ends.append(density(moved) - density(table))
            assert max(ends) < 2e-3, (annotator, k, ends)


def test_confusions_are_recovered():
    answers, truth = simulated(4000, seed=1)
    model = fit_dawid_skene(answers)
    # About 1,100 answers of a class: three standard errors, and some for what is inferred.
    np.testing.assert_allclose(model.confusions, CONFUSIONS, atol=0.06)
    votes = (answers.votes.argmax(axis=1) == truth).mean()
    found = (model.posterior(answers).argmax(axis=1) == truth).mean()
    assert found > votes + 0.1
    # The best there is, with the confusions known.
    known = DawidSkene(
        np.full(2, 0.5), model.pool, 2.0, np.log(np.maximum(CONFUSIONS, 1e-9)).transpose(0, 2, 1)
    )
    best = (known.posterior(answers).argmax(axis=1) == truth).mean()
    assert found > best - 0.01


def test_a_prior_of_each_row_adds_what_it_knows():
    answers, truth = simulated(1000, answers_of_a_row=2, seed=2)
    rng = np.random.default_rng(0)
    right = rng.random(1000) < 0.75
    says = np.where(right, truth, 1 - truth)
    log_prior = np.log(np.where(np.arange(2) == says[:, np.newaxis], 0.75, 0.25))
    alone = (fit_dawid_skene(answers).posterior(answers).argmax(axis=1) == truth).mean()
    model = fit_dawid_skene(answers, log_prior)
    together = (model.posterior(answers, log_prior).argmax(axis=1) == truth).mean()
    assert together > max(alone, right.mean()) + 0.02


def test_few_answers_are_taken_for_what_annotators_usually_are():
    answers, _ = simulated(300, confusions=CONFUSIONS[:4], names="abcd", seed=4)
    # A fifth contradicts the others once.
    other = 1 - int(answers.votes[0].argmax())
    more = Answers(
        np.append(answers.row, 0),
        np.append(answers.annotator, 4),
        np.append(answers.label, other),
        300,
        2,
        "abcde",
    )
    model = fit_dawid_skene(more)
    own, pool = np.diag(model.confusions[4]), np.diag(model.pool)
    assert (own > pool / 2).all()
    assert own[1 - other] < pool[1 - other]
    assert own[other] == pytest.approx(pool[other], abs=0.02)


@pytest.mark.parametrize(
    ("triples", "num_rows"),
    [
        ([(0, 0, 0), (1, 0, 1), (2, 0, 0)], 3),  # One annotator alone.
        ([(0, 0, 0), (1, 1, 1)], 3),  # Two who never meet, and a row without answers.
        ([(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)], 2),  # Ties only.
        ([(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)], 2),  # All agree, on one class.
    ],
)
def test_small_and_odd_crowds_have_finite_answers_that_follow_the_votes(triples, num_rows):
    answers = of_triples(*triples, num_rows=num_rows)
    model = fit_dawid_skene(answers)
    posterior = model.posterior(answers)
    np.testing.assert_allclose(posterior.sum(axis=1), 1)
    votes = answers.votes
    told = votes[:, 0] != votes[:, 1]
    np.testing.assert_array_equal(posterior[told].argmax(axis=1), votes[told].argmax(axis=1))
    unanswered = posterior[~answers.answered]
    np.testing.assert_allclose(unanswered, np.tile(model.shares, (len(unanswered), 1)))


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match="answers: expected at least one; received none"):
        fit_dawid_skene(of_triples(num_rows=3))
    with pytest.raises(ValueError, match=r"log_prior: expected shape \(2, 2\), .* \(3, 2\)"):
        fit_dawid_skene(of_triples((0, 0, 1), num_rows=2), np.zeros((3, 2)))
