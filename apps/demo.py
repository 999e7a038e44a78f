"""`dgm demo`: the main job on real data, beside what one would use instead."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from ._errors import clean_errors
from ._progress import progress_bar, status
from ._quiet import quiet_start

_LABELS_PER_CLASS = 10
_SEED = 0

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


def demo(
    output: Annotated[Path, typer.Option(help="Folder for everything the demo writes.")] = Path(
        "demo"
    ),
) -> None:
    """Labels Reuters R8 from ten labels per class, and compares with the usual tools."""
    import time

    import numpy as np
    import pandas as pd
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    with clean_errors():
        from tfp_dgm.data import DATASETS, load_text_classification, write_table

        output.mkdir(parents=True, exist_ok=True)
        with status("Fetching Reuters R8") as tell:
            data = load_text_classification("r8", progress=tell)
        console.print(f"Reuters R8. {DATASETS['r8'].licence}")

        from .datasets import hide_labels

        kept = hide_labels(data.train_labels, _LABELS_PER_CLASS, _SEED)
        source = output / "r8.csv"
        write_table(pd.DataFrame({"text": data.train_texts, "label": kept}), source)
        typer.echo(
            f"{source}: {len(kept):,} texts, {sum(map(bool, kept))} of them labelled "
            f"({_LABELS_PER_CLASS} per class)\n"
            f"$ dgm label {source} --text-column text --label-column label "
            f"--output {output / 'r8_labelled.csv'}"
        )

        with quiet_start():
            from tfp_dgm.evaluation import accepted_precision, accuracy, macro_f1
            from tfp_dgm.evaluation import expected_calibration_error as calibration_error
            from tfp_dgm.labelling import BASELINES, label_file

        start = time.perf_counter()
        with progress_bar() as progress:
            job = label_file(
                source,
                output / "r8_labelled.csv",
                text_columns=["text"],
                label_column="label",
                seed=_SEED,
                progress=progress,
            )
        seconds = {"tfp_dgm": time.perf_counter() - start}
        outcome = job.outcome
        hidden = outcome.observed < 0
        truth = np.array([outcome.classes.index(name) for name in data.train_labels])
        answers = {"tfp_dgm": outcome.probabilities[hidden]}
        accepted = {"tfp_dgm": outcome.accepted[hidden]}
        texts = [text for text, row in zip(data.train_texts, hidden, strict=True) if row]
        with status("The baselines") as tell:
            for name, baseline in BASELINES.items():
                tell(f"The baselines: {name}")
                start = time.perf_counter()
                answers[name] = baseline(data.train_texts, outcome.observed, texts, _SEED)
                seconds[name] = time.perf_counter() - start
                accepted[name] = answers[name].max(axis=1) >= outcome.min_precision

    table = Table(box=box.SIMPLE, title=f"The {hidden.sum():,} texts whose labels were hidden")
    for title in ("", "acc", "F1", "ECE", "taken", "right", "s"):
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    for name, probabilities in answers.items():
        classes = probabilities.argmax(axis=1)
        verdict = accepted_precision(accepted[name], classes == truth[hidden])
        table.add_row(
            name,
            f"{accuracy(classes, truth[hidden]):.1%}",
            f"{macro_f1(classes, truth[hidden]):.1%}",
            f"{calibration_error(probabilities, truth[hidden]):.1%}",
            f"{verdict['coverage']:.1%}",
            f"{verdict['precision']:.1%}" if accepted[name].any() else "-",
            f"{seconds[name]:.0f}",
        )
    console.print(table)
    console.print(
        "Taken: accepted unseen; right: of those. A baseline takes what it gives at least "
        f"{outcome.min_precision:.0%}.\n"
    )
    console.print("Two strings, answered by the SavedModel in a fresh process:")
    folder = job.model_directory / "saved_model" / "1"
    served = subprocess.run(
        [sys.executable, "-c", _SERVE, str(folder), *_EXAMPLES], capture_output=True, text=True
    )
    if served.returncode:
        typer.echo(served.stderr, err=True)
        raise typer.Exit(1)
    typer.echo(served.stdout)
    typer.echo(job.summary())
