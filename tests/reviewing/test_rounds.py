import pytest

from tests.reviewing.made_review import made_frame
from tfp_dgm.data import DataError
from tfp_dgm.reviewing.review_rows import guesses_of
from tfp_dgm.reviewing.rounds import Round, advice, read_rounds, round_of, write_round


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


def test_stopping_is_advised_after_two_small_gains_and_not_before():
    assert advice(_rounds((0, 0.8), (50, 0.9))) == ""
    going = advice(_rounds((0, 0.80), (50, 0.82), (150, 0.83)))
    assert going.startswith("Going on pays: a hundred answers have added +4.0 and +1.0 points")
    stop = advice(_rounds((0, 0.80), (50, 0.90), (100, 0.902), (150, 0.901)))
    assert stop.startswith("You can stop: a hundred answers have added +0.4 and -0.2 points")
    one = advice(_rounds((0, 0.80), (50, 0.90), (100, 0.902)))
    assert one.startswith("Going on pays")
    assert advice(_rounds((0, None), (50, 0.9), (100, 0.9))) == ""
