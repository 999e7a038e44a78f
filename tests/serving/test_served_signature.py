"""A row's answer is its own, whichever rows stand beside it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.data import DataError
from tfp_dgm.models import Signature
from tfp_dgm.serving import export
from tfp_dgm.serving.refusal import Refusal
from tfp_dgm.serving.served_signature import ServedSignature


class Words(keras.Model):
    """The words of a text, how long each is, and their share of all; a text "0" has none."""

    def __init__(self):
        super().__init__()
        self.one = self.add_weight(shape=(), initializer="ones", name="one")
        self.built = True

    def split(self, text):
        words = tf.strings.split(text).to_tensor("")
        sizes = tf.cast(tf.strings.length(words), tf.float32)
        total = tf.cast(tf.strings.length(text), tf.int32)
        check = tf.debugging.Assert(tf.reduce_all(text != "0"), ["a text of nothing"])
        with tf.control_dependencies([check]):
            return {"words": words, "sizes": self.one * sizes, "total": tf.identity(total)}

    def serving_signatures(self):
        return {
            "serving_default": Signature(
                inputs={"text": tf.TensorSpec([None], tf.string)},
                body=self.split,
                examples={"text": ["a b", "c"]},
                xla=False,
            )
        }


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "saved_model"
    export(Words(), folder, batch_sizes=[1])
    return folder


@pytest.fixture(scope="module")
def served(words):
    return ServedSignature(words.parent)


def test_padding_of_a_batch_is_no_part_of_an_answer(served):
    texts = [" ".join(["word"] * (n % 7)) for n in range(600)]
    found = served.answer([{"text": text} for text in texts])
    for text, answer in zip(texts, found, strict=True):
        assert answer["words"] == text.split()
        assert answer["sizes"] == [4.0] * len(text.split())
        assert answer["total"] == len(text)
        assert type(answer["total"]) is int


def test_a_row_at_fault_spoils_no_other(served):
    rows = [{"text": text} for text in ["a", "0", "b c", 3, "\ud800", "d"]] + [{}]
    found = served.answer(rows)
    good = [answer["words"] for answer in found if not isinstance(answer, Refusal)]
    assert good == [["a"], ["b", "c"], ["d"]]
    reasons = [answer.reason for answer in found if isinstance(answer, Refusal)]
    assert "a text of nothing" in reasons[0]
    assert reasons[1] == "'text': expected a string or bytes; received 3"
    assert "a lone surrogate is no character" in reasons[2]
    assert reasons[3] == "expected the inputs ['text']; ['text'] are missing"


def test_what_a_signature_takes_and_gives_is_told(served):
    assert {name: column.shape for name, column in served.outputs.items()} == {
        "sizes": (None,),
        "total": (),
        "words": (None,),
    }
    assert served.inputs["text"].python_type is str
    assert served.outputs["total"].python_type is int


def test_no_such_signature_or_export(words, tmp_path):
    with pytest.raises(ValueError, match="expected one of serving_default; received 'encode'"):
        ServedSignature(words, "encode")
    with pytest.raises(DataError, match="expected a SavedModel or folders of versions"):
        ServedSignature(tmp_path)


def test_a_damaged_export_is_a_sentence(words, tmp_path):
    import shutil

    shutil.copytree(words, tmp_path / "copy")
    (data,) = (tmp_path / "copy/1/variables").glob("*.index")
    data.write_bytes(np.random.default_rng(0).bytes(50))
    with pytest.raises(DataError, match="expected a SavedModel; it is damaged"):
        ServedSignature(tmp_path / "copy")


class Joined(keras.Model):
    """The words of a row, joined."""

    def serving_signatures(self):
        return {
            "serving_default": Signature(
                inputs={"words": tf.TensorSpec([None, None], tf.string)},
                body=lambda words: {"joined": tf.strings.reduce_join(words, axis=-1)},
                examples={"words": [["a", "b"], ["c", ""]]},
                xla=False,
            )
        }


def test_rows_of_words_need_no_common_length(tmp_path):
    model = Joined()
    model.one = model.add_weight(shape=(), name="one")
    model.built = True
    export(model, tmp_path / "joined", batch_sizes=[1])
    rows = [["a", "bc"], [], ["d"] * 5, "no list", None]
    found = ServedSignature(tmp_path / "joined").answer([{"words": row} for row in rows])
    assert [answer["joined"] for answer in found[:3]] == ["abc", "", "ddddd"]
    assert "expected a list in each row; received 'no list'" in found[3].reason
    assert "'words': expected a string or bytes; received None" in found[4].reason
