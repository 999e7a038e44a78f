"""Bounds of particle filters: how tight they are where log p(x) is known, and on captions.

Of a linear Gaussian chain and a hidden Markov model: log p(x) less the mean bound, in nats a
sequence, of the importance-weighted bound (IWAE, no resampling) and the particle filter's (FIVO,
systematic resampling below half the particles), whose draws come from the same proposal, which
looks at x_t and at the state before. The gradient of FIVO of four particles, resampled at every
step, in the chain's coefficient: without the choice of ancestors, which is biased, and by the score
function, which is not.

Of captions (Multi30k, English): a stochastic recurrent text model trained by the ELBO of four
draws, the importance-weighted bound of four and FIVO of four particles, beside the language model
of the same decoder. All are trained on the same batches, with one learning rate; nothing is chosen
by their results.

  nats       minus log p(x) a word of the test captions, END counted; of the language model exact,
             else the estimate of a particle filter of 16, an upper bound in the mean
  elbo       minus the ELBO a word, one draw
  rate       KL of the posterior from the prior a word, in nats: near 0, the latent is not used
  parameters of what generates, and all

    python benchmarks/particle_bounds.py --json benchmarks/results/particle_bounds.json

A run that is stopped goes on where it was. The captions are multi30k_captions/ in the folder that
TFP_DGM_DATA names.
"""

import gzip
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from recorded.benchmark_options import folder_within, parser_of
from recorded.resumed_rows import measure, rows_so_far
from rich.console import Console
from rich.table import Table
from tensorflow_probability import distributions as tfd

from tfp_dgm import models, networks
from tfp_dgm.distributions import HiddenMarkovText
from tfp_dgm.objectives import FIVO, Joint, Objective, Steps
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import NUM_SPECIAL, PAD

PARTICLES = (1, 4, 16, 64)
BATCH = 64
STATES, TOKENS = 8, 20
DRAWS = 4


@dataclass(frozen=True)
class Settings:
    """How much is computed."""

    repeats: int = 200
    lengths: tuple[int, ...] = (10, 40, 160)
    texts: int = 6_000
    test_texts: int = 300
    vocabulary: int = 1_000
    units: int = 64
    latent_units: int = 16
    epochs: int = 6
    seeds: int = 3
    judges: int = 16


QUICK = Settings(
    repeats=20,
    lengths=(10,),
    texts=256,
    test_texts=32,
    vocabulary=200,
    units=8,
    epochs=1,
    seeds=1,
    judges=4,
)


def main() -> None:
    parser = parser_of(__doc__, "multi30k_captions/", quick="the same code in less than a minute")
    options = parser.parse_args()
    settings = QUICK if options.quick else Settings()
    folder = folder_within(options.data, "multi30k_captions")
    rows = rows_so_far(options.json)
    for kind, make in (("linear Gaussian", linear_gaussian), ("hidden Markov", hidden_markov)):
        for length in settings.lengths:
            run = partial(gaps, make, length, settings.repeats)
            measure(rows, f"{kind}, {length} steps", run, options.json)
    for length in settings.lengths:
        run = partial(gradients, length, 10 * settings.repeats)
        measure(rows, f"gradient, linear Gaussian, {length} steps", run, options.json)
    captions = Captions(folder, settings)
    for seed in range(settings.seeds):
        for name in (LANGUAGE_MODEL, *OBJECTIVES):
            run = partial(captions.run, name, seed)
            measure(rows, f"{name}: {seed}", run, options.json)
    show(rows)


def gaps(
    make: Callable[[int, int], tuple[Steps, float]], length: int, repeats: int
) -> dict[str, float]:
    """log p(x) less the mean bound, and its standard error, by bound and number of particles."""
    steps, evidence = make(length, repeats)
    found: dict[str, float] = {"log_evidence": round(evidence, 3)}
    joint = Joint(None, steps=lambda: steps)

    def values_of(objective: Objective, seed: tuple[int, int]) -> np.ndarray:
        traced = tf.function(lambda: objective(joint, seed=seed).value, autograph=False)
        return traced().numpy().astype(np.float64)

    for name, threshold in (("iwae", 0.0), ("fivo", 0.5)):
        for count in PARTICLES:
            objective = FIVO(num_particles=count, threshold=threshold)
            values = values_of(objective, (count, 1))
            found[f"{name}_{count}"] = round(evidence - float(values.mean()), 4)
            found[f"{name}_{count}_error"] = round(float(values.std() / len(values) ** 0.5), 4)
    return found


def gradients(length: int, repeats: int) -> dict[str, float]:
    """Of the bound in the linear Gaussian chain's 0.9: mean, its standard error, and deviation.

    Four particles are resampled at every step, where the score function is unbiased.
    """
    x, _ = linear_gaussian_sequence(length)
    kept = tf.fill([repeats], 0.9)
    found: dict[str, float] = {}
    for how in ("dropped", "score_function"):
        objective = FIVO(
            num_particles=4, resampling="multinomial", threshold=1.0, resampling_gradient=how
        )

        def slopes(objective: Objective = objective) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(kept)
                joint = Joint(None, steps=lambda: linear_gaussian_steps(x, repeats, kept))
                gain = -objective(joint, seed=(5, 6)).loss
            return tape.gradient(gain, kept)

        each = tf.function(slopes, autograph=False)().numpy().astype(np.float64)
        found[f"{how}_mean"] = round(float(each.mean()), 4)
        found[f"{how}_error"] = round(float(each.std() / repeats**0.5), 4)
        found[f"{how}_deviation"] = round(float(each.std()), 4)
    return found


def linear_gaussian(length: int, repeats: int) -> tuple[Steps, float]:
    """The steps of one sequence, so many times, and log p(x)."""
    x, evidence = linear_gaussian_sequence(length)
    return linear_gaussian_steps(x, repeats, tf.fill([repeats], 0.9)), evidence


def linear_gaussian_sequence(length: int) -> tuple[tf.Tensor, float]:
    """x [T] of z_1 ~ N(0, 1), z_t+1 ~ N(0.9 z_t, 0.5^2), x_t ~ N(z_t, 0.7^2), and log p(x)."""
    model = tfd.LinearGaussianStateSpaceModel(
        num_timesteps=length,
        transition_matrix=[[np.float64(0.9)]],
        transition_noise=tfd.MultivariateNormalDiag([np.float64(0)], [np.float64(0.5)]),
        observation_matrix=[[np.float64(1.0)]],
        observation_noise=tfd.MultivariateNormalDiag([np.float64(0)], [np.float64(0.7)]),
        initial_state_prior=tfd.MultivariateNormalDiag([np.float64(0)], [np.float64(1)]),
    )
    sequence = model.sample(seed=(length, 2))  # [T, 1]
    return tf.cast(sequence[:, 0], tf.float32), float(model.log_prob(sequence))


def linear_gaussian_steps(x: tf.Tensor, repeats: int, kept: tf.Tensor) -> Steps:
    """Of x [T], so many times, each with its own `kept` [repeats] in the place of 0.9."""

    def latent(time: tf.Tensor, before: tf.Tensor) -> tuple[tfd.Distribution, tfd.Distribution]:
        mean = kept * before
        # The proposal is not the best there is, of gain 0.34 and scale 0.41.
        proposal = tfd.Normal(mean + 0.5 * (x[time] - mean), 0.5)
        return tfd.Normal(mean, tf.where(time == 0, 1.0, 0.5)), proposal

    def advance(time: tf.Tensor, before: tf.Tensor, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tfd.Normal(z, 0.7).log_prob(x[time]), z

    length = x.shape[0]
    lengths = tf.fill([repeats], length)
    return Steps(lengths, length, lambda count: tf.zeros([count, repeats]), latent, advance)


def hidden_markov(length: int, repeats: int) -> tuple[Steps, float]:
    """Random logits of scale 1; the proposal is of the token alone, and blind to transitions."""
    random = np.random.default_rng(length)
    initial, transitions, emissions = (
        random.normal(size=size).astype(np.float32)
        for size in ((STATES,), (STATES, STATES), (STATES, TOKENS))
    )
    emissions[:, :NUM_SPECIAL] = -np.inf  # No text ends.
    texts = HiddenMarkovText(initial, transitions, emissions, max_length=length)
    row = texts.sample(seed=(length, 3))  # [T]
    of_token = tf.constant(emissions.T)
    log_emissions = tf.nn.log_softmax(tf.constant(emissions))

    def latent(time: tf.Tensor, before: tf.Tensor) -> tuple[tfd.Distribution, tfd.Distribution]:
        prior = tf.where(time == 0, initial, tf.gather(transitions, before))
        proposal = tf.broadcast_to(of_token[row[time]], tf.shape(prior))
        return tfd.Categorical(logits=prior), tfd.Categorical(logits=proposal)

    def advance(time: tf.Tensor, before: tf.Tensor, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.gather(log_emissions[:, row[time]], z), z

    def start(count: int) -> tf.Tensor:
        return tf.zeros([count, repeats], tf.int32)

    steps = Steps(tf.fill([repeats], length), length, start, latent, advance)
    return steps, float(texts.log_prob(row[tf.newaxis])[0])


LANGUAGE_MODEL = "language model"
# Name -> the objective, and how often each caption stands in a batch: draws of the ELBO.
OBJECTIVES: dict[str, tuple[Callable[[], Objective], int]] = {
    "ELBO of 4 draws": (lambda: FIVO(num_particles=1), DRAWS),
    "IWAE of 4 draws": (lambda: FIVO(num_particles=DRAWS, threshold=0.0), 1),
    "FIVO of 4 particles": (lambda: FIVO(num_particles=DRAWS), 1),
}


def read(path: Path) -> list[str]:
    """The lines of a compressed file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


class Captions:
    """The captions, and the models trained on them."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings = settings
        lines = {part: read(folder / f"{part}.en.txt.gz") for part in ("train", "test")}
        random = np.random.default_rng(0)
        train = [lines["train"][i] for i in random.permutation(len(lines["train"]))]
        train, test = train[: settings.texts], lines["test"][: settings.test_texts]
        self.vocabulary = WordVocabulary.fit(train, size=settings.vocabulary, lower=True)
        self.train, self.test = (
            self.vocabulary(tf.constant(texts)).numpy() for texts in (train, test)
        )
        self.words = int((self.test != PAD).sum())

    def batches(self, seed: int, times: int) -> tf.data.Dataset:
        """Of one epoch: captions of like length together, the batches in random order."""
        random = np.random.default_rng(seed)
        order = random.permutation(len(self.train))
        order = order[np.argsort((self.train[order] != PAD).sum(axis=1), kind="stable")]
        starts = np.arange(0, len(order), BATCH)

        def padded() -> Iterator[np.ndarray]:
            for start in random.permutation(starts):
                rows = self.train[order[start : start + BATCH]]
                yield np.repeat(rows[:, : (rows != PAD).sum(axis=1).max()], times, axis=0)

        data = tf.data.Dataset.from_generator(
            padded, output_signature=tf.TensorSpec([None, None], tf.int32)
        )
        return data.apply(tf.data.experimental.assert_cardinality(len(starts))).prefetch(2)

    def run(self, name: str, seed: int) -> dict[str, Any]:
        """One row: a model trained, and its figures on the test captions."""
        keras.utils.set_random_seed(100 + seed)
        start = time.process_time()
        is_latent = name in OBJECTIVES
        objective, times = OBJECTIVES[name] if is_latent else (lambda: None, 1)
        model = self.stochastic(seed) if is_latent else self.language_model(seed)
        model.compile(keras.optimizers.Adam(3e-3, global_clipnorm=5.0), objective())
        for epoch in range(self.settings.epochs):
            model.fit(self.batches(100 * seed + epoch, times), verbose=0, shuffle=False)
        trained = time.process_time() - start
        found = {"parameters": model.count_params(), "train_seconds": round(trained)}
        if not is_latent:
            return {**found, "nats": self.nats(lambda rows: model.log_prob(rows))}
        generating: tuple[Any, ...] = model.decoder, model.prior_layer, model.prior_network
        found["parameters_of_p"] = sum(part.count_params() for part in generating)
        one, many = FIVO(num_particles=1), FIVO(num_particles=self.settings.judges)
        bound = tf.function(
            lambda rows, seed: model.bound(rows, objective=one, seed=seed),
            input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([2], tf.int32)],
            autograph=False,
        )
        tight = tf.function(
            lambda rows, seed: model.bound(rows, objective=many, seed=seed).value,
            input_signature=bound.input_signature,
            autograph=False,
        )
        return {
            **found,
            "nats": self.nats(lambda rows: tight(rows, tf.constant([seed, 1]))),
            "elbo": self.nats(lambda rows: bound(rows, tf.constant([seed, 2])).value),
            "rate": -self.nats(lambda rows: bound(rows, tf.constant([seed, 2])).kl),
            "seconds": round(time.process_time() - start),
        }

    def nats(self, values: Callable[[tf.Tensor], tf.Tensor]) -> float:
        """Minus the values of the test captions, a word."""
        total, order = 0.0, np.argsort((self.test != PAD).sum(axis=1), kind="stable")
        for start in range(0, len(order), BATCH):
            rows = self.test[order[start : start + BATCH]]
            rows = rows[:, : (rows != PAD).sum(axis=1).max()]
            total += float(np.sum(values(tf.constant(rows, tf.int32))))
        return round(-total / self.words, 4)

    def cells(self, seed: int, latent_units: int) -> networks.GRUDecoder:
        return networks.GRUDecoder(
            self.vocabulary.size,
            self.settings.units,
            conditioning_units=latent_units,
            embedding_units=self.settings.units,
            seed=seed,
        )

    def language_model(self, seed: int) -> models.LanguageModel:
        model = models.LanguageModel(self.cells(seed, 0), seed=seed)
        model.build((None, None))
        return model

    def stochastic(self, seed: int) -> models.StochasticRecurrentTextModel:
        units = self.settings.units
        encoder = networks.GRUEncoder(
            self.vocabulary.size,
            units // 2,
            embedding_units=units,
            bidirectional=True,
            return_sequences=True,
            seed=seed,
        )
        model = models.StochasticRecurrentTextModel(
            encoder,
            self.cells(seed, self.settings.latent_units),
            latent_units=self.settings.latent_units,
            posterior_network=keras.layers.Dense(units, activation="tanh"),
            prior_network=keras.layers.Dense(units, activation="tanh"),
            seed=seed,
        )
        model.build((None, None))
        return model


def show(rows: list[dict[str, Any]]) -> None:
    console = Console()
    tightness = Table(title="log p(x) less the bound, nats")
    slopes = Table(title="gradient: mean, standard error of it, deviation of one estimate")
    of_texts = Table(title="captions, a word")
    for column in ("", *(f"{b} {n}" for b in ("IWAE", "FIVO") for n in PARTICLES)):
        tightness.add_column(column)
    for column in ("", *("dropped",) * 3, *("score function",) * 3):
        slopes.add_column(column)
    columns = ("nats", "elbo", "rate", "parameters_of_p", "parameters", "train_seconds")
    for column in ("", *columns):
        of_texts.add_column(column)
    for row in rows:
        if "log_evidence" in row:
            keys = [f"{bound}_{count}" for bound in ("iwae", "fivo") for count in PARTICLES]
            tightness.add_row(row["name"], *(f"{row[key]:.2f}" for key in keys))
        elif "dropped_mean" in row:
            slopes.add_row(*(str(value) for value in row.values()))
        else:
            of_texts.add_row(row["name"], *(str(row.get(column, "")) for column in columns))
    console.print(tightness, slopes, of_texts)


if __name__ == "__main__":
    main()
