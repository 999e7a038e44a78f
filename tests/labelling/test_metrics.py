"""The numbers of a labelled data set: counted by hand, and never NaN."""

import json

import numpy as np
import pytest

from tests.labelling.outcomes import drawn, hand_made, one_hot
from tfp_dgm.evaluation import clopper_pearson_interval
from tfp_dgm.labelling.scores import TOO_FEW_LABELS, metrics


def test_rows_are_counted() -> None:
    allowed = np.array([[0, 0, 1], [1, 1, 0], [1, 1, 1], [1, 1, 1]], bool)
    outcome = hand_made(
        classes=("a", "b", "c"),
        texts=list("wxyz"),
        allowed=allowed,
        probabilities=np.full((4, 3), 1 / 3, np.float32),
        weights=np.array([1, 0, 0, 0], np.float32),
        given_probability=np.array([0.9, 0.9, np.nan, np.nan], np.float32),
        class_shares=np.full((1, 3), 1 / 3),
        copies=1,
    )
    assert metrics(outcome)["rows"] == {
        "all": 4,
        "labelled": 1,
        "set_valued": 1,
        "unlabelled": 2,
        "copies": 1,
    }


def test_quality_on_cross_fitted_labels() -> None:
    checked = metrics(hand_made())["cross_fitted"]
    # Right, right, right (weight 2), wrong: 4 of 5 by weight, 3 of 4 by count.
    assert checked["labels"] == 4
    assert checked["accuracy"] == pytest.approx(4 / 5)
    assert checked["unweighted"]["accuracy"] == pytest.approx(3 / 4)
    # F1 of ham: 2 of 3 found, none wrongly: 4 / 5.
    # F1 of spam: 1 of 1 found, 1 wrongly: 2 / 3; where that 1 weighs 2: 4 / 5.
    assert checked["unweighted"]["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert checked["macro_f1"] == pytest.approx((4 / 5 + 4 / 5) / 2)
    # Each row is in a bin of its own: |right - confidence|.
    gaps = np.array([0.1, 0.4, 0.2, 0.98])
    unweighted = checked["unweighted"]["expected_calibration_error"]
    assert unweighted == pytest.approx(gaps.mean(), abs=1e-6)
    assert checked["expected_calibration_error"] == pytest.approx(
        (gaps * [1, 1, 2, 1]).sum() / 5, abs=1e-6
    )


def test_acceptance() -> None:
    acceptance = metrics(hand_made())["acceptance"]
    measured = acceptance.pop("measured")
    assert acceptance.pop("expected_precision") == pytest.approx(0.96)
    assert acceptance == {
        "asked_precision": 0.9,
        "threshold": 0.75,
        "accepted": 1,
        "coverage": 1 / 4,
        "note": None,
    }
    # Rows 0, 2 and 3 reach 0.75; their weights are 1, 2 and 1, and row 3 is wrong.
    low, high = clopper_pearson_interval(3 / 4, 16 / 6)
    assert measured == pytest.approx(
        {"count": 3, "coverage": 4 / 5, "precision": 3 / 4, "low": low, "high": high}
    )


def test_classes() -> None:
    ham, spam = metrics(hand_made())["classes"]
    # Row 5 is undecided, and goes to the first class.
    assert (ham["observed"], ham["predicted"], ham["accepted"]) == (3, 3, 0)
    assert (spam["observed"], spam["predicted"], spam["accepted"]) == (1, 1, 1)
    assert (ham["precision"], ham["recall"]) == pytest.approx((1, 2 / 3))
    assert (spam["precision"], spam["recall"]) == pytest.approx((1 / 2, 1))
    assert (ham["warnings"], spam["warnings"]) == ([], ["fewer than three labels"])


def test_shares_of_classes_are_the_mean_and_eight_tenths_of_their_draws() -> None:
    draws = np.stack([np.linspace(0.2, 0.6, 101), np.linspace(0.8, 0.4, 101)], axis=1)
    ham, spam = metrics(hand_made(class_shares=draws))["classes"]
    names = ("share", "share_low", "share_high")
    assert [ham[name] for name in names] == pytest.approx([0.4, 0.24, 0.56])
    assert [spam[name] for name in names] == pytest.approx([0.6, 0.44, 0.76])


def test_what_is_passed_on() -> None:
    numbers = metrics(hand_made())
    # Row 3 is the one suspect, and right with 0.25.
    assert numbers["suspects"] == {"count": 1, "expected_wrong": pytest.approx(0.75)}
    assert numbers["warnings"] == ["Fewer than 3 labels for 'spam' (1)."]
    assert numbers["seconds"] == {"reading": 0.25, "training": 2.0}


def test_too_few_labels_to_tell() -> None:
    acceptance = metrics(hand_made(threshold=None))["acceptance"]
    assert acceptance == {
        "asked_precision": 0.9,
        "threshold": None,
        "accepted": 0,
        "coverage": 0,
        "expected_precision": None,
        "measured": None,
        "note": TOO_FEW_LABELS,
    }


def test_nothing_observed() -> None:
    numbers = metrics(hand_made(allowed=np.ones((8, 2), bool), weights=np.zeros(8), threshold=None))
    assert numbers["cross_fitted"]["accuracy"] is None
    assert numbers["cross_fitted"]["unweighted"]["macro_f1"] is None
    assert [row["recall"] for row in numbers["classes"]] == [None, None]
    assert numbers["classes"][0]["warnings"] == ["no labels"]


def test_no_weight() -> None:
    checked = metrics(hand_made(weights=np.zeros(8)))["cross_fitted"]
    assert checked["accuracy"] is None
    assert checked["unweighted"]["accuracy"] == pytest.approx(3 / 4)


def test_everything_observed() -> None:
    acceptance = metrics(hand_made(allowed=one_hot([0, 0, 1, 0, 1, 0, 0, 0], 2)))["acceptance"]
    assert (acceptance["accepted"], acceptance["coverage"]) == (0, None)
    assert acceptance["expected_precision"] is None


@pytest.mark.parametrize("outcome", [hand_made(), hand_made(threshold=None), drawn(80, 60)])
def test_json(outcome) -> None:
    numbers = metrics(outcome)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
