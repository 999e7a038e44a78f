"""`dgm text-vae`: trained once on sixty sentences, then every command on it; and its bad inputs."""

import json
import re

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.apps.text_vae_command import run
from tests.saving import assert_same_weights
from tests.sentence_modelling.untrained_models import sentences
from tfp_dgm import layers, networks, objectives
from tfp_dgm.data import DataError
from tfp_dgm.sentence_modelling import (
    TextVAESettings,
    build_model,
    build_objective,
    build_schedule,
    load_text_model,
    train_text_model,
)
from tfp_dgm.settings import read_settings
from tfp_dgm.text import SubwordVocabulary, WordVocabulary
from tfp_dgm.token_ids import UNKNOWN

SETTINGS = {
    "units": 8,
    "embedding_units": 6,
    "latent_units": 3,
    "epochs": 2,
    "batch_size": 16,
    "max_length": 8,
    "dropout": 0.1,
    "word_dropout": 0.1,
    "learning_rate": 0.02,
    "kl_schedule_steps": 6,
    "seed": 3,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text_vae")
    (folder / "train.txt").write_text(sentences(60, 0) + "\n" + "dog " * 30 + "\n")
    (folder / "valid.txt").write_text(sentences(20, 1))
    (folder / "settings.yaml").write_text(json.dumps(SETTINGS))
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    result = run(
        *("train", folder / "train.txt", folder / "valid.txt", "--output", folder / "model"),
        *("--settings", folder / "settings.yaml", "--set", "free_bits=0.25"),
    )
    assert "1 of 62 lines left out, empty: line 61" in result.stderr
    assert "1 sentences of more than 8 tokens, left out: line 62" in result.stderr
    return folder / "model"


def test_training_leaves_a_whole_folder(folder, trained):
    settings = json.loads((trained / "settings.json").read_text())
    assert settings["free_bits"] == 0.25
    assert settings["units"] == 8
    files = {"train_file": str(folder / "train.txt"), "valid_file": str(folder / "valid.txt")}
    assert settings.pop("data") == files
    assert set(settings) == set(TextVAESettings.__dataclass_fields__)
    history = json.loads((trained / "history.json").read_text())
    assert len(history) == 2
    assert {"bound", "val_bound", "kl_weight", "rate", "mutual_information"} <= set(history[0])
    assert (trained / "samples.txt").read_text().count("between two sentences:") == 2
    assert not list(trained.glob(".*"))


def test_tensorboard_shows_the_texts_of_the_file(trained):
    pytest.importorskip("tensorboard")
    files = [str(file) for file in (trained / "logs" / "samples").iterdir()]
    shown = {}
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            texts = tf.make_ndarray(value.tensor)
            shown[event.step, value.tag] = [f"  {text.decode()}" for text in texts]
    lines = (trained / "samples.txt").read_text().splitlines()
    for step, start in enumerate((lines.index("Epoch 1"), lines.index("Epoch 2"))):
        assert lines[start + 1 : start + 7] == ["drawn:", *shown[step, "drawn"]]
        between = shown[step, "between two sentences"]
        assert lines[start + 7 : start + 13] == ["between two sentences:", *between]
    assert len(shown) == 4


def test_semi_amortised_training_and_evaluation(folder):
    run(
        *("train", folder / "valid.txt", folder / "valid.txt", "--output", folder / "refined"),
        *("--settings", folder / "settings.yaml", "--set", "epochs=1", "--set", "dropout=0.0"),
        *("--set", "semi_amortized_steps=2", "--set", "semi_amortized_rate=0.2"),
        *("--set", "encoder=bag_of_words", "--set", "decoder=inputless"),  # Quick to compile.
    )
    objective = load_text_model(folder / "refined").objective
    assert isinstance(objective, objectives.SemiAmortized)
    assert (objective.num_steps, objective.learning_rate) == (2, 0.2)
    assert float(objective.kl_weight) > 0  # The schedule reached it.
    arguments = (
        "evaluate",
        folder / "refined",
        folder / "valid.txt",
        "--num-samples",
        4,
        "--json",
        "-",
    )
    refined = json.loads(run(*arguments).stdout)
    assert refined["refinement_steps"] == 2
    amortised = json.loads(run(*arguments, "--refine", 0).stdout)
    assert amortised["refinement_steps"] == 0
    assert refined["elbo"] != amortised["elbo"]


def test_a_model_trained_in_bfloat16_answers_in_float32(folder, dtype_policy):
    dtype_policy("float32")  # And afterwards again.
    run(
        *("train", folder / "valid.txt", folder / "valid.txt", "--output", folder / "bfloat16"),
        *("--settings", folder / "settings.yaml", "--set", "epochs=1"),
        *("--set", "precision=mixed_bfloat16", "--set", "encoder=bag_of_words"),
    )
    model = load_text_model(folder / "bfloat16")
    assert "bfloat16" not in {layer.compute_dtype for layer in model._flatten_layers()}
    with np.load(folder / "bfloat16" / "checkpoints" / "training_state.npz") as state:
        trained = [state[name] for name in state.files]
    for weight in model.trainable_weights:
        assert any(np.array_equal(weight.numpy(), array) for array in trained), weight.path


def test_a_killed_training_goes_on_to_the_same_numbers(folder, trained, monkeypatch):
    settings = read_settings(TextVAESettings, trained / "settings.json", [])
    files = (folder / "train.txt", folder / "valid.txt", folder / "killed", settings)

    def kill(step, done, total):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_text_model(*files, resume=False, progress=kill, say=str)
    epoch, numbers = train_text_model(*files, resume=True, progress=lambda *_: None, say=str)
    history = json.loads((trained / "history.json").read_text())
    assert json.loads((folder / "killed" / "history.json").read_text()) == history
    assert numbers == history[epoch - 1]
    models = [load_text_model(path) for path in (trained, folder / "killed")]
    assert_same_weights(*models)


def test_evaluate(trained, folder, tmp_path):
    result = run(
        *("evaluate", trained, folder / "valid.txt", "--num-samples", 8, "--json", "-"),
        *("--figure", tmp_path / "kl.png"),
    )
    report = json.loads(result.stdout)
    assert report["num_sentences"] == 20
    assert report["elbo"] <= report["log_likelihood"] < 0
    tokens = report["tokens_per_sentence"]
    assert report["perplexity"] == pytest.approx(np.exp(-report["log_likelihood"] / tokens))
    assert len(report["kl_per_dimension"]) == 3
    assert (tmp_path / "kl.png").read_bytes().startswith(b"\x89PNG")


def test_subwords_from_training_to_imputation(folder, tmp_path):
    (tmp_path / "new.txt").write_text("the dogman runs now, there.\na girl runs.\n" * 6)
    lines = (tmp_path / "new.txt").read_text().splitlines()
    run(
        *("train", folder / "train.txt", folder / "valid.txt", "--output", tmp_path / "model"),
        *("--settings", folder / "settings.yaml", "--set", "vocabulary=subwords", "--set"),
        *("vocabulary_size=60", "--set", "max_length=24", "--set", "epochs=1"),
    )
    vocabulary = load_text_model(tmp_path / "model").vocabulary
    assert isinstance(vocabulary, SubwordVocabulary)
    # A word that no text of training has is its pieces, and comes back.
    ids = vocabulary(tf.constant(lines[:1]))
    assert UNKNOWN not in ids.numpy()
    assert vocabulary.detokenize(ids).numpy()[0].decode() == lines[0]
    model = tmp_path / "model"
    report = json.loads(
        run("evaluate", model, tmp_path / "new.txt", "--num-samples", 2, "--json", "-").stdout
    )
    pieces = [len(row) for row in vocabulary.encode_all(lines)]
    assert report["tokens_per_sentence"] == np.mean(pieces) > 6
    texts = json.loads(run("generate", model, "--num-texts", 3, "--json", "-").stdout)
    assert len(texts) == 3
    assert not any("##" in text for text in texts)
    arguments = (
        "impute",
        model,
        tmp_path / "new.txt",
        "--keep",
        0.5,
        "--json",
        "-",
        "--beam-width",
        2,
    )
    found = json.loads(run(*arguments).stdout)["texts"]
    for text, line, row in zip(found, lines, vocabulary.encode_all(lines), strict=True):
        kept = vocabulary.detokenize(row[np.newaxis, : round(0.5 * (len(row) - 1))])
        given = re.escape(kept.numpy()[0].decode()).replace(re.escape("[UNK]"), r"\w+")
        beginning = re.match(given, line)[0]  # A word without an id is as it was given, too.
        assert text["text"].startswith(beginning)


@pytest.mark.parametrize("method", ["sample", "greedy", "beam"])
def test_generate(trained, method):
    arguments = (
        "generate",
        trained,
        "--num-texts",
        4,
        "--method",
        method,
        "--json",
        "-",
        "--top-p",
        0.9,
    )
    texts = json.loads(run(*arguments).stdout)
    assert len(texts) == 4
    assert texts == json.loads(run(*arguments).stdout)
    other = json.loads(run(*arguments, "--seed", 1).stdout)
    assert method != "sample" or other != texts


def test_reconstruct_and_interpolate(trained, folder):
    pairs = json.loads(run("reconstruct", trained, folder / "valid.txt", "--json", "-").stdout)
    assert len(pairs) == 20
    assert pairs[0]["sentence"] == (folder / "valid.txt").read_text().splitlines()[0]
    for way in ((), ("--spherical",)):
        texts = run("interpolate", trained, "a man sits here.", "the dog runs here.", *way)
        assert len(texts.stdout.splitlines()) == 7


def test_interpolate_between_drawn_pairs(trained, folder):
    arguments = ("interpolate", trained, "--sentences", folder / "valid.txt", "--num-pairs", 3)
    ways = json.loads(run(*arguments, "--steps", 4, "--seed", 5, "--json", "-").stdout)
    assert ways == json.loads(run(*arguments, "--steps", 4, "--seed", 5, "--json", "-").stdout)
    ends = [way[end] for way in ways for end in ("start", "stop")]
    assert len(set(ends)) == 6
    assert set(ends) <= set((folder / "valid.txt").read_text().splitlines())
    other = json.loads(run(*arguments, "--steps", 4, "--seed", 6, "--json", "-").stdout)
    assert [way["start"] for way in other] != [way["start"] for way in ways]
    given = ("interpolate", trained, ways[0]["start"], ways[0]["stop"], "--steps", 4)
    assert run(*given).stdout.splitlines() == ways[0]["texts"]
    assert json.loads(run(*given, "--json", "-").stdout) == ways[:1]
    shown = run(*arguments, "--steps", 4, "--seed", 5).stdout.split("\n\n")
    first = [ways[0]["start"], *(f"  {text}" for text in ways[0]["texts"]), ways[0]["stop"]]
    assert shown[0].splitlines() == first
    assert len(shown) == 3


@pytest.mark.parametrize("mode_steps", [0, 1])
def test_impute_keeps_the_beginning(trained, folder, mode_steps):
    arguments = ("--keep", 0.5, "--mode-steps", mode_steps, "--adversarial", "--json", "-")
    answer = json.loads(run("impute", trained, folder / "valid.txt", *arguments).stdout)
    for text, line in zip(
        answer["texts"], (folder / "valid.txt").read_text().splitlines(), strict=True
    ):
        assert text["text"].split()[:2] == line.split()[:2]
    assert -0.5 <= answer["adversarial"]["adversarial_error"] <= 0.5


def test_encode(trained, folder, tmp_path):
    run("encode", trained, folder / "valid.txt", "--output", tmp_path / "z.npy")
    run("encode", trained, folder / "valid.txt", "--output", tmp_path / "z.parquet")
    vectors = np.load(tmp_path / "z.npy")
    table = pd.read_parquet(tmp_path / "z.parquet")
    np.testing.assert_array_equal(table[["z0", "z1", "z2"]], vectors)
    lines = (folder / "valid.txt").read_text().splitlines()
    assert list(table["text"]) == lines
    model = load_text_model(trained)
    ids = model.vocabulary.encode_all(lines[:1])[0]
    np.testing.assert_allclose(model(ids[np.newaxis])[0], vectors[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "TRAIN", "VALID", "--output", "MODEL"], "not empty; give"),
        (["train", "TRAIN", "VALID", "--output", "NEW", "--set", "unts=3"], "mean 'units'?"),
        (["train", "TRAIN", "VALID", "--output", "NEW", "--set", "units=x"], "must be int"),
        (["train", "TRAIN", "VALID", "--output", "NEW", "--set", "units"], "NAME=VALUE"),
        (["train", "TRAIN", "VALID", "--output", "NEW", "--set", "decoder=rnn"], "one of lstm"),
        (["train", "none.txt", "VALID", "--output", "NEW"], "cannot be read"),
        (["train", "TRAIN", "VALID", "--output", "NEW", "--settings", "TRAIN"], "expected names"),
        (
            ["train", "TRAIN", "VALID", "--output", "MODEL", "--resume", "--set", "units=9"],
            "other settings",
        ),
        (["evaluate", "none", "VALID"], "no model here"),
        (["generate", "TRAIN"], "cannot be loaded"),
        (["impute", "MODEL", "VALID", "--adversarial"], "below 1, so that true ends are known"),
        (["encode", "MODEL", "VALID", "--output", "z.csv"], "ends in .npy or .parquet"),
        (["interpolate", "MODEL", "a man"], "give START and STOP, or --sentences FILE"),
        (["interpolate", "MODEL", "a", "b", "--sentences", "VALID"], "not both"),
        (
            ["interpolate", "MODEL", "--sentences", "VALID", "--num-pairs", 99],
            "198 different sentences",
        ),
    ],
)
def test_bad_input_is_one_line(trained, folder, tmp_path, arguments, message):
    places = {
        "TRAIN": folder / "train.txt",
        "VALID": folder / "valid.txt",
        "MODEL": trained,
        "NEW": tmp_path / "new",
    }
    result = run(*[places.get(argument, argument) for argument in arguments], code=2)
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "new" / "model.keras").exists()


def test_every_choice_of_the_settings_builds():
    vocabulary = WordVocabulary(["a", "b"])

    def build(**chosen):
        settings = TextVAESettings(units=8, embedding_units=4, latent_units=4, **chosen)
        build_objective(settings)
        model = build_model(settings, vocabulary)
        model.build((None, None))
        return model

    hints = TextVAESettings.__annotations__
    for name in ("encoder", "decoder", "posterior", "prior"):
        for choice in hints[name].__args__:
            chosen = {name: choice}
            if choice in ("power_spherical", "spherical_uniform"):
                chosen = {"posterior": "power_spherical", "prior": "spherical_uniform"}
            assert build(**chosen).weights
    spherical = {"posterior": "power_spherical", "prior": "spherical_uniform"}
    assert build(**spherical).posterior_layer.concentration is None
    assert build(concentration=9.0, **spherical).posterior_layer.concentration == 9.0
    assert isinstance(build(posterior="iaf").posterior_layer, layers.InverseAutoregressiveFlow)
    planar = build(posterior="planar", flow_base="full_normal", num_flows=3).posterior_layer
    assert isinstance(planar.base, layers.MultivariateNormalTriL)
    assert planar.num_flows == 3
    assert build(posterior="iaf").posterior_layer.num_flows == 2
    assert build(posterior="batch_normalized", gamma=0.7).posterior_layer.gamma == 0.7
    assert isinstance(build(decoder="inputless").decoder, networks.InputlessDecoder)
    model = build(model="language_model")
    assert not hasattr(model, "encoder")
    with pytest.raises(DataError, match="go together"):
        build(posterior="power_spherical")
    with pytest.raises(DataError, match="exclude each other"):
        build(free_bits=0.1, minimum_rate=2.0)
    rate = build_objective(TextVAESettings(minimum_rate=5.0)).rate
    assert isinstance(rate, objectives.MinimumDesiredRate)


@pytest.mark.parametrize("kind", ["linear", "sigmoid", "cyclical"])
def test_a_schedule_ends_at_the_weight_of_the_settings(kind):
    settings = TextVAESettings(kl_schedule=kind, kl_weight=0.3, kl_schedule_steps=6)
    schedule = build_schedule(settings, steps=10)
    weights = [schedule(step) for step in range(200)]
    assert max(weights) == pytest.approx(0.3)
    assert weights[-1] == pytest.approx(0.3)


@pytest.mark.parametrize("kind", ["linear", "sigmoid"])
def test_a_schedule_ends_within_the_epochs_after_the_pretraining(kind):
    settings = TextVAESettings(kl_schedule=kind, epochs=5, pretraining_epochs=2)
    schedule = build_schedule(settings, steps=10)
    assert schedule(30) == pytest.approx(1.0, abs=0.01)
    assert schedule(15) == pytest.approx(0.5)


def test_cycles_fill_the_epochs_after_the_pretraining():
    settings = TextVAESettings(kl_schedule="cyclical", epochs=7, pretraining_epochs=2)
    schedule = build_schedule(settings, steps=10)
    assert [step for step in range(1, 50) if schedule(step) == 0.0] == [10, 20, 30]
    assert schedule(40) == 1.0  # Four cycles, and a fifth of the steps at the end.


def test_settings_of_a_file_and_of_the_command_line(tmp_path):
    (tmp_path / "s.yaml").write_text("units: 16\nlearning_rate: 1e-3\ndecoder: gru\n")
    settings = read_settings(TextVAESettings, tmp_path / "s.yaml", ["units=32", "lower=true"])
    assert settings == TextVAESettings(units=32, learning_rate=1e-3, decoder="gru", lower=True)
    keras.config.set_dtype_policy("float32")
