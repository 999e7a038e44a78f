"""IWAE on MNIST: how tight bounds and their gradients shape the model, after Burda et al. (2016).

Continuous latents: the one-layer model (784-200-200-50-200-200-784, tanh) on dynamically binarised
images, trained by the ELBO with S draws (VAE) and by the importance-weighted bound with K draws
(IWAE), the latter with its own gradient and doubly reparameterised, for the same epochs and seeds;
and their two-layer model (784-200-200-100-100-100-50, and back): L_5000 in nats (of
`--test-images`) and active units on the 10,000 test images (binarised once, by seed 0).
Discrete latents: the sigmoid belief network 200-784 on images that were binarised once, by
NVIL and by VIMCO with m = 5: the bounds that they train, and L_5000.
The rows "long" train the doubly reparameterised ones for 400 epochs in place of 16, and the belief
network by VIMCO for 300 in place of 48, at a rate of 2e-3, fixed beforehand; `--plot` draws their
training as SVG. "IWAE K=50, DReG, from K=5" begins with the weights of "IWAE K=5, DReG, long".

Each configuration is a file of `settings/iwae_quality/`, which `dgm iwae train --settings` takes,
and is judged by what `dgm iwae evaluate` calls: docs/image_models.md shows the two commands of a
row.

The learning rate rises for 500 steps and falls to a hundredth along a cosine, in place of the
published steps over 3,280 epochs; 5e-3 was the best of 1e-3 to 1e-2 for VAE K=1 on 5,000 training
images that were held out, and 3e-3 of two for the belief networks, which train three times the
epochs. Encoders get centred images. State is saved after every epoch and results after every
configuration: a run that was killed goes on where it stopped, by the same command.

    export TFP_DGM_DATA=FOLDER  # Holds mnist/, the idx gz files.
    python benchmarks/iwae_quality.py --json benchmarks/results/iwae_quality.json
"""

import argparse
import dataclasses
import json
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import rich.console
import rich.table
from exits.missing import end_for_want_of, wanting

from tfp_dgm.data import DataError, atomic_write, cache_directory, read_images
from tfp_dgm.evaluation import importance_weighted_log_likelihood
from tfp_dgm.image_modelling import (
    ImageModelSettings,
    claim_run,
    evaluate_image_model,
    held_out_images,
    load_image_model,
    train_image_model,
)
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.settings import read_settings

FILES = {"train": "train-images.idx3-ubyte.gz", "test": "t10k-images.idx3-ubyte.gz"}
SETTINGS = Path(__file__).parent / "settings" / "iwae_quality"
# Test negative log-likelihood and active units: Burda et al., table 1, one stochastic layer or two,
# 3,280 epochs; sigmoid belief network 200-784 of Maddison et al. (The Concrete Distribution, 2017).
PUBLISHED = {
    "VAE K=1": (86.76, 19),
    "VAE K=5": (86.47, 20),
    "VAE K=50": (86.35, 20),
    "IWAE K=1": (86.76, 19),
    "IWAE K=5": (85.54, 22),
    "IWAE K=50": (84.78, 25),
    "IWAE K=5, two layers": (83.89, 26),
    "SBN VIMCO m=5": (101.9, None),
}


# With K = 1 the importance-weighted bound is the ELBO, and its gradient the one of VAE K=1.
CONFIGURATIONS = {
    name: SETTINGS / f"{name.replace(', ', '_').replace(' ', '_').replace('=', '_')}.yaml"
    for name in (
        *("VAE K=1", "IWAE K=1", "IWAE K=1, DReG", "VAE K=5", "IWAE K=5", "IWAE K=5, DReG"),
        *("SBN NVIL", "SBN VIMCO m=5", "VAE K=50", "IWAE K=50", "IWAE K=50, DReG"),
        *("IWAE K=1, DReG, long", "IWAE K=5, DReG, long", "SBN VIMCO m=5, long"),
        *("IWAE K=50, DReG, from K=5", "IWAE K=5, two layers, DReG, long"),
    )
}
QUICK = [
    *("VAE K=1", "SBN VIMCO m=5", "IWAE K=50, DReG, from K=5"),
    "IWAE K=5, two layers, DReG, long",
]
STARTS = {"IWAE K=50, DReG, from K=5": "IWAE K=5, DReG, long"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data",
        default=os.environ.get("TFP_DGM_DATA"),
        metavar="FOLDER",
        help="holds mnist/, the idx gz files (default: $TFP_DGM_DATA)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="results, resumed from there")
    parser.add_argument("--seeds", type=int, default=1, help="number of runs of each")
    parser.add_argument("--samples", type=int, default=5000, help="K of the log-likelihood")
    parser.add_argument(
        "--test-images",
        type=int,
        default=10_000,
        help="for the log-likelihood, evenly spaced; bounds and active units take all",
    )
    parser.add_argument(
        "--configurations",
        nargs="+",
        choices=CONFIGURATIONS,
        help="default: all; with --quick some of each kind",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=cache_directory() / "iwae_quality",
        help="folder for the state of unfinished trainings",
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="SVG of the long trainings, by epoch"
    )
    parser.add_argument("--quick", action="store_true", help="few images, epochs and rows")
    options = parser.parse_args()
    if options.configurations is None:
        options.configurations = QUICK if options.quick else list(CONFIGURATIONS)
    if options.quick:
        options.samples, options.test_images = 50, 100
    if options.data is None or not (Path(options.data) / "mnist").is_dir():
        end_for_want_of("--data or TFP_DGM_DATA: the folder with mnist/ and its idx gz files")
    with wanting(DataError):
        images = {
            split: read_images(Path(options.data) / "mnist" / file) for split, file in FILES.items()
        }
    if options.quick:
        images = {"train": images["train"][:3000], "test": images["test"][:1000]}
    rows = finished(options)
    for seed in range(options.seeds):
        for name in options.configurations:
            if not any(row["name"] == name and row["seed"] == seed for row in rows):
                rows.append(row_of(name, seed, images, options))
                write(rows, options)
    show([row for row in rows if row["name"] in options.configurations])
    if options.plot is not None:
        plot(options.plot, [row for row in rows if "train_bounds" in row])


def settings_of(options: argparse.Namespace) -> dict[str, object]:
    """What all rows of one file must agree in, beside the settings of their training."""
    return {name: getattr(options, name) for name in ("samples", "test_images", "quick")}


def finished(options: argparse.Namespace) -> list[dict]:
    """The rows of an earlier run of the same settings."""
    if options.json is None or not options.json.exists():
        return []
    found = json.loads(options.json.read_text())
    if settings_of(options).items() - found["settings"].items():
        sys.exit(f"{options.json} holds results of other settings: {found['settings']}")
    return found["rows"]


def write(rows: list[dict], options: argparse.Namespace) -> None:
    if options.json is None:
        return
    command = shlex.join(["python", *sys.argv])
    result = {"command": command, "settings": settings_of(options), "rows": rows}
    with atomic_write(options.json) as file:
        file.write((json.dumps(result, indent=1) + "\n").encode())


def row_of(
    name: str, seed: int, images: dict[str, np.ndarray], options: argparse.Namespace
) -> dict[str, object]:
    """Trains one configuration (or goes on with it) and judges it."""
    settings = settings_for(name, seed, options)
    folder = trained(name, seed, images["train"], options)
    model, _ = load_image_model(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    test = held_out_images(images["test"], settings)
    start = time.perf_counter()
    report = evaluate_image_model(
        model, test, num_samples=options.samples, num_images=options.test_images
    )
    judged = time.perf_counter() - start
    row = {
        "name": name,
        "seed": seed,
        "nll": -report["log_likelihood"],
        "nll_standard_error": report["log_likelihood_standard_error"],
        "nll_images": report["log_likelihood_num_examples"],
        "negative_elbo": -report["elbo"],
        "kl": report["kl"],
        "active_units": report["active_units"],
        "units": report["units"],
        "effective_sample_size": report["effective_sample_size"],
        "train_bound": metrics["history"][-1]["bound"],
        "epochs": settings.epochs,
        "learning_rate": settings.learning_rate.value,
        "train_seconds": metrics["seconds"],
        "evaluation_seconds": judged,
    }
    if name.endswith(", long"):
        row["train_bounds"] = [round(epoch["bound"], 2) for epoch in metrics["history"]]
    if settings.objective.num_samples > 1:
        bound = importance_weighted_log_likelihood(
            model, test, num_samples=settings.objective.num_samples, batch_size=50, seed=1
        )
        row["negative_bound_of_training"] = -float(bound["log_likelihood"].mean())
    if name not in STARTS.values():
        shutil.rmtree(folder)
    return row


def settings_for(name: str, seed: int, options: argparse.Namespace) -> ImageModelSettings:
    settings = read_settings(ImageModelSettings, CONFIGURATIONS[name], [f"seed={seed}"])
    if not options.quick:
        return settings
    return dataclasses.replace(settings, epochs=min(3, -(-settings.epochs // 16)))


def trained(name: str, seed: int, images: np.ndarray, options: argparse.Namespace) -> Path:
    """The folder of a finished run."""
    start = None
    if name in STARTS:
        start, _ = load_image_model(trained(STARTS[name], seed, images, options))
    settings = settings_for(name, seed, options)
    parts = (name, seed, *settings_of(options).values())
    folder = options.state / "".join(c if c.isalnum() else "_" for c in "-".join(map(str, parts)))
    train(name, settings, images, folder, start)
    return folder


def train(
    name: str,
    settings: ImageModelSettings,
    images: np.ndarray,
    folder: Path,
    start: LatentVariableModel | None,
) -> None:
    """Leaves a finished run in the folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    record = folder / "run.json"
    if record.exists() and json.loads(record.read_text())["finished"]:
        return
    epoch = len(images) // settings.batch_size

    def progress(step: str, done: int, total: int | None) -> None:
        if done % epoch == 0:
            print(f"{name}: epoch {done // epoch} of {settings.epochs}", file=sys.stderr)

    with claim_run(folder, settings, resume=record.exists()) as run:
        train_image_model(images, run, settings, start=start, progress=progress)


def show(rows: list[dict]) -> None:
    """The table: means over seeds, beside what was published."""
    table = rich.table.Table()
    for title in (
        *("configuration", "seeds", "-L_K", "gain on VAE K=1", "-ELBO", "active", "seconds"),
        *("published -L_5000", "published active"),
    ):
        table.add_column(title, justify="left" if title == "configuration" else "right")
    means = {
        name: {
            key: float(np.mean([row[key] for row in rows if row["name"] == name]))
            for key in ("nll", "negative_elbo", "active_units", "train_seconds")
        }
        for name in dict.fromkeys(row["name"] for row in rows)
    }
    for name, mean in means.items():
        layers = ", two layers" if ", two layers," in name else ""
        nll, active = PUBLISHED.get(name.split(",")[0] + layers, (None, None))
        gain = "" if "VAE K=1" not in means else f"{means['VAE K=1']['nll'] - mean['nll']:.2f}"
        table.add_row(
            name,
            str(sum(row["name"] == name for row in rows)),
            f"{mean['nll']:.2f}",
            "" if name.startswith("SBN") else gain,
            f"{mean['negative_elbo']:.2f}",
            f"{mean['active_units']:.1f}",
            f"{mean['train_seconds']:,.0f}",
            "" if nll is None else f"{nll:.2f}",
            "" if active is None else str(active),
        )
    rich.console.Console(width=140).print(table)


def plot(path: Path, rows: list[dict]) -> None:
    """The bounds that were trained, by epoch, with what the finished model has on test images."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # The same figures give the same file, and letters stay letters.
    mpl.rcParams |= {"svg.hashsalt": "0", "svg.fonttype": "none"}
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axis = figure.subplots()
    for number, row in enumerate(rows):
        bounds = -np.array(row["train_bounds"])
        label = f"{row['name'].removesuffix(', long')}, seed {row['seed']}"
        axis.plot(np.arange(1, len(bounds) + 1), bounds, color=f"C{number}", label=label)
        axis.axhline(row["nll"], color=f"C{number}", linestyle="dotted")
    axis.set_xscale("log")
    axis.set_xlabel("epoch")
    axis.set_title("MNIST: bound of training, nats; dotted: test, 5,000 samples", fontsize=9)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
