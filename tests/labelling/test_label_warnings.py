"""What is said of labels that are copies, uneven or few."""

from dataclasses import replace

import numpy as np
import pytest

from tfp_dgm.confidence import Calibration
from tfp_dgm.labelling.class_levels import JudgedLevel, Level
from tfp_dgm.labelling.class_shares import ClassShares
from tfp_dgm.labelling.label_warnings import (
    label_warnings,
    level_warnings,
    unknown_share,
    unknown_warning,
)

CLASSES = ["billing", "refund", "outage"]


def _shares(labels, group):
    allowed = np.eye(3, dtype=bool)[labels]
    return ClassShares(np.arange(len(labels)), allowed, np.zeros(len(labels), int), group, seed=0)


def test_copies_are_counted():
    shares = _shares(np.array([0, 0, 0, 1, 2]), group=np.array([0, 0, 1, 2, 2]))
    (sentence,) = label_warnings(shares, np.full((5, 3), 1 / 3), CLASSES)
    assert sentence.startswith("2 of the 5 rows with a label are copies")


def test_the_widest_range_of_shares_is_told():
    shares = _shares(np.arange(3), group=np.arange(3))
    refund = np.linspace(0.1, 0.6, 11)
    draws = np.stack([np.full(11, 0.3), refund, 0.7 - refund], axis=1)
    draws[:, 2] = 0.1
    (sentence,) = label_warnings(shares, draws, CLASSES)
    assert "refund is between 15% and 55% of them" in sentence
    narrow = np.stack([np.full(11, 0.3), 0.3 + refund / 10, 0.4 - refund / 10], axis=1)
    assert label_warnings(shares, narrow, CLASSES) == []


def test_classes_with_hardly_a_label_are_named_with_what_they_may_be():
    shares = _shares(np.repeat([0, 1, 2], [3, 2, 1]), group=np.arange(6))
    draws = np.stack([np.linspace(1, 0, 11), np.linspace(0, 0.75, 11), np.linspace(0, 0.25, 11)], 1)
    assert unknown_share(shares, draws) == pytest.approx(0.9)
    assert shares.unknown.tolist() == [False, True, True]
    sentence = unknown_warning(["refund", "outage"], 0.9)
    assert sentence == (
        "Too few labels to tell which predictions are right. None of the predictions is accepted: "
        "refund, outage have fewer than 3 labels, and up to 90% of the rows may be of these "
        "classes, taken for others. Label more of them first."
    )


def test_groups_with_hardly_a_label_are_named_with_what_they_may_be():
    level = Level(("refund", "other"), np.array([1, 0, 1]))
    calibration = Calibration.fit(np.full((1, 2), 0.5), np.eye(2, dtype=bool)[:1], np.ones(1))
    few = JudgedLevel(level, calibration, None, ("refund",), 0.3)
    (sentence,) = level_warnings([few, replace(few, unknown_share=0.05)], 0.9)
    assert "None of the predictions of groups is accepted: refund has fewer than 3" in sentence
    assert "up to 30% of the rows may be of this group" in sentence
