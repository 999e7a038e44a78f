"""MNIST from 100 labels: M2 and M1+M2 by plain `fit`, beside the published accuracies.

Each draw labels ten images of each digit and leaves the other 59,900 training images unlabelled;
accuracy is on the 10,000 test images. All models are fitted first on the labelled images alone, so
that the classes of the generative model start where the labels say, and then on everything. The
self-trained one also gets, before every further epoch, its own surest predictions as annotations:
the means over several random views (moved, turned, zoomed) of each image, which is how it answers
for the test images too.

    export TFP_DGM_DATA=FOLDER  # Holds mnist/, the four idx gz files.
    python benchmarks/mnist_semisupervised.py --json benchmarks/results/mnist_semisupervised.json
"""

import argparse
import dataclasses
import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import rich.console
import rich.table
import tensorflow as tf
from exits.missing import end_for_want_of, wanting

from tfp_dgm.data import DataError, atomic_write, read_idx
from tfp_dgm.layers import IndependentBernoulli, MultivariateNormalDiag
from tfp_dgm.models import M1M2, M2, VAE, LatentVariableModel
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import ScoreFunctionELBO

FILES = {
    "x": "train-images.idx3-ubyte.gz",
    "y": "train-labels.idx1-ubyte.gz",
    "x_test": "t10k-images.idx3-ubyte.gz",
    "y_test": "t10k-labels.idx1-ubyte.gz",
}
PUBLISHED = {
    "published: M2 (Kingma et al. 2014)": 88.0,
    "published: M1+M2 (Kingma et al. 2014)": 96.7,
    "published: M2 with the auxiliary term (Pyro's example)": 93.2,
}
PIXELS, CLASSES, PER_CLASS = 784, 10, 10


@dataclasses.dataclass(frozen=True)
class Training:
    """How one kind of model is trained."""

    labelled_steps: int
    epochs: int
    # The surest predictions that are annotations from then on, as a share of all images (equally
    # many of each class), in the first and in the last epoch; None: there are none.
    self_annotated: tuple[float, float] | None = None
    # Random views of an image over which an answer is averaged; 1 is the image itself.
    views: int = 1
    learning_rate: float = 3e-3
    # Share of the labelled images, repeated, in what the second fit sees.
    labelled_share: float = 0.2


TRAINING = {
    "M2, convolutional classifier, self-trained": Training(
        800, epochs=10, self_annotated=(0.5, 0.9), views=5, labelled_share=0.1
    ),
    "M1+M2": Training(800, epochs=20, learning_rate=1e-3),
    "M2": Training(800, epochs=4),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """How long to train, and on how much."""

    train_images: int = 60_000
    m1_epochs: int = 30
    batch_size: int = 512
    # Divides the steps on the labelled images, and the epochs.
    shorter: int = 1


QUICK = Settings(train_images=6_000, m1_epochs=1, shorter=8)


@dataclasses.dataclass(frozen=True)
class Data:
    """Images [N, 784] with values from 0 to 1, and their classes [N]."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data",
        default=os.environ.get("TFP_DGM_DATA"),
        metavar="FOLDER",
        help="holds mnist/, the four idx gz files (default: $TFP_DGM_DATA)",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="results; a run that was killed goes on from them",
    )
    parser.add_argument("--seeds", type=int, default=5, help="number of draws of the labels")
    parser.add_argument("--first-seed", type=int, default=0, help="of the first draw")
    parser.add_argument("--models", nargs="+", choices=TRAINING, default=list(TRAINING))
    parser.add_argument("--quick", action="store_true", help="the same code in under a minute")
    options = parser.parse_args()
    settings = QUICK if options.quick else Settings()
    seeds = range(options.first_seed, options.first_seed + (1 if options.quick else options.seeds))
    data = load(options.data, settings)
    console = rich.console.Console()

    # Accuracies and seconds by model and draw, kept as soon as they are known.
    results = finished_runs(options.json, settings)
    m1 = None
    for name in options.models:
        runs = results.setdefault(name, {})
        for seed in seeds:
            if str(seed) in runs:
                continue
            if name == "M1+M2" and m1 is None:
                console.print("M1, once for all draws ...")
                m1, results["M1"] = fit_m1(data.x, settings)
            runs[str(seed)] = run(name, m1, data, seed, settings)
            console.print(f"{name}, draw {seed}: {runs[str(seed)]}")
            save(options.json, results, seeds, settings)
    save(options.json, results, seeds, settings)
    show(console, summary(results, seeds))


def load(folder: str | None, settings: Settings) -> Data:
    if folder is None:
        end_for_want_of(
            "--data FOLDER (or TFP_DGM_DATA), whose folder mnist holds the files "
            f"{', '.join(FILES.values())}"
        )
    with wanting(DataError):
        arrays = {key: read_idx(Path(folder) / "mnist" / name) for key, name in FILES.items()}
    for key in ("x", "x_test"):
        arrays[key] = arrays[key].reshape(-1, PIXELS).astype(np.float32) / 255
    for key in ("x", "y"):
        arrays[key] = arrays[key][: settings.train_images]
    return Data(**arrays)


def labelled_rows(y: np.ndarray, seed: int) -> np.ndarray:
    """Row numbers of ten images of each class."""
    random = np.random.default_rng(seed)
    rows = [random.choice(np.flatnonzero(y == k), PER_CLASS, replace=False) for k in range(CLASSES)]
    return np.concatenate(rows)


def fit_m1(x: np.ndarray, settings: Settings) -> tuple[VAE, dict[str, float]]:
    start = time.perf_counter()
    keras.utils.set_random_seed(0)
    m1 = VAE(
        MLP([512, 512]), MLP([512, 512]), IndependentBernoulli(PIXELS), latent_units=50, seed=0
    )
    batches = batches_of((x,), settings.batch_size)
    m1.compile(cosine_adam(2e-3, settings.m1_epochs * len(batches)))
    history = m1.fit(batches, epochs=settings.m1_epochs, shuffle=False, verbose=0).history
    bound = round(history["bound"][-1], 2)
    return m1, {"bound": bound, "seconds": round(time.perf_counter() - start, 1)}


def dense_m2(m1: VAE | None) -> LatentVariableModel:
    """No knowledge of images, as in the published results."""
    return M2(
        CLASSES,
        MLP([256]),
        MLP([256]),
        IndependentBernoulli(PIXELS),
        classifier=MLP([512, 512], batch_normalization=True),
        posterior_network=MLP([256]),
        latent_units=10,
        classification_weight=100.0,
        class_objective=ScoreFunctionELBO(num_samples=2),
    )


def convolutional_m2(m1: VAE | None) -> LatentVariableModel:
    """The classifier is convolutional, and sees the training images moved, turned and zoomed."""
    layers = keras.layers
    random_view = keras.Sequential(
        [
            layers.Reshape((28, 28, 1)),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant", seed=1),
            layers.RandomRotation(0.06, fill_mode="constant", seed=2),
            layers.RandomZoom(0.15, 0.15, fill_mode="constant", seed=3),
        ]
    )
    classifier = keras.Sequential([random_view])
    for filters in (16, 32, 64):
        classifier.add(layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False))
        classifier.add(layers.BatchNormalization())
        classifier.add(layers.ReLU())
    classifier.add(layers.Flatten())
    classifier.add(layers.Dropout(0.3, seed=4))
    return M2(
        CLASSES,
        MLP([256]),
        MLP([256]),
        IndependentBernoulli(PIXELS),
        classifier=classifier,
        posterior_network=MLP([256]),
        latent_units=10,
        classification_weight=100.0,
        # Two draws of the class instead of a sum over all ten: less than half the time, and exact
        # for the annotated images, which are nine in ten once the model annotates for itself.
        class_objective=ScoreFunctionELBO(num_samples=2),
    )


def m1_m2(m1: VAE | None) -> LatentVariableModel:
    assert m1 is not None
    size = m1.posterior_layer.event_size
    m2 = M2(
        CLASSES,
        MLP([500]),
        MLP([500]),
        MultivariateNormalDiag(size),
        classifier=MLP([500]),
        posterior_network=MLP([500]),
        latent_units=50,
        class_objective=ScoreFunctionELBO(num_samples=2),
    )
    return M1M2(m1, m2)


MODELS: dict[str, Callable[[VAE | None], LatentVariableModel]] = {
    "M2, convolutional classifier, self-trained": convolutional_m2,
    "M1+M2": m1_m2,
    "M2": dense_m2,
}


def run(name: str, m1: VAE | None, data: Data, seed: int, settings: Settings) -> dict[str, float]:
    """Fits a model to one draw of the labels; gives its accuracy in percent, and seconds."""
    start = time.perf_counter()
    keras.utils.set_random_seed(seed)
    model, training = MODELS[name](m1), TRAINING[name]
    labelled = labelled_rows(data.y, seed)
    steps = training.labelled_steps // settings.shorter
    model.compile(cosine_adam(training.learning_rate, steps))
    few = tf.data.Dataset.from_tensors((data.x[labelled], data.y[labelled].astype(np.int32)))
    model.fit(few.repeat(), steps_per_epoch=steps, shuffle=False, verbose=0)

    share = training.labelled_share
    repeated = np.resize(labelled, int(len(data.x) * share / (1 - share)))
    rows = np.concatenate([np.arange(len(data.x)), repeated])
    epochs = max(training.epochs // settings.shorter, 1)
    model.compile(cosine_adam(training.learning_rate, epochs * (len(rows) // settings.batch_size)))
    for epoch in range(epochs):
        targets = np.full(len(data.x), -1, np.int32)
        if training.self_annotated is not None:
            share = np.interp(epoch, [0, max(epochs - 1, 1)], training.self_annotated)
            targets = surest_classes(answers(model, data.x, training.views), share)
        targets[labelled] = data.y[labelled]
        batches = batches_of((data.x, targets), settings.batch_size, rows)
        model.fit(batches, shuffle=False, verbose=0)
    predicted = answers(model, data.x_test, training.views).argmax(axis=1)
    accuracy = 100 * float(np.mean(predicted == data.y_test))
    return {"accuracy": round(accuracy, 2), "seconds": round(time.perf_counter() - start, 1)}


def answers(model: LatentVariableModel, x: np.ndarray, views: int) -> np.ndarray:
    """q(y | x) [N, K]; with several views, its mean over random ones of each image."""
    if views == 1:
        return model.predict(x, batch_size=1000, verbose=0)
    random_view = model.classifier.layers[0]

    @tf.function(reduce_retracing=True)
    def answer(images: tf.Tensor) -> tf.Tensor:
        return model(tf.reshape(random_view(images, training=True), [-1, PIXELS]))

    batches = np.array_split(x, max(len(x) // 1000, 1))
    passes = [
        np.concatenate([answer(tf.constant(batch)).numpy() for batch in batches])
        for _ in range(views)
    ]
    return np.mean(passes, axis=0)


def surest_classes(probabilities: np.ndarray, share: float) -> np.ndarray:
    """The most probable class of the surest rows, at most as many of each class; -1 elsewhere.

    Equal numbers keep the easy digits from crowding out the hard ones; p(y) is uniform as well.
    """
    best = probabilities.argmax(axis=1)
    targets = np.full(len(best), -1, np.int32)
    for k in range(CLASSES):
        rows = np.flatnonzero(best == k)
        surest = np.argsort(-probabilities[rows, k])[: int(share * len(best) / CLASSES)]
        targets[rows[surest]] = k
    return targets


def batches_of(
    arrays: tuple[np.ndarray, ...], batch_size: int, rows: np.ndarray | None = None
) -> tf.data.Dataset:
    """Shuffled full batches of the given rows (all of them by default), anew in every epoch."""
    tensors = [tf.constant(array) for array in arrays]
    rows = np.arange(len(arrays[0])) if rows is None else rows
    numbers = tf.data.Dataset.from_tensor_slices(rows).shuffle(len(rows))
    numbers = numbers.batch(batch_size, drop_remainder=True)
    return numbers.map(lambda n: tuple(tf.gather(tensor, n) for tensor in tensors)).prefetch(4)


def cosine_adam(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Adam whose rate falls to 0; `fit` ends with the moving average of the weights."""
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    return keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.98)


def settings_of(name: str, settings: Settings) -> dict:
    both = {**dataclasses.asdict(settings), **dataclasses.asdict(TRAINING[name])}
    if name != "M1+M2":
        del both["m1_epochs"]
    return json.loads(json.dumps(both))  # As they come back from the file.


def finished_runs(path: Path | None, settings: Settings) -> dict[str, dict]:
    """What an earlier run has left of the models whose settings are still the same."""
    if path is None or not path.exists():
        return {}
    content = json.loads(path.read_text())
    same = {
        name for name in TRAINING if content["settings"].get(name) == settings_of(name, settings)
    }
    if "M1+M2" in same:
        same.add("M1")
    return {name: runs for name, runs in content["runs"].items() if name in same}


def save(path: Path | None, results: dict[str, dict], seeds: range, settings: Settings) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "command": shlex.join(["python", *sys.argv]),
        "rows": summary(results, seeds),
        "settings": {name: settings_of(name, settings) for name in TRAINING},
        "runs": results,
    }
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def summary(results: dict[str, dict], seeds: range) -> list[dict]:
    rows: list[dict] = [{"name": name, "published": mark} for name, mark in PUBLISHED.items()]
    if "M1" in results:
        rows.append({"name": "M1, once for all draws", "seconds": results["M1"]["seconds"]})
    for name in MODELS:
        runs = [results.get(name, {}).get(str(seed)) for seed in seeds]
        draws = [run["accuracy"] for run in runs if run]
        if draws:
            rows.append(
                {
                    "name": name,
                    "accuracy": round(float(np.mean(draws)), 2),
                    "accuracy_sd": round(float(np.std(draws, ddof=1)), 2)
                    if len(draws) > 1
                    else None,
                    "accuracies": draws,
                    "seconds": round(sum(run["seconds"] for run in runs if run), 1),
                }
            )
    return rows


def show(console: rich.console.Console, rows: list[dict]) -> None:
    table = rich.table.Table(title="MNIST, 100 labels: test accuracy in percent")
    for column in ("model", "mean", "sd", "draws", "seconds"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for row in rows:
        draws = "  ".join(f"{accuracy:.2f}" for accuracy in row.get("accuracies", []))
        mean = row.get("published", row.get("accuracy"))
        figures = [mean, row.get("accuracy_sd"), draws, row.get("seconds")]
        table.add_row(row["name"], *("" if figure is None else str(figure) for figure in figures))
    console.print(table)


if __name__ == "__main__":
    main()
