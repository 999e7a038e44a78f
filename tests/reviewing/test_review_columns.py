"""Reviews of a labelling with several label columns: one at a time, each with its answers."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.reviewing.made_review import CLASSES, made_frame, made_model
from tfp_dgm.data import DataError
from tfp_dgm.reviewing import Review, export_review
from tfp_dgm.reviewing.item_review import journal_of
from tfp_dgm.reviewing.row_queue import DOUBT, Search
from tfp_dgm.reviewing.spot_check import SpotCheck

MOODS = ["bad", "good"]


@pytest.fixture
def model(tmp_path):
    """A table with the label columns `label` and `mood`, of which each has rows without label."""
    frame = made_frame()
    rng = np.random.default_rng(8)
    mood = made_frame(seed=1).assign(
        predicted_label=rng.choice(MOODS, 60), second_label=rng.choice(MOODS, 60)
    )
    answers = [name for name in frame if name not in ("id", "text", "label")]
    frame = frame.rename(columns={name: f"label_{name}" for name in answers})
    frame.insert(3, "mood", ["good"] * 20 + [""] * 40)
    for name in answers:
        frame[f"mood_{name}"] = mood[name]
    classes = {"label": CLASSES, "mood": MOODS}
    columns = ["label", "mood"]
    return made_model(tmp_path, frame, label_columns=columns, label_column=None, classes=classes)


def test_each_column_has_its_rows_classes_and_answers(model, tmp_path):
    table = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    with Review(model, "mood") as review:
        assert review.classes() == MOODS
        assert review.rows.title == "out.csv, mood"
        left = review.left(DOUBT, Search(), np.zeros(60, bool))
        assert left.tolist() == table.mood_probability[20:].sort_values().index.tolist()
        assert review.rows.guesses.label == table.mood_predicted_label.tolist()
        review.answer("ann", "label", rows=[30], label="bad")
        with pytest.raises(DataError, match="label: expected one of the classes"):
            review.answer("ann", "label", rows=[30], label="login")
    with Review(model, "label") as review:
        assert review.classes() == CLASSES
        assert review.state.verdicts() == {}
        review.answer("ann", "label", rows=[30], label="login")
        assert len(review.left(DOUBT, Search(), np.zeros(60, bool))) == 48
    with Review(model, "mood") as review:
        assert review.state.verdict("ann", 30).label == "bad"
    assert journal_of(model, "mood").relative_to(tmp_path).parts[:3] == (
        *("out.review", "columns", "mood"),
    )


def test_the_table_has_the_answers_to_one_column_or_to_all(model, tmp_path):
    with Review(model, "mood") as mood, Review(model, "label") as label:
        mood.answer("ann", "label", rows=[30], label="bad")
        mood.answer("ann", "note", rows=[30], note="sad")
        label.answer("bob", "none", rows=[30])
        label.answer("bob", "label", rows=[31], label="login")
        assert export_review(mood, tmp_path / "one.csv") == 1
        assert export_review(mood, tmp_path / "all.csv", others=[label]) == 2
    one, both = (
        pd.read_csv(tmp_path / f"{name}.csv", dtype=str, keep_default_na=False)
        for name in ("one", "all")
    )
    own = ["mood_reviewed_by", "mood_review_no_class", "mood_review_notes"]
    assert [*one] == ["id", "text", "label", "mood", *own]
    assert (one.mood[30], one.mood_review_notes[30], one.label[31]) == ("bad", "sad", "")
    assert [*both][4:] == [*own, *(name.replace("mood", "label") for name in own)]
    assert (both.mood[30], both.label[31], both.label_review_no_class[30]) == (
        "bad",
        "login",
        "true",
    )


def test_a_column_is_checked_and_its_certificate_lies_with_it(model, tmp_path):
    own = model / "columns" / "mood"
    own.mkdir(parents=True)
    (own / "metrics.json").write_text("{}")
    (own / "report.html").write_text("<!-- certificate --><!-- /certificate -->")
    with Review(model, "mood") as review:
        check = SpotCheck(review)
        check.begin("ann", promise=0.9)
        check.judge("ann", check.progress().row, "right")
        assert check.write() == own / "report.html"
    assert json.loads((own / "metrics.json").read_text())["certificate"]["all_rows"]["right"] == 1
    record = json.loads(journal_of(model, "mood").with_name("check.json").read_text())
    assert record["plan"]["column"] == "mood"


@pytest.mark.parametrize(("given", "received"), [(None, "none"), ("topic", "'topic'")])
def test_which_column_is_reviewed_must_be_said(model, given, received):
    message = f"label_column: expected one of 'label', 'mood'; received {received}"
    with pytest.raises(DataError, match=message):
        Review(model, given)


def test_of_one_column_its_name_may_be_given(tmp_path):
    model = made_model(tmp_path)
    with Review(model, "label") as review:
        assert review.rows.column is None
    with pytest.raises(DataError, match="label_column: expected one of 'label'; received 'mood'"):
        Review(model, "mood")
