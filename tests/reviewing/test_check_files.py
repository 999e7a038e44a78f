import json

import numpy as np
import pandas as pd
import pytest

from tfp_dgm.data import DataError
from tfp_dgm.reviewing import check_table

ENDINGS = [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"]


def _labelled(path, total=700, prefix="", **changes):
    """A labelled table, three rows in four accepted, and which of its rows are wrong: 5 %."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "id": [f"{n:04}" for n in range(total)],
            "text": [f'=SUM({n})\nof two lines, "quoted"' for n in range(total)],
            "label": [""] * total,
            f"{prefix}predicted_label": rng.choice(["-a", "1.0", "ja, b"], total),
            f"{prefix}probability": np.round(rng.uniform(0.8, 1, total), 6),
            f"{prefix}accept": [n % 4 > 0 for n in range(total)],
            f"{prefix}second_label": ["z"] * total,
        }
    ).assign(**changes)
    _write(frame, path)
    return frame


def _write(frame, path):
    if ".parquet" in path.name:
        frame.to_parquet(path)
    elif ".jsonl" in path.name:
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.astype(str).replace({"True": "true", "False": "false"}).to_csv(
            path, index=False, sep="\t" if ".tsv" in path.name else ","
        )


def _read(path):
    if ".parquet" in path.name:
        return pd.read_parquet(path)
    if ".jsonl" in path.name:
        return pd.read_json(path, orient="records", lines=True, dtype=False)
    return pd.read_csv(path, sep="\t" if ".tsv" in path.name else ",", dtype=str).fillna("")


def _answer(path, answers):
    frame = _read(path)
    frame["is_right"] = [*answers, *[""] * (len(frame) - len(answers))]
    _write(frame, path)
    return frame


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_sample_is_drawn_judged_and_certified(tmp_path, ending):
    table, sample = tmp_path / f"out{ending}", tmp_path / f"check{ending}"
    frame = _labelled(table)
    before = table.read_bytes()
    drawn = check_table(table, [sample], rows=80)
    assert (drawn.written, drawn.rows, drawn.certificate) == (sample, 80, None)
    written = _read(sample)
    numbers = written["checked_row"].astype(int) - 1
    assert list(written.columns[:3]) == ["checked_row", "is_right", "predicted_label"]
    assert "second_label" not in written.columns
    assert len(set(numbers)) == 80
    assert frame["accept"].iloc[numbers].all()
    assert list(written["id"]) == list(frame["id"].iloc[numbers])
    assert not (np.diff(numbers) > 0).all()

    assert check_table(table, [sample]).certificate.all_rows.judged == 0
    _answer(sample, ["yes", "Y", "TRUE", "1", "right"] * 15)
    done = check_table(table, [sample])
    assert done.certificate.verdict == "kept"
    assert done.certificate.all_rows.right == 75
    kept = json.loads((tmp_path / "check.json").read_text())
    assert kept["certificate"]["says"] == done.certificate.sentence()
    assert kept["plan"]["accepted"] == 525
    assert table.read_bytes() == before


def test_what_was_judged_must_still_be_what_the_table_holds(tmp_path):
    table, sample = tmp_path / "out.csv", tmp_path / "a.csv"
    frame = _labelled(table)
    check_table(table, [sample], rows=30)
    drawn = _answer(sample, ["yes"] * 20)
    assert all(cell.isalpha() and len(cell) == 10 for cell in drawn["row_digest"])
    assert drawn["row_digest"].is_unique
    unasked, asked = (int(drawn["checked_row"][n]) - 1 for n in (25, 4))
    for row in (
        next(n for n in range(1, 700) if n % 4 and str(n + 1) not in [*drawn.checked_row]),
    ):
        changed = frame.copy()
        changed.loc[row, "text"] = "another text"
        _write(changed, table)
        assert check_table(table, [sample]).certificate.all_rows.right == 20  # It was not drawn.
    for row in (asked, unasked):
        changed = frame.copy()
        changed.loc[row, "text"] += "?"
        _write(changed, table)
        message = rf"column 'row_digest': row {row + 1} of the table is not what it was when it was"
        with pytest.raises(DataError, match=message):
            check_table(table, [sample])
    _write(frame, table)
    _write(drawn.drop(columns="row_digest"), sample)  # Of an earlier version.
    assert check_table(table, [sample]).certificate.all_rows.right == 20


def test_that_nothing_was_answered_is_said_in_words(tmp_path):
    _beside(tmp_path / "out.model")
    _report(tmp_path / "out.model")
    report = tmp_path / "out.model" / "report.html"
    table, sample = tmp_path / "out.csv", tmp_path / "a.csv"
    _labelled(table)
    check_table(table, [sample], rows=30)
    done = check_table(table, [sample])
    said = "no row has been judged yet, so that nothing is known of the 525 accepted rows."
    assert (done.certificate.verdict, done.certificate.sentence()) == ("open", said)
    assert "Checked by a person" not in report.read_text()
    _answer(sample, ["yes"] * 20)
    check_table(table, [sample])
    assert "Checked by a person" in report.read_text()
    _answer(sample, [])
    check_table(table, [sample])
    assert "Checked by a person" not in report.read_text()
    assert "certificate" not in json.loads((tmp_path / "out.model" / "metrics.json").read_text())


def test_rows_may_be_sorted_and_further_ones_follow_in_the_drawn_order(tmp_path):
    table, first, second = (tmp_path / name for name in ("out.csv", "a.csv", "b.csv"))
    _labelled(table)
    check_table(table, [first], rows=30, seed=4)
    whole = tmp_path / "whole.csv"
    check_table(table, [whole], rows=60, seed=4)
    answered = _answer(first, ["yes"] * 30)
    _write(answered.sort_values("checked_row"), first)
    more = check_table(table, [first, second], rows=30)
    assert (more.written, more.certificate.verdict) == (second, "open")
    order = [*answered["checked_row"], *_read(second)["checked_row"]]
    assert order == list(_read(whole)["checked_row"])
    _answer(second, ["yes"] * 29 + ["?"])
    found = check_table(table, [first, second]).certificate.all_rows
    assert (found.judged, found.right, found.unsure) == (60, 59, 1)


def test_answers_that_wait_for_an_earlier_one_are_told(tmp_path):
    table, sample, more = (tmp_path / name for name in ("out.csv", "a.csv", "b.csv"))
    _labelled(table)
    check_table(table, [sample], rows=30)
    rows = _answer(sample, ["yes"] * 20)["checked_row"].astype(int)
    done = check_table(table, [sample])
    assert (done.waiting, done.waits_for) == (0, None)
    _answer(sample, [*["yes"] * 3, "", *["yes"] * 16])
    done = check_table(table, [sample])
    assert (done.certificate.all_rows.judged, done.waiting) == (3, 16)
    assert done.waits_for == rows[3]
    # What follows a broken promise counts for the surest half, and waits for nothing.
    _answer(sample, ["no"] * 30)
    check_table(table, [sample, more], rows=30)
    _answer(more, ["yes"] * 30)
    assert check_table(table, [sample, more]).waits_for is None


def test_after_a_broken_promise_the_surest_half_is_asked(tmp_path):
    table, first, second = (tmp_path / name for name in ("out.csv", "a.csv", "b.csv"))
    frame = _labelled(table)
    check_table(table, [first], rows=60)
    _answer(first, ["yes", "no"] * 30)
    more = check_table(table, [first, second], rows=100)
    assert more.certificate.verdict == "broken"
    numbers = _read(second)["checked_row"].astype(int) - 1
    accepted = frame[frame["accept"]]["probability"]
    assert (frame["probability"].iloc[numbers] >= accepted.median()).all()
    assert not set(_read(first)["checked_row"]) & set(_read(second)["checked_row"])


def test_one_look_takes_a_fixed_size(tmp_path):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    _labelled(table)
    check_table(table, [sample], rows=59, once=True)
    _answer(sample, ["yes"] * 58)
    assert check_table(table, [sample]).certificate.verdict == "open"
    _answer(sample, ["yes"] * 59)
    assert check_table(table, [sample]).certificate.verdict == "kept"
    with pytest.raises(DataError, match=r"^once: .*check.json says that the answers are looked at"):
        check_table(table, [sample], once=False)
    with pytest.raises(DataError, match=r"^samples: expected one, since the size"):
        check_table(table, [sample, tmp_path / "more.csv"])


def _beside(folder, **settings):
    folder.mkdir(parents=True)
    text = {"text_columns": ["text"], "encoder": "none", "output": "out.csv", **settings}
    (folder / "settings.json").write_text(json.dumps(text))


def _report(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text('{"rows": {"all": 3}}')
    (folder / "report.html").write_text(
        "<p>a</p>\n<!-- certificate --><!-- /certificate -->\n<p>\N{SNOWMAN}</p>"
    )


def test_the_certificate_is_in_report_and_metrics(tmp_path):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    _labelled(table)
    _beside(tmp_path / "out.model", min_precision=0.9)
    _report(tmp_path / "out.model")
    assert check_table(table, [sample]).plan.promise == 0.9
    for count in (10, 60):
        _answer(sample, ["yes"] * count)
        done = check_table(table, [sample])
        assert done.report == tmp_path / "out.model/report.html"
        page = done.report.read_text()
        assert page.count("Checked by a person") == 1
        assert done.certificate.sentence() in page
        assert page.startswith("<p>a</p>\n<!-- cert")
        assert page.endswith("\n<p>\N{SNOWMAN}</p>")
        metrics = json.loads((tmp_path / "out.model/metrics.json").read_text())
        assert metrics["rows"] == {"all": 3}
        assert metrics["certificate"]["all_rows"]["right"] == count


def test_of_several_label_columns_one_is_checked(tmp_path):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    other = {f"mood_{name}": ["1"] * 700 for name in ("predicted_label", "probability", "accept")}
    other["mood_accept"] = ["true"] * 700
    _labelled(table, prefix="the topic_", **other)
    _beside(tmp_path / "out.model", label_columns=["the topic", "mood"])
    _report(tmp_path / "out.model/columns/the_topic")
    with pytest.raises(DataError, match="column: expected one of 'the topic', 'mood'"):
        check_table(table, [sample])
    check_table(table, [sample], column="the topic", rows=70)
    _answer(sample, ["yes"] * 70)
    done = check_table(table, [sample])
    assert done.report == tmp_path / "out.model/columns/the_topic/report.html"
    assert done.plan.accepted == 525


def test_a_folder_of_another_table_is_left_alone(tmp_path):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    _labelled(table)
    _beside(tmp_path / "out.model", min_precision=0.9, output="out.jsonl")
    _report(tmp_path / "out.model")
    before = (tmp_path / "out.model/report.html").read_bytes()
    assert check_table(table, [sample]).plan.promise == 0.95
    assert check_table(table, [sample]).report is None
    assert (tmp_path / "out.model/report.html").read_bytes() == before


def _changed(column, row, value):
    def change(path):
        frame = _read(path)
        frame.loc[row, column] = value
        _write(frame, path)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_changed("is_right", 3, "maybe"), r"check.csv, line 8, column 'is_right': expected yes, "),
        (_changed("checked_row", 1, "1"), r"line 4, column 'checked_row': expected the number of"),
        (_changed("checked_row", 1, "x"), r"'checked_row': expected the number .* received 'x'"),
        (
            _changed("predicted_label", 0, "b"),
            r"'predicted_label': expected '.*', which .* received 'b'",
        ),
        (lambda path: path.write_text("a,b\n1,2\n"), "expected a sample with the column 'checked"),
        (
            lambda path: _write(pd.concat([_read(path)] * 2), path),
            r"'checked_row': row \d+ is there already, in .*check.csv, line 2",
        ),
        (
            lambda path: path.with_suffix(".json").unlink(),
            "check.csv: is there already, and check.json, which tells how it was drawn, is not",
        ),
        (
            lambda path: path.with_suffix(".json").write_text("{}"),
            "expected how a sample was drawn",
        ),
        (
            lambda path: _labelled(path.with_name("out.csv"), probability=["0.9"] * 700),
            "the accepted rows are not those of out.csv of which the sample was drawn",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told_and_nothing_written(tmp_path, change, message):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    _labelled(table)
    check_table(table, [sample], rows=20)
    change(sample)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(DataError, match=message):
        check_table(table, [sample])
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_precision": 0.9}, "min_precision: expected 0.95, as was decided in .*check.json"),
        ({"confidence": 0.9}, "confidence: expected 0.95"),
        ({"seed": 1}, "seed: expected 0"),
        ({"rows": 0}, "rows: expected at least 1; received 0"),
        ({"min_precision": 1.0}, "min_precision: expected a share between 0 and 1; received 1.0"),
    ],
)
def test_an_argument_that_differs_is_told(tmp_path, arguments, message):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    _labelled(table)
    check_table(table, [sample], rows=20)
    with pytest.raises(DataError, match=message):
        check_table(table, [sample], **arguments)


def test_samples_are_named_in_their_order(tmp_path):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    _labelled(table)
    with pytest.raises(DataError, match="samples: expected distinct files"):
        check_table(table, [sample, sample])
    with pytest.raises(DataError, match="no such file; only the last sample may be a new one"):
        check_table(table, [sample, tmp_path / "more.csv"])
    with pytest.raises(DataError, match="samples: expected distinct files, at least one; received"):
        check_table(table, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accept": [""] * 700}, "column 'accept': no row was accepted"),
        ({"accept": ["ja"] * 700}, "out.csv, line 2, column 'accept': expected true, false or"),
        ({"probability": ["much"] * 700}, "line .*, column 'probability': expected a number"),
        ({"checked_row": ["1"] * 700}, "the table has a column 'checked_row', which a sample adds"),
    ],
)
def test_what_is_wrong_with_the_table_is_told(tmp_path, changes, message):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    _labelled(table, **changes)
    with pytest.raises(DataError, match=message):
        check_table(table, [sample])
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_other_tables_are_refused(tmp_path):
    table, sample = tmp_path / "out.csv", tmp_path / "check.csv"
    table.write_text("text,label\na,b\n")
    with pytest.raises(DataError, match="expected a table that `dgm label` or `dgm predict` wrote"):
        check_table(table, [sample])
    table.write_text("text,predicted_labels,accept\na,b,true\n")
    with pytest.raises(DataError, match="expected one label a row; received several"):
        check_table(table, [sample])
    assert not sample.exists()
