"""Rows of a pipeline of one's own come back with what the model itself answers."""

import json
from typing import NamedTuple

import pytest

beam = pytest.importorskip("apache_beam")

from apache_beam.options.pipeline_options import PipelineOptions  # noqa: E402
from apache_beam.testing.util import assert_that, equal_to  # noqa: E402

from tests.serving.toys import LETTERS, Letters  # noqa: E402
from tfp_dgm.serving import export  # noqa: E402
from tfp_dgm.serving.beam import DeadLetter, Predict  # noqa: E402
from tfp_dgm.serving.beam.runners import DIRECT, runner_of  # noqa: E402
from tfp_dgm.serving.beam.signature_answers import open_signature  # noqa: E402
from tfp_dgm.serving.refusal import Refusal  # noqa: E402


class Line(NamedTuple):
    number: int
    body: str


class Labelled(NamedTuple):
    text: str
    label: str


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    model = Letters()
    folder = tmp_path_factory.mktemp("models") / "letters"
    signatures = {
        name: signature
        for name, signature in model.serving_signatures().items()
        if name != "classify"
    }
    export(model, folder, batch_sizes=[1, 3], signatures=signatures)
    return model, folder


def _pipeline():
    options = PipelineOptions(["--direct_running_mode=in_memory"])
    return beam.Pipeline(runner=runner_of(DIRECT, options), options=options)


def _label(model, text):
    """low or high, by a sum of the weights of letters in Python."""
    kernel = model.kernel.numpy()
    ids = [LETTERS.index(letter) + 1 if letter in LETTERS else 0 for letter in text]
    low, high = kernel[ids].sum(0)
    return "low" if low >= high else "high"


TEXTS = ["abba", "head of cabbage", "zzz", "", "gag" * 50]


def test_rows_of_a_schema_keep_their_fields_and_gain_the_outputs(letters):
    model, folder = letters
    lines = [Line(number, text) for number, text in enumerate(TEXTS * 3)]
    with _pipeline() as pipeline:
        rows = pipeline | beam.Create(lines).with_output_types(Line)
        found = rows | Predict(folder, columns={"text": "body"})
        fields = [name for name, _ in found.element_type._fields]
        assert fields == ["number", "body", "label", "probabilities"]
        shown = found | beam.Map(lambda row: (row.number, row.body, row.label))
        expected = [(*line, _label(model, line.body)) for line in lines]
        assert_that(shown, equal_to(expected))
        sums = found | beam.Map(lambda row: round(sum(row.probabilities), 4))
        assert_that(sums, equal_to([1.0] * len(lines)), label="sums")


def test_texts_and_mappings_are_rows_too(letters):
    model, folder = letters
    with _pipeline() as pipeline:
        texts = pipeline | "texts" >> beam.Create(TEXTS)
        shown = texts | Predict(folder) | beam.Map(lambda row: (row.text, row.label))
        assert_that(shown, equal_to([(text, _label(model, text)) for text in TEXTS]))
        rows = pipeline | "rows" >> beam.Create([{"text": "abba", "id": 7}])
        found = rows | "again" >> Predict(folder) | "keys" >> beam.Map(sorted)
        assert_that(found, equal_to([["id", "label", "probabilities", "text"]]), label="mappings")


def test_rows_at_fault_come_out_as_dead_letters(letters):
    _, folder = letters
    rows = [{"text": text, "file": "f.csv", "line": line} for line, text in enumerate("ab")]
    rows.insert(1, {"text": None, "file": "f.csv", "line": 9})
    rows.append({"file": "g.csv", "line": 2})
    with _pipeline() as pipeline:
        found, dead = (
            pipeline
            | beam.Create(rows)
            | Predict(folder, dead_letters=True, place=("file", "line"))
        )
        lines = found | beam.Map(lambda row: row["line"])
        assert_that(lines, equal_to([0, 1]))
        missing = "expected the inputs ['text']; ['text'] are missing"
        expected = [
            DeadLetter(
                "f.csv", 9, "'text': expected a string or bytes; received None", json.dumps(rows[1])
            ),
            DeadLetter("g.csv", 2, missing, json.dumps(rows[3])),
        ]
        assert_that(dead, equal_to(expected), label="dead letters")
        result = pipeline.run()
    counters = result.metrics().query()["counters"]
    counted = {counter.key.metric.name: counter.committed for counter in counters}
    assert (counted["rows"], counted["dead_letters"]) == (2, 2)
    assert counted["batches"] >= 1
    assert "model_milliseconds" in counted


def test_without_dead_letters_a_row_at_fault_ends_the_pipeline(letters):
    _, folder = letters
    pipeline = _pipeline()
    _ = pipeline | beam.Create([{"text": 7}]) | Predict(folder)
    with pytest.raises(Exception, match=r"expected a string or bytes; received 7"):
        pipeline.run()


def test_another_signature_takes_numbers(letters):
    _, folder = letters
    with _pipeline() as pipeline:
        rows = pipeline | beam.Create([{"seed": [1, 2], "temperature": 1.0}] * 3)
        found = rows | Predict(folder, signature="draw") | beam.Map(lambda row: row["letter"])
        same = (
            found
            | beam.combiners.ToSet()
            | beam.Map(lambda kinds: (len(kinds), kinds < {*LETTERS}))
        )
        assert_that(same, equal_to([(1, True)]))


def test_what_cannot_be_is_said_before_the_pipeline_runs(letters):
    _, folder = letters
    pipeline = _pipeline()
    rows = pipeline | beam.Create([Line(1, "a")]).with_output_types(Line)
    with pytest.raises(ValueError, match=r"expected rows with \['text'\]"):
        rows | "a" >> Predict(folder)
    with pytest.raises(ValueError, match="signature: expected one of draw"):
        rows | "b" >> Predict(folder, signature="none")
    taken = pipeline | "c" >> beam.Create([Labelled("a", "b")]).with_output_types(Labelled)
    with pytest.raises(ValueError, match=r"expected no fields \['label'\]"):
        taken | "d" >> Predict(folder)


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        ("[1, 2, 3]", "'seed': expected 2 values in each row; received [1, 2, 3]"),
        ("[1]", "'seed': expected 2 values in each row; received [1]"),
        ("[]", "'seed': expected 2 values in each row; received []"),
        ("[1, NaN]", "'seed': expected int32; received '[1, NaN]'"),
        ("[1, 1e999]", "'seed': expected int32; received '[1, 1e999]'"),
        ("[" * 100_000, f"'seed': expected int32; received '{'[' * 59}..."),
        ("x" * 100_000, f"'seed': expected int32; received '{'x' * 59}..."),
        ('{"a": 1}', "'seed': expected int32; received {'a': 1}"),
        (None, "'seed': expected int32; received None"),
    ],
)
def test_a_cell_that_is_no_input_is_refused_and_its_neighbours_are_answered(letters, seed, reason):
    _, folder = letters
    good = {"seed": "[1, 2]", "temperature": "1.0"}
    answers = open_signature(str(folder), "draw")
    first, refused, last = answers.answer([good, {**good, "seed": seed}, good])
    assert refused == Refusal(reason)
    assert first == last
    assert first[0] in LETTERS


@pytest.mark.parametrize("temperature", ["NaN", "Infinity", "1e400", "-Infinity"])
def test_a_cell_of_json_is_a_number_or_refused(letters, temperature):
    _, folder = letters
    answers = open_signature(str(folder), "draw")
    (found,) = answers.answer([{"seed": "[1, 2]", "temperature": temperature}])
    assert found == Refusal(f"'temperature': expected float32; received {temperature!r}")
