"""JSON Lines, arrays and plain text: what is read, what is written, what is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.tagged_answers import answers
from tfp_dgm.data import (
    DataError,
    TaggedWriter,
    TagScheme,
    iter_tagged_sentences,
    read_tagged_sentences,
)

ROUND_TRIP = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TEXT = "Anna Smith lives in New York."
ANNA = {"start": 0, "end": 10, "label": "PER"}


def read(folder, *records, name="t.jsonl", **options):
    path = folder / name
    lines = [r if isinstance(r, str) else json.dumps(r) + "\n" for r in records]
    path.write_text("".join(lines))
    return read_tagged_sentences(path, **options)


def joined(found):
    """Tags of each sentence in one string: "." where nothing is known, "a|b" of a set."""
    return [" ".join("|".join(tags) or "." for tags in sentence) for sentence in found.tags]


def test_words_and_tags(tmp_path):
    found = read(
        tmp_path,
        '{"id": 1.50, "tokens": ["New York", "x"], "tags": ["B-X", "O"]}  \n',
        "\n",
        {"tokens": ["a", "b", "c"], "tags": ["_", ["O", "B-X"], "B-X|I-X"]},
        {"tokens": ["a"], "tags": None},
        {"tokens": ["ü"]},
        '{"tokens": [], "tags": []}',
    )
    assert found.tokens == [["New York", "x"], ["a", "b", "c"], ["a"], ["ü"]]
    assert joined(found) == ["B-X O", ". O|B-X B-X|I-X", ".", "."]
    assert [found.place(0, 1), found.place(2)] == ["line 1, word 2", "line 4"]
    assert "no words: line 6" in found.warnings
    found.write(tmp_path / "out.jsonl", answers(found))
    lines = (tmp_path / "out.jsonl").read_text().split("\n")
    assert lines[0] == (
        '{"id": 1.50, "tokens": ["New York", "x"], "tags": ["B-X", "O"], "predicted_tags": '
        '["B-X", "O"], "tag_probabilities": [0.5, 0.5], "tag_accept": [true, false], '
        '"predicted_spans": [{"first": 0, "last": 0, "label": "X", "probability": 0.75, "accept": '
        'true, "runner_up": "O", "runner_up_probability": 0.125}]}  '
    )
    assert lines[1] == ""
    assert lines[5].startswith('{"tokens": [], "tags": [], "predicted_tags": [], ')
    with pytest.raises(DataError, match=r"line 1.*already has 'predicted_tags', .*earlier run"):
        again = read_tagged_sentences(tmp_path / "out.jsonl")
        again.write(tmp_path / "again.jsonl", answers(again))


def test_keys_are_chosen(tmp_path):
    record = {"text": "a b", "words": ["a", "b"], "ner": ["X", "Y"], "tokens": [{"id": 0}]}
    found = read(tmp_path, record, token_column="words", tag_column="ner")
    assert joined(found) == ["X Y"]
    found = read(tmp_path, {"body": "a b", "mine": [[0, 1, "X"]]}, token_column="body",
                 tag_column="mine")  # fmt: skip
    assert joined(found) == ["S-X O"]


@pytest.mark.parametrize(
    "record",
    [
        {"text": TEXT, "spans": [ANNA, {"start": 20, "end": 28, "label": "LOC"}]},
        {"text": TEXT, "label": [[0, 10, "PER"], [20, 28, "LOC"]]},
        {"text": TEXT, "labels": [[20, 28, "LOC"], [0, 10, "PER"]], "comments": []},
        {
            "text": TEXT,
            "entities": [
                {"id": 7, "label": "PER", "start_offset": 0, "end_offset": 10},
                {"id": 8, "label": "LOC", "start_offset": 20, "end_offset": 28},
            ],
            "relations": [],
        },
        {
            "text": TEXT,
            "label": [
                {"start": 0, "end": 10, "text": "Anna Smith", "labels": ["PER"]},
                {"start": 20, "end": 28, "text": "New York", "labels": ["LOC"]},
            ],
            "annotator": 1,
        },
        {
            "data": {"text": TEXT, "id": 3},
            "annotations": [
                {"was_cancelled": True, "result": []},
                {
                    "result": [
                        {"type": "labels", "value": {**ANNA, "labels": ["PER"]}},
                        {"type": "choices", "value": {"choices": ["good"]}},
                        {"type": "relation", "from_id": "a"},
                        {"type": "labels", "value": {"start": 20, "end": 28, "labels": ["LOC"]}},
                    ]
                },
            ],
        },
    ],
    ids=[
        "prodigy",
        "doccano",
        "doccano-old",
        "doccano-relations",
        "label-studio-min",
        "label-studio",
    ],
)
def test_exports_of_annotation_tools(tmp_path, record):
    found = read(tmp_path, record)
    assert found.scheme.kind == "BIOES"
    assert joined(found) == ["B-PER E-PER O O B-LOC E-LOC O"]
    assert found.texts == [TEXT]
    assert found.offsets[0][:2] == [(0, 4), (5, 10)]
    array = read(tmp_path, json.dumps([record], indent=2), name="t.json")
    assert joined(array) == joined(found)


def test_what_the_page_shows_is_read(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "tagging.md").read_text(encoding="utf-8")
    shown = [line + "\n" for line in page.splitlines() if line.startswith('{"')]
    found = [joined(read(tmp_path, line)) for line in shown]
    assert found == [["B-PER O ."], ["S-PER O O O"], ["S-PER O S-PER O"], ["S-PER O O O"]]


@pytest.mark.parametrize(
    ("record", "tags"),
    [
        ({"text": "a b"}, ". ."),
        ({"text": "a b", "spans": None}, ". ."),
        ({"text": "a b", "spans": []}, "O O"),
        ({"data": {"text": "a b"}, "annotations": []}, ". ."),
        ({"data": {"text": "a b"}, "annotations": [{"result": []}]}, "O O"),
        ({"text": "a b", "spans": [[0, 1, "X"]], "answer": "reject"}, ". ."),
        ({"text": "a b", "spans": [[0, 1, "X"]], "answer": "accept"}, "S-X O"),
        ({"text": "a b", "spans": [[0, 1, "X"]], "partial": True}, "S-X ."),
        ({"text": "a b c", "spans": [[0, 1, "X"], [2, 3, "O"]], "partial": True}, "S-X O ."),
        ({"text": "a b", "spans": [], "partial": True}, ". ."),
        ({"text": "a b", "spans": [[0, 1, "X"], [0, 1, "Y"]]}, "S-X|S-Y O"),
        ({"text": "a b", "spans": [[0, 3, "X"], [0, 3, "X"]]}, "B-X E-X"),
        ({"text": "a-b", "spans": [[0, 1, "X"]], "tokens": [{"start": 0, "end": 3}]}, "S-X"),
    ],
)
def test_what_is_annotated_and_what_is_not(tmp_path, record, tags):
    assert joined(read(tmp_path, record)) == [tags]


@pytest.mark.parametrize(
    ("spans", "tags", "words"),
    [
        ([[4, 11, "X"]], "O S-X O O O O O", "a span with blanks at its ends; trimmed: line 1"),
        ([[10, 11, "X"]], "O O O O O O O", "a span of blanks alone; left out: line 1"),
        ([[2, 10, "X"]], "B-X E-X O O O O O", "begins or ends within a word; widened"),
        ([[0, 4, "X"], [0, 10, "Y"]], "B-Y E-Y O O O O O", "overlaps a longer one; left out"),
        ([[5, 16, "X"], [0, 10, "Y"]], "B-Y E-Y O O O O O", "overlaps a longer one; left out"),
    ],
)
def test_spans_that_do_not_fit_are_told(tmp_path, spans, tags, words):
    found = read(tmp_path, {"text": TEXT, "spans": spans})
    assert joined(found) == [tags]
    assert any(words in warning for warning in found.warnings)


def test_offsets_of_javascript(tmp_path):
    """Label Studio counts UTF-16 units; the span's own text tells."""
    value = {"start": 3, "end": 7, "text": "Anna", "labels": ["PER"]}
    found = read(tmp_path, {"text": "\U0001f600 Anna", "label": [value]})
    assert joined(found) == ["O S-PER"]
    assert any("UTF-16" in warning for warning in found.warnings)
    value = {"start": 2, "end": 6, "text": "Anna", "labels": ["PER"]}
    found = read(tmp_path, {"text": "\U0001f600 Anna", "label": [value]})
    assert (joined(found), found.warnings[:-1]) == (["O S-PER"], [])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"a": 1, "b": 2}, r"line 1: expected .* as 'tokens' or 'text'; the keys are 'a', 'b'"),
        ({"tokens": "a b"}, "the keys are 'tokens'; name that of the words"),
        ({"tokens": ["a", 1]}, r"expected a list of strings as 'tokens'; received \['a', 1\]"),
        ({"tokens": ["a", ""]}, "expected words as 'tokens'; received an empty one, 2"),
        (
            {"tokens": ["a"], "tags": ["A", "B"]},
            r"as many tags as words \(1\); received 2 as",
        ),
        ({"tokens": ["a"], "tags": "A"}, "expected a list as 'tags'; received 'A'"),
        ({"tokens": ["a"], "tags": [3]}, "tags as strings in 'tags'; received the number 3"),
        ({"tokens": ["a"], "tags": [{}]}, "expected a tag, null, or a list of tags"),
        ({"tokens": ["a\ud83d"]}, "received half of a surrogate pair"),
        ({"text": "a\ud83d"}, "received half of a surrogate pair"),
        ({"text": TEXT, "label": ["good"]}, "expected a span: start, end and label; .*'good'"),
        ({"text": TEXT, "spans": {"a": 1}}, "expected a list of spans; received {'a': 1}"),
        ({"text": TEXT, "spans": [[0, 4]]}, "expected a span: start, end and label"),
        ({"text": TEXT, "spans": [[0, 4, ""]]}, "expected a label of the span"),
        ({"text": TEXT, "spans": [["0", 4, "X"]]}, "expected start and end of the span"),
        ({"text": TEXT, "spans": [[4, 4, "X"]]}, "the 29 characters .*; received 4 to 4"),
        ({"text": TEXT, "spans": [[-1, 4, "X"]]}, "received -1 to 4"),
        ({"text": TEXT, "spans": [[0, 30, "X"]]}, "received 0 to 30"),
        ({"text": TEXT, "spans": [{**ANNA, "text": "Bert"}]}, "expected 'Bert' at the characters"),
        ({"text": TEXT, "spans": [], "partial": 1}, "expected true or false as 'partial'"),
        ({"text": TEXT, "tokens": [{"start": 3, "end": 99}]}, "tokens with start and end, in ord"),
        ({"data": {"text": TEXT}, "annotations": 3}, "expected a list of objects as 'annotations'"),
        ({"data": {"text": TEXT}, "annotations": [{}]}, "expected a list of objects as 'result'"),
        ({"data": {"a": "x", "b": "y"}}, "expected a text as 'text'; received None; .*'a', 'b'"),
        ('{"text": "a"', "line 1: expected a JSON object"),
        ('{"text": "a", "text": "b"}', "duplicate key 'text'"),
        ("", "expected at least one JSON object; none"),
        ('{"text": " "}', "expected at least one sentence; none"),
    ],
)
def test_faults_are_named(tmp_path, record, message):
    with pytest.raises(DataError, match=rf"t.jsonl.*{message}"):
        read(tmp_path, record)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"text": "a"}, 5]', "object 2: expected a JSON object; received 5"),
        ('[{"text": "a"}', "object 2: expected an array of JSON objects; received ''"),
        ('[{"text": "a"}] x', "object 2: expected an array of JSON objects; received '. x'"),
        ('[{"text": "a"},\n {"text": 5}]', "object 2: expected a text as 'text'; received 5"),
    ],
)
def test_faults_of_arrays_are_named(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text, name="t.json")


def test_spans_have_one_scheme(tmp_path):
    with pytest.raises(DataError, match="scheme: texts with spans have none; received 'BIO'"):
        read(tmp_path, {"text": "a", "spans": []}, scheme="BIO")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=3,
)


@ROUND_TRIP
@given(data=st.data(), array=st.booleans(), indent=st.sampled_from([None, 1]))
def test_objects_keep_every_byte(tmp_path, data, array, indent):
    texts = st.text(st.sampled_from("ab \u00e9\U0001f600.'"), max_size=8)
    records = []
    for text in data.draw(st.lists(texts, min_size=1, max_size=3)):
        records.append({"text": text, "x": data.draw(JSON_VALUES)})
        if text.strip() and data.draw(st.booleans()):
            start = data.draw(st.integers(0, len(text) - 1))
            end = data.draw(st.integers(start + 1, len(text)))
            records[-1]["spans"] = [[start, end, "X"]]
    records.append({"text": "end"})
    dumped = [json.dumps(record, indent=indent if array else None) for record in records]
    text = "[" + ",\n".join(dumped) + "] \n" if array else "\n\n".join(dumped)
    found = read(tmp_path, text, name="t.json" if array else "t.jsonl")
    output = tmp_path / ("out.json" if array else "out.jsonl")
    found.write(output, answers(found))
    written = output.read_text()
    again = json.loads(written) if array else [json.loads(s) for s in written.split("\n") if s]
    for before, after in zip(records, again, strict=True):
        words = after.pop("predicted_words")
        spans = after.pop("predicted_spans")
        assert after == before
        inside = [i for w in words for i in range(w["start"], w["end"])]
        assert all(i in inside or c == " " for i, c in enumerate(before["text"]))
        marked = [i for w in words if w["tag"] != "O" for i in range(w["start"], w["end"])]
        held = [i for s in spans for i in range(s["start"], s["end"])]
        assert set(marked) <= set(held)
        for start, end, _ in before.get("spans", []):
            kept = [i for i in range(start, end) if before["text"][i] != " "]
            assert set(kept) <= set(held)
    for record in dumped:  # The characters, not only the values.
        assert record[:-1].rstrip() in written


def test_plain_text_as_columns_and_as_objects(tmp_path):
    (tmp_path / "t.txt").write_text("Anna isn't here.\r\n\n#tag me")
    found = read_tagged_sentences(tmp_path / "t.txt")
    assert found.tokens == [["Anna", "is", "n't", "here", "."], ["#", "tag", "me"]]
    assert found.offsets[0][1:3] == [(5, 7), (7, 10)]
    assert [found.place(0, 2), found.place(1)] == ["line 1, word 3", "line 3, word 1"]
    scheme = TagScheme("BIO", ("PER",))
    for name in ("out.conll", "out.jsonl"):
        with TaggedWriter(tmp_path / name) as writer:
            for part in iter_tagged_sentences(tmp_path / "t.txt", scheme=scheme, sentences=1):
                writer.write(part, answers(part))
    columns = (tmp_path / "out.conll").read_text()
    assert columns.startswith(
        "# text = Anna isn't here.\nAnna\tO\t0.5000\tYes\t_\t_\t_\t_\nis\tO\t"
    )
    again = read_tagged_sentences(tmp_path / "out.conll", tag_column=2)
    assert again.tokens == found.tokens
    objects = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [o["text"] for o in objects] == ["Anna isn't here.", "", "#tag me"]
    assert objects[2]["predicted_words"][1] == {
        "start": 1, "end": 4, "tag": "O", "probability": 0.5, "accept": False
    }  # fmt: skip
    assert objects[1] == {"text": "", "predicted_spans": [], "predicted_words": []}
    with pytest.raises(DataError, match="no word has a tag in plain text"):
        found.check_learnable()
    with pytest.raises(DataError, match="token_column: plain text has no columns; received 1"):
        read_tagged_sentences(tmp_path / "t.txt", token_column=1)


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("t.txt", "a O\nb X\n\nc O\n", "ColumnFile"),
        ("t.txt", "a\tO\n", "ColumnFile"),
        ("train.txt", "-DOCSTART- -X- O\n\nEU NNP O\nx y O\n\nz z O\n", "ColumnFile"),
        ("t.txt", "two words\nin lines\n", "PlainFile"),
        ("t.txt", "Two words.\n\nMore of them.\n", "PlainFile"),
        ("t.txt", "", "PlainFile"),
        ("notes", "1\ta\ta\tX\tX\t_\t0\troot\t_\t_\n", "ConlluFile"),
        ("notes", '\n{"text": "a"}\n', "JsonFile"),
        ("notes", '[{"text": "a"}]', "JsonFile"),
        ("notes", '[\n{"text": "a"}]', "JsonFile"),
        ("notes", "[sic] he said\n", "PlainFile"),
        ("notes", "a b c\n" * 3, "PlainFile"),
    ],
)
def test_formats_are_told_by_looking(tmp_path, name, text, format):
    (tmp_path / name).write_text(text)
    if text:
        assert type(read_tagged_sentences(tmp_path / name).source).__name__ == format
    else:
        with pytest.raises(DataError, match="expected at least one sentence; none"):
            read_tagged_sentences(tmp_path / name)


def test_tables_and_missing_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"t.csv: no such file"):
        read_tagged_sentences(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b\n")
    with pytest.raises(DataError, match=r"expected sentences .* received a table \(.csv\)"):
        read_tagged_sentences(tmp_path / "t.csv")


def test_bad_spans_do_not_matter_to_a_model(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a b", "spans": [[0, 99, "X"]]}\n')
    scheme = TagScheme("none", ("A",))
    (part,) = iter_tagged_sentences(tmp_path / "t.jsonl", scheme=scheme)
    part.write(tmp_path / "out.jsonl", answers(part))
    assert json.loads((tmp_path / "out.jsonl").read_text())["predicted_words"][0]["tag"] == "A"
    with pytest.raises(DataError, match=r"the input is JSON, .*end its name in .json or .jsonl"):
        part.check_output(tmp_path / "out.conll")
