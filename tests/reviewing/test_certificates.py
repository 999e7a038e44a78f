import math

import numpy as np
import pytest
from scipy import stats

from tfp_dgm.reviewing import certify


def _ordered(wrong, count, total=4000):
    """Rows in their own order, all equally sure, and the answers to the first `count`."""
    said = {row: "wrong" if row in wrong else "right" for row in range(count)}
    return np.arange(total), np.full(total, 0.97), said


def test_59_of_59_keep_the_promise_when_looked_at_once():
    order, sure, answers = _ordered(set(), 59, 3786)
    found = certify(order, sure, answers, promise=0.95, once=59)
    assert found.verdict == "kept"
    assert found.sentence() == (
        "59 of 59 right: at least 95% of the 3,786 accepted rows are right, at 95% confidence."
    )
    assert certify(order, sure, answers, promise=0.95).verdict == "open"  # At any time: 72.


def test_one_look_is_not_taken_before_all_answers_are_there():
    order, sure, answers = _ordered(set(), 99)
    found = certify(order, sure, answers, promise=0.95, once=100)
    assert (found.verdict, found.more) == ("open", None)
    assert found.sentence() == (
        "99 of 99 right, of 100 that are to be judged before anything is said."
    )


def test_what_is_still_needed_is_enough_and_no_less():
    order, sure, answers = _ordered({3, 9}, 40)
    found = certify(order, sure, answers, promise=0.95)
    assert found.verdict == "open"
    assert "between" in found.sentence()
    *_, enough = _ordered({3, 9}, 40 + found.more)
    *_, less = _ordered({3, 9}, 40 + found.more - 1)
    assert certify(order, sure, enough, promise=0.95).verdict == "kept"
    assert certify(order, sure, less, promise=0.95).verdict == "open"


def test_answers_after_a_gap_do_not_count():
    order, sure, answers = _ordered(set(), 90)
    del answers[50]
    found = certify(order, sure, answers, promise=0.95)
    assert (found.all_rows.judged, found.verdict) == (50, "open")


def test_what_is_unsure_counts_against_whatever_is_claimed():
    order, sure, answers = _ordered(set(range(0, 100, 5)), 100)
    assert certify(order, sure, answers, promise=0.95).verdict == "broken"
    unsure = {row: "unsure" if said == "wrong" else said for row, said in answers.items()}
    found = certify(order, sure, unsure, promise=0.95)
    assert (found.verdict, found.all_rows.unsure) == ("open", 20)
    assert "80 of 100 right, 20 unsure" in found.sentence()


def test_a_broken_promise_holds_above_a_threshold():
    """The surest 70 % are right, of the others half."""
    total = 3000
    sure = np.linspace(1, 0.9, total)
    rng = np.random.default_rng(2)
    order = rng.permutation(total)
    wrong = {row for row in range(2100, total) if rng.random() < 0.5}
    answers = {row: "wrong" if row in wrong else "right" for row in order[:400].tolist()}
    found = certify(order, sure, answers, promise=0.95)
    assert found.verdict == "broken"
    assert found.above.accepted == (sure >= found.threshold).sum() == 2100
    assert found.above.keeps(0.95)
    assert f"From a probability of {found.threshold:.6g} on it holds" in found.sentence()
    few = {row: answers[row] for row in order[:100].tolist()}
    early = certify(order, sure, few, promise=0.95)
    assert (early.verdict, early.threshold) == ("broken", None)
    assert early.sentence().endswith("No threshold is known at which the promise holds.")


def test_after_a_broken_promise_rows_of_the_surest_half_alone_may_follow():
    total = 1000
    sure = np.linspace(1, 0.9, total)
    order = np.random.default_rng(0).permutation(total)
    answers = {row: "right" if row < 500 else "wrong" for row in order[:60].tolist()}
    later = [row for row in order[60:].tolist() if row < 500][:60]
    found = certify(order, sure, answers | dict.fromkeys(later, "right"), promise=0.95)
    assert found.all_rows.judged >= 60
    assert found.above.accepted == 500
    assert found.above.judged >= 60


def _verdicts(share, promise, runs, looks, rng):
    """How often a promise is ever certified, and ever called broken, with a look at each of some
    sizes of the sample; and how often a threshold is named above which it does not hold."""
    total, count = 600, {"kept": 0, "broken": 0, "threshold": 0}
    sure = np.linspace(1, 0.9, total)
    wrong_rows = math.floor(total * (1 - share))
    for _ in range(runs):
        order = rng.permutation(total)
        wrong = set(rng.choice(total, wrong_rows, replace=False).tolist())
        said = {row: "wrong" if row in wrong else "right" for row in order[: max(looks)].tolist()}
        seen = set()
        for look in looks:
            answers = {row: said[row] for row in order[:look].tolist()}
            found = certify(order, sure, answers, promise=promise)
            seen.add(found.verdict)
            if found.threshold is not None:
                above = np.flatnonzero(sure >= found.threshold).tolist()
                right = sum(row not in wrong for row in above)
                if right < math.ceil(promise * len(above)):
                    seen.add("threshold")
        for verdict in seen & set(count):
            count[verdict] += 1
    return count


@pytest.mark.slow
def test_statements_are_wrong_in_one_run_of_twenty_at_most():
    """At the edge of the promise, where errors are most likely; 5 % + 3 standard errors."""
    rng, runs, looks = np.random.default_rng(7), 120, range(20, 260, 20)
    most = stats.binom.ppf(0.999, runs, 0.05)
    just_broken = _verdicts(0.8999, 0.9, runs, looks, rng)
    just_kept = _verdicts(0.9, 0.9, runs, looks, rng)
    assert just_broken["kept"] <= most
    assert just_kept["broken"] <= most
    assert just_broken["threshold"] <= most
    assert just_broken["kept"] + just_kept["broken"] > 0  # The bounds are not idle.


def test_shares_are_rounded_to_the_side_that_stays_true():
    order, sure, answers = _ordered(set(range(0, 300, 9)), 300)
    found = certify(order, sure, answers, promise=0.95)
    high = found.all_rows.high / 4000
    said = float(found.sentence().split("at most ")[1].split("%")[0]) / 100
    assert high <= said < high + 0.001 + 1e-12
    assert found.as_dict()["says"] == found.sentence()


def test_a_promise_of_few_rows_is_kept_by_judging_all():
    found = certify(
        np.arange(12), np.full(12, 0.9), dict.fromkeys(range(12), "right"), promise=0.99
    )
    assert (found.verdict, found.all_rows.low) == ("kept", 12)
    with pytest.raises(ValueError, match="confidence: expected a share"):
        certify(np.arange(2), np.full(2, 0.9), {0: "right"}, promise=0.9, confidence=1.5)
