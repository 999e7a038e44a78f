import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.models import Signature

TEXT = tf.TensorSpec([None], tf.string)


def _codes(text):
    return {"codes": tf.strings.unicode_decode(text, "UTF-8").to_tensor(0)}


def _total(codes):
    return {"total": tf.reduce_sum(codes, axis=1)}


def _word(total):
    return {"word": tf.strings.as_string(total)}


def _signature(**changes):
    return Signature(
        **{
            "inputs": {"text": TEXT},
            "before": _codes,
            "body": _total,
            "after": _word,
            "body_inputs": {"codes": tf.TensorSpec([None, 3], tf.int32)},
            "examples": {"text": ["a", "bcd"]},
            **changes,
        }
    )


def test_the_plain_signature_is_before_body_and_after():
    answer = _signature().plain()(tf.constant(["ab", "abcde"]))
    assert answer["word"].numpy().tolist() == [b"195", b"495"]


def test_a_plain_body_stands_for_both_in_the_plain_signature_alone():
    signature = _signature(plain_body=lambda text: {"total": tf.strings.length(text)})
    assert signature.plain()(tf.constant(["ab", "abcde"]))["word"].numpy().tolist() == [b"2", b"5"]
    codes = signature.prepare()(tf.constant(["ab"]))["codes"]
    assert signature.twin()(codes)["total"].numpy().tolist() == [195]


@pytest.mark.parametrize(("text", "codes"), [("a", [97, 0, 0]), ("abcde", [97, 98, 99])])
def test_the_twins_inputs_are_filled_or_cut(text, codes):
    prepared = _signature().prepare()(tf.constant([text]))["codes"]
    assert prepared.numpy().tolist() == [codes]
    assert prepared.shape == [1, 3]


def test_the_twin_is_compiled_and_takes_static_lengths():
    twin = _signature().twin()
    assert twin(tf.constant([[1, 2, 3]]))["total"].numpy().tolist() == [6]
    definition = twin.get_concrete_function().function_def
    assert definition.attr["_XlaMustCompile"].b
    finish = _signature().finish()
    assert finish(tf.constant([6]))["word"].numpy().tolist() == [b"6"]


def test_a_signature_without_twin_needs_neither_end():
    signature = _signature(xla=False)
    assert signature.prepare() is None
    assert signature.finish() is None


def test_examples_go_round():
    batch = _signature().batch(3)["text"]
    assert batch.dtype == object
    assert batch.tolist() == ["a", "bcd", "a"]
    rows = Signature(
        inputs={"x": tf.TensorSpec([None, 2], tf.float32)},
        body=lambda x: {"y": x},
        examples={"x": [[1, 2]]},
    ).batch(2)["x"]
    np.testing.assert_array_equal(rows, np.array([[1, 2], [1, 2]], np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": {"text": tf.TensorSpec([2], tf.string)}}, "dim 0 of 'text' must be the batch"),
        ({"inputs": {"text": tf.TensorSpec([], tf.string)}}, "dim 0 of 'text' must be the batch"),
        ({"examples": {"txt": ["a"]}}, r"examples: expected .*\['text'\]; received {'txt': 1}"),
        ({"examples": {"text": []}}, "at least one"),
        ({"body_inputs": {}}, "body_inputs: expected the specs"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        _signature(**changes)
