from dataclasses import replace

import numpy as np
import pytest

from tests.reviewing.made_review import made_frame
from tfp_dgm.data import DataError
from tfp_dgm.reviewing.review_rows import guesses_of
from tfp_dgm.reviewing.rounds import (
    Round,
    advice,
    changed_share,
    read_rounds,
    round_of,
    write_round,
)


def _rounds(*pairs):
    return [Round(n, answers, 100, 50, share, 0.8, 9.0) for n, (answers, share) in enumerate(pairs)]


def test_figures_are_those_of_the_rows_without_a_label():
    frame = made_frame()
    labelled = (frame["label"] != "").tolist()
    metrics = {"cross_fitted": {"accuracy": 0.75}}
    found = round_of(2, guesses_of(frame), labelled, metrics, answers=7, seconds=1.5)
    blank = frame[frame["label"] == ""]
    assert (found.open_rows, found.accepted) == (48, (blank["accept"] == "true").sum())
    assert found.left == 48 - found.accepted
    assert found.expected == pytest.approx(blank["probability"].mean())
    assert (found.number, found.answers, found.checked) == (2, 7, 0.75)
    every = round_of(2, guesses_of(frame), [True] * 60, {}, answers=60, seconds=1.5)
    assert (every.open_rows, every.expected, every.checked) == (0, None, None)


def test_rounds_are_kept_and_read_in_their_order(tmp_path):
    rounds = _rounds(*[(50 * n, 0.8 + n / 100) for n in range(12)])
    for found in rounds[1:]:
        (tmp_path / str(found.number)).mkdir()
        write_round(tmp_path / str(found.number), found)
    (tmp_path / "13").mkdir()  # Not finished.
    assert [found for _, found in read_rounds(tmp_path)] == rounds[1:]
    assert read_rounds(tmp_path / "none") == []
    (tmp_path / "3/round.json").write_text('{"number": 3}')
    with pytest.raises(DataError, match=r"3/round.json: expected the figures of a training"):
        read_rounds(tmp_path)


def _changed(*rounds):
    """Rounds of answers, the share of guesses that changed, and the accepted ones of 1,000 rows."""
    return [
        Round(n, answers, 1000, accepted, 0.8, 0.8, 9.0, changed=changed)
        for n, (answers, changed, accepted) in enumerate(rounds)
    ]


def test_stopping_is_advised_where_two_trainings_changed_little_and_made_nothing_safe():
    assert advice(_changed((0, None, 0), (50, 0.001, 0))) == ""
    stop = advice(_changed((0, None, 0), (50, 0.1, 0), (100, 0.004, 1), (150, 0.003, 0)))
    told = "a hundred answers have changed the guesses of 0.8% and 0.6% of the other rows"
    assert stop.startswith(f"You can stop: {told}, and made no more of them safe")
    one = advice(_changed((0, None, 0), (50, 0.1, 0), (100, 0.004, 0)))
    assert one.startswith("Going on may pay: a hundred answers have changed the guesses of 20.0%")
    # As many answers, and twice as many for each training: the shares are of a hundred.
    much = advice(_changed((0, None, 0), (50, 0.006, 0), (150, 0.006, 0)))
    assert much.startswith("Going on may pay: a hundred answers have changed the guesses of 1.2%")
    safer = advice(_changed((0, None, 0), (50, 0.001, 300), (100, 0.001, 340)))
    assert safer.startswith("Going on pays:")
    assert "the share that is safe to accept by +60.0 and +8.0 points" in safer
    assert advice(_changed((0, None, 0), (50, None, 0), (100, 0.001, 0))) == ""
    assert advice(_changed((0, None, 0), (50, 0.001, 0), (50, 0.001, 0))) == ""


def test_changed_guesses_are_counted_among_the_open_rows():
    before = guesses_of(made_frame())
    labels = list(before.label)
    for row in (3, 20, 21, 22):
        labels[row] = "none of these"
    open_rows = np.arange(60) >= 12
    assert changed_share(before, replace(before, label=labels), open_rows) == 3 / 48
    assert changed_share(before, before, open_rows) == 0
    assert changed_share(before, before, np.zeros(60, bool)) is None
