"""Text autoencoders beside each other, on short sentences of film reviews.

A text VAE with free bits, a plain autoencoder, WAE-MMD, an adversarial autoencoder, an
adversarially regularised one, and a vector-quantised one: the same GRUs and 32 latents (8 codes of
64 values, vectors of 4 numbers), trained for as many epochs, on 80 % of the sentences of at most 15
words. The last has its prior fitted to the codes of the training sentences afterwards. Of the test
sentences (10 %): reconstruction in nats a word, from one latent; how far all latents are from the
prior (not of codes); the accuracy of a logistic regression on the posteriors' means, for the
sentiment. Of as many texts as there are training sentences, drawn from
the model: the perplexity under a language model of the training sentences (forward), and the
perplexity of the test sentences under a language model of the drawn ones (reverse). Of what is
decoded greedily midway between pairs of test sentences: the forward perplexity, and how many of a
hundred differ. Weights of penalties were fixed beforehand; the held-out 10 % choose the epoch.

    TFP_DGM_DATA=DIR python benchmarks/text_autoencoders.py \
        --json benchmarks/results/text_autoencoders.json

DIR holds `pang_lee`. With `--json`, what the file holds already is not measured again. A model is
what `dgm text-vae train TRAIN VALID --settings benchmarks/settings/text_autoencoders/NAME.yaml`
gives of those sentences, but for the state that a command keeps; of codes no command makes one.
"""

import argparse
import gzip
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from exits.missing import end_for_want_of
from recorded.resumed_rows import record, rows_so_far
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfp_dgm import evaluation, inference, layers
from tfp_dgm.models import ExactLikelihoodModel, QuantizedTextVAE, TextVAE
from tfp_dgm.sentence_modelling import (
    TextModelSettings,
    compiled_model,
    draw_rows,
    fit_language_model,
    fit_vocabulary,
    perplexity,
)
from tfp_dgm.sentence_modelling.building import build_model
from tfp_dgm.sentence_modelling.language_judges import without_padding
from tfp_dgm.sentence_modelling.optimisation import build_optimizer, build_schedule
from tfp_dgm.settings import read_settings
from tfp_dgm.text import BucketedBatches
from tfp_dgm.training import KLWeightSchedule

SETTINGS = Path(__file__).parent / "settings" / "text_autoencoders"
CODES = "VQ-VAE"
SYSTEMS = ("text VAE", "autoencoder", "WAE-MMD", "AAE", "ARAE", CODES)
JUDGE = "language model"
WORDS = 15
QUICK = {"sentences": 300, "epochs": 2}
QUICK_SYSTEMS = ("text VAE", CODES)
PRIOR_EPOCHS = 20
COLUMNS = (
    "reconstruction",
    "discrepancy",
    "forward perplexity",
    "reverse perplexity",
    "midpoint perplexity",
    "different midpoints",
    "accuracy",
    "CPU s",
)


def sentences(folder: Path, number: int | None) -> tuple[list[str], list[int]]:
    """Short ones, and whether each is positive, in one drawn order."""
    texts, labels = [], []
    for label, name in enumerate(("neg", "pos")):
        path = folder / "pang_lee" / "sentence_polarity" / f"rt-polarity.{name}.txt.gz"
        if not path.exists():
            end_for_want_of(str(path))
        with gzip.open(path, "rt", encoding="latin-1") as file:
            lines = file.read().splitlines()
        short = [line for line in lines if 1 < len(line.split()) <= WORDS]
        texts += short
        labels += [label] * len(short)
    order = np.random.default_rng(0).permutation(len(texts))[:number]
    return [texts[i] for i in order], [labels[i] for i in order]


def settings_of(system: str, seed: int, quick: bool) -> TextModelSettings:
    file = SETTINGS / f"{system.lower().replace(' ', '_').replace('-', '_')}.yaml"
    few = [f"epochs={QUICK['epochs']}"] if quick else []
    return read_settings(TextModelSettings, file, [f"seed={seed}", *few])


class Texts:
    """The sentences in their three parts, the judge of one seed, and its vocabulary."""

    def __init__(self, texts: list[str], labels: list[int], seed: int, quick: bool) -> None:
        ends = [int(0.8 * len(texts)), int(0.9 * len(texts))]
        self.train, self.valid, self.test = (
            texts[: ends[0]],
            texts[ends[0] : ends[1]],
            texts[ends[1] :],
        )
        self.labels, self.test_labels = labels[: ends[0]], labels[ends[1] :]
        self.judging = settings_of(JUDGE, seed, quick)
        self.vocabulary = fit_vocabulary(self.judging, self.train)
        self.rows, self.held_out, self.test_rows = (
            self.vocabulary.encode_all(part) for part in (self.train, self.valid, self.test)
        )
        self.judge = fit_language_model(self.judging, self.vocabulary, self.rows, self.held_out)


def model_of(system: str, texts: Texts, seed: int, quick: bool) -> TextVAE | QuantizedTextVAE:
    """Trained as the command would, of the best epoch."""
    settings = settings_of("text VAE" if system == CODES else system, seed, quick)
    keras.utils.set_random_seed(seed)
    batches = BucketedBatches(texts.rows, settings.batch_size, seed=seed)
    callbacks: list[Any] = []
    if system == CODES:
        model: Any = of_codes(settings, texts)
        model.compile(build_optimizer(settings, len(batches)))
    else:
        model = compiled_model(settings, texts.vocabulary, steps=len(batches))
        schedule = build_schedule(settings, len(batches))
        callbacks += [KLWeightSchedule(schedule)] if schedule is not None else []
    watched = model.objective.log_names.get("bound", "bound")
    if system == CODES:  # Whose prior is fitted anew, so that its bound says little before.
        watched = "reconstruction"
    stopping = keras.callbacks.EarlyStopping(
        f"val_{watched}", mode="max", patience=settings.patience, restore_best_weights=True
    )
    held_out = BucketedBatches(texts.held_out, settings.batch_size)
    run = {"epochs": settings.epochs, "shuffle": False, "verbose": 0}
    model.fit(batches, validation_data=held_out, callbacks=[stopping, *callbacks], **run)
    if system == CODES:
        codes = over_rows(model.likeliest_codes, texts.rows)
        prior = ExactLikelihoodModel(model.prior_layer, seed=seed)
        prior.compile(keras.optimizers.Adam(1e-3))
        prior.fit(codes, batch_size=64, epochs=PRIOR_EPOCHS, verbose=0)
    return model


def of_codes(settings: TextModelSettings, texts: Texts) -> QuantizedTextVAE:
    """With the networks of a text VAE, whose latent has as many numbers as the codes' vectors."""
    networks = build_model(settings, texts.vocabulary)
    assert isinstance(networks, TextVAE)
    codes, values = 8, 64
    return QuantizedTextVAE(
        networks.encoder,
        networks.decoder,
        posterior=layers.VectorQuantizer((codes, values), settings.latent_units // codes),
        prior=layers.NeuralAutoregressivePrior(codes, values, hidden_units=64),
        vocabulary=texts.vocabulary,
        max_length=settings.max_length,
        seed=settings.seed,
    )


def over_rows(function: Any, rows: list[np.ndarray]) -> np.ndarray:
    """What it gives of each row of token ids, in their order."""
    batches = BucketedBatches(rows, 64)
    order = np.concatenate([batches.index(i) for i in range(len(batches))])
    found = np.concatenate([function(batches[i][0]).numpy() for i in range(len(batches))])
    return found[np.argsort(order)]


def measured(system: str, texts: Texts, seed: int, quick: bool) -> dict[str, float]:
    begin = time.process_time()
    model = model_of(system, texts, seed, quick)
    seconds = time.process_time() - begin
    batches = BucketedBatches(texts.test_rows, 64)
    nats = 0.0
    for i in range(len(batches)):
        joint = model.joint(batches[i][0])
        z = joint.posterior.sample(1, seed=(seed, i))
        nats -= float(np.sum(joint.log_likelihood(z)))
    drawn = draw_rows(model, len(texts.rows), seed=seed)
    third = len(drawn) // 10
    reverse = fit_language_model(texts.judging, texts.vocabulary, drawn[third:], drawn[:third])
    means = [over_rows(model, rows) for rows in (texts.rows, texts.test_rows)]
    latents = means[1]
    if isinstance(model, QuantizedTextVAE):  # Between codes lie mixtures of them.
        latents = over_rows(model.likeliest_codes, texts.test_rows)
    even = len(latents) // 2 * 2
    between = tf.constant((latents[:even:2] + latents[1:even:2]) / 2)
    midway = without_padding(inference.greedy(model.decode(between)).numpy())
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(means[0], texts.labels)
    found = {
        "reconstruction": nats / batches.num_tokens,
        "forward perplexity": perplexity(texts.judge, drawn),
        "reverse perplexity": perplexity(reverse, texts.test_rows),
        "midpoint perplexity": perplexity(texts.judge, midway),
        "different midpoints": 100 * len({row.tobytes() for row in midway}) / len(midway),
        "accuracy": 100 * classifier.score(means[1], texts.test_labels),
        "CPU s": seconds,
    }
    if isinstance(model, TextVAE):
        distances = evaluation.prior_discrepancy(model, batches.dataset(), seed=seed)
        found["discrepancy"] = distances["discrepancy"]
    return found


def of_judge(texts: Texts) -> dict[str, float]:
    """What texts themselves have: of the training sentences' model on the test sentences."""
    own = perplexity(texts.judge, texts.test_rows)
    return {"forward perplexity": own, "reverse perplexity": own}


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("system", "seeds", *COLUMNS)
    for system in (JUDGE, *SYSTEMS):
        group = [row for row in rows if row["system"] == system]
        cells = []
        for column in COLUMNS:
            values = [row[column] for row in group if column in row]
            spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.2f}{spread}" if values else "")
        if group:
            table.add_row(system, str(len(group)), *cells)
    Console(width=160).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--quick", action="store_true", help="300 sentences, two epochs, two systems, one seed"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS)
    arguments = parser.parse_args()
    if "TFP_DGM_DATA" not in os.environ:
        end_for_want_of("TFP_DGM_DATA, the folder with pang_lee")
    if arguments.quick:
        arguments.seeds = arguments.seeds[:1]
    systems = arguments.systems or (QUICK_SYSTEMS if arguments.quick else SYSTEMS)
    number = QUICK["sentences"] if arguments.quick else None
    found = sentences(Path(os.environ["TFP_DGM_DATA"]), number)
    rows = rows_so_far(arguments.json)
    done = {row["name"] for row in rows}
    for seed in arguments.seeds:
        wanted = [s for s in (JUDGE, *systems) if f"{s}, seed {seed}" not in done]
        if not wanted:
            continue
        texts = Texts(*found, seed, arguments.quick)
        for system in wanted:
            figures = (
                of_judge(texts)
                if system == JUDGE
                else measured(system, texts, seed, arguments.quick)
            )
            keys = {"name": f"{system}, seed {seed}", "system": system, "seed": seed}
            keys["sentences"] = len(texts.rows)
            rounded = {name: round(float(value), 4) for name, value in figures.items()}
            record(rows, {**keys, **rounded}, arguments.json)
    show(rows)


if __name__ == "__main__":
    main()
