"""The job end to end, on sentences of a small grammar whose tags are known."""

import json
import re
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import accuracy_score, f1_score

from tests.tagging.made_sentences import conll, names, parts_of_speech
from tfp_dgm.data import DataError
from tfp_dgm.tagging import predict_tags, tag_file

WORDS = parts_of_speech(220, seed=1)
NAMES = names(220, seed=2)
WHOLE = 60  # So many sentences are tagged whole; of the next, a word in two.
PART = 20


def _given(sentence, word):
    return sentence < WHOLE or (sentence < WHOLE + PART and word % 2 == 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tagging")
    (folder / "words.conll").write_text(conll(WORDS, _given))
    (folder / "names.conll").write_text(conll(NAMES, _given))
    return folder


@pytest.fixture(scope="module")
def words(folder):
    return tag_file(folder / "words.conll", folder / "words.out.conll", min_precision=0.9)


@pytest.fixture(scope="module")
def spans(folder):
    return tag_file(folder / "names.conll", folder / "names.out.conll", min_precision=0.9)


def _rows(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def _checked(job, sentences, source):
    """Rows of the output that were open, beside their true tags; all rows are there, as given."""
    rows, before = _rows(job.output), _rows(source)
    assert [row[: len(old)] for row, old in zip(rows, before, strict=True)] == before
    truth = [tag for _, tags in sentences for tag in tags]
    full = [row for row in rows if row != [""]]
    assert len(full) == len(truth)
    for row, tag in zip(full, truth, strict=True):
        assert 0 <= float(row[3]) <= 1
        if row[1] != "_":
            assert row[2] == row[1] == tag
            assert row[4] == "_"
    return [(row, tag) for row, tag in zip(full, truth, strict=True) if row[1] == "_"]


@pytest.mark.slow
def test_words_are_tagged_and_what_is_accepted_is_right(words, folder):
    rows = _checked(words, WORDS, folder / "words.conll")
    accepted = [row[2] == tag for row, tag in rows if row[4] == "Yes"]
    assert len(accepted) > 0.6 * len(rows)
    assert np.mean(accepted) >= 0.9
    assert {row[4] for row, _ in rows} <= {"Yes", "No"}
    assert words.outcome.words.accepted == len(accepted)


@pytest.mark.slow
def test_spans_are_tagged_and_what_is_accepted_is_right(spans, folder):
    rows = _checked(spans, NAMES, folder / "names.conll")
    right = [row[2] == tag for row, tag in rows if row[4] == "Yes"]
    assert np.mean(right) >= 0.9
    begun = [row for row, _ in rows if row[5] != "_"]
    assert {row[2][:2] for row in begun} == {"B-"}
    assert sum(row[6] == "Yes" for row in begun) > 0.5 * len(begun)
    assert all(re.fullmatch(r"O|(PER|LOC)(:\d+-\d+)?", row[7]) for row in begun)
    assert all(float(row[5]) + float(row[8]) <= 1.0001 for row in begun)


def test_accepted_words_of_a_span_are_those_of_accepted_spans(spans):
    outcome = spans.outcome
    for number, found in enumerate(outcome.spans):
        for span in found:
            own = slice(outcome.starts[number] + span.first, outcome.starts[number] + span.last + 1)
            open_words = outcome.observed[own] < 0
            assert (outcome.accept[own][open_words] == bool(span.accept)).all()
            assert (span.accept is None) == (not open_words.any())


def test_metrics_are_those_of_other_libraries(spans):
    found = json.loads((spans.model_directory / "metrics.json").read_text())
    outcome = spans.outcome
    known = outcome.observed >= 0
    truth, predicted = outcome.observed[known], outcome.predicted[known]
    checked = found["cross_fitted"]
    assert checked["count"] == known.sum() == found["words"]["given"]
    assert checked["accuracy"]["value"] == pytest.approx(accuracy_score(truth, predicted))
    labels = np.unique(truth)
    assert checked["macro_f1"]["value"] == pytest.approx(
        f1_score(truth, predicted, labels=labels, average="macro", zero_division=0)
    )
    for band in (checked["accuracy"], checked["spans"]["f1"]):
        assert band["low"] <= band["value"] <= band["high"]
    assert found["sentences"] == {
        "all": 220, "whole": WHOLE, "part": PART, "none": 220 - WHOLE - PART,
        "copies": outcome.copies,
    }  # fmt: skip
    scores = checked["spans"]
    precision, recall = scores["precision"]["value"], scores["recall"]["value"]
    assert scores["f1"]["value"] == pytest.approx(
        2 * precision * recall / (precision + recall) if precision + recall else 0
    )
    assert scores["count"] == sum(tag[0] == "B" for _, tags in NAMES[:WHOLE] for tag in tags)


class _Page(HTMLParser):
    """The text of a page; refuses what loads or runs."""

    def __init__(self):
        super().__init__()
        self.text, self.ids, self.marked = [], [], 0

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert tag not in ("script", "link", "iframe")
        assert not {"onload", "onclick"} & attributes.keys()
        self.marked += tag == "mark"
        if "id" in attributes:
            self.ids.append(attributes["id"])

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("kind", ["words", "spans"])
def test_the_report_shows_what_to_do(kind, request):
    job = request.getfixturevalue(kind)
    page = _Page()
    page.feed((job.model_directory / "report.html").read_text(encoding="utf-8"))
    text = " ".join(" ".join(page.text).split())
    assert len(page.ids) == len(set(page.ids))
    assert "What to annotate next" in text
    assert "safe to accept" in text
    assert f"in {len(job.outcome.tokens)} sentences" in text
    assert (page.marked > 0) == any(
        word in text for word in ("or",) if job.outcome.next_sentences and page.marked
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["words", "spans"])
def test_prediction_gives_the_answers_of_the_job(kind, request, folder):
    job = request.getfixturevalue(kind)
    source = folder / f"new-{kind}.conll"
    made = {"words": WORDS, "spans": NAMES}[kind][WHOLE + PART :]
    source.write_text(conll(made, lambda sentence, word: False))
    output = folder / f"new-{kind}.out.conll"
    assert predict_tags(job.model_directory, source, output) == len(made)
    before = _rows(job.output)[-len(_rows(output)) :]
    for new, old in zip(_rows(output), before, strict=True):
        assert len(new) == len(old)
        for cell, was in zip(new, old, strict=True):
            if re.fullmatch(r"\d\.\d{4}", cell):
                assert float(cell) == pytest.approx(float(was), abs=2e-4)
            else:
                assert cell == was


@pytest.mark.slow
def test_the_saved_model_and_the_keras_model_say_the_same(spans):
    model = keras.saving.load_model(spans.model_directory / "model.keras")
    loaded = tf.saved_model.load(str(spans.model_directory / "saved_model/1"))
    texts = ["Anna went to New York.", "", "Gil"]
    served = loaded.signatures["serving_default"](text=tf.constant(texts))
    tokens = [["Anna", "went", "to", "New", "York", "."], [], ["Gil"]]
    padded = np.array([row + [""] * (6 - len(row)) for row in tokens], object)
    answers = model.answers(tf.constant(padded))
    assert [list(row) for row in served["tokens"].numpy().astype(str)] == padded.tolist()
    assert served["tags"].numpy()[0].tolist() == [b"B-PER", b"O", b"O", b"B-LOC", b"I-LOC", b"O"]
    for name, values in answers.items():
        if values.dtype == tf.float32:
            np.testing.assert_allclose(served[name], values, atol=1e-5)
        else:
            np.testing.assert_array_equal(served[name], values)
    starts, ends = served["starts"].numpy()[0], served["ends"].numpy()[0]
    assert [texts[0][a:b] for a, b in zip(starts, ends, strict=True)] == tokens[0]
    probabilities = model(tf.constant(padded)).numpy()
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(
        served["span_probabilities"][0, 3], served["span_probabilities"][0, 4]
    )


@pytest.mark.slow
def test_a_row_does_not_depend_on_its_batch(spans):
    loaded = tf.saved_model.load(str(spans.model_directory / "saved_model/1"))
    tag = loaded.signatures["tokens"]
    alone = tag(tokens=tf.constant([["Gil", "went"]]))
    among = tag(tokens=tf.constant([["we", "met", "Anna"], ["Gil", "went", ""]]))
    for name, values in alone.items():
        found = among[name].numpy()[1]
        found = found[:2] if values.shape.rank == 2 else found
        if values.dtype == tf.float32:
            np.testing.assert_allclose(found, values.numpy()[0], atol=1e-5)
        else:
            np.testing.assert_array_equal(found, values.numpy()[0])


def test_the_same_seed_gives_the_same_file(words, folder, no_saved_model):
    again = tag_file(folder / "words.conll", folder / "again.conll", min_precision=0.9)
    assert again.output.read_bytes() == words.output.read_bytes()


def test_a_run_may_be_repeated_but_nothing_else_is_replaced(words, folder):
    stranger = folder / "stranger.conll"
    stranger.write_text("a\tB\n")
    with pytest.raises(DataError, match="expected nothing or an earlier result there"):
        tag_file(folder / "words.conll", stranger)
    with pytest.raises(DataError, match=r"belongs to the output 'words\.out\.conll'"):
        tag_file(
            folder / "words.conll",
            folder / "other.conll",
            model_directory=words.model_directory,
        )
    with pytest.raises(DataError, match="is the input"):
        predict_tags(words.model_directory, words.output, words.output)
    with pytest.raises(DataError, match="expected a folder that `dgm tag` wrote"):
        predict_tags(folder, folder / "words.conll", folder / "new.conll")
    assert stranger.read_text() == "a\tB\n"


def test_a_fault_while_writing_leaves_nothing_half(words, folder, no_saved_model, monkeypatch):
    output, model = folder / "half.conll", folder / "half.model"

    def broken(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfp_dgm.tagging.tagger_folder.render_tag_report", broken)
    with pytest.raises(KeyboardInterrupt):
        tag_file(folder / "words.conll", output)
    assert not output.exists()
    assert not model.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\t_\nb\t_\n\n", "no word has a tag"),
        ("a\tX\nb\tX\n\n", "expected two or more tags; received only"),
    ],
)
def test_what_cannot_be_learned_is_refused(tmp_path, text, message):
    (tmp_path / "in.conll").write_text(text)
    with pytest.raises(DataError, match=message):
        tag_file(tmp_path / "in.conll", tmp_path / "out.conll")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.conll"]
