import json

import numpy as np
import pytest
from scipy import stats

from tests.reviewing.made_check import made_checked, right_of
from tests.reviewing.made_review import made_frame, made_model
from tfp_dgm.data import DataError
from tfp_dgm.reviewing import Review
from tfp_dgm.reviewing.spot_check import SpotCheck


def _judge(check, count, says="right", who="ann"):
    rows = []
    for _ in range(count):
        rows.append(check.progress().row)
        check.judge(who, rows[-1], says)
    return rows


def test_a_promise_is_kept_by_right_rows_and_written_where_check_writes_it(tmp_path):
    model = made_checked(tmp_path)
    with Review(model) as review:
        check = SpotCheck(review)
        assert check.progress() is None
        assert check.write() is None
        assert check.promise == 0.95
        check.begin("ann", promise=0.95)
        rows = _judge(check, 40)
        found = check.progress()
        assert found.certificate.verdict == "open"
        # The exact bound: the least M that 40 right ones of 40 are not too unlikely for.
        likely = [m for m in range(401) if stats.hypergeom(400, m, 40).pmf(40) > 0.05]
        assert found.exact == (likely[0], 400)
        assert found.certificate.all_rows.low < found.exact[0]
        rows += _judge(check, found.certificate.more)
        assert len(set(rows)) == len(rows) < 80
        found = check.progress().certificate
        assert found.verdict == "kept"
        report = check.write()
        assert report == model / "report.html"
        assert "at least 95% of the 400 accepted rows are right" in report.read_text()
        metrics = json.loads((model / "metrics.json").read_text())
        assert metrics["accuracy"] == 0.5
        assert metrics["certificate"]["verdict"] == "kept"
        record = json.loads((tmp_path / "out.review" / "check.json").read_text())
        assert record["certificate"]["says"] == found.sentence()
        # Whoever says that a row is right has labelled it.
        assert review.state.verdict("ann", rows[0]).label == review.rows.guesses.label[rows[0]]
        assert review.state.guessed("ann") == (0, 0)


def test_a_broken_promise_proposes_the_threshold_that_holds(tmp_path):
    with Review(made_checked(tmp_path, 1000)) as review:
        check = SpotCheck(review)
        check.begin("ann", promise=0.9)
        while (found := check.progress()).certificate.verdict == "open":
            check.judge("ann", found.row, right_of(review, found.row))
        assert found.certificate.verdict == "broken"
        assert found.certificate.all_rows.judged < 40
        while (found := check.progress()).certificate.threshold is None:
            assert right_of(review, found.row) == "right"  # Of the surest half only.
            check.judge("ann", found.row, "right")
        surest = np.sort(review.rows.guesses.probability)[::-1]
        assert found.certificate.threshold == surest[499]
        assert "From a probability of" in found.certificate.sentence()


def test_a_check_goes_on_after_another_start_and_judgements_are_taken_back(tmp_path):
    model = made_checked(tmp_path)
    with Review(model) as review:
        check = SpotCheck(review)
        check.begin("ann", promise=0.9)
        rows = _judge(check, 5)
        check.judge("ann", check.progress().row, "wrong", "login")
    with Review(model) as review:
        check = SpotCheck(review)
        check.begin("bob", promise=0.5)  # It has begun already.
        found = check.progress()
        assert (found.plan.promise, found.certificate.all_rows.judged) == (0.9, 6)
        assert found.certificate.all_rows.right == 5
        taken = review.undo("ann")
        assert (taken["says"], taken["label"]) == ("wrong", "login")
        assert check.progress().row == taken["rows"][0]
        review.undo("ann")
        assert check.progress().certificate.all_rows.judged == 4
        assert review.state.verdict("ann", rows[4]) is None
        for _ in range(4):
            review.undo("ann")
        assert review.undo("ann") is None  # That a check has begun is not taken back.
        assert check.progress().certificate.all_rows.judged == 0


def test_people_judge_one_sample_and_where_they_differ_it_is_unsure(tmp_path):
    with Review(made_checked(tmp_path)) as review:
        check = SpotCheck(review)
        check.begin("ann", promise=0.9)
        first = check.progress().row
        check.judge("ann", first, "right")
        second = check.progress().row
        assert second != first
        for who, says in (("bob", "wrong"), ("bob", "wrong"), ("ann", "unsure")):
            check.judge(who, first if says == "wrong" else second, says)
        found = check.progress()
        seen = found.certificate.all_rows
        assert (seen.judged, seen.right, seen.unsure) == (2, 0, 2)
        assert (found.people, found.differing) == ({"ann": 2, "bob": 1}, 1)
        check.judge("bob", first, "right")  # The last word of each counts.
        assert check.progress().certificate.all_rows.right == 1


def test_what_cannot_be_judged_is_refused(tmp_path):
    with Review(made_model(tmp_path, made_frame(100))) as review:
        check = SpotCheck(review)
        accepted = np.flatnonzero(review.rows.guesses.accepted)
        row, other = int(accepted[0]), 0
        with pytest.raises(DataError, match="expected a spot check before its first judgement"):
            check.judge("ann", row, "right")
        with pytest.raises(DataError, match="promise: expected a share between 0 and 1"):
            check.begin("ann", promise=float("nan"))
        check.begin("ann", promise=0.9)
        with pytest.raises(DataError, match="rows: expected one that was accepted; received 1"):
            check.judge("ann", other, "right")
        with pytest.raises(DataError, match="says: expected one of right, wrong, unsure"):
            check.judge("ann", row, "yes")
        with pytest.raises(DataError, match="label: expected one of the classes"):
            check.judge("ann", row, "wrong", "no such class")
        assert [entry["kind"] for entry in review.journal.entries] == ["check"]


def test_other_accepted_rows_are_another_check(tmp_path):
    model = made_checked(tmp_path)
    with Review(model) as review:
        check = SpotCheck(review)
        check.begin("ann", promise=0.9)
        _judge(check, 3)
    table = tmp_path / "out.csv"
    table.write_text(table.read_text().replace(",true,", ",false,", 9))
    with Review(model) as review:
        check = SpotCheck(review)
        assert check.progress() is None
        check.begin("ann", promise=0.9)
        found = check.progress()
        assert found.certificate.all_rows.judged == 0
        assert found.plan.accepted == 391
