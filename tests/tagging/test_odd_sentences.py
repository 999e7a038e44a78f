"""Sentences of one word and of thousands, files without anything left to tag, texts with spans."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.golden.tagging_models import judged_tagger
from tests.tagging.made_sentences import conll, names, parts_of_speech
from tfp_dgm.data import TagScheme
from tfp_dgm.tagging import predict_tags, tag_file, tag_metrics, tag_sentences


def test_one_word_and_thousands(tmp_path):
    made = parts_of_speech(40, seed=3)
    long = [part for words, _ in parts_of_speech(700, seed=4) for part in words]
    tokens = [words for words, _ in made] + [["cat"], long, ["\u200b", "a b"]]
    given = [[(tag,) for tag in tags] for _, tags in made]
    given += [[()] * len(words) for words in tokens[40:]]
    scheme = TagScheme("none", tuple(sorted({tag for _, tags in made for tag in tags})))
    _, outcome = tag_sentences(tokens, given, scheme)
    results = outcome.results()
    assert [len(result.tags) for result in results] == [len(words) for words in tokens]
    assert np.isfinite(outcome.probabilities).all()
    np.testing.assert_allclose(outcome.probabilities.sum(axis=1), 1, atol=1e-4)
    assert len(long) > 3000
    json.dumps(tag_metrics(outcome), allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2, 0), (0, 3), (0, 0), (1, 1)])
def test_served_rows_may_be_empty(shape):
    """As of a request all of whose sentences are; graphs know no size before."""
    model, *_ = judged_tagger()
    specs = [tf.TensorSpec([None, None], tf.string)]
    served = tf.function(model.answers, input_signature=specs, autograph=False)
    answers = served(tf.constant(np.full(shape, ""), tf.string))
    assert answers.pop("unlike").shape == shape[:1]
    assert {name: values.shape for name, values in answers.items()} == dict.fromkeys(answers, shape)


@pytest.mark.slow
def test_texts_with_spans_come_back_with_all_their_keys(tmp_path):
    lines = []
    for number, (words, tags) in enumerate(names(40, seed=5)):
        text, spans = "", []
        for word, tag in zip(words, tags, strict=True):
            start = len(text) + bool(text)
            text = f"{text} {word}".strip()
            if tag[0] == "B":
                spans.append({"start": start, "end": start + len(word), "label": tag[2:]})
            elif tag[0] == "I":
                spans[-1]["end"] = start + len(word)
        record = {"id": number, "text": text}
        lines.append(record if number >= 25 else record | {"spans": spans})
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job = tag_file(source, output)
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [
        {key: record[key] for key in line} for record, line in zip(found, lines, strict=True)
    ] == lines
    for record in found[:25]:  # What was given stays, and nothing is said of its safety.
        assert [
            {key: span[key] for key in ("start", "end", "label")}
            for span in record["predicted_spans"]
        ] == record["spans"]
        assert {span["accept"] for span in record["predicted_spans"]} <= {None}
    new = tmp_path / "new.txt"
    new.write_text("Anna went to Oslo.\n\n")
    assert predict_tags(job.model_directory, new, tmp_path / "new.jsonl") == 1
    first = json.loads((tmp_path / "new.jsonl").read_text().splitlines()[0])
    assert [first["text"][s["start"] : s["end"]] for s in first["predicted_spans"]] == [
        "Anna",
        "Oslo",
    ]


@pytest.mark.slow
def test_a_file_that_is_tagged_already(tmp_path, no_saved_model):
    source = tmp_path / "in.conll"
    source.write_text(conll(names(30), lambda sentence, word: True))
    job = tag_file(source, tmp_path / "out.conll")
    assert job.outcome.accept.sum() == 0
    page = (job.model_directory / "report.html").read_text()
    assert "Every word has its tag already" in page
    figures = json.loads((job.model_directory / "metrics.json").read_text())
    assert figures["words"]["open"] == 0
    assert figures["acceptance"]["spans"]["of"] == 0
    assert figures["cross_fitted"]["spans"]["f1"]["value"] == pytest.approx(1, abs=0.3)
