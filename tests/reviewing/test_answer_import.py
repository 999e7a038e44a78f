import json

import pytest

from tests.reviewing.made_review import CLASSES, made_frame, made_model
from tfp_dgm.data import DataError
from tfp_dgm.reviewing import Review, import_answers

TEXT = "Row {} asks for a {}"


def _text(row):
    return TEXT.format(row, "Refund" if row % 5 == 0 else "key")


def _task(row, *annotations):
    """A task as Label Studio exports it: who, what they chose, and what else is there."""
    return {
        "id": 1000 + row,
        "data": {"text": _text(row), "id": f"{row:05}"},
        "annotations": [
            {
                "id": n,
                "completed_by": who,
                "was_cancelled": False,
                "ground_truth": False,
                "lead_time": 3.1,
                "result": [
                    {
                        "value": {"choices": choices},
                        "id": "x",
                        "from_name": "sentiment",
                        "to_name": "text",
                        "type": "choices",
                        "origin": "manual",
                    }
                ]
                if choices
                else [],
                **more,
            }
            for n, (who, choices, more) in enumerate(annotations)
        ],
        "predictions": [{"result": [{"value": {"choices": ["login"]}, "type": "choices"}]}],
        "meta": {},
        "project": 1,
    }


@pytest.fixture
def review(tmp_path):
    with Review(made_model(tmp_path)) as found:
        yield found


def _write(folder, name, records):
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def _said(review):
    return {
        (row, who): verdict.label
        for row, said in review.state.verdicts().items()
        for who, verdict in said.items()
    }


def test_annotations_of_label_studio_are_answers_of_those_who_gave_them(tmp_path, review):
    ann = {"id": 5, "email": "ann@example.org", "first_name": "", "last_name": ""}
    path = _write(
        tmp_path,
        "studio.json",
        [
            _task(20, (ann, ["login"], {}), (7, ["other"], {})),
            _task(21, (7, ["billing"], {"updated_at": "2024-02-02T00:00:00Z"})),
            _task(21, (7, ["other"], {"updated_at": "2024-01-01T00:00:00Z"})),
            _task(22, (ann, ["sales"], {}), (7, [], {})),
            _task(23, (ann, ["login"], {"was_cancelled": True})),
            _task(24, (ann, ["login", "other"], {})),
            {**_task(99, (ann, ["login"], {})), "data": {"text": "not there"}},
        ],
    )
    done = import_answers(review, path)
    assert _said(review) == {
        (20, "ann@example.org"): "login",
        (20, "7"): "other",
        (21, "7"): "billing",
        (22, "ann@example.org"): "sales",
    }
    assert (done.rows, done.known, done.classes) == (3, 0, ["sales"])
    told = "\n".join(done.warnings)
    assert f"1 answers name no class: record 4 ({_text(22)!r})" in told
    assert f"1 answers do not name just one class: record 6 ({_text(24)!r})" in told
    assert "1 answers match no row: record 7 ('not there')" in told
    assert "differ from another of the person's to the row; the last counts: record 3" in told


def test_a_second_import_adds_nothing_and_an_answer_of_here_stays(tmp_path, review):
    path = _write(
        tmp_path, "d.jsonl", [{"id": 3, "text": _text(n), "label": ["login"]} for n in (20, 21)]
    )
    import_answers(review, path, annotator="ann")
    entries = len(review.journal.entries)
    review.answer("ann", "label", rows=[20], label="other")
    done = import_answers(review, path, annotator="ann")
    assert (done.rows, done.known) == (0, 2)
    assert len(review.journal.entries) == entries + 1
    assert _said(review) == {(20, "ann"): "other", (21, "ann"): "login"}
    # Once it was taken back, it can be taken in again.
    review.undo("ann")
    review.undo("ann")
    assert _said(review) == {}
    assert import_answers(review, path, annotator="ann").rows == 2


def test_it_stays_so_after_another_start(tmp_path):
    model = made_model(tmp_path)
    path = _write(tmp_path, "d.jsonl", [{"text": _text(20), "label": ["sales"]}])
    for known in (0, 1):
        with Review(model) as review:
            assert import_answers(review, path).known == known
            assert _said(review) == {(20, ""): "sales"}
            assert review.classes() == [*CLASSES, "sales"]


def test_doccano_and_tables_are_matched_by_text_or_by_id(tmp_path, review):
    doccano = [
        {"id": 1, "text": _text(20), "label": ["login"], "Comments": ["?"]},
        {"id": 2, "text": _text(21), "label": []},
        {"id": 3, "text": _text(22), "label": ["billing", "login"]},
    ]
    done = import_answers(review, _write(tmp_path, "ann.jsonl", doccano), annotator="ann")
    assert _said(review) == {(20, "ann"): "login"}
    assert [warning.split(":")[0] for warning in done.warnings] == [
        "1 answers name no class",
        "1 answers do not name just one class",
    ]
    table = tmp_path / "t.csv"
    table.write_text(
        "id,text,label,annotator\n00030,changed,billing,eve\n00077,x,login,eve\n00031,y,login#other,eve\n"
    )
    done = import_answers(review, table, id_column="id")
    assert _said(review)[30, "eve"] == "billing"
    assert done.warnings == [
        "1 answers match no row: line 3 ('00077')",
        "1 answers do not name just one class: line 4 ('00031')",
    ]
    short = [{"text": _text(40), "label": "login", "annotator": 4}]
    import_answers(review, _write(tmp_path, "min.json", short))
    assert _said(review)[40, "4"] == "login"


def test_rows_of_one_text_all_get_its_answer(tmp_path):
    frame = made_frame()
    frame.loc[[30, 41], "text"] = "again"
    with Review(made_model(tmp_path, frame)) as review:
        path = _write(tmp_path, "a.jsonl", [{"text": "again", "label": "login"}])
        done = import_answers(review, path)
        assert _said(review) == {(30, ""): "login", (41, ""): "login"}
        assert done.warnings == [
            "1 answers are of a text that several rows have, which all got them: line 1 ('again')"
        ]


def test_what_cannot_be_a_class_is_told_and_what_looks_alike(tmp_path, review):
    labels = {20: "Billing", 21: "a\\|b", 22: "!login", 23: "\u0430nn" * 80, 24: "?", 25: "login|x"}
    records = [
        {"text": _text(n), "label": label, "annotator": "Ann" if n == 20 else "ann"}
        for n, label in {**labels, 26: "login"}.items()
    ]
    done = import_answers(review, _write(tmp_path, "a.jsonl", records))
    assert _said(review) == {(20, "Ann"): "Billing", (26, "ann"): "login"}
    told = "\n".join(done.warnings)
    assert "the new class 'Billing' looks like the class 'billing'" in told
    assert "the names 'Ann' and 'ann' look alike, and are two" in told
    assert "2 answers do not name just one class: line 3 (" in told
    assert told.count("answers were not taken: class: ") == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", r"a.json: not JSON in UTF-8"),
        ("a.json", "{}", r"a.json: expected a list of records; received dict"),
        ("a.json", "[3]", r"a.json, record 1: expected an object; received int"),
        ("a.json", '[{"text": "x"}]', r"record 1: expected a label in 'label' or 'label'"),
        ("a.jsonl", '{"text": "x", "label": [[0, 2, "ORG"]]}', r"line 1, .*; received spans"),
        ("a.xml", "<a/>", r"a.xml"),
        ("none.csv", None, r"none.csv: no such file"),
    ],
)
def test_other_files_are_refused_and_nothing_is_kept(tmp_path, review, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        import_answers(review, tmp_path / name)
    assert review.journal.entries == []


def test_several_choices_of_a_task_are_told_apart_by_the_label_column(tmp_path, review):
    task = _task(20, (1, ["login"], {}))
    other = {"value": {"choices": ["urgent"]}, "from_name": "urgency", "type": "choices"}
    task["annotations"][0]["result"].append(other)
    with pytest.raises(DataError, match="one named 'label' as the label column; found 'sentiment'"):
        import_answers(review, _write(tmp_path, "a.json", [task]))
    task["annotations"][0]["result"][0]["from_name"] = "label"
    import_answers(review, _write(tmp_path, "b.json", [task]))
    assert _said(review) == {(20, "1"): "login"}


def test_ids_that_tell_no_rows_apart_are_refused(tmp_path):
    frame = made_frame()
    frame.loc[3, "id"] = "00002"
    with Review(made_model(tmp_path, frame)) as review:
        path = _write(tmp_path, "a.jsonl", [{"id": "00002", "label": "login"}])
        with pytest.raises(DataError, match="id_column: expected an id a row; rows 3 and 4 of out"):
            import_answers(review, path, id_column="id")
        with pytest.raises(DataError, match=r"id_column: out\.csv has no column 'key', but 'id'"):
            import_answers(review, path, id_column="key")
        frame = review.rows.frame
        frame["id"] = [str(n) for n in range(len(frame))]
        path = _write(tmp_path, "b.jsonl", [{"text": "x", "label": "login"}])
        with pytest.raises(DataError, match="line 1: expected 'id', which tells rows apart"):
            import_answers(review, path, id_column="id")
