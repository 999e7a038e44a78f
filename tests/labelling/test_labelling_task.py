"""What is warned of where there are several label columns."""

from types import SimpleNamespace

from tfp_dgm_apps._wording import as_typed

from tfp_dgm.labelling.labelling_task import task_warnings


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
