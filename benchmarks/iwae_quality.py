"""IWAE on MNIST: how tight bounds and their gradients shape the model, after Burda et al. (2016).

Continuous latents: the one-layer model (784-200-200-50-200-200-784, tanh) on dynamically binarised
images, trained by the ELBO with S draws (VAE) and by the importance-weighted bound with K draws
(IWAE), the latter with its own gradient and doubly reparameterised, for the same epochs and seeds:
L_5000 in nats (of `--test-images`) and active units on the 10,000 test images (binarised once, by
seed 0).
Discrete latents: the sigmoid belief network 200-784 on images that were binarised once, by
NVIL and by VIMCO with m = 5: the bounds that they train, and L_5000.

The learning rate rises for `WARM_UP` steps and falls to a hundredth along a cosine, in place of the
published steps over 3,280 epochs; 5e-3 was the best of 1e-3 to 1e-2 for VAE K=1 on 5,000 training
images that were held out, and 3e-3 of two for the belief networks, which train three times the
epochs. Encoders get centred images. State is saved after every epoch and
results after every configuration: a run that was killed goes on where it stopped, by the same
command.

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

import keras
import numpy as np
import rich.console
import rich.table

from tfp_dgm.data import atomic_write, binarise, cache_directory, read_images
from tfp_dgm.evaluation import active_units, elbo_terms, importance_weighted_log_likelihood
from tfp_dgm.layers import IndependentBernoulli
from tfp_dgm.models import VAE, LatentVariableModel, SigmoidBeliefNetwork
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import (
    ELBO,
    DoublyReparameterized,
    ImportanceWeighted,
    LearnedBaseline,
    Objective,
    RunningAverage,
    ScoreFunctionELBO,
    ScoreFunctionImportanceWeighted,
)
from tfp_dgm.training import FusedAdam, NonFiniteGuard, ResumeTraining, binarised_batches

FILES = {"train": "train-images.idx3-ubyte.gz", "test": "t10k-images.idx3-ubyte.gz"}
WARM_UP = 500  # Steps.
SBN_RATE = 3e-3
# Test negative log-likelihood and active units: Burda et al., table 1, one stochastic layer, 3,280
# epochs; sigmoid belief network 200-784 of Maddison et al. (The Concrete Distribution, 2017).
PUBLISHED = {
    "VAE K=1": (86.76, 19),
    "VAE K=5": (86.47, 20),
    "VAE K=50": (86.35, 20),
    "IWAE K=1": (86.76, 19),
    "IWAE K=5": (85.54, 22),
    "IWAE K=50": (84.78, 25),
    "SBN VIMCO m=5": (101.9, None),
}


@dataclasses.dataclass(frozen=True)
class Configuration:
    """One model and the way it is trained."""

    name: str
    objective: str
    samples: int
    learning_rate: float = 5e-3
    longer: int = 1  # So many times the epochs that were asked for.

    @property
    def is_belief_network(self) -> bool:
        return self.objective in ("nvil", "vimco")

    def make_objective(self) -> Objective:
        """The objective, new."""
        if self.objective == "elbo":
            return ELBO(num_samples=self.samples)
        if self.objective == "iwae":
            return ImportanceWeighted(num_samples=self.samples)
        if self.objective == "dreg":
            return ImportanceWeighted(num_samples=self.samples, gradient=DoublyReparameterized())
        if self.objective == "nvil":
            return ScoreFunctionELBO(
                num_samples=1, control_variates=[RunningAverage(), LearnedBaseline()]
            )
        return ScoreFunctionImportanceWeighted(num_samples=self.samples)


# With K = 1 the importance-weighted bound is the ELBO, and its gradient the one of VAE K=1.
CONFIGURATIONS = {
    configuration.name: configuration
    for configuration in (
        Configuration("VAE K=1", "elbo", 1),
        Configuration("IWAE K=1", "iwae", 1),
        Configuration("IWAE K=1, DReG", "dreg", 1),
        Configuration("VAE K=5", "elbo", 5),
        Configuration("IWAE K=5", "iwae", 5),
        Configuration("IWAE K=5, DReG", "dreg", 5),
        Configuration("SBN NVIL", "nvil", 1, learning_rate=SBN_RATE, longer=3),
        Configuration("SBN VIMCO m=5", "vimco", 5, learning_rate=SBN_RATE, longer=3),
        Configuration("VAE K=50", "elbo", 50),
        Configuration("IWAE K=50", "iwae", 50),
        Configuration("IWAE K=50, DReG", "dreg", 50),
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data",
        default=os.environ.get("TFP_DGM_DATA"),
        metavar="FOLDER",
        help="holds mnist/, the idx gz files (default: $TFP_DGM_DATA)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="results, resumed from there")
    parser.add_argument("--epochs", type=int, default=100, help="passes over the 60,000 images")
    parser.add_argument("--seeds", type=int, default=1, help="number of runs of each")
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--samples", type=int, default=5000, help="K of the log-likelihood")
    parser.add_argument(
        "--test-images",
        type=int,
        default=10_000,
        help="for the log-likelihood, evenly spaced; bounds and active units take all",
    )
    parser.add_argument(
        "--configurations", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS)
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=cache_directory() / "iwae_quality",
        help="folder for the state of unfinished trainings",
    )
    parser.add_argument("--quick", action="store_true", help="the same code in a few minutes")
    options = parser.parse_args()
    if options.quick:
        options.epochs, options.samples, options.test_images = 1, 50, 100
    if options.data is None:
        sys.exit("Give --data or TFP_DGM_DATA: the folder with mnist/ and its idx gz files.")
    images = {
        split: read_images(Path(options.data) / "mnist" / file).reshape(-1, 784)
        for split, file in FILES.items()
    }
    if options.quick:
        images = {"train": images["train"][:3000], "test": images["test"][:1000]}
    rows = finished(options)
    for seed in range(options.seeds):
        for name in options.configurations:
            if not any(row["name"] == name and row["seed"] == seed for row in rows):
                rows.append(run(CONFIGURATIONS[name], seed, images, options))
                write(rows, options)
    show([row for row in rows if row["name"] in options.configurations])


def settings_of(options: argparse.Namespace) -> dict[str, object]:
    """What all rows of one file must agree in."""
    names = ("epochs", "batch_size", "samples", "test_images", "quick")
    return {name: getattr(options, name) for name in names}


def finished(options: argparse.Namespace) -> list[dict]:
    """The rows of an earlier run of the same settings."""
    if options.json is None or not options.json.exists():
        return []
    found = json.loads(options.json.read_text())
    if found["settings"] != settings_of(options):
        sys.exit(f"{options.json} holds results of other settings: {found['settings']}")
    return found["rows"]


def write(rows: list[dict], options: argparse.Namespace) -> None:
    if options.json is None:
        return
    command = shlex.join(["python", *sys.argv])
    result = {"command": command, "settings": settings_of(options), "rows": rows}
    with atomic_write(options.json) as file:
        file.write((json.dumps(result, indent=1) + "\n").encode())


def make_model(configuration: Configuration, mean: np.ndarray, seed: int) -> LatentVariableModel:
    keras.utils.set_random_seed(seed)
    if configuration.is_belief_network:
        baseline_units = 100 if configuration.objective == "nvil" else 0
        model = SigmoidBeliefNetwork(
            (784,), units=[200], mean=mean, baseline_units=baseline_units, seed=seed
        )
        model.build((None, 784))
        return model
    centre = keras.layers.Normalization(mean=mean, variance=np.ones_like(mean))
    model = VAE(
        keras.Sequential([centre, MLP([200, 200], activation="tanh")]),
        MLP([200, 200], activation="tanh"),
        IndependentBernoulli(784),
        latent_units=50,
        seed=seed,
    )
    model.build((None, 784))
    probable = np.clip(mean, 0.01, 0.99)
    model.likelihood.projection.bias.assign(np.log(probable) - np.log1p(-probable))
    return model


def run(
    configuration: Configuration,
    seed: int,
    images: dict[str, np.ndarray],
    options: argparse.Namespace,
) -> dict[str, object]:
    """Trains one configuration (or goes on with it) and judges it."""
    train = images["train"]
    if configuration.is_belief_network:
        train = binarise(train, 0)
    test = binarise(images["test"], 0)
    # Evenly spaced: the first half of MNIST's test set is the easier one.
    few = test[:: max(len(test) // options.test_images, 1)][: options.test_images]
    model = make_model(configuration, train.mean(axis=0), seed)
    steps = len(train) // options.batch_size
    epochs = options.epochs * configuration.longer
    warm_up = min(WARM_UP, epochs * steps // 2)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        epochs * steps - warm_up,
        alpha=0.01,
        warmup_target=configuration.learning_rate,
        warmup_steps=warm_up,
    )
    model.compile(
        FusedAdam(schedule, epsilon=1e-4),
        configuration.make_objective(),
        steps_per_execution=10,
    )
    name = "-".join(
        str(part) for part in (configuration.name, seed, *settings_of(options).values())
    )
    state = options.state / "".join(c if c.isalnum() else "_" for c in name)
    resume = ResumeTraining(state)
    clock = Clock(state, configuration.name, epochs)
    data = binarised_batches(
        np.round(255 * train).astype(np.uint8),
        options.batch_size,
        seed=seed,
        first_batch=resume.epoch * steps,
    )
    if resume.epoch < epochs:
        model.fit(
            data,
            steps_per_epoch=steps,
            epochs=epochs,
            initial_epoch=resume.epoch,
            verbose=0,
            shuffle=False,  # The dataset has its own order.
            callbacks=[clock, NonFiniteGuard(), resume],
        )
    else:
        resume.restore(model)
    start = time.perf_counter()
    weighted = importance_weighted_log_likelihood(
        model, few, num_samples=options.samples, batch_size=50, samples_per_step=50
    )
    judged = time.perf_counter() - start
    terms = elbo_terms(model, test, num_samples=50, batch_size=50)
    used = active_units(model, test)
    row = {
        "name": configuration.name,
        "seed": seed,
        "nll": -float(weighted["log_likelihood"].mean()),
        "nll_standard_error": float(weighted["log_likelihood"].std() / np.sqrt(len(few))),
        "nll_images": len(few),
        "negative_elbo": -float(terms["bound"].mean()),
        "kl": float(terms["kl"].mean()),
        "active_units": used["active_units"],
        "units": used["units"],
        "effective_sample_size": float(weighted["effective_sample_size"].mean()),
        "train_bound": resume.history[-1]["bound"],
        "epochs": resume.epoch,
        "learning_rate": configuration.learning_rate,
        "train_seconds": clock.seconds,
        "evaluation_seconds": judged,
        "evaluated_images_per_second": len(few) / judged,
    }
    if configuration.samples > 1:
        bound = importance_weighted_log_likelihood(
            model, test, num_samples=configuration.samples, batch_size=50, seed=1
        )
        row["negative_bound_of_training"] = -float(bound["log_likelihood"].mean())
    shutil.rmtree(state)
    return row


class Clock(keras.callbacks.Callback):
    """Seconds of training, those before a kill included; and a line for each epoch."""

    def __init__(self, state: Path, name: str, epochs: int) -> None:
        super().__init__()
        self.path, self.name, self.epochs = state / "seconds.txt", name, epochs
        self.seconds = float(self.path.read_text()) if self.path.exists() else 0.0
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.seconds += time.perf_counter() - self._start
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path) as file:
            file.write(str(self.seconds).encode())
        bound = (logs or {})["bound"]
        print(
            f"{self.name}: epoch {epoch + 1} of {self.epochs}, bound {bound:.2f}, "
            f"{self.seconds:,.0f} s",
            file=sys.stderr,
        )


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
        nll, active = PUBLISHED.get(name.removesuffix(", DReG"), (None, None))
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


if __name__ == "__main__":
    main()
