"""Quality and diversity of captions on Flickr8k: mixtures of experts, beam search, sampling.

    export TFP_DGM_DATA=FOLDER  # Holds flickr8k/.
    python benchmarks/captions_quality.py --features features.npz --json captions_quality.json

`flickr8k/` holds Flickr8k.token.txt.gz, the three split lists and, unless features are given,
images_96px_jpegq90.zip. Official split; one set of image features for all: those of the pretrained
network in `image_features/efficientnet_lite0.py`, or else those of a small convolutional one that
has learnt to name the words of an image's captions, from the training images alone, and whose 6 x 6
grid is frozen then. Every captioner is an LSTM that attends to it, of the same sizes, and trains
for `--epochs`, or less where the validation bound no longer rises. A mixture learns by hard EM with
a uniform gate, shared decoders and no dropout in the E-step: hMup, the variant that its authors
recommend for texts that are both good and different [1]. The single decoder (K = 1) learns by its
likelihood.

Each mixture gives one caption an expert, found by a beam of `--beam-size`; the single decoder gives
as many by a beam, by one that keeps as many hypotheses as all experts' together, by such a diverse
beam [2], and by nucleus sampling. `oracle` is the best of the candidates by the references;
`pairwise` BLEU is that of candidates against each other: lower is more diverse. The results also
hold what all of them say of some test images, drawn by `--seed`. What is done is kept in `--work`,
epoch by epoch: a killed run goes on. `--training-seed N` trains all anew, by a seed that its rows
are named after; they join those of the file of results.

References:
  [1] Shen, Ott, Auli and Ranzato. Mixture Models for Diverse Machine Translation: Tricks of the
    Trade. ICML 2019. arXiv:1902.07816
  [2] Vijayakumar et al. Diverse Beam Search for Improved Description of Complex Scenes. AAAI 2018.
    arXiv:1610.02424
"""

import argparse
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from exits.missing import end_for_want_of
from recorded.resumed_rows import rows_so_far
from rich.console import Console
from rich.table import Table

from tfp_dgm.captioning import (
    CaptionedSources,
    CaptionSettings,
    Decoding,
    claim_run,
    encode_images,
    evaluate_captioner,
    load_captioner,
    load_images,
    load_sources,
    train_captioner,
)
from tfp_dgm.data import (
    CaptionedImages,
    ImageFiles,
    atomic_write,
    cache_directory,
    read_captions,
    read_image_features,
    read_image_list,
)
from tfp_dgm.networks import ConvolutionalEncoder
from tfp_dgm.settings import read_settings

SPLITS = ("train", "dev", "test")
EXPERTS = (1, 3, 5)
NAMED_WORDS = 1000
MIN_COUNT = 5  # Rarer words are unknown, as is the custom for this data.
TOP_P = 0.9
DIVERSITY = 0.5  # Nats; what the authors of diverse beams take for captions.
COLUMNS = {
    "candidates": "candidates",
    "oracle_bleu_4": "oracle BLEU-4",
    "oracle_cider": "oracle CIDEr-D",
    "mean_bleu_4": "mean BLEU-4",
    "pairwise_bleu": "pairwise BLEU",
    "distinct_2": "distinct-2",
    "nll_per_token": "nats a word",
    "usage_entropy": "usage entropy",
    "minutes": "minutes",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few images, two epochs, small")
    parser.add_argument(
        "--features", type=Path, help=".npz file of image_features/efficientnet_lite0.py"
    )
    parser.add_argument("--epochs", type=int, default=8, help="at most, of each captioner")
    parser.add_argument("--units", type=int, default=256, help="of each captioner's LSTM")
    parser.add_argument("--encoder-epochs", type=int, default=8, help="without --features")
    parser.add_argument("--beam-size", type=int, default=3, help="of each expert")
    parser.add_argument("--examples", type=int, default=6, help="test images in the results")
    parser.add_argument("--seed", type=int, default=0, help="draws these images")
    parser.add_argument(
        "--training-seed", type=int, metavar="N", help="of weights, dropout and batches"
    )
    parser.add_argument("--work", type=Path, default=cache_directory() / "captions_quality")
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args()
    if options.quick:
        options.epochs, options.encoder_epochs, options.units = 2, 1, 64
        options.work = options.work.with_name(options.work.name + "_quick")
    options.work.mkdir(parents=True, exist_ok=True)
    splits = flickr8k(options)
    test = splits["test"].captions
    examples = drawn(test, options)
    rows = []
    for experts in EXPERTS:
        name = named(f"mixture, K = {experts}", options)
        settings = settings_of(experts, options)
        seconds = train(name, splits["train"], splits["dev"], settings, folder_of(experts, options))
        model, _ = load_captioner(folder_of(experts, options))
        for title, decoding in decodings_of(name, experts, options).items():
            start = time.perf_counter()
            metrics, found = evaluate_captioner(model, splits["test"], decoding)
            rows.append({"name": title, **metrics, "minutes": seconds / 60})
            for example in examples:
                example["captions"][title] = found[test.names.index(example["image"])].captions
            print(
                f"{title}: oracle CIDEr-D {metrics['oracle_cider']:.3f}, "
                f"evaluated in {time.perf_counter() - start:.0f} s",
                flush=True,
            )
    show(rows)
    if options.json:
        write(rows, examples, options)


def named(title: str, options: argparse.Namespace) -> str:
    """Of a row: with the seed that was given."""
    return title if options.training_seed is None else f"{title}, seed {options.training_seed}"


def write(
    rows: list[dict[str, Any]], examples: list[dict[str, Any]], options: argparse.Namespace
) -> None:
    """The results, beside those that the file has of other seeds."""
    new = {row["name"] for row in rows}
    known = rows_so_far(options.json)
    kept = [row for row in known if row["name"] not in new]
    if known and options.training_seed is not None:  # Models' captions are shown of one seed.
        examples = json.loads(options.json.read_text("utf-8"))["examples"]
    result = {
        "command": shlex.join(["python", *sys.argv]),
        "rows": kept + rows,
        "examples": examples,
    }
    with atomic_write(options.json) as file:
        file.write(json.dumps(result, indent=1).encode())


def drawn(test: CaptionedImages, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Some test images by seed, with people's captions and room for those of models."""
    random = np.random.default_rng(options.seed)
    places = random.permutation(len(test.names))[: options.examples]
    return [
        {"image": name, "people": test.captions[name], "captions": {}}
        for name in (test.names[place] for place in places)
    ]


def decodings_of(name: str, experts: int, options: argparse.Namespace) -> dict[str, Decoding]:
    """How a model's captions are found, by the name of the row."""
    decodings = {name: Decoding(beam_size=options.beam_size)}
    if experts > 1:
        return decodings
    for count in EXPERTS[1:]:
        several: dict[str, Any] = {"expert": 0, "num_texts": count}
        wide = {**several, "beam_size": count * options.beam_size}
        for title, decoding in (
            (f"beam of {count}", Decoding(**several)),
            (f"beam of {count * options.beam_size}, its best {count}", Decoding(**wide)),
            (
                f"diverse beam of {count * options.beam_size} in {count} groups",
                Decoding(**wide, diversity=DIVERSITY),
            ),
            (f"{count} nucleus samples", Decoding(**several, sample=True, top_p=TOP_P)),
        ):
            decodings[named(f"K = 1, {title}", options)] = decoding
    return decodings


def settings_of(experts: int, options: argparse.Namespace) -> CaptionSettings:
    small = ["embedding_units=32", "context_units=32"] if options.quick else []
    chosen = [
        f"num_experts={experts}",
        f"objective.kind={'hard-em' if experts > 1 else 'marginal'}",
        f"epochs={options.epochs}",
        f"units={options.units}",
        f"vocabulary.min_count={MIN_COUNT}",
    ]
    if options.training_seed is not None:
        chosen.append(f"seed={options.training_seed}")
    return read_settings(CaptionSettings, None, [*chosen, *small])


def folder_of(experts: int, options: argparse.Namespace) -> Path:
    return options.work / named(f"experts_{experts}", options).replace(", ", "_").replace(" ", "_")


def train(
    name: str,
    learnt: CaptionedSources,
    held_out: CaptionedSources,
    settings: CaptionSettings,
    folder: Path,
) -> float:
    """Trains what is not trained yet; gives its seconds, over all runs."""
    clock = folder.with_name(folder.name + "_seconds.json")
    before = json.loads(clock.read_text()) if clock.exists() else 0.0
    if (folder / "metrics.json").exists():
        return before
    start = time.perf_counter()

    def progress(step: str, done: int, total: int | None) -> None:
        if step.startswith("Epoch"):
            clock.write_text(json.dumps(before + time.perf_counter() - start))
            print(f"{name}: {step}", flush=True)

    with claim_run(folder, settings, resume=(folder / "run.json").exists()) as run:
        train_captioner(learnt, held_out, run, settings, progress=progress)
    seconds = before + time.perf_counter() - start
    clock.write_text(json.dumps(seconds))
    return seconds


def flickr8k(options: argparse.Namespace) -> dict[str, CaptionedSources]:
    """Each split's captions, with the features of the images."""
    folder = Path(os.environ.get("TFP_DGM_DATA", ".")) / "flickr8k"
    if not folder.is_dir():
        end_for_want_of(f"Flickr8k in {folder}; set TFP_DGM_DATA")
    where = (
        read_image_features(options.features)
        if options.features
        else ImageFiles(folder / "images_96px_jpegq90.zip")
    )
    known = read_captions(folder / "Flickr8k.token.txt.gz").matched(where)
    names = {s: read_image_list(folder / f"Flickr_8k.{s}Images.txt") for s in SPLITS}
    if options.quick:
        names = {s: names[s][:count] for s, count in zip(SPLITS, (300, 60, 60), strict=True)}
    captions = {s: known.within(names[s], s) for s in SPLITS}
    if not isinstance(where, ImageFiles):
        return {s: load_sources(captions[s], where, image_size=0) for s in SPLITS}
    size = 32 if options.quick else 96
    pixels = {
        s: load_images(where, captions[s].names, size, cache=options.work / "images")[0]
        for s in SPLITS
    }
    encoder = trained_encoder(captions["train"], pixels["train"], options)
    return {
        s: CaptionedSources(
            captions[s],
            encode_images(encoder, pixels[s], cache=options.work / f"features_{s}.npy"),
            "features",
        )
        for s in SPLITS
    }


def trained_encoder(
    captions: CaptionedImages, pixels: np.ndarray, options: argparse.Namespace
) -> keras.Layer:
    """A convolutional network that names the words of an image's captions."""
    from tfp_dgm.text import WordVocabulary

    path = options.work / "encoder.keras"
    if path.exists():
        return keras.saving.load_model(path).get_layer("encoder")
    keras.utils.set_random_seed(0)
    texts = [" ".join(texts) for texts in captions.captions.values()]
    words = WordVocabulary.fit(texts, size=NAMED_WORDS, lower=True)
    named = np.zeros((len(texts), words.size), np.float32)
    for row, ids in enumerate(words.encode_all(texts)):
        named[row, ids] = 1.0
    filters = (16, 32) if options.quick else (32, 64, 128, 128)
    model = keras.Sequential(
        [
            keras.Input(pixels.shape[1:], dtype="uint8"),
            keras.layers.Rescaling(1.0),  # To float, a batch at a time.
            keras.layers.RandomFlip("horizontal", seed=0),
            keras.layers.RandomTranslation(0.08, 0.08, seed=1),
            ConvolutionalEncoder(filters, name="encoder"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.3, seed=2),
            keras.layers.Dense(words.size),
        ]
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(1e-3, weight_decay=1e-4), loss)
    backup = keras.callbacks.BackupAndRestore(options.work / "encoder_backup")
    model.fit(
        np.asarray(pixels),
        named,
        epochs=options.encoder_epochs,
        batch_size=64,
        verbose=2,
        callbacks=[backup],
    )
    model.save(path)
    return model.get_layer("encoder")


def show(rows: list[dict[str, Any]]) -> None:
    table = Table()
    for title in ("", *COLUMNS.values()):
        table.add_column(title, justify="right" if title else "left")
    for row in rows:
        cells = [row[name] for name in COLUMNS]
        shown = ["" if c is None else f"{c:.3g}" if isinstance(c, float) else str(c) for c in cells]
        table.add_row(row["name"], *shown)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
