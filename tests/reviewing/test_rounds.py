from dataclasses import replace

import numpy as np
import pytest

from tests.reviewing.made_review import made_frame
from tfp_dgm.data import DataError
from tfp_dgm.reviewing.review_rows import guesses_of
from tfp_dgm.reviewing.rounds import (
    Round,
    advice,
    compared,
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
    """Rounds of answers, the share of guesses that changed, and that of rows made safe."""
    return [
        Round(n, answers, 1000, 500, 0.8, 0.8, 9.0, changed=changed, made_safe=safe)
        for n, (answers, changed, safe) in enumerate(rounds)
    ]


def test_stopping_is_advised_where_two_trainings_changed_little_and_made_nothing_safe():
    start = (0, None, None)
    assert advice(_changed(start, (50, 0.001, 0))) == ""
    stop = advice(_changed(start, (50, 0.1, 0.3), (100, 0.004, 0.02), (150, 0.003, -0.016)))
    told = "a hundred answers have changed the guesses of 0.8% and 0.6% of the other rows"
    assert stop.startswith(f"You can stop: {told}, and made no more of them safe")
    one = advice(_changed(start, (50, 0.1, 0), (100, 0.004, 0)))
    assert one.startswith("Going on may pay: a hundred answers have changed the guesses of 20.0%")
    # The shares are of a hundred answers, whatever a training's number of them.
    much = advice(_changed(start, (50, 0.006, 0), (150, 0.006, 0)))
    assert much.startswith("Going on may pay: a hundred answers have changed the guesses of 1.2%")
    safer = advice(_changed(start, (50, 0.001, 0.02), (150, 0.001, -0.002)))
    assert safer.startswith("Going on pays:")
    assert safer.endswith("of the other rows, and made 1.2% more of them safe to accept.")
    assert advice(_changed(start, (50, None, None), (100, 0.001, 0))) == ""
    assert advice(_changed(start, (50, 0.001, 0), (50, 0.001, 0))) == ""


def test_trainings_are_compared_on_the_rows_that_are_open():
    before = guesses_of(made_frame())
    labels, accepted = list(before.label), before.accepted.copy()
    for row in (3, 20, 21, 22):
        labels[row] = "none of these"
    open_rows = np.arange(60) >= 12
    flipped = [0, *np.flatnonzero(open_rows & ~accepted)[:5], *np.flatnonzero(accepted)[:2]]
    accepted[flipped] = ~accepted[flipped]
    after = replace(before, label=labels, accepted=accepted)
    (start,) = _changed((0, None, None))
    found = compared(start, before, after, open_rows)
    assert found.changed == 4 / 48 - 1 / 48
    assert found.made_safe == 3 / 48
    assert compared(start, before, before, open_rows).changed == 0
    assert compared(start, before, before, np.zeros(60, bool)) == start
