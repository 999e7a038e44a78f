"""What a trained text VAE does: generate, reconstruct, interpolate, impute, encode."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfp_dgm import evaluation, inference
from tfp_dgm.data import DataError, atomic_write, check_output_file, write_table
from tfp_dgm.models import LanguageModel, TextVAE
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import PAD

from ._text_vae import vocabulary_of
from ._text_vae_model import TextModel
from ._text_vae_samples import padded, strings
from ._text_vae_sentences import Texts, read_texts

Warn = Callable[[str], None]

_AT_ONCE = 64


def generate(
    model: TextModel,
    count: int,
    *,
    method: str,
    settings: dict[str, Any],
    beam_size: int,
    seed: int,
) -> list[str]:
    """New texts; those of a language model have no latent, and are one text unless sampled."""
    texts: list[str] = []
    for start in range(0, count, _AT_ONCE):
        rows = min(_AT_ONCE, count - start)
        numbers = tf.range(start, start + rows)
        seeds = tf.stack([tf.fill([rows], seed), numbers], axis=1)
        if isinstance(model, LanguageModel):
            distribution = model.texts(rows)
        else:
            z = model.prior(None).sample(rows, seed=(seed, start))
            distribution = model.decode(z)
        if method == "sample":
            ids = inference.sample_texts(distribution, seeds, **settings)
        elif method == "greedy":
            ids = inference.greedy(distribution)
        else:
            ids = _best(distribution, beam_size)
        texts += strings(vocabulary_of(model), ids)
    return texts


def reconstruct(
    model: TextModel, file: Path, *, beam_size: int, warn: Warn
) -> list[dict[str, Any]]:
    """Each sentence, its line, and what comes back from its posterior's mean."""
    vae = _vae(model, "reconstruct")
    texts = _read(vae, file, warn)
    answers = []
    for batch in _batches(texts.sentences):
        ids = _best(vae.decode(vae(tf.constant(batch))), beam_size)
        answers += strings(vocabulary_of(vae), ids)
    return [
        {"line": line, "sentence": sentence, "reconstruction": answer}
        for line, sentence, answer in zip(texts.lines, texts.sentences, answers, strict=True)
    ]


def ends(
    model: TextModel,
    start: str | None,
    stop: str | None,
    file: Path | None,
    *,
    pairs: int,
    seed: int,
    warn: Warn,
) -> list[tuple[str, str]]:
    """The pair that was given, or pairs drawn from a file, each sentence at most once."""
    if file is None:
        if start is None or stop is None:
            raise DataError("interpolate: give START and STOP, or --sentences FILE")
        return [(start, stop)]
    if start is not None:
        raise DataError("interpolate: give START and STOP or --sentences, not both")
    texts = list(dict.fromkeys(_read(model, file, warn).sentences))
    if len(texts) < 2 * pairs:
        raise DataError(
            f"{file}: {pairs} pairs need {2 * pairs} different sentences; there are {len(texts)}"
        )
    drawn = np.random.default_rng(seed).choice(len(texts), (pairs, 2), replace=False)
    return [(texts[i], texts[j]) for i, j in drawn]


def interpolate(
    model: TextModel,
    ends: list[tuple[str, str]],
    steps: int,
    *,
    spherical: bool,
    beam_size: int,
) -> list[dict[str, Any]]:
    """For each pair of sentences, the texts on the line between their posteriors' means.

    On the arc where that is asked for, or where the latents lie on the unit sphere.
    """
    vae = _vae(model, "interpolate")
    answers = []
    for start, stop in ends:
        first, last = tf.unstack(vae(tf.constant([start, stop])))  # [Z] each
        if spherical:
            way = inference.interpolate_spherically(first, last, steps)
        else:
            way = inference.interpolate(vae.prior(None), first, last, steps)
        texts = strings(vocabulary_of(vae), _best(vae.decode(way), beam_size))
        answers.append({"start": start, "stop": stop, "texts": texts})
    return answers


def as_text(ways: list[dict[str, Any]]) -> list[str]:
    """What `interpolate` found, as lines: the sentences, and what lies between, indented."""
    lines: list[str] = []
    for way in ways:
        lines += [way["start"], *(f"  {text}" for text in way["texts"]), way["stop"], ""]
    return lines[:-1]


def impute(
    model: TextModel,
    file: Path,
    *,
    keep: float,
    mode_steps: int,
    beam_size: int,
    adversarial: bool,
    seed: int,
    warn: Warn,
) -> dict[str, Any]:
    """Sentences whose ends were found, and how well they are told from the true ones.

    Each text is the given beginning, as it was given, and what the model writes after it. Sentences
    longer than the model's texts are cut, and told from nothing: their true end is not known.
    """
    if adversarial and keep >= 1:
        raise DataError("--adversarial: needs --keep below 1, so that true ends are known")
    if mode_steps and isinstance(model, LanguageModel):
        raise DataError("--mode-steps: a language model has no latent")
    texts = _read(model, file, warn)
    rows = [row[: model.max_length] for row in texts.rows]
    beginnings = [row[: round(keep * (len(row) - 1))] for row in rows]
    found: list[np.ndarray] = []
    for start in range(0, len(rows), _AT_ONCE):
        prefix = padded(beginnings[start : start + _AT_ONCE])
        ids = inference.impute(model, prefix, beam_size=beam_size, mode_steps=mode_steps)
        found += list(ids.numpy())
    written = _written(vocabulary_of(model), texts, beginnings, np.stack(found))
    answer: dict[str, Any] = {
        "texts": [
            {"line": line, "sentence": sentence, "text": text}
            for line, sentence, text in zip(texts.lines, texts.sentences, written, strict=True)
        ]
    }
    if adversarial:
        whole = [i for i, row in enumerate(texts.rows) if len(row) <= model.max_length]
        try:
            answer["adversarial"] = evaluation.adversarial_evaluation(
                [rows[i] for i in whole], [found[i] for i in whole], seed=seed
            )
        except ValueError as error:
            raise DataError(f"{file}: {error}") from error
        answer["adversarial"]["num_left_out"] = len(rows) - len(whole)
    return answer


def _written(
    vocabulary: Vocabulary, texts: Texts, beginnings: list[np.ndarray], found: np.ndarray
) -> list[str]:
    """The given beginnings, each with the end that was found, token ids [N, T]."""
    given = np.arange(found.shape[1]) < np.array([[len(ids)] for ids in beginnings])  # [N, T]
    whole = strings(vocabulary, found)
    heads = strings(vocabulary, np.where(given, found, PAD))
    return [
        _beginning(vocabulary, sentence, row, ids) + text[len(head) :]
        for sentence, row, ids, text, head in zip(
            texts.sentences, texts.rows, beginnings, whole, heads, strict=True
        )
    ]


def _beginning(vocabulary: Vocabulary, sentence: str, row: np.ndarray, ids: np.ndarray) -> str:
    """The part of a sentence, as it was given, that its first token ids stand for."""
    if len(ids) == len(row) - 1:
        return sentence
    return sentence[: vocabulary.token_ends(sentence)[len(ids) - 1]] if len(ids) else ""


def encode(model: TextModel, file: Path, output: Path, *, warn: Warn) -> tuple[int, int]:
    """Writes the posteriors' means; gives their shape."""
    vae = _vae(model, "encode")
    if output.suffix not in (".npy", ".parquet"):
        raise DataError(f"{output}: expected a name that ends in .npy or .parquet")
    check_output_file(output)
    sentences = _read(vae, file, warn).sentences
    means = np.concatenate([vae(tf.constant(batch)).numpy() for batch in _batches(sentences)])
    if output.suffix == ".npy":
        with atomic_write(output) as target:
            np.save(target, means)
    else:
        columns = {f"z{i}": means[:, i] for i in range(means.shape[1])}
        write_table(pd.DataFrame({"text": sentences, **columns}), output)
    return means.shape


def _vae(model: TextModel, command: str) -> TextVAE:
    if not isinstance(model, TextVAE):
        raise DataError(f"{command}: a language model has no latent; give a text VAE")
    return model


def _read(model: TextModel, file: Path, warn: Warn) -> Texts:
    texts = read_texts(file, vocabulary_of(model), model.max_length, keep_long=True)
    for warning in texts.warnings:
        warn(warning)
    return texts


def _best(distribution: Any, beam_size: int) -> tf.Tensor:
    if beam_size == 1:
        return inference.greedy(distribution)
    return inference.beam_search(distribution, beam_size)[0][:, 0]


def _batches(texts: list[str]) -> list[list[str]]:
    return [texts[start : start + _AT_ONCE] for start in range(0, len(texts), _AT_ONCE)]
