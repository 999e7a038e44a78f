"""Quality and diversity of captions on Flickr8k: mixtures of experts, beam search, sampling.

    export TFP_DGM_DATA=FOLDER  # Holds flickr8k/.
    python benchmarks/captions_quality.py --work runs --json results/captions_quality.json

`flickr8k/` holds Flickr8k.token.txt.gz, the three split lists and images_96px_jpegq90.zip. Official
split; one set of image features for all: a small convolutional network that has learnt to name the
words of an image's captions, from the training images alone, and whose 6 x 6 grid is frozen then.
Every captioner is an LSTM that attends to it, of the same sizes, and trains until the validation
bound no longer rises.

Each mixture gives one caption an expert; the single decoder (K = 1) gives as many by its beam, and
by nucleus sampling. `oracle` is the best of the candidates by the references; `pairwise` BLEU is
that of candidates against each other: lower is more diverse. What is done is kept in `--work`,
epoch by epoch: a killed run goes on.
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
from rich.console import Console
from rich.table import Table

from tfp_dgm.captioning import (
    CaptionedSources,
    CaptionSettings,
    Decoding,
    encode_images,
    evaluate_captioner,
    load_captioner,
    load_images,
    train_captioner,
)
from tfp_dgm.data import (
    ImageFiles,
    atomic_write,
    cache_directory,
    read_captions,
    read_image_list,
)
from tfp_dgm.networks import ConvolutionalEncoder

SPLITS = ("train", "dev", "test")
EXPERTS = (1, 3, 5)
NAMED_WORDS = 1000
TOP_P = 0.9
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
    parser.add_argument("--epochs", type=int, default=15, help="at most, of each captioner")
    parser.add_argument("--encoder-epochs", type=int, default=20)
    parser.add_argument("--beam-size", type=int, default=3, help="of each expert")
    parser.add_argument("--work", type=Path, default=cache_directory() / "captions_quality")
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args()
    if options.quick:
        options.epochs, options.encoder_epochs = 2, 1
        options.work = options.work.with_name(options.work.name + "_quick")
    options.work.mkdir(parents=True, exist_ok=True)
    splits = flickr8k_features(options)
    rows = []
    for experts in EXPERTS:
        name = f"mixture, K = {experts}"
        settings = settings_of(experts, options)
        seconds = train(name, splits["train"], splits["dev"], settings, folder_of(experts, options))
        model, _ = load_captioner(folder_of(experts, options))
        decodings = {name: Decoding(beam_size=options.beam_size)}
        if experts == 1:
            for count in EXPERTS[1:]:
                several: dict[str, Any] = {"expert": 0, "num_texts": count}
                decodings[f"K = 1, beam of {count}"] = Decoding(**several)
                decodings[f"K = 1, {count} nucleus samples"] = Decoding(
                    **several, sample=True, top_p=TOP_P
                )
        for title, decoding in decodings.items():
            metrics, _ = evaluate_captioner(model, splits["test"], decoding)
            rows.append({"name": title, **metrics, "minutes": seconds / 60})
            print(f"{title}: oracle CIDEr-D {metrics['oracle_cider']:.3f}", flush=True)
    show(rows)
    if options.json:
        result = {"command": shlex.join(["python", *sys.argv]), "rows": rows}
        with atomic_write(options.json) as file:
            file.write(json.dumps(result, indent=1).encode())


def settings_of(experts: int, options: argparse.Namespace) -> CaptionSettings:
    small = {"units": 64, "embedding_units": 32, "context_units": 32} if options.quick else {}
    return CaptionSettings(num_experts=experts, epochs=options.epochs, **small)


def folder_of(experts: int, options: argparse.Namespace) -> Path:
    return options.work / f"experts_{experts}"


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

    resume = (folder / "settings.json").exists()
    train_captioner(learnt, held_out, folder, settings, resume=resume, progress=progress)
    seconds = before + time.perf_counter() - start
    clock.write_text(json.dumps(seconds))
    return seconds


def flickr8k_features(options: argparse.Namespace) -> dict[str, CaptionedSources]:
    """Each split's captions, with the features of the images."""
    folder = Path(os.environ.get("TFP_DGM_DATA", ".")) / "flickr8k"
    if not folder.is_dir():
        sys.exit(f"{folder}: expected Flickr8k there; set TFP_DGM_DATA")
    files = ImageFiles(folder / "images_96px_jpegq90.zip")
    known = read_captions(folder / "Flickr8k.token.txt.gz").matched(files)
    names = {s: read_image_list(folder / f"Flickr_8k.{s}Images.txt") for s in SPLITS}
    if options.quick:
        names = {s: names[s][:count] for s, count in zip(SPLITS, (300, 60, 60), strict=True)}
    captions = {s: known.within(names[s], s) for s in SPLITS}
    size = 32 if options.quick else 96
    pixels = {
        s: load_images(files, captions[s].names, size, cache=options.work / "images")[0]
        for s in SPLITS
    }
    encoder = trained_encoder(captions["train"], pixels["train"], options)
    return {
        s: CaptionedSources(
            captions[s],
            encode_images(encoder, pixels[s], cache=options.work / f"features_{s}.npy"),
            False,
        )
        for s in SPLITS
    }


def trained_encoder(captions: Any, pixels: np.ndarray, options: argparse.Namespace) -> keras.Layer:
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
            keras.Input(pixels.shape[1:]),
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
        np.asarray(pixels, np.float32),
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
