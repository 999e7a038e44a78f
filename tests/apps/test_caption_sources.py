"""`dgm caption` on what is no image: features that somebody computed, and texts to be answered."""

import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.as_python import as_python
from tests.serving.beam.answered_shards import asked

# Each test needs a training, an export or a process, which they share.
pytestmark = pytest.mark.slow

TINY = {
    "num_experts": 2,
    "units": 12,
    "embedding_units": 8,
    "experts.embedding_units": 4,
    "context_units": 6,
    "max_length": 7,
    "source_max_length": 9,
    "dropout": 0.0,
    "vocabulary.min_count": 1,
    "batch_size": 20,
    "epochs": 1,
}
NUMBERS = ["one", "two", "three", "four", "five", "six"]
EINS = ["eins", "zwei", "drei", "vier", "fuenf", "sechs"]


def run(*arguments):
    return CliRunner().invoke(app, ["caption", *map(str, arguments)])


def fitting(*arguments, **settings):
    given = [f"--set={name}={value}" for name, value in {**TINY, **settings}.items()]
    with as_python():  # Of few steps.
        result = run("train", *arguments, *given)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A table of English numbers and their German translations, two for each source."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    random, rows = np.random.default_rng(1), ["source,target"]
    for _ in range(40):
        words = random.integers(6, size=random.integers(1, 5))
        source = " ".join(NUMBERS[w] for w in words)
        for target in ([EINS[w] for w in words], ["bitte", *(EINS[w] for w in words)]):
            rows.append(f"{source},{' '.join(target)}")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def translator(pairs, tmp_path_factory):
    model = tmp_path_factory.mktemp("models") / "translator"
    fitting(pairs, f"--output={model}", vocabulary="{kind: subwords, size: 60}", epochs=2)
    return model


@pytest.mark.usefixtures("eager")
def test_texts_are_learnt_evaluated_and_answered(pairs, translator, tmp_path):
    metrics = json.loads((translator / "metrics.json").read_text())
    assert metrics["epochs"] == 2
    assert metrics["history"][1]["val_bound"] > metrics["history"][0]["val_bound"]
    page, found = tmp_path / "page.html", tmp_path / "metrics.json"
    result = run("evaluate", translator, pairs, f"--html={page}", f"--json={found}")
    assert result.exit_code == 0, result.output
    targets = pairs.read_text().count("\n") - 1
    assert json.loads(found.read_text())["captions"] == targets
    assert page.read_text().count("Expert 1") == json.loads(found.read_text())["images"]
    texts = tmp_path / "texts.txt"
    texts.write_text("one two\nthree\n\nsix six\n")
    result = run(
        *("describe", translator, texts, "--pick=2", "--seed=1"),
        f"--json={tmp_path / 'answers.json'}",
    )
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "answers.json").read_text())
    assert len({row["text"] for row in rows} & {"one two", "three", "six six"}) == 2
    assert [len(row["captions"]) for row in rows] == [2, 2]
    assert "line 3" in result.output


def test_translator_is_served_with_its_tokenisers(translator, tmp_path):
    """TF Text's tokeniser stands in the graph; the compiled body takes what `prepare` gives."""
    from tfp_dgm import serving
    from tfp_dgm.captioning import describe, load_captioner

    model, _ = load_captioner(translator)
    texts, target = ["one two three", "six"], ["eins zwei drei", "sechs"]
    signatures = serving.captioner_signatures(model, texts, beam_size=1)
    # Without its twin, which takes long to export; `prepare` and the body stand below.
    default = {"serving_default": replace(signatures["serving_default"], xla=False)}
    folder = serving.export(model, tmp_path / "translator", signatures=default, batch_sizes=[2])
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    live = describe(model, np.array(texts, object))
    answer = served(text=tf.constant(texts))
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in texts))
    shard = asked(folder, "serving_default", tmp_path / "texts.txt", tmp_path / "run")
    rows = [json.loads(line) for line in shard.read_text().splitlines()]
    assert [row["captions"] for row in rows] == [one.captions for one in live]
    prepared = signatures["describe"].prepare()(tf.constant(texts))
    assert prepared["source"].shape == (2, 9)
    twin = signatures["describe"].uncompiled_twin(*prepared.values())
    for n, one in enumerate(live):
        assert [text.decode() for text in answer["captions"][n].numpy()] == one.captions
        for found in (answer, twin):
            np.testing.assert_allclose(found["log_probability"][n], one.log_prob, rtol=1e-4)
    scores = signatures["score"].plain()(tf.constant(texts), tf.constant(target))
    inputs = {"source": model.source_vocabulary(tf.constant(texts))}
    inputs["token_ids"] = model.vocabulary(tf.constant(target))
    np.testing.assert_allclose(scores["log_probability"], model.log_marginal(inputs), rtol=1e-4)


@pytest.mark.usefixtures("eager")
def test_pairs_in_shards_are_learnt(pairs, tmp_path):
    header, *rows = pairs.read_text().splitlines()
    (tmp_path / "in").mkdir()
    for part in range(2):
        own = [header, *rows[40 * part : 40 * part + 40]]
        (tmp_path / f"in/{part}.csv").write_text("\n".join(own) + "\n")
    fitting(tmp_path / "in/?.csv", f"--output={tmp_path / 'model'}")
    metrics = json.loads((tmp_path / "model/metrics.json").read_text())
    assert sum(metrics["captions"].values()) == 80
    assert sum(metrics["sources"].values()) == len({row.split(",")[0] for row in rows})
    asked = ("train", tmp_path / "in", f"--output={tmp_path / 'other'}")
    refused = run(*asked, f"--validation-list={pairs}")
    assert refused.exit_code == 2
    assert "--validation-list: expected with one table" in refused.output


def test_damaged_metrics_are_named(translator, tmp_path):
    shutil.copytree(translator, tmp_path / "model")
    metrics = tmp_path / "model" / "metrics.json"
    for content, message in (
        ('{"history": [', "metrics.json: not JSON"),
        ("[]", "metrics.json: expected an object"),
        ('{"sources": {}}', "metrics.json: expected validation"),
    ):
        metrics.write_text(content)
        result = run("export", tmp_path / "model", f"--output={tmp_path / 'served'}")
        assert result.exit_code == 2
        assert message in result.output.replace("\n", " ")


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    names = [f"{n}.jpg" for n in range(40)]
    grid = np.random.default_rng(2).normal(size=(40, 2, 3, 5)).astype(np.float32)
    np.savez(folder / "grid.npz", names=np.array(names), features=grid)
    np.save(folder / "vectors.npy", grid[:, 0, 0])
    (folder / "vectors.txt").write_text("\n".join(names) + "\n")
    lines = [
        f"{name}#{i}\t{EINS[n % 6]} {EINS[i]}\n" for n, name in enumerate(names) for i in (0, 1)
    ]
    (folder / "captions.token.txt").write_text("".join(lines))
    (folder / "few.txt").write_text("3.jpg\n5.jpg\n")
    return folder


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("file", "settings"),
    [
        pytest.param(
            "grid.npz",
            {"objective.kind": "gumbel", "decoder": "transformer"},
            marks=pytest.mark.slow,
        ),
        (
            "vectors.npy",
            {
                "objective.kind": "score-function",
                "attention": "null",
                "experts": "{kind: separate}",
            },
        ),
        ("grid.npz", {"attention": "enumerated"}),
    ],
    ids=["grid", "vectors", "alignments"],
)
def test_features_are_learnt_and_described(features, tmp_path, file, settings):
    model, given = tmp_path / "model", features / file
    fitting(features / "captions.token.txt", f"--images={given}", f"--output={model}", **settings)
    answers = tmp_path / "answers.json"
    result = run("describe", model, given, f"--list={features / 'few.txt'}", f"--json={answers}")
    assert result.exit_code == 0, result.output
    assert [row["image"] for row in json.loads(answers.read_text())] == ["3.jpg", "5.jpg"]
    (tmp_path / "unknown.txt").write_text("77.jpg\n")
    result = run("describe", model, given, f"--list={tmp_path / 'unknown.txt'}")
    assert result.exit_code == 2
    assert "1 not there, such as '77.jpg'" in result.output.replace("\n", " ")


def test_what_the_captioner_was_not_trained_on_is_refused(features, pairs, translator, tmp_path):
    captions = features / "captions.token.txt"
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("a.png", b"")
    for arguments, message in (
        (("describe", translator, features / "grid.npz"), "describes texts; received features"),
        (("describe", translator, tmp_path / "none"), "none: no such file or folder"),
        (("describe", translator, tmp_path / "images.zip"), "describes texts; received images"),
        (("evaluate", translator, captions, f"--images={features / 'grid.npz'}"), "received feat"),
        (
            ("export", translator, "--output=none", f"--examples={tmp_path / 'images.zip'}"),
            "received im",
        ),
        (("evaluate", translator, captions), "without --images, expected a table"),
        (("evaluate", translator, pairs, "--source-column=s"), "no such column 's'"),
        (
            ("train", pairs, f"--output={tmp_path / 'm'}", "--set=vocabulary.min_count=999"),
            "vocabulary: WordVocabulary.fit: no word occurs 999 times",
        ),
        (
            (
                *("train", pairs, f"--output={tmp_path / 'n'}", "--set=experts.kind=separate"),
                "--set=objective.kind=gumbel",
            ),
            "received experts.kind=separate",
        ),
    ):
        result = run(*arguments)
        assert result.exit_code == 2, result.output
        assert message in result.output.replace("\n", " ")
