"""`dgm caption` from files to captions, on rendered scenes; and what it says of bad files."""

import json
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import normalized_mutual_info_score
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

TINY = {
    "num_experts": 4,
    "image_size": 16,
    "image_encoder.filters": 16,
    "image_encoder.blocks": 2,
    "units": 40,
    "embedding_units": 24,
    "experts.embedding_units": 16,
    "context_units": 24,
    "attention": "null",
    "dropout": 0.0,
    "vocabulary.min_count": 1,
    "batch_size": 50,
    "learning_rate": 5e-3,
    "objective.anneal_epochs": 2,
    "epochs": 3,
}


def run(*arguments):
    return CliRunner().invoke(app, ["caption", *map(str, arguments)])


def settings(**others):
    return [f"--set={name}={value}" for name, value in {**TINY, **others}.items()]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    result = run("render", "--output", folder, "--num-images", 150, "--size", 16)
    assert result.exit_code == 0, result.output
    # One image is broken, one caption has no image, one image no caption.
    with zipfile.ZipFile(folder / "images.zip", "a") as archive:
        archive.writestr("broken.png", b"no image")
        archive.writestr("alone.png", b"no image")
    with (folder / "captions.jsonl").open("a") as lines:
        lines.write('{"image": "broken.png", "caption": "nothing"}\n')
        lines.write('{"image": "gone.png", "caption": "nothing"}\n')
    (folder / "train.txt").write_text((folder / "train.txt").read_text() + "broken.png\n")
    return folder


@pytest.fixture(scope="module")
def trained(scenes, tmp_path_factory):
    model = tmp_path_factory.mktemp("models") / "model"
    arguments = [
        scenes / "captions.jsonl",
        f"--images={scenes / 'images.zip'}",
        f"--train-list={scenes / 'train.txt'}",
        f"--validation-list={scenes / 'validation.txt'}",
    ]
    result = run("train", *arguments, "--output", model, *settings())
    assert result.exit_code == 0, result.output
    assert "1 image with captions missing: gone.png" in result.output
    assert "1 image without a caption: alone.png" in result.output
    assert "1 image that cannot be decoded: broken.png" in result.output
    return model


@pytest.mark.slow
def test_training_finds_the_styles_and_says_what_was_learnt(scenes, trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["epochs"] == 3
    assert metrics["captions"] == {"train": 405, "validation": 45}
    bounds = [logs["val_bound"] for logs in metrics["history"]]
    assert bounds[2] > bounds[1] > bounds[0]
    assert 0 < metrics["validation"]["usage_entropy"] <= metrics["max_usage_entropy"] + 1e-6
    written = json.loads((trained / "settings.json").read_text())
    assert written["objective"]["kind"] == "hard-em"
    assert json.loads((trained / "run.json").read_text())["data"] == {
        "captions": str(scenes / "captions.jsonl"),
        "images": str(scenes / "images.zip"),
        "train_list": str(scenes / "train.txt"),
        "validation_list": str(scenes / "validation.txt"),
    }

    from tfp_dgm.captioning import load_captioner, load_sources
    from tfp_dgm.data import ImageFiles, read_captions, read_image_list

    model, _ = load_captioner(trained)
    rows = [json.loads(line) for line in (scenes / "captions.jsonl").read_text().splitlines()]
    names = read_image_list(scenes / "validation.txt")
    captions = read_captions(scenes / "captions.jsonl").within(names, "validation")
    captioned = load_sources(captions, ImageFiles(scenes / "images.zip"), image_size=16)
    inputs = {
        "source": captioned.sources[captioned.source_of],
        "token_ids": model.vocabulary(tf.constant(captioned.texts)).numpy(),
    }
    styles = [row["style"] for name in names for row in rows if row["image"] == name]
    experts = model.responsibilities(inputs).numpy().argmax(axis=1)
    assert normalized_mutual_info_score(styles, experts) > 0.9
    shuffled = np.random.default_rng(0).permutation(styles)
    assert normalized_mutual_info_score(shuffled, experts) < 0.35  # Of 45 captions alone.


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_evaluate_and_its_page(scenes, trained, tmp_path):
    result = run(
        "evaluate",
        trained,
        scenes / "captions.jsonl",
        f"--images={scenes / 'images.zip'}",
        f"--list={scenes / 'validation.txt'}",
        f"--html={tmp_path / 'page.html'}",
        f"--json={tmp_path / 'metrics.json'}",
        f"--responsibilities={tmp_path / 'experts.jsonl'}",
    )
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["images"] == 15
    assert "CIDEr weighs words by how few images' references hold them, of 15" in result.stderr
    assert metrics["captions"] == 45
    assert metrics["oracle_bleu_4"] >= metrics["mean_bleu_4"]
    np.testing.assert_allclose(sum(metrics["usage"]), 1)
    # Each caption's expert is that of its style, as the file of captions tells it.
    whose = [json.loads(line) for line in (tmp_path / "experts.jsonl").read_text().splitlines()]
    rows = [json.loads(line) for line in (scenes / "captions.jsonl").read_text().splitlines()]
    styles = {(row["image"], row["caption"]): row.get("style") for row in rows}
    true = [styles[row["source"], row["caption"]] for row in whose]
    found = [row["expert"] for row in whose]
    assert normalized_mutual_info_score(true, found) > 0.9
    shares = np.mean([row["responsibilities"] for row in whose], axis=0)
    np.testing.assert_allclose(shares, metrics["usage"], atol=1e-5)
    # The same bound as training reported of the same captions, which all count as one.
    validation = json.loads((trained / "metrics.json").read_text())["validation"]
    assert metrics["nll"] < -validation["bound"] + 1e-3
    page = (tmp_path / "page.html").read_text()
    assert page.count('<img src="data:image/jpeg;base64,') == 15
    assert page.count("Expert 3") == 15
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_describe_one_image_and_one_expert(scenes, trained, tmp_path):
    """Quicker: `test_features_are_learnt_and_described`, of `test_caption_sources.py`."""
    with zipfile.ZipFile(scenes / "images.zip") as archive:
        (tmp_path / "one.png").write_bytes(archive.read("scene00003.png"))
    result = run("describe", trained, tmp_path / "one.png", f"--json={tmp_path / 'all.json'}")
    assert result.exit_code == 0, result.output
    (row,) = json.loads((tmp_path / "all.json").read_text())
    assert row["image"] == "one.png"
    assert len(row["captions"]) == 4
    best = max(row["captions"], key=lambda caption: caption["log_prob"])
    assert row["best"] == best["caption"]
    assert row["best"] in result.output
    result = run(
        "describe",
        trained,
        tmp_path / "one.png",
        "--expert=2",
        "--num-captions=3",
        "--sample",
        f"--json={tmp_path / 'one.json'}",
    )
    assert result.exit_code == 0, result.output
    assert len(json.loads((tmp_path / "one.json").read_text())[0]["captions"]) == 3
    result = run("describe", trained, tmp_path / "one.png", "--expert=4")
    assert result.exit_code == 2
    assert "expected a number from 0 to 3; received 4" in result.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--set": "num_experts=0"}, "num_experts must be greater than or equal to 1"),
        ({"--set": "num_expert=2"}, "no such setting 'num_expert'; did you mean 'num_experts'?"),
        ({"--set": "objective.kind=vae"}, "objective.kind must be one of 'marginal', 'em'"),
        ({"--images": "none"}, "none: no such file or folder"),
        ({"--strict": None}, "1 images with captions missing: gone.png"),
        ({"--train-list": "validation.txt"}, "share 15 images, such as 'scene00000.png'"),
        ({"--resume": None}, "there is nothing to resume"),
        ({"captions": "train.txt"}, "train.txt, line 1: expected `image.jpg#0<TAB>caption`"),
    ],
    ids=str,
)
def test_bad_input_is_named(scenes, tmp_path, change, message):
    change = dict(change)
    captions = change.pop("captions", "captions.jsonl")
    options = {
        "--images": scenes / "images.zip",
        "--output": tmp_path / "model",
        "--train-list": scenes / "train.txt",
        "--validation-list": scenes / "validation.txt",
        "--set": "image_size=16",
    }
    for name, value in change.items():
        lies_there = name in ("--train-list", "--images")
        options[name] = scenes / value if lies_there else value
    arguments = [name if value is None else f"{name}={value}" for name, value in options.items()]
    result = run("train", scenes / captions, *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.output.replace("\n", " ")


def test_a_folder_with_a_training_is_not_overwritten(scenes, trained):
    arguments = [scenes / "captions.jsonl", f"--images={scenes / 'images.zip'}"]
    for more, message in (
        ((), "holds a finished run; name another folder"),
        (("--resume",), "there is nothing to resume: the run is finished"),
    ):
        result = run("train", *arguments, "--output", trained, *settings(), *more)
        assert result.exit_code == 2
        assert message in result.output
    result = run("evaluate", scenes, *arguments)
    assert result.exit_code == 2
    assert "expected the folder of a finished training" in result.output
