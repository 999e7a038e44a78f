"""One answer everywhere: the fitted model, `.keras`, the SavedModel by itself, C++ and the server.

Labels, texts and seeds agree exactly, floats within 1e-5 (relative where they exceed 1).
"""

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

from tests.models import captioner_toys
from tests.models.texts import make_vae
from tfp_dgm import layers, models, objectives
from tfp_dgm.labelling import fit_classifier
from tfp_dgm.networks import MLP, ConvolutionalEncoder, decode_image
from tfp_dgm.serving import Client, EmbeddedServer, build_runner, export, run_in_cpp
from tfp_dgm.serving.operations import text_libraries
from tfp_dgm.serving.signatures.signatures_of import signatures_of
from tfp_dgm.text import WordVocabulary

NAMES = ("classifier", "text_vae", "captioner", "iwae")
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
    return fit_classifier(texts, allowed, ["fruit", "metal"])[0], {
        "serving_default": {"text": asked},
        "score": {"text": asked, "label": labels},
    }


def _text_vae():
    texts = ["the cat sat", "the cat", "cat sat", "sat the cat"] * 8
    model = make_vae(vocabulary=WordVocabulary(["the", "cat", "sat"]))
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(model.vocabulary(tf.constant(texts)).numpy(), epochs=20, verbose=0)
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
    pixels = np.stack([decode_image(tf.constant(_png(seed)), *SIZES) for seed in range(8)])
    captions = tf.constant(["a dog runs", "a cat sits", "dog", "a cat"] * 2)
    inputs = {"source": pixels, "token_ids": model.vocabulary(captions).numpy()}
    model.compile(keras.optimizers.Adam(0.02), objectives.ExactMarginal())
    model.fit(inputs, epochs=60, verbose=0)
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
    images = random.binomial(1, 0.1 + 0.8 * random.integers(0, 2, (64, 4, 1)), (64, 4, 4))
    images = images.astype(np.float32)
    model.compile(keras.optimizers.Adam(0.02), objectives.ImportanceWeighted(num_samples=5))
    model.fit(images, epochs=20, verbose=0)
    return model, {
        "serving_default": {"inputs": images[:ROWS]},
        "score": {"inputs": images[:ROWS], "seed": SEEDS},
        "generate": {"seed": SEEDS},
    }


@dataclass(frozen=True)
class Trained:
    """A fitted model, where it was saved, what it is asked, and what it answers itself."""

    model: keras.Model
    keras_file: Path
    version: Path
    requests: dict
    answers: dict


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    keras.utils.set_random_seed(1)
    folder, found = tmp_path_factory.mktemp("models"), {}
    for name, make in zip(NAMES, (_classifier, _text_vae, _captioner, _iwae), strict=True):
        model, requests = make()
        keras_file = folder / f"{name}.keras"
        model.save(keras_file)
        version = export(model, folder / name, batch_sizes=[4], signatures=_plain(model, requests))
        found[name] = Trained(model, keras_file, version, requests, _asked(model, requests))
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


def test_the_live_models_say_something(trained):
    """What follows would compare nothing, were all answers alike."""
    answers = trained["classifier"].answers
    assert answers["serving_default"]["label"].tolist()[:2] == [b"fruit", b"metal"]
    texts = trained["classifier"].requests["serving_default"]["text"]
    probabilities = trained["classifier"].model(tf.constant(texts))
    np.testing.assert_allclose(
        answers["serving_default"]["probabilities"], probabilities, rtol=1e-5, atol=1e-6
    )
    assert len(set(trained["text_vae"].answers["serving_default"]["text"].tolist())) > 1
    captions = trained["captioner"].answers["sample"]["captions"]
    assert captions.shape == (ROWS, captioner_toys.EXPERTS)
    assert len(set(captions.ravel().tolist())) > 1
    images = trained["iwae"].requests["serving_default"]["inputs"]
    mean = trained["iwae"].model.predict(images, verbose=0)
    np.testing.assert_allclose(trained["iwae"].answers["serving_default"]["mean"], mean, rtol=1e-5)
    assert np.ptp(trained["iwae"].answers["score"]["log_likelihood"]) > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_reloaded_model_agrees(trained, name):
    one = trained[name]
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
def alone(trained, tmp_path_factory):
    """All answers of one process that imports TensorFlow and nothing of Keras, TFP and ours."""
    place, calls = tmp_path_factory.mktemp("alone"), []
    for name, one in trained.items():
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


@pytest.mark.parametrize("name", NAMES)
def test_the_saved_model_alone_agrees(trained, alone, name):
    answers = {}
    for signature, outputs in trained[name].answers.items():
        files = {key: str(alone / name / signature / key) for key in outputs}
        answers[signature] = {
            key: tf.io.parse_tensor(
                tf.io.read_file(file), tf.constant(trained[name].answers[signature][key]).dtype
            ).numpy()
            for key, file in files.items()
        }
    _assert_same(answers, trained[name].answers)


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is missing: no C++ loader")
@pytest.mark.parametrize("name", NAMES)
def test_the_loader_of_tf_serving_agrees(trained, name):
    one = trained[name]
    found = run_in_cpp(build_runner(), one.version, list(one.requests.items()), xla=False)
    assert [answer.problem for answer in found] == [None] * len(found)
    answers = [answer.outputs for answer in found]
    _assert_same(dict(zip(one.requests, answers, strict=True)), one.answers)


@pytest.mark.parametrize("name", NAMES)
def test_the_server_agrees(trained, name):
    one = trained[name]
    with EmbeddedServer(one.version.parent, rest_port=0, grpc_port=0) as server:
        for protocol, port in (("rest", server.rest_port), ("grpc", server.grpc_port)):
            with Client(f"127.0.0.1:{port}", name, protocol=protocol) as client:
                answers = {
                    signature: client.predict(inputs, signature)
                    for signature, inputs in one.requests.items()
                }
            _assert_same(answers, one.answers)
