import json
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving.toys import LETTERS, TEXTS, Letters
from tfp_dgm.data import DataError
from tfp_dgm.inference import uniform
from tfp_dgm.models import Signature
from tfp_dgm.serving import export
from tfp_dgm.serving.folders import batch_sizes
from tfp_dgm.serving.operations import meta_graph


class Doubler(keras.Model):
    def __init__(self):
        super().__init__()
        self.factor = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.0))
        self.built = True

    def double(self, x):
        return {"y": x * self.factor}

    def serving_signatures(self):
        return {
            "serving_default": Signature(
                inputs={"x": tf.TensorSpec([None], tf.float32)},
                body=self.double,
                examples={"x": [1.5, -2.0]},
            )
        }


def test_the_model_that_the_documentation_declares_is_exported(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs/serving.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    (block,) = [block for block in blocks if "class Doubler" in block]
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    assert _answer(tmp_path / "saved_models/doubler/1") == [3.0]


def _answer(folder):
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return signature(x=tf.constant([1.5]))["y"].numpy().tolist()


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    model = Letters()
    card = {"data": "letters", "metrics": {"accuracy": 0.5}, "limits": "none known"}
    folder = tmp_path_factory.mktemp("models") / "letters"
    return model, export(model, folder, batch_sizes=[1, 3], card=card)


def _logs(path):
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        yield prediction_log_pb2.PredictionLog.FromString(record)


def test_versions_count_up_and_answer(tmp_path):
    first = export(Doubler(), tmp_path / "doubler")
    second = export(Doubler(), tmp_path / "doubler")
    assert [first.name, second.name] == ["1", "2"]
    assert _answer(first) == [3.0]
    assert _answer(second) == [3.0]


@pytest.mark.parametrize("version", [0, -1, 1])
def test_a_version_is_positive_and_never_overwritten(tmp_path, version):
    export(Doubler(), tmp_path / "doubler", version=1)
    before = (tmp_path / "doubler/1/saved_model.pb").read_bytes()
    with pytest.raises(ValueError, match=f"new positive integer.*received {version}"):
        export(Doubler(), tmp_path / "doubler", version=version)
    assert (tmp_path / "doubler/1/saved_model.pb").read_bytes() == before


def test_of_two_exports_at_once_the_first_to_end_stays(tmp_path, monkeypatch):
    class Later(Doubler):
        def double(self, x):
            return {"y": x * self.factor + 1}

    module = sys.modules["tfp_dgm.serving.exporting"]
    write_model_card = module.write_model_card

    def overtaken(*arguments):
        monkeypatch.setattr(module, "write_model_card", write_model_card)
        export(Doubler(), tmp_path / "doubler", batch_sizes=[1])
        write_model_card(*arguments)

    monkeypatch.setattr(module, "write_model_card", overtaken)
    with pytest.raises(DataError, match=r"doubler/1: appeared meanwhile; it stays"):
        export(Later(), tmp_path / "doubler", batch_sizes=[1])
    assert _answer(tmp_path / "doubler/1") == [3.0]
    assert [path.name for path in (tmp_path / "doubler").iterdir()] == ["1"]


def test_a_failed_export_leaves_nothing(tmp_path):
    class Broken(Doubler):
        def double(self, x):
            raise RuntimeError("no such graph")

    with pytest.raises(RuntimeError, match="no such graph"):
        export(Broken(), tmp_path / "broken")
    assert list((tmp_path / "broken").iterdir()) == []


def test_every_signature_and_its_kin_are_there(letters):
    definitions = meta_graph(letters[1]).signature_def
    assert {name for name in definitions if not name.startswith("__")} == {
        *("serving_default", "serving_default_xla", "serving_default_prepare"),
        *("serving_default_finish", "draw", "draw_xla", "draw_finish", "classify"),
    }
    methods = {name: definitions[name].method_name for name in ("classify", "draw")}
    assert methods == {
        "classify": "tensorflow/serving/classify",
        "draw": "tensorflow/serving/predict",
    }


def test_the_warm_up_holds_plain_signatures_at_every_size(letters, tmp_path):
    warm_up = "assets.extra/tf_serving_warmup_requests"
    plain = {"serving_default", "serving_default_prepare", "serving_default_finish", "draw"}
    plain |= {"draw_finish", "classify"}

    def asked(path):
        found = set()
        for log in _logs(path):
            if log.HasField("classify_log"):
                size = len(log.classify_log.request.input.example_list.examples)
                found.add((log.classify_log.request.model_spec.signature_name, size))
            else:
                request = log.predict_log.request
                size = next(iter(request.inputs.values())).tensor_shape.dim[0].size
                found.add((request.model_spec.signature_name, size))
        return found

    assert asked(letters[1] / warm_up) == {(name, size) for name in plain for size in (1, 3)}
    with_xla = export(Doubler(), tmp_path / "doubler", batch_sizes=[2], warm_up_xla=True)
    names = {name for name, _ in asked(with_xla / warm_up)}
    assert names == {"serving_default", "serving_default_xla"}


def test_draws_are_those_of_the_seed_whatever_the_batch(letters):
    model, folder = letters
    draw = tf.saved_model.load(str(folder)).signatures["draw"]
    seeds = np.stack([np.arange(40), np.arange(40) ** 2], axis=1).astype(np.int32)
    temperature = np.full(40, 2.0, np.float32)
    together = draw(seed=seeds, temperature=temperature)["letter"].numpy().tolist()
    # The Gumbel-max rule in NumPy, on the same uniform numbers.
    noise = uniform(tf.constant(seeds), 0, [len(LETTERS)]).numpy().astype(np.float64)
    values = model.kernel.numpy()[1:, 0] / 2 - np.log(-np.log(noise))
    assert together == [LETTERS[k].encode() for k in values.argmax(axis=1)]
    assert len(set(together)) > 3
    for row in range(0, 40, 13):
        rows = slice(row, row + 1)
        alone = draw(seed=seeds[rows], temperature=temperature[rows])["letter"].numpy()
        assert alone.tolist() == together[rows]


def test_the_card_says_what_was_said_and_what_is_there(letters):
    card = json.loads((letters[1] / "model_card.json").read_text())
    assert card["data"] == "letters"
    assert card["parameters"] == 2 * (len(LETTERS) + 1)
    assert card["signatures"]["draw"]["inputs"] == {
        "seed": "int32 [B, 2]",
        "temperature": "float32 [B]",
    }
    page = (letters[1] / "MODEL_CARD.md").read_text()
    for words in ("# letters, version 1", "- accuracy: 0.5", "none known", "`draw_xla`"):
        assert words in page


def test_an_unknown_part_of_the_card_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"card: expected data, metrics and limits.*'mtrics'"):
        export(Doubler(), tmp_path / "doubler", card={"mtrics": {}})


@pytest.mark.parametrize("sizes", [[1, 3], [16, 1024], [2000]])
def test_a_server_splits_a_request_into_batches_of_the_sizes(tmp_path, sizes):
    folder = export(Doubler(), tmp_path / "doubler", batch_sizes=sizes)
    text = (folder / "batching_params.pbtxt").read_text()
    found = dict(re.findall(r"^(\w+) \{ value: (\w+) \}$", text, re.M))
    allowed = [int(size) for size in re.findall(r"^allowed_batch_sizes: (\d+)$", text, re.M)]
    assert len(text.splitlines()) == len(found) + len(allowed)
    # What TF Serving does with them (bundle_factory_util, SharedBatchScheduler): a request has at
    # most max_batch_size rows, which must be the last allowed size; split, a batch has at most
    # max_execution_batch_size, and is filled up to the next allowed one.
    assert found["enable_large_batch_splitting"] == "true"
    assert int(found["max_batch_size"]) == allowed[-1] == max(1024, sizes[-1])
    largest = int(found["max_execution_batch_size"])
    filled = {min(size for size in allowed if size >= rows) for rows in range(1, largest + 1)}
    assert sorted(filled) == sizes == batch_sizes(folder)


def test_sizes_of_a_file_without_splitting_are_all_used(tmp_path):
    lines = ["max_batch_size { value: 8 }", "allowed_batch_sizes: 2", "allowed_batch_sizes: 8"]
    (tmp_path / "batching_params.pbtxt").write_text("\n".join(lines))
    assert batch_sizes(tmp_path) == [2, 8]


@pytest.mark.parametrize("sizes", [[], [0, 1], [4, 2], [2, 2]])
def test_batch_sizes_ascend(tmp_path, sizes):
    with pytest.raises(ValueError, match="batch_sizes: expected ascending"):
        export(Doubler(), tmp_path / "doubler", batch_sizes=sizes)


def test_example_requests_are_what_the_examples_say(letters):
    folder = letters[1] / "examples"
    rows = json.loads((folder / "serving_default/rest_row.json").read_text())
    assert rows == {"signature_name": "serving_default", "instances": [{"text": TEXTS[0]}]}
    columns = json.loads((folder / "draw/rest_columnar.json").read_text())
    assert columns["inputs"] == {"seed": [[1, 2]], "temperature": [1.0]}
    examples = json.loads((folder / "classify/rest.json").read_text())
    assert examples == {"signature_name": "classify", "examples": [{"text": TEXTS[0]}]}


class Caller(keras.layers.Layer):
    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(np.square, [x], tf.float32), x.shape)


class CallsPython(Doubler):
    def __init__(self):
        super().__init__()
        self.caller = Caller(name="caller_of_python")

    def double(self, x):
        return {"y": self.caller(x)}


class Unseeded(Doubler):
    def double(self, x):
        return {"y": x + tf.random.uniform(tf.shape(x))}


class Jitted(Doubler):
    def double(self, x):
        return {"y": tf.function(tf.square, jit_compile=True)(x)}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            CallsPython,
            r"does not link: PyFunc \(layer 'caller_of_python\w*', node 'PyFunc', "
            r"in serving_default\)",
        ),
        (Unseeded, "seed among the inputs .*RandomUniform .*in serving_default"),
        (Jitted, "only the twins may need XLA.*in serving_default"),
    ],
)
def test_what_a_stock_server_cannot_run_is_refused(tmp_path, model, message, monkeypatch):
    # Without twins: XLA would refuse some of these itself.
    whole = model.serving_signatures

    def without_twin(self):
        (signature,) = whole(self).values()
        return {
            "serving_default": Signature(
                inputs=signature.inputs,
                body=signature.body,
                examples=signature.examples,
                xla=False,
            )
        }

    monkeypatch.setattr(model, "serving_signatures", without_twin)
    with pytest.raises(ValueError, match=message):
        export(model(), tmp_path / "refused")
    assert list((tmp_path / "refused").iterdir()) == []
