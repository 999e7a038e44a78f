"""How good a captioner is: what its captions are worth, and what it thinks of people's."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from tfp_dgm.captioning.batches import CaptionBatches
from tfp_dgm.captioning.descriptions import Decoding, Description, describe, vocabulary_of
from tfp_dgm.captioning.sources import CaptionedSources, as_read, shape_of_batches
from tfp_dgm.evaluation import caption_metrics
from tfp_dgm.models import MixtureOfExpertsCaptioner
from tfp_dgm.token_ids import UNKNOWN
from tfp_dgm.training import Progress


def evaluate_captioner(
    model: MixtureOfExpertsCaptioner,
    captioned: CaptionedSources,
    decoding: Decoding | None = None,
    *,
    batch_size: int = 32,
    progress: Progress = lambda step, done, total: None,
) -> tuple[dict[str, Any], list[Description]]:
    """Scores the model's captions against people's, and people's under the model.

    Args:
      model: a captioner with a vocabulary.
      captioned: sources, each with the captions that people wrote.
      decoding: how the model's captions are found.
      batch_size: sources, or captions, at once.
      progress: told of every batch.
    Returns:
      A dict with all that `evaluation.caption_metrics` gives, and `nll`, nats of a caption;
      `nll_per_token` (the end is a token, and a word that the vocabulary lacks counts as the
      unknown word); `unknown_words`, their share; `usage`, each expert's share of people's
      captions; `usage_entropy` in nats; and the descriptions that were scored.
    """
    descriptions = describe(
        model, captioned.sources, decoding, batch_size=batch_size, progress=progress
    )
    # The most probable first, as `caption_metrics` takes them.
    candidates = [
        [found.captions[n] for n in np.argsort(-found.log_prob, kind="stable")]
        for found in descriptions
    ]
    references = list(captioned.captions.captions.values())
    return {
        **caption_metrics(candidates, references),
        **score_captions(model, captioned, batch_size=batch_size, progress=progress),
    }, descriptions


def score_captions(
    model: MixtureOfExpertsCaptioner,
    captioned: CaptionedSources,
    *,
    batch_size: int = 64,
    progress: Progress = lambda step, done, total: None,
) -> dict[str, Any]:
    """Scores people's captions under the model; decodes nothing.

    Args:
      model: a captioner with a vocabulary.
      captioned: sources, each with the captions that people wrote.
      batch_size: captions at once.
      progress: told of every batch.
    Returns:
      The dict of `evaluate_captioner` from `nll` to `usage_entropy`, where `usage` is a list [K];
      and `captions`, the number of people's captions.
    """
    log_joint, rows = _log_joint(model, captioned, batch_size, progress)
    log_prob = float(logsumexp(log_joint, axis=1).sum())
    usage = softmax(log_joint, axis=1).mean(axis=0)
    tokens = sum(map(len, rows))
    unknown = sum(int((row == UNKNOWN).sum()) for row in rows)
    return {
        "nll": -log_prob / len(rows),
        "nll_per_token": -log_prob / tokens,
        "unknown_words": unknown / max(1, tokens - len(rows)),
        "usage": usage.tolist(),
        "usage_entropy": float(np.abs((usage * np.log(np.maximum(usage, 1e-12))).sum())),
        "captions": len(rows),
    }


def caption_responsibilities(
    model: MixtureOfExpertsCaptioner,
    captioned: CaptionedSources,
    *,
    batch_size: int = 64,
    progress: Progress = lambda step, done, total: None,
) -> NDArray[np.float64]:
    """Which expert wrote which of people's captions: p(k | caption, source), float [N, K].

    Args:
      model: a captioner with a vocabulary.
      captioned: N captions, in the order of `captioned.texts`.
      batch_size: captions at once.
      progress: told of every batch.
    """
    return softmax(_log_joint(model, captioned, batch_size, progress)[0], axis=1)


def _log_joint(
    model: MixtureOfExpertsCaptioner,
    captioned: CaptionedSources,
    batch_size: int,
    progress: Progress,
) -> tuple[NDArray[np.float64], list[NDArray[np.int32]]]:
    """log p(x, k | c) of all captions, [N, K], and their tokens."""
    rows = vocabulary_of(model).encode_all(captioned.texts)
    sources = as_read(model, captioned.sources)
    batches = CaptionBatches(sources, captioned.source_of, rows, batch_size)
    one = tf.TensorSpec(shape_of_batches(sources), sources.dtype)

    @tf.function(autograph=False, input_signature=[one, tf.TensorSpec([None, None], tf.int32)])
    def step(source: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        return model.log_joint(token_ids, model.encode(source))  # [B, K]

    log_joint = np.zeros((len(rows), model.num_experts))
    for i in range(len(batches)):
        (inputs,) = batches[i]
        found = step(tf.constant(inputs["source"]), tf.constant(inputs["token_ids"]))
        log_joint[batches.index(i)] = found.numpy()
        progress("Scoring captions", i + 1, len(batches))
    return log_joint, rows
