import numpy as np
import pytest

from tests.labelling.annotators.crowds import NAMES, of_triples, simulated
from tfp_dgm.labelling.annotators import fit_dawid_skene, reliabilities

VERDICTS = ["reliable"] * 4 + ["spammer", "spammer", "adversary"]


def _judged(answers, log_prior=None):
    return reliabilities(fit_dawid_skene(answers, log_prior), answers, log_prior)


@pytest.mark.parametrize("seed", [0, 1])
def test_spammers_and_adversaries_are_named(seed):
    answers, truth = simulated(600, seed=seed)
    found = _judged(answers)
    assert [one.name for one in found] == NAMES
    assert [one.verdict for one in found] == VERDICTS
    for a, one in enumerate(found):
        mine = answers.annotator == a
        right = (answers.label == truth[answers.row])[mine].mean()
        assert one.answers == mine.sum()
        assert one.low < one.accuracy < one.high
        assert one.accuracy == pytest.approx(right, abs=0.06)


def test_intervals_hold_the_share_of_right_answers():
    held = []
    for seed in range(12):
        answers, truth = simulated(200, answers_of_a_row=3, seed=50 + seed)
        right = answers.label == truth[answers.row]
        for a, one in enumerate(_judged(answers)):
            held.append(one.low <= right[answers.annotator == a].mean() <= one.high)
    # 84 intervals of 0.95: below 0.87 with probability 0.003, were they independent.
    assert np.mean(held) >= 0.87


def test_information_is_the_mutual_information_of_answer_and_truth():
    """Where the prior tells the truth, of a confusion whose information is known."""
    confusion = np.array([[[0.9, 0.1], [0.3, 0.7]]])
    answers, truth = simulated(4000, answers_of_a_row=1, confusions=confusion, names=["a"], seed=7)
    sure = np.log(np.where(np.arange(2) == truth[:, np.newaxis], 1 - 1e-9, 1e-9))
    joint = confusion[0] / 2
    independent = joint.sum(axis=0) * joint.sum(axis=1, keepdims=True)
    nats = (joint * np.log(joint / independent)).sum()
    (found,) = _judged(answers, sure)
    assert found.information == pytest.approx(nats, abs=0.02)
    assert found.agreement is None


def test_nobody_is_accused_without_evidence():
    alone = of_triples(*[(i, i % 2, i // 2 % 2) for i in range(200)], num_rows=200)
    assert {one.verdict for one in _judged(alone)} == {"too few answers"}
    once = of_triples((0, 0, 0), (0, 1, 1), (1, 0, 1), num_rows=2)
    assert {one.verdict for one in _judged(once)} == {"too few answers"}


def test_who_gave_no_answer_is_not_judged():
    answers = of_triples((0, 0, 0), (1, 2, 1), num_rows=2, names="abc")
    assert [one.name for one in _judged(answers)] == ["a", "c"]
