"""Outputs that Label Studio, Doccano and Prodigy import, from files as they export them."""

import json

import pytest

from tfp_dgm.data import (
    DataError,
    SentenceResult,
    SpanResult,
    TaggedWriter,
    TagScheme,
    iter_tagged_sentences,
    read_tagged_sentences,
)

SCHEME = TagScheme("BIOES", ("LOC", "PER"))


def _result(words, *spans):
    found = [SpanResult(*span, 0.75, True, "O", 0.2) for span in spans]
    return SentenceResult(["O"] * words, [0.875] * words, [None] * words, found)


def _written(path, tool, results):
    sentences = read_tagged_sentences(path, tool=tool)
    output = path.with_name(f"out{path.suffix}")
    sentences.check_output(output)
    sentences.write(output, results)
    return output.read_text(encoding="utf-8")


# As Label Studio's JSON has it: an array of tasks on one line.
TASKS = [
    {
        "id": 7,
        "annotations": [
            {
                "id": 3,
                "completed_by": 1,
                "result": [
                    {
                        "value": {"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]},
                        "id": "gew3t9",
                        "from_name": "names",
                        "to_name": "note",
                        "type": "labels",
                        "origin": "manual",
                    }
                ],
                "was_cancelled": False,
            }
        ],
        "drafts": [],
        "predictions": [],
        "data": {"text": "Anna went."},
        "meta": {},
        "inner_id": 1,
    },
    {"id": 8, "annotations": [], "data": {"text": "🙂 In New York."}, "total_annotations": 0},
    {
        "id": 9,
        "annotations": [],
        "predictions": [{"model_version": "other", "result": []}],
        "data": {"text": "Rain."},
    },
]


def test_label_studio_gets_predictions(tmp_path):
    source = tmp_path / "in.json"
    source.write_text(json.dumps(TASKS, ensure_ascii=False), encoding="utf-8")
    results = [_result(3, (0, 0, "PER")), _result(5, (2, 3, "LOC")), _result(2)]
    text = _written(source, "label-studio", results)
    found = json.loads(text)
    for task, before in zip(found, TASKS, strict=True):
        rest = {key: value for key, value in task.items() if key != "predictions"}
        assert rest == {key: value for key, value in before.items() if key != "predictions"}
    first, second, third = (task["predictions"] for task in found)
    # The configuration's own names; offsets as JavaScript counts them.
    assert second == [
        {
            "model_version": "dgm tag",
            "score": 0.75,
            "result": [
                {
                    "id": "words-2-3",
                    "from_name": "names",
                    "to_name": "note",
                    "type": "labels",
                    "value": {"start": 6, "end": 14, "text": "New York", "labels": ["LOC"]},
                    "score": 0.75,
                }
            ],
        }
    ]
    assert len(first) == 1
    assert third == [
        {"model_version": "other", "result": []},
        {"model_version": "dgm tag", "score": 0.875, "result": []},
    ]
    # What it predicted is no annotation, and the file may be read again.
    again = read_tagged_sentences(tmp_path / "out.json")
    assert [any(tags) for tags in again.tags] == [True, False, False]


def test_label_studio_gets_tasks_of_texts(tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("Anna went.\n\n", encoding="utf-8")
    output = tmp_path / "out.jsonl"
    (chunk,) = iter_tagged_sentences(source, scheme=SCHEME, tool="label-studio")
    with TaggedWriter(output) as writer:
        writer.write(chunk, [_result(3, (0, 0, "PER"))])
    first, second = map(json.loads, output.read_text().splitlines())
    assert first["data"] == {"text": "Anna went."}
    (region,) = first["predictions"][0]["result"]
    assert (region["from_name"], region["to_name"]) == ("label", "text")
    assert second["data"] == {"text": ""}
    assert second["predictions"] == [{"model_version": "dgm tag", "score": 1.0, "result": []}]


# Doccano exports one of these keys, and imports the same.
@pytest.mark.parametrize("key", ["label", "entities"])
def test_doccano_gets_labels_where_none_were_given(tmp_path, key):
    lines = [
        f'{{"id": 1, "text": "Anna went.", "{key}": [[0, 4, "PER"]], "Comments": []}}',
        f'{{"id": 2,  "text": "In Oslo .", "{key}": null, "Comments": []}}',
        '{"id": 3, "text": "In Oslo ."}',
        "",
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join(lines))
    found = _written(source, "doccano", [_result(3), *[_result(3, (1, 1, "LOC"))] * 2])
    assert found.splitlines() == [
        lines[0],  # What a person said stays.
        lines[1].replace("null", '[[3, 7, "LOC"]]'),
        '{"id": 3, "text": "In Oslo .", "label": [[3, 7, "LOC"]]}',
    ]


def test_prodigy_gets_spans_with_their_tokens(tmp_path):
    tokens = [
        {"text": "In", "start": 0, "end": 2, "id": 0, "ws": True},
        {"text": "Oslo", "start": 3, "end": 7, "id": 1, "ws": False},
        {"text": ".", "start": 7, "end": 8, "id": 2, "ws": False},
    ]
    spans = [{"start": 3, "end": 7, "token_start": 1, "token_end": 1, "label": "LOC"}]
    given = {
        "text": "In Oslo.",
        "_input_hash": 5,
        "tokens": tokens,
        "spans": [],
        "answer": "accept",
    }
    records = [given, {"text": "In Oslo.", "tokens": tokens}, {"text": "In Oslo."}]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = _written(source, "prodigy", [_result(3), *[_result(3, (1, 1, "LOC"))] * 2])
    assert [json.loads(line) for line in found.splitlines()] == [
        given,
        {"text": "In Oslo.", "tokens": tokens, "spans": spans},
        {"text": "In Oslo.", "spans": spans, "tokens": tokens},
    ]


def test_annotations_that_are_not_read_may_be_anything(tmp_path):
    source = tmp_path / "in.jsonl"
    odd = ["5", "[null]", '[{"result": 5}]', '[{"result": [5]}]', '[{"result": [{"type": 1}]}]']
    rows = [f'{{"data": {{"text": "Oslo"}}, "annotations": {value}}}\n' for value in odd]
    source.write_text("".join(rows))
    output = tmp_path / "out.jsonl"
    with TaggedWriter(output) as writer:
        for chunk in iter_tagged_sentences(source, scheme=SCHEME, tool="label-studio"):
            writer.write(chunk, [_result(1, (0, 0, "LOC"))] * 5)
    tasks = [json.loads(line) for line in output.read_text().splitlines()]
    regions = [task["predictions"][0]["result"][0] for task in tasks]
    assert [region["from_name"] for region in regions] == ["label"] * 5


@pytest.mark.parametrize(
    ("name", "text", "tool", "message"),
    [
        ("a.jsonl", '{"text": "a"}\n', "brat", "tool: expected one of label-studio, doccano"),
        ("a.conll", "a\tB\n", "doccano", "tool: doccano imports texts; received words in columns"),
        ("a.conllu", "1\ta" + "\t_" * 8, "prodigy", "tool: prodigy imports texts"),
        ("a.jsonl", '{"tokens": ["a"]}\n', "prodigy", "received lists of words"),
    ],
)
def test_what_is_no_text_for_a_tool_is_refused(tmp_path, name, text, tool, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_tagged_sentences(tmp_path / name, tool=tool)


def test_plain_text_for_a_tool_is_json_lines(tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("Anna went.\n")
    sentences = read_tagged_sentences(source, format="text", tool="prodigy")
    with pytest.raises(
        DataError, match=r"what prodigy imports is JSON Lines; end its name in \.jsonl"
    ):
        sentences.check_output(tmp_path / "out.conll")
