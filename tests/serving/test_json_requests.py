import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from tfp_dgm.serving import RequestError
from tfp_dgm.serving.json_requests import (
    classify_examples,
    json_array,
    parse_body,
    predict_inputs,
    signature_name,
)


def _definition(**inputs):
    definition = meta_graph_pb2.SignatureDef()
    for name, dtype in inputs.items():
        definition.inputs[name].dtype = dtype.as_datatype_enum
    return definition


TWO = _definition(text=tf.string, size=tf.int32)
ONE = _definition(x=tf.float32)


@pytest.mark.parametrize(
    ("body", "definition", "expected"),
    [
        (
            {"instances": [{"text": "a", "size": 1}, {"text": {"b64": "/w=="}, "size": 2}]},
            TWO,
            None,
        ),
        ({"inputs": {"text": ["a", {"b64": "/w=="}], "size": [1, 2]}}, TWO, None),
        ({"instances": [1, 2.5]}, ONE, [1, 2.5]),
        ({"instances": [{"x": 1}, {"x": 2.5}]}, ONE, [1, 2.5]),
        ({"inputs": [1, 2.5]}, ONE, [1, 2.5]),
        ({"inputs": {"x": [[1], [2]]}}, ONE, [[1], [2]]),
    ],
)
def test_rows_and_columns(body, definition, expected):
    arrays, in_rows = predict_inputs(body, definition)
    assert in_rows == ("instances" in body)
    if expected is None:
        assert arrays["text"].tolist() == [b"a", b"\xff"]
        assert arrays["size"].tolist() == [1, 2]
        assert arrays["size"].dtype == np.int32
    else:
        assert arrays["x"].tolist() == expected
        assert arrays["x"].dtype == np.float32


@pytest.mark.parametrize(
    ("body", "definition", "message"),
    [
        ({}, ONE, "either 'instances' .* or 'inputs'"),
        ({"instances": [1], "inputs": [1]}, ONE, "either 'instances' .* or 'inputs'"),
        ({"instances": []}, ONE, "instances: expected a list of at least one row"),
        ({"instances": {"x": 1}}, ONE, "instances: expected a list"),
        ({"instances": [{"text": "a"}]}, TWO, r"instances\[0\]: missing keys \['size'\]"),
        ({"instances": ["a"]}, TWO, r"instances\[0\]: expected an object"),
        ({"inputs": {"x": [1], "y": [1]}}, ONE, r"unknown keys \['y'\]"),
        ({"inputs": ["a"]}, TWO, "inputs: expected an object"),
        ({"inputs": {"x": ["a"]}}, ONE, "'x': expected float32; received a string"),
        ({"inputs": {"x": [True]}}, ONE, "'x': expected float32; received a boolean"),
        ({"inputs": {"x": [None]}}, ONE, "'x': expected float32; received null"),
        ({"inputs": {"x": [[1], [2, 3]]}}, ONE, "'x': expected lists of even lengths"),
        ({"inputs": {"text": ["a"], "size": [1.5]}}, TWO, "'size': expected int32; received a num"),
        ({"inputs": {"text": ["a"], "size": [2**31]}}, TWO, "'size': .* out of range"),
        ({"inputs": {"text": ["a"], "size": [10**30]}}, TWO, "'size': expected int32"),
        ({"inputs": {"text": [1], "size": [1]}}, TWO, "'text': expected a string or"),
        ({"inputs": {"text": [["a"], "b"], "size": [1]}}, TWO, "'text': expected lists of even"),
        ({"inputs": {"text": [{"b64": "?"}], "size": [1]}}, TWO, "'text': .* is not base64"),
        ({"inputs": {"text": ["\ud800"], "size": [1]}}, TWO, "'text': a lone surrogate"),
    ],
)
def test_what_is_wrong_is_named(body, definition, message):
    with pytest.raises(RequestError, match=message) as caught:
        predict_inputs(body, definition)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\xff{}", "not UTF-8"),
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"[1]", "expected a JSON object; received a list"),
        (b'{"inputs":' + b"[" * 100_000, "nested too deeply|not JSON"),
    ],
)
def test_bodies_that_are_none(body, message):
    with pytest.raises(RequestError, match=message):
        parse_body(body)


def test_deep_nesting_is_uneven_or_too_deep():
    value = 1.0
    for _ in range(200):
        value = [value]
    with pytest.raises(RequestError):
        json_array(value, tf.float32, "x")


def test_signature_names():
    assert signature_name({}, set()) == "serving_default"
    assert signature_name({"signature_name": "a", "inputs": 1}, {"inputs"}) == "a"
    with pytest.raises(RequestError, match="signature_name: expected a string"):
        signature_name({"signature_name": 1}, set())
    with pytest.raises(RequestError, match=r"unknown keys \['instance'\]"):
        signature_name({"instance": 1}, {"instances"})


def test_classify_examples():
    body = {"context": {"k": 7}, "examples": [{"text": "a", "f": [0.5, 1]}, {"text": ["b", "c"]}]}
    first, second = classify_examples(body)
    assert first.features.feature["text"].bytes_list.value == [b"a"]
    assert first.features.feature["f"].float_list.value == [0.5, 1]
    assert second.features.feature["text"].bytes_list.value == [b"b", b"c"]
    assert second.features.feature["k"].int64_list.value == [7]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "examples: expected a list"),
        ({"examples": [1]}, r"examples\[0\]: expected an object"),
        ({"examples": [{"text": None}]}, r"examples\[0\]\['text'\]: expected strings or numbers"),
        ({"examples": [{"k": [1, "a"]}]}, "expected strings or numbers"),
    ],
)
def test_wrong_examples_are_named(body, message):
    with pytest.raises(RequestError, match=message):
        classify_examples(body)
