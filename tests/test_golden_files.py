"""What an earlier version saved comes back in this one: answers, compile state, training."""

import importlib
import json
import pkgutil
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfp_dgm
from tests.golden.observations import observations, unpacked
from tfp_dgm.models import load_model
from tfp_dgm.serving.replay import replay

FOLDER = Path(__file__).parent / "golden"
MODELS = sorted(path.stem for path in (FOLDER / "models").glob("*.keras"))
SAVED_MODELS = sorted(path.name for path in (FOLDER / "saved_models").iterdir())
# Steps that take seconds to trace; their files are loaded by the slow tests.
SLOW = {
    "belief_network_wake_sleep",
    "compound_grammar",
    "dependency_model_vectors",
    "hierarchical_vae",
    "mean_field",
    "vae_continuous_flow",
    "vae_householder_spline",
    "vae_spline_continuous",
}
# Made by the model of a file from its decoder, so that a configuration does not name it.
MADE_WITHIN = {"PointerSequence": "sentence_compressor"}
# What others derive from, and nobody saves.
BASES = {"Configured", "ControlVariate", "CriticLoss", "Kernel", "Objective", "Rate"}
BASES |= {"RegularizedAutoencoder"}


@pytest.fixture(scope="module", autouse=True)
def every_class():
    """Registers all classes, as importing the package's parts does for users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.walk_packages(tfp_dgm.__path__, "tfp_dgm."):
            importlib.import_module(module.name)


def config_of(name):
    with zipfile.ZipFile(FOLDER / "models" / f"{name}.keras") as archive:
        return json.loads(archive.read("config.json"))


def classes_in(config):
    """The registered names in a file; parts of objectives are saved under their bare names."""
    if isinstance(config, list):
        return set().union(*map(classes_in, config))
    if not isinstance(config, dict):
        return set()
    found = classes_in(list(config.values()))
    if "class_name" in config:
        found.add(config.get("registered_name") or f"tfp_dgm>{config['class_name']}")
    return found


def record_of(name):
    with np.load(FOLDER / "models" / f"{name}.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in MODELS],
)
def test_a_saved_model_comes_back(name):
    config, record = config_of(name), record_of(name)
    if "keras_hub" in json.dumps(config):
        pytest.importorskip("keras_hub")
    model = load_model(FOLDER / "models" / f"{name}.keras")
    state = config.get("compile_config")
    if state:
        assert type(model.optimizer).__name__ == state["optimizer"]["class_name"]
        assert int(model.optimizer.iterations) == 1
        part = "objective" if "objective" in state else "loss"
        assert type(getattr(model, part)).__name__ == state[part]["class_name"]
    seen = observations(model, unpacked("inputs", record), unpacked("targets", record))
    expected = {key for key in record if key.split("/")[0] not in ("inputs", "targets")}
    assert ("step_1/loss" in expected) == bool(state)
    assert set(seen) == expected
    for key in expected:
        if record[key].dtype.kind == "f":
            np.testing.assert_allclose(seen[key], record[key], rtol=1e-4, atol=1e-5, err_msg=key)
        else:
            np.testing.assert_array_equal(seen[key], record[key], err_msg=key)


@pytest.mark.parametrize("name", SAVED_MODELS)
def test_an_exported_model_answers_as_the_model_did(name):
    record = record_of(name)
    folder = FOLDER / "saved_models" / name / "1"
    asked = tf.saved_model.load(folder).signatures["serving_default"]
    (argument,) = asked.structured_input_signature[1]
    answer = asked(**{argument: tf.constant(unpacked("inputs", record))})
    output = "mean" if "mean" in answer else "probabilities"
    np.testing.assert_allclose(answer[output], record["answer/0"], rtol=1e-4, atol=1e-5)
    verdicts = list(replay(folder))
    assert {verdict["kind"] for verdict in verdicts} == {"recorded", "warm-up"}
    assert [verdict["problem"] for verdict in verdicts] == [None] * len(verdicts)


def test_every_registered_class_is_in_a_golden_file():
    registered = {
        name: cls
        for name, cls in keras.saving.get_custom_objects().items()
        if name.startswith("tfp_dgm>")
    }
    bases = {f"tfp_dgm>{name}" for name in BASES}
    for name in bases:
        assert registered[name].__subclasses__(), name
    covered = set().union(*(classes_in(config_of(name)) for name in MODELS))
    assert set(MADE_WITHIN.values()) <= set(MODELS)
    missing = set(registered) - bases - covered - {f"tfp_dgm>{name}" for name in MADE_WITHIN}
    assert not missing, f"no golden file has them; see tests/golden/README.md: {sorted(missing)}"
