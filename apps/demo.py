"""`dgm demo`: the main job on real data, beside what one would use instead."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import typer

from tfp_dgm.data import (
    DATASETS,
    DataError,
    TextClassificationSplit,
    load_text_classification,
    write_table,
)

from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import progress_bar, status
from ._quiet import quiet_start
from ._shared_options import Json, Output, Quiet, Seed
from ._tables import print_table
from .datasets import hide_labels

_LABELS_PER_CLASS = 10

# Runs in a process of its own, where nothing but TensorFlow can be imported.
_SERVE = """
import sys
for name in ("keras", "tf_keras", "tensorflow_probability", "tfp_dgm"):
    sys.modules[name] = None
import tensorflow as tf
classify = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answer = classify(text=tf.constant(sys.argv[2:]))
for text, label, probability in zip(sys.argv[2:], answer["label"], answer["probability"]):
    print(f"{label.numpy().decode():<10} {probability:.3f}  {text}")
"""
_EXAMPLES = (
    "the company said its board declared a quarterly dividend of seven cts per share",
    "crude prices rose after opec agreed to hold its production ceiling",
)
_WRITTEN = {"r8.csv", "r8_labelled.csv", "r8_labelled.model"}


def demo(output: Output, seed: Seed = 0, json_file: Json = None, quiet: Quiet = False) -> None:
    """Labels Reuters R8 from ten labels per class, and compares with the usual tools.

    Writes the table, the labelled table and the model into the folder --output.
    """
    with clean_errors():
        _check_output(output)
        output.mkdir(parents=True, exist_ok=True)
        with status("Fetching Reuters R8", quiet=quiet) as tell:
            data = load_text_classification("r8", progress=tell)
        kept = hide_labels(data.train_labels, _LABELS_PER_CLASS, seed)
        source = output / "r8.csv"
        _write_source(source, data.train_texts, kept)
        typer.echo(
            f"Reuters R8. {DATASETS['r8'].licence}\n"
            f"{source}: {len(kept):,} texts, {sum(map(bool, kept))} of them labelled "
            f"({_LABELS_PER_CLASS} per class)\n"
            f"$ dgm label {source} --text-column text --label-column label "
            f"--encoder none --output {output / 'r8_labelled.csv'}",
            err=True,
        )
        with quiet_start():
            from tfp_dgm.labelling import label_file
        start = time.perf_counter()
        with progress_bar(quiet=quiet) as progress:
            job = label_file(
                source,
                output / "r8_labelled.csv",
                text_columns=["text"],
                label_column="label",
                encoder="none",
                seed=seed,
                progress=progress,
            )
        seconds = time.perf_counter() - start
        figures = _figures(job.outcome, data, seconds, seed, quiet)
        show_figures(figures, json_file, lambda: _show(figures, job))


def _check_output(folder: Path) -> None:
    """Refuses a folder with anything but what an earlier demo wrote."""
    if folder.exists() and not folder.is_dir():
        raise DataError.at(folder, "expected a folder or nothing; found a file")
    if strangers := {path.name for path in folder.glob("*")} - _WRITTEN:
        raise DataError.at(
            folder, f"expected nothing or an earlier demo there; found {min(strangers)!r}"
        )


def _write_source(path: Path, texts: list[str], labels: list[str]) -> None:
    import pandas as pd

    write_table(pd.DataFrame({"text": texts, "label": labels}), path)


def _figures(
    outcome: Any, data: TextClassificationSplit, seconds: float, seed: int, quiet: bool
) -> dict[str, dict[str, float | None]]:
    """By name of the method: how good it is on the texts whose labels were hidden."""
    import numpy as np

    from tfp_dgm.labelling import BASELINES

    hidden = outcome.observed < 0
    truth = np.array([outcome.classes.index(name) for name in data.train_labels])[hidden]
    found = {"tfp_dgm": _judged(outcome.probabilities[hidden], outcome.accepted[hidden], truth)}
    found["tfp_dgm"]["seconds"] = seconds
    texts = [text for text, row in zip(data.train_texts, hidden, strict=True) if row]
    with status("The baselines", quiet=quiet) as tell:
        for name, baseline in BASELINES.items():
            tell(f"The baselines: {name}")
            start = time.perf_counter()
            answers = baseline(data.train_texts, outcome.observed, texts, seed)
            taken = time.perf_counter() - start
            found[name] = _judged(answers, answers.max(axis=1) >= outcome.min_precision, truth)
            found[name]["seconds"] = taken
    return found


def _judged(probabilities: Any, accepted: Any, truth: Any) -> dict[str, float | None]:
    from tfp_dgm.evaluation import (
        accepted_precision,
        accuracy,
        expected_calibration_error,
        macro_f1,
    )

    classes = probabilities.argmax(axis=1)
    verdict = accepted_precision(accepted, classes == truth)
    return {
        "accuracy": accuracy(classes, truth),
        "macro_f1": macro_f1(classes, truth),
        "calibration_error": expected_calibration_error(probabilities, truth),
        "accepted": verdict["coverage"],
        "accepted_precision": verdict["precision"] if accepted.any() else None,
    }


def _show(figures: dict[str, dict[str, float | None]], job: Any) -> None:
    rows = []
    for name, found in figures.items():
        *shares, seconds = found.values()
        shown = ("-" if share is None else f"{share:.1%}" for share in shares)
        rows.append((name, *shown, f"{seconds:.0f}"))
    hidden = int((job.outcome.observed < 0).sum())
    print_table(
        ("", "acc", "F1", "ECE", "taken", "right", "s"),
        rows,
        title=f"The {hidden:,} texts whose labels were hidden",
    )
    typer.echo(
        "Taken: accepted unseen; right: of those. A baseline takes what it gives at least "
        f"{100 * job.outcome.min_precision:g}%.\n\n"
        "Two strings, answered by the SavedModel in a fresh process:"
    )
    folder = job.model_directory / "saved_model" / "1"
    served = subprocess.run(
        [sys.executable, "-c", _SERVE, str(folder), *_EXAMPLES], capture_output=True, text=True
    )
    if served.returncode:
        typer.echo(served.stderr, err=True)
        raise typer.Exit(1)
    typer.echo(served.stdout)
    typer.echo(job.summary())
