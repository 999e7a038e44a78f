"""One answer everywhere: the live model, `.keras`, the SavedModel by itself, C++ and the server.

Labels, texts and seeds agree exactly, floats within 1e-5 (relative where they exceed 1).
"""

import functools
import io
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.as_python import as_python
from tests.models import captioner_toys
from tests.models.texts import make_vae
from tfp_dgm import layers, models
from tfp_dgm.labelling import fit_classifier
from tfp_dgm.networks import MLP, ConvolutionalEncoder
from tfp_dgm.serving import Client, EmbeddedServer, build_runner, export, run_in_cpp
from tfp_dgm.serving.operations import text_libraries
from tfp_dgm.serving.signatures.signatures_of import signatures_of
from tfp_dgm.text import WordVocabulary

NAMES = ("classifier", "text_vae", "captioner", "iwae")
of_few = pytest.mark.parametrize(  # Strings, pictures and numbers go there and back of two.
    "name",
    [
        "classifier",
        "captioner",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("text_vae", "iwae")),
    ],
)
SIZES = (8, 8)  # Of the captioner's images.
ROWS = 3
SEEDS = np.array([[5, 1], [-5, 2], [2**31 - 1, 3]], np.int32)


def _classifier():
    random = np.random.default_rng(0)
    words = [["apple", "pear", "plum"], ["iron", "zinc", "rust"]]
    truth = random.integers(0, 2, 60)
    texts = [" ".join(random.choice([*words[k], "the", "and"], 6)) for k in truth]
    allowed = np.ones((60, 2), bool)
    allowed[:20] = np.eye(2, dtype=bool)[truth[:20]]
    asked = np.array([b"an apple, a pear", b"rust", b"\xff nothing known"], object)
    labels = np.array([b"fruit", b"metal", b"neither"], object)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 2)
        with as_python():
            model, _ = fit_classifier(texts, allowed, ["fruit", "metal"])
    return model, {
        "serving_default": {"text": asked},
        "score": {"text": asked, "label": labels},
    }


def _randomized(model, scale):
    """Weights so large that answers differ; how they came about is nothing to a SavedModel."""
    random = np.random.default_rng(4)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return model


def _text_vae():
    model = make_vae(vocabulary=WordVocabulary(["the", "cat", "sat"]))
    model.build((None, None))
    _randomized(model, 0.7)
    asked = np.array([b"the cat sat", b"sat dog", b""], object)
    return model, {
        "serving_default": {"seed": SEEDS, "temperature": np.array([0.5, 1, 2], np.float32)},
        "score": {"text": asked, "seed": SEEDS},
    }


def _png(seed):
    pixels = np.random.default_rng(seed).integers(256, size=(*SIZES, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _captioner():
    words = ["a", "dog", "cat", "runs", "sits"]
    model = captioner_toys.captioner(
        encoder=ConvolutionalEncoder((8,), name="encoder"),
        vocabulary=WordVocabulary(words, max_length=captioner_toys.LENGTH),
    )
    model.build({"source": (None, *SIZES, 3), "token_ids": (None, None)})
    _randomized(model, 0.7)
    images = np.array([_png(seed) for seed in (1, 20, 21)], object)
    share = np.array([0.5, 1, 0.9], np.float32)
    return model, {
        "serving_default": {"image": images},
        "sample": {"image": images, "seed": SEEDS, "temperature": 1 / share, "top_p": share},
    }


def _iwae():
    model = models.HierarchicalVAE(
        [MLP([8], activation="tanh"), MLP([6], activation="tanh")],
        [layers.MultivariateNormalDiag(3), layers.MultivariateNormalDiag(2)],
        [MLP([8], activation="tanh"), MLP([6], activation="tanh")],
        layers.IndependentBernoulli((4, 4)),
        conditionals=[layers.MultivariateNormalDiag(3)],
        prior=layers.StandardNormalPrior(2),
        seed=1,
    )
    random = np.random.default_rng(1)
    images = random.integers(0, 2, (ROWS, 4, 4))
    images = images.astype(np.float32)
    model.build((None, 4, 4))
    _randomized(model, 0.7)
    return model, {
        "serving_default": {"inputs": images},
        "score": {"inputs": images, "seed": SEEDS},
        "generate": {"seed": SEEDS},
    }


@dataclass(frozen=True)
class Served:
    """A model, where it was saved, what it is asked, and what it answers itself."""

    model: keras.Model
    keras_file: Path
    requests: dict
    answers: dict

    @functools.cached_property
    def version(self) -> Path:
        """Its SavedModel, exported where one is asked for."""
        folder = self.keras_file.with_suffix("")
        signatures = _plain(self.model, self.requests)
        return export(self.model, folder, batch_sizes=[4], signatures=signatures)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    keras.utils.set_random_seed(1)
    folder, found = tmp_path_factory.mktemp("models"), {}
    for name, make in zip(NAMES, (_classifier, _text_vae, _captioner, _iwae), strict=True):
        model, requests = make()
        keras_file = folder / f"{name}.keras"
        model.save(keras_file)
        found[name] = Served(model, keras_file, requests, _asked(model, requests))
    return found


def _plain(model, names):
    """Without twins, which take long to export and are compared by `serve-check`."""
    signatures = signatures_of(model)
    return {name: replace(signatures[name], xla=False) for name in names}


def _asked(model, requests):
    """The model's own answers: Python alone, no graph."""
    signatures, answers = signatures_of(model), {}
    for name, inputs in requests.items():
        signature = signatures[name]
        found = {key: tf.constant(value) for key, value in inputs.items()}
        for step in (signature.before, signature.body, signature.after):
            found = found if step is None else step(**found)
        answers[name] = {key: value.numpy() for key, value in found.items()}
    return answers


def _assert_same(answers, expected):
    assert set(answers) == set(expected)
    for signature, outputs in expected.items():
        assert set(answers[signature]) == set(outputs)
        for name, wanted in outputs.items():
            got = answers[signature][name]
            if name == "best":
                continue  # The same caption of two experts ties; `caption` is what stands there.
            if wanted.dtype.kind == "f":
                np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5, err_msg=name)
            else:
                assert got.tolist() == wanted.tolist(), name


@pytest.mark.slow
def test_the_live_models_say_something(live):
    """What follows would compare nothing, were all answers alike."""
    answers = live["classifier"].answers
    assert answers["serving_default"]["label"].tolist()[:2] == [b"fruit", b"metal"]
    texts = live["classifier"].requests["serving_default"]["text"]
    probabilities = live["classifier"].model(tf.constant(texts))
    np.testing.assert_allclose(
        answers["serving_default"]["probabilities"], probabilities, rtol=1e-5, atol=1e-6
    )
    assert len(set(live["text_vae"].answers["serving_default"]["text"].tolist())) > 1
    captions = live["captioner"].answers["sample"]["captions"]
    assert captions.shape == (ROWS, captioner_toys.EXPERTS)
    assert len(set(captions.ravel().tolist())) > 1
    images = live["iwae"].requests["serving_default"]["inputs"]
    mean = live["iwae"].model.predict(images, verbose=0)
    np.testing.assert_allclose(live["iwae"].answers["serving_default"]["mean"], mean, rtol=1e-5)
    assert np.ptp(live["iwae"].answers["score"]["log_likelihood"]) > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_reloaded_model_agrees(live, name):
    one = live[name]
    reloaded = keras.saving.load_model(one.keras_file)
    _assert_same(_asked(reloaded, one.requests), one.answers)


ALONE = """
import json, pathlib, sys
for package in ("keras", "tf_keras", "tensorflow_probability", "tensorflow_text", "tfp_dgm"):
    sys.modules[package] = None
import tensorflow as tf
plan = json.loads(pathlib.Path(sys.argv[1]).read_text())
for library in plan["libraries"]:
    tf.load_op_library(library)
loaded = {}
for folder, signature, inputs, outputs in plan["calls"]:
    if folder not in loaded:
        loaded[folder] = tf.saved_model.load(folder)
    given = {
        name: tf.io.parse_tensor(tf.io.read_file(file), dtype)
        for name, (file, dtype) in inputs.items()
    }
    for name, value in loaded[folder].signatures[signature](**given).items():
        tf.io.write_file(f"{outputs}/{name}", tf.io.serialize_tensor(value))
"""


@pytest.fixture(scope="module")
def alone(live, tmp_path_factory):
    """All answers of one process that imports TensorFlow and nothing of Keras, TFP and ours."""
    place, calls = tmp_path_factory.mktemp("alone"), []
    for name, one in live.items():
        for signature, inputs in one.requests.items():
            files = {}
            for key, value in inputs.items():
                tensor = tf.constant(value)
                file = str(place / f"{name}-{signature}-{key}")
                tf.io.write_file(file, tf.io.serialize_tensor(tensor))
                files[key] = (file, tensor.dtype.name)
            calls.append((str(one.version), signature, files, str(place / name / signature)))
    plan = place / "plan.json"
    plan.write_text(json.dumps({"libraries": text_libraries(), "calls": calls}))
    done = subprocess.run(
        [sys.executable, "-P", "-c", ALONE, str(plan)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return place


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_saved_model_alone_agrees(live, alone, name):
    """Quicker: `test_the_loader_of_tf_serving_agrees`, where not even Python is there."""
    answers = {}
    for signature, outputs in live[name].answers.items():
        files = {key: str(alone / name / signature / key) for key in outputs}
        answers[signature] = {
            key: tf.io.parse_tensor(
                tf.io.read_file(file), tf.constant(live[name].answers[signature][key]).dtype
            ).numpy()
            for key, file in files.items()
        }
    _assert_same(answers, live[name].answers)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is missing: no C++ loader")
@of_few
def test_the_loader_of_tf_serving_agrees(live, name):
    one = live[name]
    found = run_in_cpp(build_runner(), one.version, list(one.requests.items()), xla=False)
    assert [answer.problem for answer in found] == [None] * len(found)
    answers = [answer.outputs for answer in found]
    _assert_same(dict(zip(one.requests, answers, strict=True)), one.answers)


@pytest.mark.slow
@of_few
def test_the_server_agrees(live, name):
    one = live[name]
    with EmbeddedServer(one.version.parent, rest_port=0, grpc_port=0) as server:
        for protocol, port in (("rest", server.rest_port), ("grpc", server.grpc_port)):
            with Client(f"127.0.0.1:{port}", name, protocol=protocol) as client:
                answers = {
                    signature: client.predict(inputs, signature)
                    for signature, inputs in one.requests.items()
                }
            _assert_same(answers, one.answers)
