"""Several label columns: what is warned of, and what their trainings are asked."""

from types import SimpleNamespace

import numpy as np
import pytest
from tfp_dgm_apps._wording import as_typed

from tfp_dgm.labelling.labelling_task import LabellingTask, fit_tasks, task_warnings


def _task(column, classes):
    return SimpleNamespace(column=column, table=SimpleNamespace(classes=classes))


def test_what_all_columns_have_in_common_is_said_once():
    tasks = [_task("topic", ("x", "y")), _task("mood", ("bad", "good"))]
    said = [["One empty text.", "Few of x."], ["Few of bad.", "One empty text."]]
    outcomes = [SimpleNamespace(warnings=warnings) for warnings in said]
    assert task_warnings(tasks, outcomes) == [
        "One empty text.",
        "topic: Few of x.",
        "mood: Few of bad.",
    ]
    assert task_warnings([_task(None, ("x", "y"))], outcomes[:1]) == said[0]


def test_columns_of_the_same_classes_may_be_of_annotators():
    tasks = [_task("ann", ("x", "y")), _task("bob", ("x", "y"))]
    outcomes = [SimpleNamespace(warnings=[]) for _ in tasks]
    (said,) = task_warnings(tasks, outcomes)
    assert "'ann', 'bob' hold the same classes" in said
    assert "give them as --answer-column." in as_typed(said)


@pytest.mark.parametrize(("columns", "tuned"), [([None], True), (["topic", "mood"], False)])
def test_an_encoder_that_several_columns_share_is_not_tuned(monkeypatch, columns, tuned):
    monkeypatch.setattr(
        "tfp_dgm.labelling.labelling_task.KeptFeatures.of", lambda kept, texts, **asked: "features"
    )
    asked = []

    def fit(**options):
        asked.append(options["tune_encoder"])
        return "classifier", "outcome"

    table = SimpleNamespace(texts=["a"], warnings=[])
    tasks = [LabellingTask(column, table, np.zeros(1, int), fit, ()) for column in columns]
    fit_tasks(
        tasks,
        min_precision=0.95,
        encoder="none",
        tune_encoder=True,
        seed=0,
        progress=lambda step, done, total: None,
    )
    assert asked == [tuned] * len(columns)
