"""`dgm text-vae`: trained once on sixty sentences, then every command on it; and its bad inputs."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.apps.known_text_model import divergence, known, log_probability, tokens
from tests.apps.text_vae_command import run
from tests.as_python import as_python
from tests.sentence_modelling.untrained_models import SMALL, sentences, untrained
from tfp_dgm import inference
from tfp_dgm.sentence_modelling import TextModelSettings, load_text_model
from tfp_dgm.text import SubwordVocabulary
from tfp_dgm.token_ids import UNKNOWN

# What is drawn, searched and judged here is small: its traces would take longer.
pytestmark = pytest.mark.usefixtures("eager")

SETTINGS = SMALL | {
    "epochs": 2,
    "batch_size": 16,
    "learning_rate.value": 0.02,
    "kl.schedule.steps": 6,
    "seed": 3,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text_vae")
    (folder / "train.txt").write_text(sentences(60, 0) + "\n" + "dog " * 30 + "\n")
    (folder / "valid.txt").write_text(sentences(20, 1))
    (folder / "settings.toml").write_text("".join(f"{k} = {v!r}\n" for k, v in SETTINGS.items()))
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    with as_python():
        result = run(
            *("train", folder / "train.txt", folder / "valid.txt", "--output", folder / "model"),
            *("--settings", folder / "settings.toml", "--set", "kl.rate.nats=0.25"),
            *("--set", "kl.rate.kind=free_bits", "--seed", 4),
        )
    assert "1 of 62 lines left out, empty: line 61" in result.stderr
    assert "1 sentences of more than 8 tokens, left out: line 62" in result.stderr
    numbers = json.loads((folder / "model" / "history.json").read_text())
    assert f"the best: bound {max(n['bound'] for n in numbers):.2f}" in result.stdout
    return folder / "model"


@pytest.fixture(scope="module")
def known_model(tmp_path_factory):
    return known(tmp_path_factory.mktemp("known") / "model")


@pytest.mark.slow
def test_training_leaves_a_whole_folder(folder, trained):
    settings = json.loads((trained / "settings.json").read_text())
    assert settings["kl"]["rate"] == {"kind": "free_bits", "nats": 0.25, "group_size": None}
    assert (settings["encoder"]["units"], settings["seed"]) == (8, 4)
    assert set(settings) == set(TextModelSettings.__dataclass_fields__)
    files = {"train_file": str(folder / "train.txt"), "valid_file": str(folder / "valid.txt")}
    assert json.loads((trained / "run.json").read_text())["data"] == files
    assert (trained / "samples.txt").read_text().count("between two sentences:") == 2
    assert not list(trained.glob(".*"))


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_semi_amortised_model_is_judged_refined(folder):
    """Quicker: `test_without_a_number_of_steps_they_are_those_of_training`."""
    steps = {"remedies.semi_amortized.num_steps": 2, "remedies.semi_amortized.learning_rate": 0.2}
    model = untrained(folder / "refined", steps)
    (folder / "few.txt").write_text(sentences(4, 1))
    arguments = ("evaluate", model, folder / "few.txt", "--num-samples", 2, "--json", "-")
    refined = json.loads(run(*arguments).stdout)
    assert refined["refinement_steps"] == 2
    amortised = json.loads(run(*arguments, "--refine", 0).stdout)
    assert amortised["refinement_steps"] == 0
    assert refined["elbo"] > amortised["elbo"]  # The steps climb each sentence's bound.


@pytest.mark.slow
def test_evaluate(known_model, folder, tmp_path):
    result = run(
        *("evaluate", known_model, folder / "valid.txt", "--num-samples", 8, "--json", "-"),
        *("--figure", tmp_path / "kl.png"),
    )
    report = json.loads(result.stdout)
    lines = (folder / "valid.txt").read_text().splitlines()
    expected = np.mean([log_probability(line) for line in lines])
    count = np.mean([len(tokens(line)) + 1 for line in lines])  # With END.
    assert report["num_sentences"] == 20
    assert report["tokens_per_sentence"] == pytest.approx(count)
    assert report["elbo"] == pytest.approx(expected - 3 * divergence(), rel=1e-5)
    assert report["kl_per_dimension"] == pytest.approx([divergence()] * 3, rel=1e-4)
    # Of weights whose logarithms have a variance below 1, 8 for each of 20: 5 standard errors.
    assert report["log_likelihood"] == pytest.approx(expected, abs=5 / np.sqrt(8 * 20))
    perplexity = np.exp(-report["log_likelihood"] / count)
    assert report["perplexity"] == pytest.approx(perplexity, rel=1e-5)
    # The posterior is the same of every sentence.
    assert report["active_units"] == 0
    assert report["mutual_information"] == pytest.approx(0, abs=1e-5)
    assert (tmp_path / "kl.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_subwords_from_evaluation_to_imputation(tmp_path):
    """Quicker: `test_vocabulary.py`, of subwords in graphs; the commands on words, below."""
    (tmp_path / "new.txt").write_text("the dogman runs now, there.\na girl runs.\n" * 2)
    lines = (tmp_path / "new.txt").read_text().splitlines()
    chosen = {"vocabulary.kind": "subwords", "vocabulary.size": 60, "max_length": 24}
    model = untrained(tmp_path / "model", chosen)
    vocabulary = load_text_model(model).vocabulary
    assert isinstance(vocabulary, SubwordVocabulary)
    # A word that no text of training has is its pieces, and comes back.
    ids = vocabulary(tf.constant(lines[:1]))
    assert UNKNOWN not in ids.numpy()
    assert vocabulary.detokenize(ids).numpy()[0].decode() == lines[0]
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


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--method", "greedy"), " ".join(["dog"] * 8)),  # The likelier word at each step.
        (("--method", "beam", "--beam-width", 3), ""),  # The likeliest text.
    ],
)
def test_the_likeliest_words_and_the_likeliest_text(known_model, arguments, text):
    found = run("generate", known_model, "--num-texts", 2, "--json", "-", *arguments).stdout
    assert json.loads(found) == [text] * 2


@pytest.mark.slow
def test_texts_are_drawn(known_model):
    arguments = ("generate", known_model, "--top-p", 0.8, "--json", "-")
    texts = json.loads(run(*arguments, "--num-texts", 60, "--seed", 5).stdout)
    # Word and END are the nucleus: 40 of 90 texts end at once. Within 5 standard errors.
    assert {word for text in texts for word in text.split()} == {"dog"}
    assert abs(texts.count("") / 60 - 4 / 9) < 5 * np.sqrt(20 / 81 / 60)
    # Text n is that of its own seed.
    assert json.loads(run(*arguments, "--num-texts", 9, "--seed", 5).stdout) == texts[:9]
    assert json.loads(run(*arguments, "--num-texts", 9, "--seed", 6).stdout) != texts[:9]


def straight(start, stop, share):
    return (1 - share) * start + share * stop


def round_about(start, stop, share):
    """Angle and length change evenly."""
    lengths = np.linalg.norm([start, stop], axis=1)
    angle = np.arccos(start @ stop / lengths.prod())
    parts = np.sin([(1 - share) * angle, share * angle]) / np.sin(angle)
    return straight(*lengths, share) * (parts / lengths @ np.stack([start, stop]))


@pytest.mark.slow
def test_reconstruct_and_interpolate(folder, tmp_path):
    model = load_text_model(untrained(tmp_path / "random"))
    for seed, weight in enumerate(model.weights):  # Far from each other, and so their texts.
        weight.assign(np.random.default_rng(seed).normal(size=weight.shape))
    model.save(tmp_path / "random/model.keras")
    lines = list(dict.fromkeys((folder / "valid.txt").read_text().splitlines()))
    texts = []
    for chosen in (lines, lines[::-1]):
        (tmp_path / "few.txt").write_text("".join(f"{line}\n" for line in chosen))
        answer = run("reconstruct", tmp_path / "random", tmp_path / "few.txt", "--json", "-").stdout
        pairs = json.loads(answer)
        assert [pair["sentence"] for pair in pairs] == chosen
        texts.append([pair["reconstruction"] for pair in pairs])
    assert texts[1] == texts[0][::-1]
    first, last = 0, next(n for n, text in enumerate(texts[0]) if text != texts[0][0])
    ends = model.predict(tf.constant([lines[first], lines[last]]), verbose=0).astype(float)
    ways = []
    for way, option in ((straight, ()), (round_about, ("--spherical",))):
        found = run("interpolate", tmp_path / "random", lines[first], lines[last], *option).stdout
        ways.append(found.splitlines())
        points = np.stack([way(*ends, share) for share in np.linspace(0, 1, 7)])
        likeliest = inference.greedy(model.decode(points.astype(np.float32)))
        expected = model.vocabulary.detokenize(likeliest).numpy()
        assert ways[-1] == [text.decode() for text in expected]
        assert [ways[-1][0], ways[-1][-1]] == [texts[0][first], texts[0][last]]
    assert ways[0] != ways[1]


@pytest.mark.slow
def test_interpolate_between_drawn_pairs(trained, folder):
    arguments = ("interpolate", trained, "--sentences", folder / "valid.txt", "--num-pairs", 3)
    ways = json.loads(run(*arguments, "--steps", 4, "--seed", 5, "--json", "-").stdout)
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
def test_impute_keeps_the_beginning(known_model, folder, mode_steps):
    arguments = ("--keep", 0.5, "--mode-steps", mode_steps, "--adversarial", "--json", "-")
    arguments += ("--beam-width", 3)
    answer = json.loads(run("impute", known_model, folder / "valid.txt", *arguments).stdout)
    lines = (folder / "valid.txt").read_text().splitlines()
    for text, line in zip(answer["texts"], lines, strict=True):
        # The likeliest end of every beginning is none.
        words = tokens(line)
        assert tokens(text["text"]) == words[: round(0.5 * len(words))]
    # What ends halfway has no full stop, and every true sentence has one.
    assert answer["adversarial"]["adversarial_error"] > 0.4


@pytest.mark.slow
def test_encode(trained, folder, tmp_path):
    run("encode", trained, folder / "valid.txt", "--output", tmp_path / "z.npy")
    run("encode", trained, folder / "valid.txt", "--output", tmp_path / "z.parquet")
    vectors = np.load(tmp_path / "z.npy")
    table = pd.read_parquet(tmp_path / "z.parquet")
    np.testing.assert_array_equal(table[["z0", "z1", "z2"]], vectors)
    lines = (folder / "valid.txt").read_text().splitlines()
    assert list(table["text"]) == lines
    model = load_text_model(trained)
    for n in (0, 7, 19):  # Each beside no other.
        ids = model.vocabulary.encode_all(lines[n : n + 1])[0]
        np.testing.assert_allclose(model(ids[np.newaxis])[0], vectors[n], rtol=1e-5, atol=1e-6)
    assert np.abs(vectors[0] - vectors).max() > 1e-4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "TRAIN", "VALID", "--output", "MODEL"], "holds a finished run"),
        (
            ["train", "TRAIN", "VALID", "--output", "NEW", "--set", "units=3"],
            "mean 'encoder.units' or 'decoder.units' or 'prior.units' or 'objective.critic.units'?",
        ),
        (
            ["train", "TRAIN", "VALID", "--output", "NEW", "--set", "epochs=x"],
            "must be a valid integer",
        ),
        (["train", "TRAIN", "VALID", "--output", "NEW", "--set", "units"], "expected name=value"),
        (
            ["train", "TRAIN", "VALID", "--output", "NEW", "--set", "decoder.kind=rnn"],
            "one of 'lstm'",
        ),
        (["train", "none.txt", "VALID", "--output", "NEW"], "none.txt: no such file"),
        (["train", "TRAIN", "VALID", "--output", "NEW", "--settings", "TRAIN"], "ending in .yaml"),
        (
            ["train", "TRAIN", "VALID", "--output", "MODEL", "--resume"],
            "the run is finished",
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
