"""What can be refused without a model is refused before TensorFlow is loaded, at once."""

import json
import os
import subprocess
import sys

import pytest

from tests.apps.commands import COMMANDS

CASES = {
    "label": {
        "ending": ("t.csv --text-column text --label-column label --output o.xyz", "'.xyz'"),
        "input": ("t.csv --text-column text --label-column label --output t.csv", "input 't.csv'"),
        "no file": ("none.csv --text-column a --label-column b --output o.csv", "no such file"),
        "there": ("t.csv --text-column text --label-column label --output u.csv", "earlier result"),
        "no column": ("t.csv --text-column text --output o.csv", "--label-column: expected"),
        "both": (
            "t.csv --text-column a --label-column b --answer-column c --output o.csv",
            "--answer-column: expected in place of --label-column",
        ),
        "one answer": (
            "t.csv --text-column text --answer-column label --output o.csv",
            "--answer-column: expected two or more, one of each annotator",
        ),
        "class": (
            "t.csv --text-column a --label-column b --label-column c --class x --output o.csv",
            "--class: expected COLUMN=CLASS",
        ),
        "annotators and tags": (
            "t.csv --text-column text --answer-column label --answer-column b --multi-label "
            "--output o.csv",
            "--multi-label: expected labels of one hand",
        ),
        "no tags": (
            "t.csv --text-column text --multi-label --output o.csv",
            "--label-column: expected a column of labels, one of 0 and 1 for each class, or --cl",
        ),
        "reasons of tags": (
            "t.csv --text-column text --label-column b --multi-label --reasons --output o.csv",
            "--reasons: labels with --multi-label come without reasons",
        ),
        "rationales of tags": (
            "t.csv --text-column text --label-column b --multi-label --rationales --output o.csv",
            "--rationales: labels with --multi-label come without rationales",
        ),
        "classes of tags": (
            "t.csv --text-column text --label-column b --multi-label --classes x --output o.csv",
            "x: expected a file of classes",
        ),
        "separator": (
            "t.csv --text-column text --label-column label --multi-label --separator ? "
            "--output o.csv",
            "--separator: expected something to stand between labels",
        ),
        "a mark as separator": (
            "t.csv --text-column text --label-column label --separator ! --output o.csv",
            "--separator: expected something to stand between labels, without !, ?",
        ),
        "no classes": (
            "t.csv --text-column text --classes none.yaml --output o.csv",
            "none.yaml: expected a file of classes",
        ),
        "classes of which column": (
            "t.csv --text-column a --label-column b --label-column c --classes x --output o.csv",
            "--classes: expected COLUMN=FILE, of one of the label columns 'b', 'c'; received 'x'",
        ),
        "classes twice": (
            "t.csv --text-column a --label-column b --classes x --classes y --output o.csv",
            "--classes: expected one file; received 'x' and 'y'",
        ),
    },
    "predict": {
        "damaged settings": (
            "damaged t.csv --output o --runner DirectRunner",
            "damaged/settings.json: ",
        ),
        "settings of nothing": (
            "emptied t.csv --output o --runner DirectRunner --resume",
            "emptied/settings.json: expected the settings of a labelling, of topics or of tags; "
            "received {}",
        ),
        "ending": ("there t.csv --output o.xyz", "'.xyz'"),
        "input": ("there t.csv --output t.csv", "is the input 't.csv' itself"),
        "no file": ("there none.csv --output o.csv", "none.csv: no such file"),
        "no model": ("there t.csv --output o.csv", "expected a folder that `dgm label` wrote"),
        "topics": (
            "found t.csv --output o.csv",
            "found one of topics, which `dgm topics predict` tells",
        ),
        "option": (
            "there t.csv --output o --runner-option streaming",
            "--runner-option: expected with --runner",
        ),
        "resume": ("there t.csv --output o.csv --resume", "--resume: expected with --runner"),
        "a URL": (
            "there s3://bucket/t.csv --output o.csv",
            "s3://bucket/t.csv: a URL; expected a path, or --runner",
        ),
        "no shards": (
            "there none*.csv --output o --runner DirectRunner",
            "none*.csv: no such file",
        ),
        "no value": (
            "there t.csv --output o --runner DirectRunner --runner-option =2",
            "--runner-option: expected NAME=VALUE; received '=2'",
        ),
        "no export": (
            "there t.csv --output o --runner DirectRunner",
            "expected a folder that `dgm label` wrote",
        ),
        "signature": (
            "labels.model t.csv --output o --runner DirectRunner --signature encode",
            "--signature: expected with an exported model",
        ),
    },
    "check": {
        "no file": ("none.csv s.csv", "none.csv: no such file"),
        "no labels": ("t.csv s.csv", "expected a table that `dgm label` or `dgm predict` wrote"),
        "twice": ("t.csv s.csv s.csv", "SAMPLE: expected distinct files"),
        "share": ("t.csv s.csv --confidence 1", "--confidence: expected a share between 0 and 1"),
        "json": ("t.csv s.csv --json u.csv", "is there already; delete it"),
    },
    "demo": {
        "file": ("--output t.csv", "expected a folder or nothing; found a file"),
        "there": ("--output there", "expected nothing or an earlier demo there; found 'file'"),
    },
    "export": {
        "no model": ("none.keras --output o", "none.keras: no such file"),
        "file": ("m.keras --output t.csv", "expected a folder or nothing; found a file"),
        "there": ("m.keras --output served --version 3", "--version: expected a new positive"),
    },
    "review": {
        "no model": ("there", "expected a folder that `dgm label` or `dgm tag` wrote"),
        "sentences": ("tagger", "expected the tagged file gone.conll beside it"),
        "no table": ("labels.model", "expected the labelled table gone.csv beside it"),
        "kind": ("tags.model", "a review of several labels a row is not known"),
        "topics": ("found", "found one of topics. Correct the column sure_topic of its table"),
        "there": ("labels.model --export u.csv", "is there already; delete it"),
        "column": ("labels.model --label-column x", "--label-column: expected one of"),
        "id": ("labels.model --id-column a", "--id-column: only with --import"),
        "annotator": ("labels.model --annotator a", "--annotator: only with --import"),
    },
    "serve": {"no model": ("none", "none: expected folders of versions")},
    "serve-check": {"no model": ("none", "none: expected a SavedModel or folders of versions")},
    "caption train": {
        "setting": ("t.csv --output m --set num_expert=1", "did you mean 'num_experts'?"),
        "there": ("t.csv --output there", "expected nothing there, or a run"),
        "resume": ("t.csv --output m --resume", "m: there is nothing to resume"),
        "no cluster": ("t.csv --output m --workers", "TF_CONFIG: expected"),
        "value": (
            "t.csv --output m --set epochs=0",
            "epochs must be greater than or equal to 1",
        ),
        "no file": ("none.csv --output m", "none.csv: no such file"),
    },
    "caption evaluate": {
        "no model": ("none t.csv", "expected the folder of a finished training"),
        "no file": ("captioner none.csv", "none.csv: no such file"),
        "json": ("captioner t.csv --json u.csv", "is there already; delete it"),
    },
    "caption describe": {
        "no model": ("none t.csv", "expected the folder of a finished training"),
        "no file": ("captioner none.png", "none.png: no such file"),
        "html": ("captioner t.csv --html u.csv", "is there already; delete it"),
    },
    "caption export": {
        "no model": ("none --output o", "expected the folder of a finished training"),
        "file": ("captioner --output t.csv", "expected a folder or nothing; found a file"),
    },
    "caption render": {"there": ("--output there", "there: is there already; delete it")},
    "tag file": {
        "table": ("t.csv --output o.conll", "received a table"),
        "input": ("s.txt --output s.txt", "is the input 's.txt' itself"),
        "no file": ("none.conll --output o.conll", "none.conll: no such file"),
        "there": ("s.txt --output u.csv", "expected nothing or an earlier result there"),
        "no tags": ("s.txt --output o.conll", "no word has a tag"),
        "tool": ("s.txt --tool brat --output o.jsonl", "--tool: expected one of label-studio"),
        "scheme": ("s.txt --output o.conll --scheme BIOX", "--scheme: expected one of none, BIO"),
        "format": ("s.txt --output o.conll --format xml", "--format: expected one of conll"),
        "folder": ("c.conll --output o.conll --model there", "expected nothing, an empty folder"),
    },
    "tag predict": {
        "tool": ("tagger s.txt --tool brat --output o.jsonl", "--tool: expected one of label"),
        "tool's name": ("tagger s.txt --tool doccano --output o.conll", "end its name in .jsonl"),
        "table": ("tagger t.csv --output o.conll", "received a table"),
        "input": ("tagger s.txt --output s.txt", "is the input 's.txt' itself"),
        "no file": ("tagger none.conll --output o.conll", "none.conll: no such file"),
        "there": ("tagger s.txt --output u.csv", "expected nothing or an earlier result there"),
        "no model": ("there s.txt --output o.conll", "expected a folder that `dgm tag` wrote"),
    },
    "topics file": {
        "no file": ("none.csv --text-column text --output o", "none.csv: no such file"),
        "ending": ("s.txt --text-column text --output o", "unsupported extension '.txt'"),
        "there": ("t.csv --text-column text --output there", "one that `dgm topics` wrote"),
        "file": ("t.csv --text-column text --output u.csv", "found a file"),
        "seeds": (
            "t.csv --text-column text --output o --seed-words none.yaml",
            "none.yaml: expected a file of seed words",
        ),
        "no topics": (
            "t.csv --text-column text --output o --seed-words s.txt",
            "s.txt: expected topics, each `name: [word, word]`",
        ),
        "number": (
            "t.csv --text-column text --output o --num-topics 1",
            "should be greater than or equal to 2",
        ),
        "model": (
            "t.csv --text-column text --output o --model lsa",
            "'lsa' is not one of 'lda', 'prodlda', 'etm', 'ctm'",
        ),
        "encoder of words alone": (
            "t.csv --text-column text --output o --model etm --encoder auto",
            "--encoder: the model 'etm' reads words alone, 'ctm' takes one; received 'auto'",
        ),
        "no encoder": (
            "t.csv --text-column text --output o --model ctm --encoder none",
            "--encoder: the model 'ctm' needs one; received 'none'",
        ),
        "json": ("t.csv --text-column text --output o --json u.csv", "is there already; delete it"),
    },
    "topics predict": {
        "ending": ("there t.csv --output o.xyz", "'.xyz'"),
        "input": ("there t.csv --output t.csv", "is the input 't.csv' itself"),
        "no file": ("there none.csv --output o.csv", "none.csv: no such file"),
        "there": ("there t.csv --output u.csv", "expected nothing or an earlier result there"),
        "no model": (
            "there t.csv --output o.csv",
            "expected a folder that `dgm topics` or `dgm cluster` wrote",
        ),
    },
    "cluster": {
        "ending": ("t.csv --text-column text --output o.xyz", "'.xyz'"),
        "input": ("t.csv --text-column text --output t.csv", "is the input 't.csv' itself"),
        "no file": ("none.csv --text-column text --output o.csv", "none.csv: no such file"),
        "there": ("t.csv --text-column text --output u.csv", "expected nothing or an earlier"),
        "folder": (
            "t.csv --text-column text --output o.csv --model there",
            "--model: expected nothing, an empty folder or one that `dgm cluster` wrote",
        ),
        "number": (
            "t.csv --text-column text --output o.csv --num-clusters 1",
            "should be greater than or equal to 2",
        ),
    },
    "text-vae train": {
        "setting": ("s.txt s.txt --output m --set unts=3", "no such"),
        "no file": ("none.txt s.txt --output m", "none.txt: no such file"),
        "there": ("s.txt s.txt --output there", "expected nothing there, or a run"),
        "resume": ("s.txt s.txt --output m --resume", "m: there is nothing to resume"),
        "no shards": ("s.txt none/*.txt --output m", "expected files of sentences there; found"),
        "no cluster": ("s.txt s.txt --output m --workers", "TF_CONFIG: expected"),
    },
    "text-vae evaluate": {
        "no model": ("none s.txt", "none: no model here"),
        "no file": ("m.keras none.txt", "none.txt: no such file"),
        "json": ("m.keras s.txt --json u.csv", "is there already; delete it"),
    },
    "text-vae generate": {
        "no model": ("none", "none: no model here; `dgm text-vae train` makes one")
    },
    "text-vae reconstruct": {
        "no model": ("none s.txt", "none: no model here"),
        "no file": ("m.keras none.txt", "none.txt: no such file"),
    },
    "text-vae interpolate": {
        "no model": ("none a b", "none: no model here"),
        "ends": ("m.keras a", "give START and STOP, or --sentences FILE"),
    },
    "text-vae impute": {
        "no model": ("none s.txt", "none: no model here"),
        "no file": ("m.keras none.txt", "none.txt: no such file"),
    },
    "text-vae encode": {
        "no model": ("none s.txt --output o.npy", "none: no model here"),
        "ending": ("m.keras s.txt --output o.xyz", "ends in .npy or .parquet"),
        "there": ("m.keras s.txt --output t.npy", "is there already; delete it"),
    },
    "iwae train": {
        "setting": ("--output m --set epoch=1", "did you mean 'epochs'"),
        "no data": ("--output m --data none", "none: no such file or folder"),
        "start": ("--output m --start none", "none: "),
        "there": ("--output there", "expected nothing there, or a run"),
        "resume": ("--output m --resume", "m: there is nothing to resume"),
    },
    "iwae evaluate": {
        "no model": ("none", "none: "),
        "no data": ("there --data none", "none: no such file or folder"),
        "json": ("there --json u.csv", "is there already; delete it"),
    },
    "iwae sample": {
        "no model": ("none --output o.png", "none: "),
        "there": ("there --output u.csv", "is there already; delete it"),
    },
    "iwae reconstruct": {
        "no model": ("none --output o.png", "none: "),
        "no data": ("there --output o.png --data none", "none: no such file or folder"),
        "there": ("there --output u.csv", "is there already; delete it"),
    },
    "induce constituents": {
        "setting": ("s.txt --output m --set model.unit=3", "did you mean 'model.units'"),
        "no file": ("none.txt --output m", "none.txt: no such file"),
        "there": ("s.txt --output there", "expected nothing there, or a run"),
        "resume": ("s.txt --output m --resume", "m: there is nothing to resume"),
        "json": ("s.txt --output m --json u.csv", "is there already; delete it"),
    },
    "induce dependencies": {
        "setting": ("s.txt --output m --set model.iteration=3", "did you mean 'model.iterations'"),
        "no file": ("none.txt --output m", "none.txt: no such file"),
        "there": ("s.txt --output there", "expected nothing there, or a run"),
        "resume": ("s.txt --output m --resume", "m: there is nothing to resume"),
        "json": ("s.txt --output m --json u.csv", "is there already; delete it"),
    },
    "induce tags": {
        "setting": ("s.txt --output m --set model.unts=3", "did you mean 'model.units'"),
        "no file": ("none.txt --output m", "none.txt: no such file"),
        "there": ("s.txt --output there", "expected nothing there, or a run"),
        "resume": ("s.txt --output m --resume", "m: there is nothing to resume"),
        "processes": ("s.txt --output m --processes 0", "should be greater than or equal to 1"),
        "json": ("s.txt --output m --json u.csv", "is there already; delete it"),
    },
    "datasets fetch": {"name": ("r9", "no such data set 'r9'")},
    "datasets path": {"name": ("r9", "no such data set 'r9'")},
    "datasets export": {
        "name": ("r9 --output o.csv", "no such data set 'r9'"),
        "ending": ("r8 --output o.xyz", "'.xyz'"),
        "there": ("r8 --output u.csv", "is there already; delete it"),
    },
}

# All of them in one process, which would have loaded TensorFlow once and for all.
RUN = """
import json, sys
from typer.testing import CliRunner
from tfp_dgm_apps.cli import app
for words in json.load(sys.stdin):
    result = CliRunner().invoke(app, words)
    said = " ".join(result.output.replace("\\u2502", " ").split())
    print(json.dumps([result.exit_code, said, "tensorflow" in sys.modules]))
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """Exit code, message, and whether TensorFlow was loaded, by command and case."""
    folder = tmp_path_factory.mktemp("refusals")
    for name in ("t.csv", "u.csv", "t.npy", "s.txt"):
        (folder / name).write_text("text,label\na b,x\nc d,\n")
    (folder / "m.keras").write_bytes(b"")
    for name in ("there/file", "captioner/captioner.keras", "served/3/saved_model.pb"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"")
    (folder / "captioner/settings.json").write_text("{}")
    for name, more in (("labels", {"classes": ["x", "y"]}), ("tags", {"multi_label": True})):
        (folder / f"{name}.model").mkdir()
        settings = {"text_columns": ["text"], "encoder": None, "output": "gone.csv", **more}
        (folder / f"{name}.model/settings.json").write_text(json.dumps(settings))
    (folder / "found").mkdir()
    settings = {"kind": "topic", "text_columns": ["text"], "encoder": None, "names": ["a", "b"]}
    (folder / "found/settings.json").write_text(json.dumps(settings))
    names = [(command, case) for command, cases in CASES.items() for case in cases]
    words = [[*command.split(), *CASES[command][case][0].split()] for command, case in names]
    (folder / "c.conll").write_text("a X\nb Y\n\n")
    for name, told in (("damaged", '{"text_col'), ("emptied", "{}")):
        (folder / f"{name}/saved_model/1").mkdir(parents=True)
        (folder / f"{name}/saved_model/1/saved_model.pb").touch()
        (folder / f"{name}/settings.json").write_text(told)
    (folder / "tagger").mkdir()
    scheme = {"kind": "none", "names": ["X", "Y"], "lower": False}
    settings = json.dumps({"token_column": None, "scheme": scheme, "output": "gone.conll"})
    (folder / "tagger/settings.json").write_text(settings)
    before = sorted(os.walk(folder))
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        input=json.dumps(words),
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(os.walk(folder)) == before
    return dict(zip(names, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize(
    ("command", "case"), [(command, case) for command, cases in CASES.items() for case in cases]
)
def test_a_refusal_needs_no_tensorflow(refusals, command, case):
    exit_code, said, loaded = refusals[command, case]
    assert exit_code == 2
    assert CASES[command][case][1] in said
    assert not loaded


def test_every_command_that_can_refuse_is_tried():
    assert set(CASES) == set(COMMANDS) - {"datasets list"}
