"""`dgm tag` and `dgm tag predict`, on a small file."""

import json

import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.serving.beam.answered_shards import asked
from tests.tagging.made_sentences import conll, parts_of_speech
from tfp_dgm.data import DataError

SENTENCES = parts_of_speech(60)


def _run(*words):
    return CliRunner().invoke(app, ["tag", *map(str, words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tag")
    (folder / "in.conll").write_text(conll(SENTENCES, lambda sentence, word: sentence < 12))
    (folder / "predict").write_text(conll(SENTENCES, lambda sentence, word: False))
    return folder


@pytest.fixture(scope="module")
def tagged(folder):
    words = ("--output", folder / "out.conll", "--min-precision", "0.8", "--quiet")
    result = _run(folder / "in.conll", *words, "--json", folder / "figures.json")
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.slow
def test_a_file_is_tagged_and_a_summary_shown(folder, tagged):
    rows = [line.split("\t") for line in (folder / "out.conll").read_text().splitlines()]
    assert [row[:2] for row in rows if row != [""]] == [
        [word, tag if sentence < 12 else "_"]
        for sentence, (words, tags) in enumerate(SENTENCES)
        for word, tag in zip(words, tags, strict=True)
    ]
    opened = sum(len(words) for words, _ in SENTENCES[12:])
    assert f"{opened} words tagged, " in tagged.stdout
    assert str(folder / "out.model") in tagged.stdout
    assert "only 12" in tagged.stderr  # So few sentences have tags.
    figures = json.loads((folder / "figures.json").read_text())
    assert figures["sentences"]["whole"] == 12
    assert figures["acceptance"]["asked_precision"] == 0.8


@pytest.mark.slow
def test_a_model_tags_a_file_whatever_it_is_called(folder, tagged, monkeypatch):
    monkeypatch.chdir(folder)
    result = _run("predict", "out.model", "predict", "--output", "new.conll", "--quiet")
    assert result.exit_code == 0, result.output
    assert "new.conll: 60 sentences tagged" in result.stdout
    was, new = ((folder / name).read_text().splitlines() for name in ("out.conll", "new.conll"))
    behind = sum(len(words) + 1 for words, _ in SENTENCES[:12])
    assert [line.split("\t")[2] for line in was[behind:] if line] == [
        line.split("\t")[2] for line in new[behind:] if line
    ]
    # Without a tag there is nothing to learn; but the file is found, and is no command.
    refused = _run("./predict", "--output", "other.conll")
    assert refused.exit_code == 2
    assert "no word has a tag" in refused.output


@pytest.mark.slow
def test_a_shard_has_the_tags_of_the_stream(folder, tagged, tmp_path):
    """Words in lists, and plain text whose words the model finds itself."""
    model, sentences = folder / "out.model", [words for words, _ in SENTENCES]
    (tmp_path / "words.jsonl").write_text(
        "".join(json.dumps({"tokens": words}) + "\n" for words in sentences)
    )
    (tmp_path / "text.txt").write_text("".join(" ".join(words) + "\n" for words in sentences))
    _run("predict", model, folder / "predict", "--output", tmp_path / "new.conll", "--quiet")
    blocks = (tmp_path / "new.conll").read_text().strip().split("\n\n")
    expected = [[line.split("\t")[2:5] for line in block.splitlines()] for block in blocks]
    for name, signature, inputs in (
        ("words.jsonl", "tokens", ["tokens"]),
        ("text.txt", "serving_default", ()),
    ):
        path = asked(model, signature, tmp_path / name, tmp_path / name[:4], inputs=inputs)
        found = [json.loads(line) for line in path.read_text().splitlines()]
        assert [row["tokens"] for row in found] == sentences
        for row, words in zip(found, expected, strict=True):
            tags, probabilities, accept = zip(*words, strict=True)
            assert row["tags"] == [*tags]
            assert row["probabilities"] == pytest.approx([*map(float, probabilities)], abs=2e-4)
            assert row["accept"] == [cell == "Yes" for cell in accept]


def test_help_tells_both_forms():
    group = _run("--help")
    assert group.exit_code == 0
    assert "predict" in group.output
    assert "--min-precision" in _run("file", "--help").output


def test_warnings_name_options(tmp_path, monkeypatch):
    def trained(*arguments, **keywords):
        raise DataError("no training here")

    monkeypatch.setattr("tfp_dgm.tagging.tag_file", trained)
    source = tmp_path / "in.conll"
    source.write_text("a B\nb O\n\n" * 3)
    result = _run(source, "--output", tmp_path / "out.conll", "--quiet")
    assert "not for spans without types; --scheme says otherwise" in " ".join(result.stderr.split())
    source.write_text("a 0.5\nb 0.25\n\n" * 3)
    result = _run(source, "--output", tmp_path / "out.conll", "--quiet")
    assert "an earlier run? --tag-column says where tags are" in " ".join(result.stderr.split())
    source.write_text("1 a X\n2 b Y\n\n" * 3)
    result = _run(source, "--output", tmp_path / "out.conll", "--quiet")
    assert "name that of the words as --token-column" in " ".join(result.stderr.split())


def test_what_is_odd_in_a_file_is_told_before_the_training(tmp_path, monkeypatch):
    def trained(*arguments, **keywords):
        raise DataError("no training here")

    monkeypatch.setattr("tfp_dgm.tagging.tag_file", trained)
    source = tmp_path / "long.conll"
    source.write_text("a A\nb B\n" * 600)
    result = _run(source, "--output", tmp_path / "out.conll", "--quiet")
    assert result.exit_code == 2
    told, refused = (
        result.stderr.index("a sentence of 1,200 words"),
        result.stderr.index("no train"),
    )
    assert told < refused
