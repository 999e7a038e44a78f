"""Remedies against posterior collapse on the Penn Treebank, beside a language model.

LSTMs of 256 units, embeddings of 256 (the decoder's are its output weights too), 32 latents, 10,000
words. Every configuration has the same optimizer, number of epochs and dropout, but for those named
`long`, which have more of both and are to be compared with each other. On the test set: the
log-likelihood by importance weighting with K samples (negative: `nll`), ELBO, rate and mutual
information in nats per sentence, active units of 32. The end of each sentence is counted, and so
are unknown words.

Importance weighting is what takes long. `--test-sentences N` does it for N of the test sentences,
evenly spaced in the order of their lengths (`nll`, `nll_of`; the language model's is of the same
ones); everything else stays on all of them. What all of them would have given is estimated beside
it, `nll_all`: the bound of all, and what importance weighting adds to it on the N.

    python benchmarks/text_vae_quality.py --work runs --json results/text_vae_quality.json

A row is what the commands give, whose sentences lie in `--work` once this has begun:

    dgm text-vae train runs/train.txt runs/valid.txt --output runs/none \
        --settings benchmarks/settings/text_vae_quality/none.yaml
    dgm text-vae evaluate runs/none runs/test.txt --num-samples 500 --num-sentences 250

`--training-seed N` sets the seeds of a training, whose rows are then named after it; the settings
files have those of N = 0.

A run that was killed goes on where it stopped: finished configurations are kept in `--work`,
training goes on after the last whole epoch, evaluation after the last part of the test set.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from exits.missing import wanting
from recorded.resumed_rows import record, rows_so_far

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SETTINGS = Path(__file__).parent / "settings" / "text_vae_quality"
PUBLISHED_NLL = 102.10  # Texar's text VAE of this size on this data.
CONFIGURATIONS = (
    "language model",
    "none",
    "linear annealing",
    "cyclical annealing",
    "free bits",
    "autoencoder pretraining, free bits",
    "aggressive",
    "minimum desired rate",
    "batch-normalised means",
    "word dropout",
    "bag of words",
    "skip connections",
    "language model, long",
    "free bits by unit, long",
    "autoencoder pretraining, free bits by unit, long",
)
QUICK = {"train": 640, "valid": 64, "test": 32}  # Sentences.
QUICK_CONFIGURATIONS = ("language model", "free bits", "batch-normalised means")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("text_vae_quality_runs"))
    parser.add_argument("--samples", type=int, default=500, help="K of the log-likelihood")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="over all settings files"
    )
    parser.add_argument(
        "--test-sentences",
        type=int,
        metavar="N",
        help="of `nll`, evenly spaced by length; all by default",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the evaluation")
    parser.add_argument(
        "--training-seed", type=int, metavar="N", help="of weights, dropout and batches"
    )
    parser.add_argument("--only", action="append", choices=CONFIGURATIONS)
    parser.add_argument(
        "--quick", action="store_true", help="three configurations, few sentences and epochs"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    seed = options.training_seed
    if seed is not None:
        options.set += [f"seed={seed}", f"decoder.seed={seed + 1}"]
    write_sentences(options)
    rows = rows_so_far(options.json)
    for name in options.only or (QUICK_CONFIGURATIONS if options.quick else CONFIGURATIONS):
        row = run(name, options)
        rows = [other for other in rows if other["name"] != row["name"]]
        record(rows, row, options.json)  # After each, since a later one may be killed.
        show(rows)


def write_sentences(options: argparse.Namespace) -> None:
    """The splits as files of the working folder; small ones for --quick."""
    from tfp_dgm.data import DataError, load_penn_treebank

    with wanting(DataError):
        splits = load_penn_treebank()
    options.work.mkdir(parents=True, exist_ok=True)
    for split, lines in splits.items():
        kept = lines[: QUICK[split]] if options.quick else lines
        (options.work / f"{split}.txt").write_text("\n".join(kept) + "\n")
    if options.quick:
        options.samples = 20


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Trains and judges one configuration, or takes what an earlier run has of it."""
    seed = options.training_seed
    shown = name if seed is None else f"{name}, seed {seed}"
    place = shown.replace(", ", "_").replace(" ", "_")
    asked_for = ("samples", "set", "test_sentences", "seed", "quick")
    asked = {key: getattr(options, key) for key in asked_for}
    beside = options.work / f"{place}.results"
    beside.mkdir(exist_ok=True)
    asked_file, result = beside / "options.json", beside / "result.json"
    if asked_file.exists() and json.loads(asked_file.read_text()) != asked:
        sys.exit(f"{beside} is of a run with other options; give another --work")
    asked_file.write_text(json.dumps(asked))
    if result.exists():
        return json.loads(result.read_text())
    seconds = Seconds(beside / "seconds.json")
    settings = settings_of(name, options)
    train(settings, options.work / place, options, seconds)
    row = {
        "name": shown,
        "epochs": settings.epochs,
        "dropout": settings.decoder.dropout,
        **judge(options.work / place, beside, options, seconds),
    }
    result.write_text(json.dumps(row))
    return row


def settings_of(name: str, options: argparse.Namespace) -> Any:
    """Those of the configuration's file; fewer epochs for --quick."""
    from tfp_dgm.sentence_modelling import TextModelSettings
    from tfp_dgm.settings import read_settings

    file = SETTINGS / f"{name.replace(', ', '_').replace(' ', '_').replace('-', '_')}.yaml"
    settings = read_settings(TextModelSettings, file, options.set)
    if not options.quick:
        return settings
    few = [*options.set, "epochs=3", "patience=3"]
    if settings.kl.schedule.kind == "linear":
        few.append("kl.schedule.epochs=1")
    return read_settings(TextModelSettings, file, few)


class Seconds:
    """Time spent, over all runs, by kind; a progress that adds to one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spent = json.loads(path.read_text()) if path.exists() else {}
        self.last = self.written = time.perf_counter()

    def add(self, kind: str) -> None:
        now = time.perf_counter()
        self.spent[kind] = self.spent.get(kind, 0.0) + now - self.last
        self.last = now
        if now - self.written > 1:
            self.write()

    def write(self) -> None:
        self.written = time.perf_counter()
        self.path.write_text(json.dumps(self.spent))


def train(settings: Any, folder: Path, options: argparse.Namespace, seconds: Seconds) -> None:
    """Trains by the settings, unless that is done; goes on with what was begun."""
    from tfp_dgm.sentence_modelling import claim_run, train_text_model

    if (folder / "model.keras").exists():
        return
    seconds.last = time.perf_counter()
    files = [options.work / name for name in ("train.txt", "valid.txt")]
    data = dict(zip(("train_file", "valid_file"), map(str, files), strict=True))
    resume = (folder / "run.json").exists()
    with claim_run(folder, settings, data=data, resume=resume) as run:
        train_text_model(*files, run, settings, progress=lambda *_: seconds.add("training"))
    seconds.add("training")
    seconds.write()


def judge(
    folder: Path, beside: Path, options: argparse.Namespace, seconds: Seconds
) -> dict[str, Any]:
    """The row's numbers."""
    from tfp_dgm.sentence_modelling import evaluate_text_model, load_text_model, read_texts

    model = load_text_model(folder)
    texts = read_texts(options.work / "test.txt", model.vocabulary, model.max_length)
    seconds.last = time.perf_counter()
    report = evaluate_text_model(
        model,
        texts,
        num_samples=options.samples,
        num_sentences=options.test_sentences,
        keep=beside,
        seed=options.seed,
        progress=lambda *_: seconds.add("evaluation"),
    )
    seconds.add("evaluation")
    seconds.write()
    row = {
        "nll": -report["log_likelihood"],
        "nll_standard_error": report["log_likelihood_standard_error"],
        "nll_of": report["log_likelihood_num_examples"],
        "nll_all": -report["log_likelihood_of_all"],
        "nll_all_standard_error": report["log_likelihood_of_all_standard_error"],
        "perplexity": report["perplexity"],
        "elbo": report.get("elbo"),
        "rate": report.get("kl"),
        "mutual_information": report.get("mutual_information"),
        "active_units": report.get("active_units"),
        "test_sentences": report["num_sentences"],
        "seconds": sum(seconds.spent.values()),
        "training_seconds": seconds.spent.get("training", 0.0),
    }
    if "mutual_information" in report:
        error = "mutual_information_standard_error"
        row[error] = report[error]
    return row


def show(rows: list[dict[str, Any]]) -> None:
    import rich.console
    import rich.table

    table = rich.table.Table(title=f"Penn Treebank test set; published NLL {PUBLISHED_NLL:.2f}")
    for title in ("", "NLL", "NLL of all", "ELBO", "rate", "MI", "active", "perplexity", "seconds"):
        table.add_column(title, justify="right" if title else "left")
    for row in rows:
        numbers = [
            "" if row[key] is None else f"{row[key]:.2f}"
            for key in ("nll", "nll_all", "elbo", "rate", "mutual_information")
        ]
        units = "" if row["active_units"] is None else str(row["active_units"])
        table.add_row(
            row["name"], *numbers, units, f"{row['perplexity']:.1f}", f"{row['seconds']:,.0f}"
        )
    rich.console.Console(width=110).print(table)


if __name__ == "__main__":
    main()
