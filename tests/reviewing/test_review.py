import json
import time

import numpy as np
import pandas as pd
import pytest

from tests.reviewing.made_review import CLASSES, made_frame, made_model
from tfp_dgm.data import DataError, read_annotated_table, read_labelled_table
from tfp_dgm.reviewing.item_review import journal_of
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.review_export import export_review
from tfp_dgm.reviewing.review_state import ReviewState, replayed
from tfp_dgm.reviewing.row_queue import (
    ALIKE,
    BY_CLASS,
    DOUBT,
    RANDOM,
    SUSPECT,
    TEACH,
    RowQueue,
    Search,
)


def test_answers_are_there_again_after_another_start(tmp_path):
    model = made_model(tmp_path)
    with Review(model) as review:
        review.answer("ann", "label", rows=[20], label="login", guess="billing")
        review.answer("ann", "none", rows=[21])
        review.answer("", "skip", rows=[22])
        review.answer("ann", "class", **{"class": "sales"})
        review.answer("ann", "label", rows=[23, 24], label="sales")
        review.answer("bob", "note", rows=[23], note="twice?")
    with Review(model) as review:
        state = review.state
        assert state.verdict("ann", 20).label == "login"
        assert state.verdict("ann", 21).kind == "none"
        assert state.verdict("", 22).kind == "skip"
        assert state.verdict("bob", 20) is None
        assert state.classes == [*CLASSES, "sales"]
        assert state.notes(23) == [("bob", "twice?")]
        assert np.flatnonzero(state.done("ann")).tolist() == [20, 21, 23, 24]
        assert set(state.verdicts()) == {20, 21, 23, 24}


def test_any_number_of_answers_can_be_taken_back_and_nothing_is_deleted(tmp_path):
    model = made_model(tmp_path)
    with Review(model) as review:
        review.answer("ann", "label", rows=[20], label="login")
        review.answer("bob", "label", rows=[20], label="other")
        review.answer("ann", "label", rows=[20, 21], label="billing")
        review.answer("ann", "class", **{"class": "sales"})
        assert review.undo("ann")["class"] == "sales"
        assert review.state.classes == CLASSES
        assert review.undo("ann")["rows"] == [20, 21]
        assert review.state.verdict("ann", 20).label == "login"
        assert review.state.verdict("ann", 21) is None
        assert review.undo("ann")["label"] == "login"
        assert review.undo("ann") is None
        assert not review.state.done("ann").any()
        assert review.state.verdict("bob", 20).label == "other"
    lines = journal_of(model).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines[1:]] == [
        *("label", "label", "label", "class", "undo", "undo", "undo")
    ]
    with Review(model) as review:
        assert review.state.verdict("bob", 20).label == "other"
        assert review.state.verdict("ann", 20) is None


def test_a_new_class_that_somebody_else_uses_outlives_its_undo():
    state = ReviewState(9, CLASSES)
    state.apply({"kind": "class", "annotator": "ann", "class": "sales"})
    state.apply({"kind": "label", "annotator": "bob", "rows": [1], "label": "sales"})
    state.apply({"kind": "undo", "annotator": "ann", "of": 1})
    assert state.classes == [*CLASSES, "sales"]
    state.apply({"kind": "undo", "annotator": "bob", "of": 2})
    assert state.classes == CLASSES


def test_taking_back_is_as_if_it_had_never_been_said():
    """Drawn sequences of answers, against a replay of what was left of them."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        state, kept = ReviewState(5, CLASSES), {"a": [], "b": []}
        order = []
        for _ in range(25):
            who = str(rng.choice(["a", "b"]))
            if rng.random() < 0.35:
                if kept[who]:
                    entry = kept[who].pop()
                    order.remove(entry)
                    state.apply({"kind": "undo", "annotator": who, "of": entry[0]})
                continue
            rows = rng.choice(5, int(rng.integers(1, 4)), replace=False).tolist()
            said = {"kind": str(rng.choice(["label", "none", "skip"])), "rows": rows}
            said |= {"annotator": who, "label": str(rng.choice(CLASSES))}
            entry = (len(state.entries) + 1, said)
            state.apply(said)
            kept[who].append(entry)
            order.append(entry)
        other = replayed([said for _, said in order], ReviewState(5, CLASSES))
        for who in ("a", "b"):
            assert state.done(who).tolist() == other.done(who).tolist()
            for row in range(5):
                mine, theirs = state.verdict(who, row), other.verdict(who, row)
                assert (mine and (mine.kind, mine.label)) == (
                    theirs and (theirs.kind, theirs.label)
                )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "guess"}, "kind: expected what an answer does; received 'guess'"),
        ({"kind": "label", "rows": [60], "label": "login"}, r"rows: expected numbers below 60"),
        ({"kind": "label", "rows": [True], "label": "login"}, "rows: expected numbers"),
        ({"kind": "label", "rows": [], "label": "login"}, "rows: expected numbers"),
        ({"kind": "label", "rows": [1], "label": "x"}, "label: expected one of the classes"),
        ({"kind": "label", "rows": [1]}, "label: expected one of the classes; received None"),
        ({"kind": "note", "rows": [1], "note": " "}, "note: expected 1 to 10,000 characters"),
        ({"kind": "class", "class": "x" * 201}, "class: expected 1 to 200 characters"),
        ({"kind": "class", "class": "login"}, "class: there is a class 'login' already"),
        ({"kind": "class", "class": "a|b"}, "class: 'a.b' would be read as a set"),
        ({"kind": "undo", "of": 1}, "of: expected the last entry of 'ann', None; received 1"),
    ],
)
def test_what_cannot_be_understood_is_neither_kept_nor_taken_up(tmp_path, entry, message):
    model = made_model(tmp_path)
    said = {name: value for name, value in entry.items() if name != "kind"}
    with Review(model) as review:
        with pytest.raises(DataError, match=message):
            review.answer("ann", entry["kind"], **said)
        assert review.journal.entries == []
    path = journal_of(model)
    with path.open("a") as file:
        file.write(json.dumps({"annotator": "ann", **entry}) + "\n")
    with pytest.raises(DataError, match=rf"line 2 of the journal: .*{message[:20]}"):
        Review(model)
    with pytest.raises(DataError, match="line 2 of the journal"):  # The lock was given up.
        Review(model)


def test_marks_are_no_labels_and_classes_that_look_like_marks_stay_classes(tmp_path):
    frame = made_frame()
    marks = ["?", "!billing", "login|other", " ", "\\!odd", "!odd"]
    frame.loc[: len(marks) - 1, "label"] = marks
    classes = [*CLASSES, "!odd"]
    with Review(made_model(tmp_path, frame, classes=classes)) as review:
        assert review.rows.given[: len(marks)] == ["", "", "", "", "!odd", "!odd"]
        left = review.left("doubt", Search(), review.state.done(""))
        assert set(left) == {*range(4), *range(12, 60)}
        for name in ("?", "!new", "\\?", "(none)"):
            with pytest.raises(DataError, match="has a meaning of its own as a label"):
                review.answer("", "class", **{"class": name})
        review.answer("ann", "label", rows=[0, 20], label="!odd")
        review.answer("bob", "label", rows=[21], label="!odd")
        export_review(review, tmp_path / "again.csv")
    again = read_labelled_table(
        tmp_path / "again.csv", text_columns=["text"], label_column="label", classes=classes
    )
    odd = again.classes.index("!odd")
    for row in (0, 4, 20, 21):
        assert np.flatnonzero(again.allowed[row]).tolist() == [odd]
    assert not again.allowed[1, again.classes.index("billing")]


def test_a_journal_of_other_rows_is_refused(tmp_path):
    model = made_model(tmp_path)
    Review(model).journal.close()
    made_frame(count=59).to_csv(tmp_path / "out.csv", index=False)
    with pytest.raises(
        DataError, match=r"journal.jsonl, line 1: belongs to table 'out.csv', rows 60"
    ):
        Review(model)


def test_answers_are_not_begun_anew_where_the_model_was_renamed(tmp_path):
    model = made_model(tmp_path)
    with Review(model) as review:
        review.answer("ann", "label", rows=[20], label="login")
    renamed = model.rename(tmp_path / "renamed.model")
    with pytest.raises(DataError, match=r"\.review: holds the answers .*; rename it to renamed\."):
        Review(renamed)
    assert not journal_of(renamed).parent.exists()
    journal_of(model).parent.rename(journal_of(renamed).parent)
    with Review(renamed) as review:
        assert review.state.verdict("ann", 20).label == "login"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"multi_label": True}, "a review of several labels a row is not known"),
        ({"multi_label": True}, "annotate the rows that its report names in the table itself"),
        (
            {"annotator_column": "who"},
            "a review of several annotators is not known; make a table",
        ),
        ({"text_columns": ["id", "review_notes"]}, "in the column 'review_notes', which a review"),
        ({"label_column": "reviewed_by"}, "in the column 'reviewed_by', which a review adds"),
        ({"label_column": "label_by_ann"}, "in the column 'label_by_ann', which a review adds"),
        ({"output": "gone.csv"}, "expected the labelled table gone.csv beside it"),
    ],
)
def test_what_cannot_be_reviewed_is_refused(tmp_path, settings, message):
    model = made_model(tmp_path, **settings)
    with pytest.raises(DataError, match=message):
        Review(model)
    assert not journal_of(model).exists()


def test_rows_come_in_the_order_that_was_asked_for(tmp_path):
    frame = made_frame()
    with Review(made_model(tmp_path, frame)) as review:
        queue, done = review.queue, np.zeros(60, bool)
        open_rows = frame[frame["label"] == ""]
        doubtful = open_rows.sort_values("probability").index.tolist()
        assert queue.left(DOUBT, done).tolist() == doubtful
        assert sorted(queue.left(TEACH, done).tolist()) == sorted(doubtful)
        assert sorted(queue.left(RANDOM, done).tolist()) == sorted(doubtful)
        assert queue.left(RANDOM, done).tolist() != doubtful
        classes = frame["predicted_label"][queue.left(BY_CLASS, done)].tolist()
        assert classes == sorted(classes)
        assert queue.left(SUSPECT, done).tolist() == [0, 4, 8]
        done[doubtful[:2]] = True
        assert queue.next(DOUBT, done) == doubtful[2]
        done[:] = True
        assert queue.next(DOUBT, done) is None
        review.teach(np.array([17, 30]))
        done[:] = False
        taught = review.queue.left(TEACH, done).tolist()
        assert sorted(taught) == sorted(doubtful)
        by_turns = [17, 30, *(row for row in doubtful if row not in (17, 30))]
        assert taught == _by_turns(by_turns, review.queue.left(RANDOM, done).tolist())


def _by_turns(first, second):
    """The rows of two orders by turns, each where it is met first."""
    return list(dict.fromkeys(row for pair in zip(first, second, strict=True) for row in pair))


def test_every_second_row_is_drawn_at_random_from_those_that_are_open(tmp_path):
    frame = made_frame()
    with Review(made_model(tmp_path, frame)) as review:
        nobody = np.zeros(60, bool)
        drawn = review.queue.left(RANDOM, nobody).tolist()
        for row in drawn[:5]:
            review.answer("", "none", rows=[row])
        review.teach(np.array([17, 30]))
        taught = review.queue.left(TEACH, nobody).tolist()
        doubtful = review.queue.left(DOUBT, nobody).tolist()
        best = [17, 30, *(row for row in doubtful if row not in (17, 30))]
        open_now = [[row for row in order if row not in drawn[:5]] for order in (best, drawn)]
        assert taught[:-5] == _by_turns(*open_now)
        assert sorted(taught[-5:]) == sorted(drawn[:5])  # For others, who have not answered them.

        # A sample of what was open: the first of the random order, however they were answered.
        done = review.answered()
        assert review.queue.sample(done).tolist() == []
        done[taught[:12]] = True
        sample = review.queue.sample(done).tolist()
        assert len(sample) >= 6
        assert sample == open_now[1][: len(sample)]
        assert not done[open_now[1][len(sample)]]
        done[:] = True
        assert review.queue.sample(done).tolist() == open_now[1]


def test_rows_answered_as_they_teach_hold_a_fair_sample(tmp_path):
    """Every open row is in the sample equally often, whatever teaches most."""
    frame = made_frame()
    counts, rounds = np.zeros(60), 400
    with Review(made_model(tmp_path, frame)) as review:
        rows = review.rows
    for seed in range(rounds):
        queue = RowQueue(rows, np.array([17, 30, 40, 41, 42]), seed=seed)
        done = np.zeros(60, bool)
        done[queue.left(TEACH, done)[:20]] = True
        counts[queue.sample(done)] += 1
    counts = counts[12:]
    share = counts.sum() / rounds / 48
    deviation = np.sqrt(rounds * share * (1 - share))
    assert np.abs(counts - rounds * share).max() < 4 * deviation
    # Not so all that was answered.
    assert share > 10 / 48


def test_a_search_finds_words_and_guesses_labelled_rows_last(tmp_path):
    frame = made_frame()
    with Review(made_model(tmp_path, frame)) as review:
        done = np.zeros(60, bool)
        found = review.queue.left(DOUBT, done, Search(" REFUND ", "billing")).tolist()
        wanted = frame["text"].str.contains("Refund") & (frame["predicted_label"] == "billing")
        assert sorted(found) == frame.index[wanted].tolist()
        labelled = [frame["label"][row] != "" for row in found]
        assert labelled == sorted(labelled)
        assert any(labelled)
        assert not len(review.queue.left(DOUBT, done, Search("no such word")))


def test_rows_like_one_come_in_the_order_of_their_cosine(tmp_path):
    words = np.array(["refund", "invoice", "key", "login", "door", "the", "a", "of", "blue"])
    rng = np.random.default_rng(2)
    texts = [" ".join(rng.choice(words, 5)) for _ in range(60)]
    texts[30] = "..."  # Without a word.
    with Review(made_model(tmp_path, made_frame(text=texts))) as review:
        done = np.zeros(60, bool)
        found = review.left(ALIKE, Search(), done, 20)
        # By hand: logarithms of counts times those of inverse shares, as in scikit-learn's manual.
        counts = np.array([[text.split().count(word) for word in words] for text in texts])
        idf = np.log(61 / (1 + (counts > 0).sum(axis=0))) + 1
        weights = np.where(counts, 1 + np.log(np.maximum(counts, 1)), 0) * idf
        length = np.linalg.norm(weights, axis=1)
        cosine = weights @ weights[20] / np.maximum(length * length[20], 1e-9)
        assert sorted(found) == list(range(12, 60))
        assert found[0] == 20
        np.testing.assert_allclose(cosine[found], np.sort(cosine[12:])[::-1], atol=1e-6)
        done[found[:3]] = True
        assert review.left(ALIKE, Search(), done, 20).tolist() == found[3:].tolist()
        among = review.left(ALIKE, Search("invoice"), done, 20)
        assert {row for row in among if row < 12}  # A search finds rows with labels, too.
        assert all("invoice" in texts[row] for row in among)


@pytest.mark.slow
def test_of_100_000_rows_those_like_one_are_found_in_a_tenth_of_a_second(tmp_path):
    with Review(made_model(tmp_path, made_frame(100_000))) as review:
        done = np.zeros(100_000, bool)
        review.left(ALIKE, Search(), done, 20)
        took = []
        for row in range(30, 40):
            start = time.process_time()
            review.left(ALIKE, Search(), done, row)
            took.append(time.process_time() - start)
    assert sorted(took)[5] < 0.1


def test_the_table_of_a_review_is_read_by_a_labelling(tmp_path):
    frame = made_frame()
    model = made_model(tmp_path, frame)
    before = (tmp_path / "out.csv").read_bytes()
    with Review(model) as review:
        review.answer("", "label", rows=[0, 20], label="other")
        review.answer("", "class", **{"class": "sa,\nles"})
        review.answer("", "label", rows=[21], label="sa,\nles")
        review.answer("", "none", rows=[1])
        review.answer("", "skip", rows=[30])
        review.answer("", "note", rows=[21], note="=1+1")
        assert export_review(review, tmp_path / "new.csv") == 4
    assert (tmp_path / "out.csv").read_bytes() == before
    read = pd.read_csv(tmp_path / "new.csv", dtype=str, keep_default_na=False)
    assert list(read.columns) == [
        *("id", "text", "label", "reviewed_by", "review_no_class", "review_notes")
    ]
    labels = frame["label"].tolist()
    labels[0], labels[20], labels[21], labels[1] = "other", "other", "sa,\nles", ""
    assert read["label"].tolist() == labels
    assert read["id"].tolist() == frame["id"].tolist()
    assert read["review_no_class"].tolist() == ["true" if n == 1 else "false" for n in range(60)]
    assert read["review_notes"][21] == "=1+1"
    table = read_labelled_table(tmp_path / "new.csv", text_columns=["text"], label_column="label")
    assert table.classes == (*CLASSES, "sa,\nles")


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_review_of_what_was_reviewed_keeps_what_was_said(tmp_path, ending):
    """The exported table is labelled again, and reviewed again."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with Review(made_model(tmp_path / "one")) as review:
        for who in ("ann", "bob"):
            review.answer(who, "label", rows=[20, 21, 22], label="login")
        review.answer("ann", "none", rows=[23])
        review.answer("ann", "note", rows=[21], note="first")
        export_review(review, tmp_path / f"between{ending}")
    between = tmp_path / f"between{ending}"
    if ending == ".csv":
        exported = pd.read_csv(between, dtype=str, keep_default_na=False)
    else:
        exported = pd.read_json(between, lines=True, dtype=False)
    again = exported.assign(**made_frame().drop(columns=["id", "text", "label"]).to_dict("list"))
    with Review(made_model(tmp_path / "two", again, ending)) as review:
        review.answer("", "label", rows=[20, 24], label="other")
        review.answer("ann", "label", rows=[21], label="billing")
        review.answer("ann", "note", rows=[21], note="second")
        export_review(review, tmp_path / "last.csv")
    read = pd.read_csv(tmp_path / "last.csv", dtype=str, keep_default_na=False)
    rows = read.loc[20:25]
    assert rows["label"].tolist() == ["other", "billing", "login", "", "other", ""]
    assert rows["reviewed_by"].tolist() == ["-", "ann", "ann, bob", "ann", "-", ""]
    assert rows["review_no_class"].tolist() == [*["false"] * 3, "true", "false", "false"]
    assert rows["review_notes"].tolist() == ["", "first; second", "", "", "", ""]
    assert rows["label_by_ann"].tolist() == ["login", "billing", "login", "", "", ""]
    assert rows["label_by_bob"].tolist() == ["login", "login", "login", "", "", ""]
    assert rows["label_by_"].tolist() == ["other", "", "", "", "other", ""]
    assert read.columns.is_unique


def test_several_peoples_labels_are_columns_of_answers(tmp_path):
    with Review(made_model(tmp_path)) as review:
        review.answer("ann", "label", rows=[20, 21], label="other")
        review.answer("bob", "label", rows=[20], label="login")
        review.answer("bob", "none", rows=[22])
        export_review(review, tmp_path / "new.jsonl")
    read = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines()]
    assert [read[20][name] for name in ("label", "reviewed_by")] == ["login", "ann, bob"]
    assert [read[20][name] for name in ("label_by_ann", "label_by_bob")] == ["other", "login"]
    table = read_annotated_table(
        tmp_path / "new.jsonl",
        text_columns=["text"],
        label_columns=["label_by_ann", "label_by_bob"],
    )
    assert len(table.answers) == 3


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
@pytest.mark.parametrize("new", ["2", "four"])
def test_numbers_as_labels_stay_numbers_where_they_can(tmp_path, ending, new):
    numbers = [1.0 if n % 2 else 2.0 for n in range(12)] + [None] * 48
    frame = made_frame(label=numbers)
    model = made_model(tmp_path, frame, ending, classes=["1", "2", "four"])
    with Review(model) as review:
        review.answer("", "label", rows=[20], label=new)
        review.answer("", "none", rows=[0])
        export_review(review, tmp_path / f"new{ending}")
    path = tmp_path / f"new{ending}"
    read = pd.read_parquet(path) if "parquet" in ending else pd.read_json(path, lines=True)
    table = read_labelled_table(
        path, text_columns=["text"], label_column="label", classes=["1", "2", "four"]
    )
    assert table.classes[table.observed[20]] == new
    assert table.observed[0] == -1
    assert [table.classes[k] for k in table.observed[1:12]] == ["1", "2"] * 5 + ["1"]
    if new == "2":
        assert pd.api.types.is_numeric_dtype(read["label"])


def test_a_source_without_labels_gets_a_column(tmp_path):
    frame = made_frame().drop(columns="label")
    with Review(made_model(tmp_path, frame, label_column=None)) as review:
        review.answer("", "label", rows=[3], label="login")
        export_review(review, tmp_path / "new.csv")
    read = pd.read_csv(tmp_path / "new.csv", dtype=str, keep_default_na=False)
    assert read["label"].tolist() == ["login" if n == 3 else "" for n in range(60)]


@pytest.mark.slow
def test_of_100_000_rows_the_next_is_found_in_a_tenth_of_a_second(tmp_path):
    model = made_model(tmp_path, made_frame(100_000))
    with Review(model) as review:
        rows = review.queue.left(DOUBT, review.state.done(""))
        review.answer("", "label", rows=rows[:90_000].tolist(), label="login")
        for order in (DOUBT, TEACH, RANDOM, BY_CLASS):
            start = time.process_time()
            assert review.queue.next(order, review.state.done("")) is not None
            assert time.process_time() - start < 0.1
        start = time.process_time()
        review.answer("", "label", rows=[int(rows[90_000])], label="other")
        search = Search("row 9", "login")
        assert review.queue.next(DOUBT, review.state.done(""), search) is not None
        assert time.process_time() - start < 0.1
