"""Files that a tagger wrote: results read again, and the source written with answers in it."""

import gzip
import json
from dataclasses import asdict

import pytest

from tests.data.tagged_answers import answers
from tests.references.tagged_spans import SCHEMES, all_spans, tags_of
from tfp_dgm.data import DataError, read_result_sentences, read_tagged_sentences

CONLL = (
    "# newdoc\n-DOCSTART- -X- O\n\n\n# id = 1\nEU NNP B-ORG\n#1 CD O\nwins VBZ _  \n"
    " \t \nPeter NNP B-PER\nLee\tNNP  I-PER\n. . _"
)
CONLLU = (
    "# sent_id = 1\n1\tDon\tdo\tAUX\t_\t_\t0\troot\t_\tA=b|c\n2\tgo\tgo\t_\t_\t_\t1\tx\t_\t_\n\n"
    "1-2\tzum\t_\t_\t_\t_\t_\t_\t_\t_\n1\tzu\tzu\tADP\t_\t_\t0\troot\t_\t_\n"
    "2\tdem\tder\tDET\t_\t_\t1\tx\t_\tSpaceAfter=No\n\n"
)
JSON = (
    '{"id": 1e3, "tokens": ["Anna", "met", "Lee"] , "tags": ["B-PER", "O", null]}\n\n'
    '{"tokens": [], "tags": []}\n{"tokens": ["New", "York"], "x": "\\u00e9"}\n'
)
ARRAY = '[\n {"tokens": ["a", "b"], "tags": ["X", null]},\n\n {"tokens": ["c"],"tags": ["Y"]}\n]\n'
TEXTS = (
    '{"text": "Anna met Lee.", "spans": [{"start": 0, "end": 4, "label": "PER", "id": 7}]}\n'
    '{"text": "Cora slept in Rome."}\n'
    '{"text": "", "spans": []}\n'
)


def tagged(folder, text, name, **options):
    """Tags a file with made results; gives them, and what is read again."""
    path = folder / f"in_{name}"
    path.write_bytes(text.encode())
    found = read_tagged_sentences(path, **options)
    results = answers(found)
    found.write(folder / name, results)
    settings = {"token_column": None, **options, "scheme": asdict(found.scheme)}
    return found, results, read_result_sentences(folder / name, settings)


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("a.conll", CONLL, {}),
        ("two.conll", "a\tX\nb c\t\n\n#\tY\n", {}),
        ("first.conll", "O a\nB-X b\nI-X c\n\n", {"token_column": 2, "tag_column": 1}),
        ("u.conllu", CONLLU, {}),
        ("misc.conllu", CONLLU.replace("A=b|c", "X"), {"tag_column": "misc", "separator": ""}),
        ("w.jsonl", JSON, {}),
        ("w.json", ARRAY, {}),
        ("t.jsonl", TEXTS, {}),
        ("a.conll.gz", CONLL, {}),
    ],
)
def test_results_are_read_again_and_the_source_is_what_it_was(tmp_path, name, text, options):
    if name.endswith(".gz"):
        text_in, name = text, "plain.conll"
    else:
        text_in = text
    source, results, found = tagged(tmp_path, text_in, name, **options)
    assert found.tokens == source.tokens
    assert found.tags == source.tags
    for one, other in zip(found.results, results, strict=True):
        assert list(one.tags) == list(other.tags)
        assert list(one.probabilities) == list(other.probabilities)
        assert list(one.accept) == list(other.accept)
        assert list(one.spans) == list(other.spans)
    output = tmp_path / f"again_{name}"
    found.write_source(output, [None] * len(results))
    assert output.read_bytes().decode() == text_in
    packed = tmp_path / f"packed_{name}.gz"
    found.write_source(packed, [[None] * len(words) for words in found.tokens])
    assert gzip.decompress(packed.read_bytes()).decode() == text_in


def answered(folder, text, name, said, **options):
    """The source with answers in it, and what is read of that."""
    _, _, found = tagged(folder, text, name, **options)
    output = folder / f"again_{name}"
    found.write_source(output, said)
    return output.read_text(encoding="utf-8"), read_tagged_sentences(output, **options)


def test_a_line_keeps_its_columns_and_blanks(tmp_path):
    said = [[None, "B-LOC", "O"], None]
    text, again = answered(tmp_path, CONLL, "a.conll", said)
    assert text == CONLL.replace("#1 CD O", "#1 CD B-LOC").replace("VBZ _  ", "VBZ O  ")
    assert again.tags[0] == [("B-ORG",), ("B-LOC",), ("O",)]
    text, _ = answered(tmp_path, "a\tX\nb c\t\n\n", "two.conll", [["X", "Y"]])
    assert text == "a\tX\nb c\tY\n\n"


def test_attributes_of_conllu_stay(tmp_path):
    text, again = answered(tmp_path, CONLLU, "u.conllu", [[None, "VERB"], None])
    assert text == CONLLU.replace("go\tgo\t_", "go\tgo\tVERB")
    assert again.tags[0] == [("AUX",), ("VERB",)]


def test_an_object_keeps_the_characters_of_its_other_members(tmp_path):
    said = [[None, None, "B-PER"], ["B-PER", "I-PER"]]
    text, again = answered(tmp_path, JSON, "w.jsonl", said)
    assert text == (
        '{"id": 1e3, "tokens": ["Anna", "met", "Lee"] , "tags": ["B-PER", "O", "B-PER"]}\n\n'
        '{"tokens": [], "tags": []}\n'
        '{"tokens": ["New", "York"], "x": "\\u00e9", "tags": ["B-PER", "I-PER"]}\n'
    )
    assert again.tags[1] == [("B-PER",), ("I-PER",)]


@pytest.mark.parametrize(
    ("text", "said", "lines"),
    [
        (  # All words are known: what else there is of the spans stays.
            TEXTS,
            [[None, None, "S-LOC", None], ["S-PER", "O", "O", "O", "O"]],
            [
                '{"text": "Anna met Lee.", "spans": [{"start": 0, "end": 4, "label": "PER", '
                '"id": 7}, {"start": 9, "end": 12, "label": "LOC"}]}',
                '{"text": "Cora slept in Rome.", "spans": [{"start": 0, "end": 4, "label": '
                '"PER"}]}',
                '{"text": "", "spans": []}',
            ],
        ),
        (  # A part of them.
            TEXTS,
            [["O", None, None, None], [None, "O", None, "S-LOC", None]],
            [
                '{"text": "Anna met Lee.", "spans": []}',
                '{"text": "Cora slept in Rome.", "spans": [{"start": 5, "end": 10, "label": "O"}, '
                '{"start": 14, "end": 18, "label": "LOC"}], "partial": true}',
                '{"text": "", "spans": []}',
            ],
        ),
        (  # Doccano's lists, and a text that was rejected.
            '{"text": "New York", "label": [[0, 8, "LOC"]]}\n'
            '{"text": "to Oslo", "label": [], "answer": "reject"}\n',
            [["B-ORG", "E-ORG"], ["O", "S-LOC"]],
            [
                '{"text": "New York", "label": [[0, 8, "ORG"]]}',
                '{"text": "to Oslo", "label": [[3, 7, "LOC"]], "answer": "accept"}',
            ],
        ),
        (  # What was partial is no longer.
            '{"text": "a b", "partial": true, "spans": [{"start": 0, "end": 1, "label": "X"}]}\n',
            [[None, "O"]],
            ['{"text": "a b", "partial": false, "spans": [{"start": 0, "end": 1, "label": "X"}]}'],
        ),
        (  # Label Studio: what is no span stays, and so does what was cancelled.
            '{"data": {"text": "\\ud83d\\ude00 a Bo"}, "annotations": [{"was_cancelled": true}, '
            '{"id": 4, "result": [{"value": {"choices": ["x"]}}, {"from_name": "ner", "value": '
            '{"start": 5, "end": 7, "text": "Bo", "labels": ["PER"]}}]}]}\n'
            '{"data": {"text": "Bo"}}\n',
            [[None, "S-LOC", None], ["S-PER"]],
            [
                '{"data": {"text": "\\ud83d\\ude00 a Bo"}, "annotations": [{"was_cancelled": '
                'true}, {"id": 4, "result": [{"value": {"choices": ["x"]}}, {"from_name": "ner", '
                '"to_name": "text", "type": "labels", "value": {"start": 2, "end": 3, "text": '
                '"a", "labels": ["LOC"]}}, {"from_name": "ner", "value": {"start": 5, "end": 7, '
                '"text": "Bo", "labels": ["PER"]}}]}]}',
                '{"data": {"text": "Bo"}, "annotations": [{"result": [{"from_name": "ner", '
                '"to_name": "text", "type": "labels", "value": {"start": 0, "end": 2, "text": '
                '"Bo", "labels": ["PER"]}}]}]}',
            ],
        ),
    ],
)
def test_spans_of_characters_say_what_was_answered(tmp_path, text, said, lines):
    written, again = answered(tmp_path, text, "t.jsonl", said)
    assert written.splitlines() == lines
    for tags, told in zip(again.tags, said, strict=True):
        for tag, answer in zip(tags, told, strict=True):
            assert answer is None or tag == (answer,)


@pytest.mark.parametrize("kind", SCHEMES)
def test_spans_of_every_scheme_are_read_again(tmp_path, kind):
    every = list(all_spans(4, ("PER", "a-b")))
    sentences = [tags_of(4, spans, kind) for spans in every]
    lines = "".join("".join(f"w {tag}\n" for tag in tags) + "\n" for tags in sentences)
    _, results, found = tagged(tmp_path, lines, "s.conll", scheme=kind)
    for spans, result, labels in zip(every, found.results, found.labels, strict=True):
        assert [(s.first, s.last, s.name) for s in result.spans] == sorted(spans)
        assert labels == tags_of(4, spans, "BIOES")
    assert [list(one.spans) for one in found.results] == [list(one.spans) for one in results]


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("met O", "none", "line 2: expected 3 columns of results; received 'met O'"),
        ("met O O 0.9 Maybe", "none", "line 2: expected 3 columns of results"),
        ("met O O 1.5 Yes", "none", "line 2: expected a probability; received '1.5'"),
        ("met O Q 0.5 Yes 0.5 _ O 0.1", "BIO", "line 1: tags: expected tags in BIO of PER"),
        ("met O O 0.5 Yes 0.5 Q O 0.1", "BIO", "line 2: expected Yes, No or _; received 'Q'"),
    ],
)
def test_what_is_no_result_is_refused_by_line(tmp_path, line, kind, said):
    path = tmp_path / "t.conll"
    names = ["O", "X"] if kind == "none" else ["PER"]
    good = "a O O 0.5000 _" + (" _ _ _ _" if kind == "BIO" else "")
    path.write_text(f"{good}\n{line}\n{good}\n")
    scheme = {"kind": kind, "names": names, "lower": False}
    with pytest.raises(DataError) as caught:
        read_result_sentences(path, {"scheme": scheme, "token_column": None})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tag_accept": [True]}, "expected a list of 1 as 'tag_probabilities'"),
        ({"tag_probabilities": [0.5], "tag_accept": ["x"]}, "expected Yes, No or _"),
        ({"tag_probabilities": ["x"], "tag_accept": [None]}, "expected a probability"),
    ],
)
def test_what_is_no_result_of_an_object_is_refused(tmp_path, change, said):
    path = tmp_path / "t.jsonl"
    path.write_text(
        json.dumps({"tokens": ["a"], "tags": [None], "predicted_tags": ["X"], **change})
    )
    scheme = {"kind": "none", "names": ["X", "Y"], "lower": False}
    with pytest.raises(DataError, match="line 1") as caught:
        read_result_sentences(path, {"scheme": scheme, "token_column": None})
    assert said in str(caught.value)
