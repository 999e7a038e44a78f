"""Trainings in the background: what they read, what they give, and what they cannot break."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.reviewing.made_review import CLASSES, made_frame, made_model, wait_for
from tfp_dgm.data import DataError, write_json
from tfp_dgm.reviewing import Retrainer, Review, journal_of
from tfp_dgm.reviewing.retraining_process import ANSWERED, JOB, LABELLED, RoundTrainer
from tfp_dgm.reviewing.rounds import Round, write_round
from tfp_dgm.reviewing.training_worker import TrainingWorker

WORDS = {
    "billing": ["card", "charged", "invoice", "payment", "price", "fee"],
    "login": ["password", "locked", "code", "sign", "account", "unknown"],
    "other": ["money", "return", "owe", "cheque", "weather", "parcel"],
}


def _frame(count=150):
    """Texts that tell their class, with few labels and useless guesses."""
    rng = np.random.default_rng(1)
    truth = [CLASSES[n % 3] for n in range(count)]
    texts = [
        " ".join([*rng.choice(WORDS[name], 4), *rng.choice(["the", "a", "my"], 3)])
        for name in truth
    ]
    labels = [name if n < 12 else "" for n, name in enumerate(truth)]
    return made_frame(count, text=texts, label=labels), truth


def _answer(review, rows, labels):
    for row, label in zip(rows, labels, strict=True):
        review.answer("", "label", rows=[row], label=label)


@pytest.mark.slow
@pytest.mark.usefixtures("no_saved_model")
def test_a_training_learns_from_what_was_answered(tmp_path, monkeypatch):
    frame, truth = _frame()
    model = made_model(tmp_path, frame, seed=3)
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 40)
    monkeypatch.setattr(
        TrainingWorker, "train", lambda self, folder: RoundTrainer().train(folder) or 0
    )
    told = []
    with Review(model) as review:
        retrainer = Retrainer(review, 20, on_guesses=lambda: told.append(review.rows.model))
        before = np.mean([a == b for a, b in zip(review.rows.guesses.label, truth, strict=True)])
        drawn = review.queue.left("random", np.zeros(150, bool)).tolist()
        rows = [*drawn[:9], *[row for row in range(12, 40) if row not in drawn[:10]][:11]]
        _answer(review, rows[:19], [truth[row] for row in rows[:19]])
        retrainer.consider()
        assert (retrainer.running, retrainer.to_go) == (False, 1)
        _answer(review, rows[19:], [truth[row] for row in rows[19:]])
        retrainer.consider()
        wait_for(retrainer)
        assert retrainer.failed == ""
        folder = journal_of(model).parent / "rounds/1"
        read = [json.loads(line) for line in (folder / ANSWERED).read_text().splitlines()]
        known = [*range(12), *rows]
        assert [row["label"] for row in read] == [
            name if row in known else "" for row, name in enumerate(truth)
        ]
        after = np.mean([a == b for a, b in zip(review.rows.guesses.label, truth, strict=True)])
        assert before < 0.6 < 0.9 < after
        start, one = retrainer.rounds
        assert (start.answers, start.open_rows) == (0, 138)
        assert (one.answers, one.open_rows) == (20, 118)
        labelled = pd.read_json(folder / LABELLED, lines=True)
        blank = labelled["label"] == ""
        assert one.accepted == (labelled["accept"][blank] == True).sum()  # noqa: E712
        assert one.expected == pytest.approx(labelled["probability"][blank].mean())
        assert told == [folder / "labelled.model"]
        guessed = frame["predicted_label"]
        assert one.drawn == 9  # The tenth of the random order is open.
        assert one.drawn_right == sum(guessed[row] == truth[row] for row in drawn[:9])
        other = np.array(review.rows.guesses.label) != guessed
        assert one.changed == pytest.approx(np.delete(other.to_numpy(), known).mean())
        safer = review.rows.guesses.accepted * 1.0 - (frame["accept"] == "true")
        assert one.made_safe == pytest.approx(np.delete(safer.to_numpy(), known).mean())
        assert retrainer.to_go == 20
        assert not set(rows) & set(review.queue.left("teach", review.answered()).tolist())
        guesses = review.rows.guesses
    with Review(model) as review:  # Another start goes on with what was learnt.
        again = Retrainer(review, 20)
        again.resume()
        assert review.rows.guesses.label == guesses.label
        assert len(again.rounds) == 2
        assert again.to_go == 20


@pytest.mark.slow
def test_a_process_that_fails_is_told_and_the_guesses_stay(tmp_path):
    """The process itself, which finds no word to learn from."""
    model = made_model(tmp_path, made_frame(text=[""] * 60))
    with Review(model) as review:
        guesses = review.rows.guesses
        retrainer = Retrainer(review, 1)
        _answer(review, [20], ["login"])
        retrainer.consider()
        assert retrainer.running
        wait_for(retrainer)
        assert "answered.jsonl" in retrainer.failed
        assert review.rows.guesses is guesses
        assert len(retrainer.rounds) == 1
        assert retrainer.to_go == 1  # Tried again after the next answer, not at once.
        # The process stays, and another round finds it.
        process = retrainer._worker.process
        _answer(review, [21], ["login"])
        retrainer.consider()
        wait_for(retrainer)
        assert "answered.jsonl" in retrainer.failed
        assert retrainer._worker.process is process
        assert process.poll() is None
        process.kill()  # As the system does where memory is short.
        process.wait()
        _answer(review, [22], ["login"])
        retrainer.consider()
        wait_for(retrainer)
        assert retrainer._worker.process is not process
        retrainer.close()
        assert retrainer._worker.process.poll() is not None


def test_a_training_that_was_not_finished_leaves_nothing(tmp_path):
    model = made_model(tmp_path)
    rounds = journal_of(model).parent / "rounds"
    with Review(model) as review:
        about = Retrainer(review, 10)._trainings.about()
        (rounds / "1/labelled.model").mkdir(parents=True)
        (rounds / "2").mkdir()
        write_round(rounds / "2", Round(2, 5, 40, 10, 0.8, None, 3.0, about))
        retrainer = Retrainer(review, 10)
        assert [path.name for path in rounds.iterdir()] == ["2"]
        assert [one.number for one in retrainer.rounds] == [0, 2]


@pytest.mark.parametrize("other", ["journal", "labelling"])
def test_a_training_on_other_answers_is_not_taken_up(tmp_path, other):
    model = made_model(tmp_path)
    rounds = journal_of(model).parent / "rounds"
    with Review(model) as review:
        _answer(review, [20, 21], ["login", "other"])
        retrainer = Retrainer(review, 10)
        retrainer._prepare(rounds / "1", 1, 2)
        job = json.loads((rounds / "1" / JOB).read_text())
        write_round(rounds / "1", Round(1, 2, 40, 10, 0.8, None, 3.0, job["figures"]["about"]))
    with Review(model) as review:
        assert [one.number for one in Retrainer(review, 10).rounds] == [0, 1]
    if other == "journal":
        journal_of(model).rename(tmp_path / "old.jsonl")
    else:
        made_frame(probability=0.5).to_csv(tmp_path / "out.csv", index=False)
    with Review(model) as review:
        _answer(review, [30, 31, 32], ["login", "other", "login"])
        retrainer = Retrainer(review, 10)
        assert [one.number for one in retrainer.rounds] == [0]
        assert retrainer.to_go == 10 - len(review.state.verdicts())
        assert list(rounds.iterdir()) == []


@pytest.mark.slow
def test_a_training_ends_with_a_review_that_is_killed(tmp_path):
    model = made_model(tmp_path)
    program = (
        "import sys, time\n"
        "from tfp_dgm.reviewing import Retrainer, Review\n"
        "review = Review(sys.argv[1])\n"
        "review.answer('', 'label', rows=[20], label='login')\n"
        "retrainer = Retrainer(review, 1)\n"
        "retrainer.consider()\n"
        "while retrainer._worker.process is None:\n"
        "    time.sleep(0.01)\n"
        "print(retrainer._worker.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(model)], stdout=subprocess.PIPE, text=True
    ) as killed:
        training = int(killed.stdout.readline())
        killed.kill()
    end = time.monotonic() + 30
    while _is_running(training):
        assert time.monotonic() < end, "the training goes on"
        time.sleep(0.05)


def _is_running(process):
    """Whether it does something still; one that nobody waits for is a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_training_ends_with_the_review(tmp_path):
    model = made_model(tmp_path)
    with Review(model) as review:
        retrainer = Retrainer(review, 1)
        _answer(review, [20], ["login"])
        retrainer.consider()
        end = time.monotonic() + 60
        while retrainer._worker.process is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        retrainer.close()
        assert retrainer._worker.process.poll() is not None
        wait_for(retrainer)
        assert retrainer.failed == ""
        retrainer.consider()
        assert not retrainer.running


def test_what_is_asked_is_what_the_first_labelling_was_asked(tmp_path):
    definitions = [
        {"name": "billing", "description": "Money.", "examples": ["pay"], "parent": None},
        {"name": "login", "description": "", "examples": [], "parent": "access"},
    ]
    model = made_model(
        tmp_path,
        definitions=definitions,
        min_precision=0.9,
        encoder="auto",
        encoder_choice={"taken": "none"},
        seed=7,
    )
    with Review(model) as review:
        review.answer("", "class", **{"class": "sales"})
        retrainer = Retrainer(review, 1)
        folder = tmp_path / "round"
        retrainer._prepare(folder, 4, 9)
        job = json.loads((folder / JOB).read_text())
        assert (job["number"], job["figures"]["answers"]) == (4, 9)
        asked = job["arguments"]
        assert asked["definitions"] == "classes.yaml"
        assert asked["classes"] is None
        wanted = {"min_precision": 0.9, "seed": 7, "encoder": "none", "label_column": "label"}
        assert {name: asked[name] for name in wanted} == wanted
        assert json.loads((folder / "classes.yaml").read_text()) == [
            {"name": "billing", "description": "Money.", "examples": ["pay"]},
            {"name": "login", "parent": "access"},
            {"name": "other"},
            {"name": "sales"},
        ]
    with pytest.raises(DataError, match="every: expected at least 1; received 0"):
        Retrainer(review, 0)


@pytest.mark.parametrize(
    ("choice", "asked_for", "tuned"),
    [
        ({"taken": "tuned", "gains": {"tuned": 0.1}}, True, True),
        ({"taken": "full", "gains": {"tuned": 0.01}}, True, False),
        ({"taken": "full", "gains": {}}, True, True),  # There were too few labels.
        ({"taken": "full", "gains": {}}, False, False),
        ({"taken": "full"}, None, False),  # Of a version that tuned none.
        ({"taken": "light", "gains": {"light": 0.1}}, True, False),
    ],
)
def test_an_encoder_is_tuned_again_where_that_paid(tmp_path, choice, asked_for, tuned):
    chosen = {"encoder": "auto", "encoder_choice": choice}
    if asked_for is not None:
        chosen["tune_encoder"] = asked_for
    with Review(made_model(tmp_path, **chosen)) as review:
        review.answer("", "class", **{"class": "sales"})
        Retrainer(review, 1)._prepare(tmp_path / "round", 1, 1)
        asked = json.loads((tmp_path / "round" / JOB).read_text())["arguments"]
    assert (asked["encoder"], asked["tune_encoder"]) == ("auto", tuned)


def test_the_figures_of_old_rounds_stay_and_their_models_do_not(tmp_path):
    model = made_model(tmp_path)
    rounds = journal_of(model).parent / "rounds"
    with Review(model) as review:
        first = Round(1, 5, 40, 10, 0.8, None, 3.0, Retrainer(review, 10)._trainings.about())
        for number in (1, 2):
            folder = rounds / str(number)
            (folder / "labelled.model").mkdir(parents=True)
            write_json(folder / LABELLED, {})
            write_round(folder, replace(first, number=number))
        retrainer = Retrainer(review, 10)
        retrainer._drop_old()
        assert {path.name for path in (rounds / "1").iterdir()} == {"round.json"}
        assert {path.name for path in (rounds / "2").iterdir()} == {
            *("round.json", "labelled.jsonl", "labelled.model")
        }
