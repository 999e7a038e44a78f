"""Which encoder of texts is taken for a file: none, a light one, or a pretrained one in full."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse

from tfp_dgm.confidence import (
    AUTO,
    FULL,
    NONE,
    REGISTERED,
    EncoderChoice,
    expected_gain,
    why_untried,
)
from tfp_dgm.data import fetch
from tfp_dgm.labelling.encoder_gains import encoder_gains, sampled_rows
from tfp_dgm.labelling.vectors_of_sentences import read_encoder, text_vectors
from tfp_dgm.labelling.vectors_of_tokens import token_vectors
from tfp_dgm.networks import TextEncoder
from tfp_dgm.training import Progress

LIGHT = "light"
# What encoders are believed to gain before any label speaks, in nats a label: mean and deviation.
_PRIORS = {LIGHT: (0.02, 0.1), FULL: (0.05, 0.15)}
# What the full one must gain beyond the light one, which takes no time.
_MARGIN = 0.02
_TIMED_TEXTS = 64


def choose_encoder(
    texts: Sequence[str],
    words: scipy.sparse.csr_matrix,
    semantic: np.ndarray,
    annotations: Sequence[np.ndarray],
    *,
    seed: int,
    progress: Progress,
) -> tuple[TextEncoder | None, EncoderChoice]:
    """Decides whether words alone are read, a light encoder is, or a pretrained one in full.

    It tries MiniLM of the registry where the extra `encoder` is installed and the cache has it;
    nothing is downloaded. On a sample of the annotated rows and of others, linear heads and naive
    Bayes are cross-fitted with words alone, with the light encoder and with the full one
    (`encoder_gains`). What each gains, in nats a label, is judged with a prior, since few labels
    tell little: the light one is taken where it is expected to gain anything, the full one where
    it is expected to gain 0.02 more. Of several questions, the one that gains most decides. What it
    costs is told, and decides nothing: the same file and seed give the same choice.

    Args:
      texts: N texts.
      words: sparse [N, V]; TF-IDF.
      semantic: float32 [N, L]; latent semantic directions, of unit length.
      annotations: for each question bool [N, K]; the classes that each annotation allows; all True
        = no annotation.
      seed: of the sample and the folds.
      progress: called with a step's name, how much of it is done, and how much there is.
    """
    if (why := _why_none(annotations)) is not None:
        return None, EncoderChoice(AUTO, NONE, why)
    full = read_encoder(str(fetch(REGISTERED)))
    light = token_vectors(full, texts, progress)
    encoders = {LIGHT: light, FULL: full}
    found = [_gains(encoders, texts, words, semantic, one, seed) for one in annotations]
    gains = {name: max(each[name] for each in found) for name in encoders}
    taken = _taken(gains)
    seconds = {name: _seconds(encoder, texts) for name, encoder in encoders.items()}
    choice = EncoderChoice(AUTO, taken, _why(gains, seconds), gains, seconds)
    return encoders.get(taken), choice


def _why_none(annotations: Sequence[np.ndarray]) -> str | None:
    """Why nothing is tried, or None where something is."""
    if all(one.all() for one in annotations):
        return "It is decided by labels of which one class is right, and there are none."
    return why_untried()


def _gains(
    encoders: Mapping[str, TextEncoder],
    texts: Sequence[str],
    words: scipy.sparse.csr_matrix,
    semantic: np.ndarray,
    allowed: np.ndarray,
    seed: int,
) -> dict[str, float]:
    """`encoder_gains` on a sample; rows without an annotation are not encoded."""
    rows = sampled_rows(allowed, seed)
    annotated = ~allowed[rows].all(axis=1)
    some = [texts[row] for row in rows[annotated]]
    vectors = {}
    for name, encoder in encoders.items():
        vectors[name] = np.zeros((len(rows), encoder.units), np.float32)
        vectors[name][annotated] = text_vectors(encoder, some)
    sample = [texts[row] for row in rows]
    gains = encoder_gains(vectors, sample, words[rows], semantic[rows], allowed[rows], seed=seed)
    return {
        name: expected_gain(gain.mean, gain.error, *_PRIORS[name]) for name, gain in gains.items()
    }


def _taken(gains: Mapping[str, float]) -> str:
    if gains[FULL] > max(0.0, gains[LIGHT]) + _MARGIN:
        return FULL
    return LIGHT if gains[LIGHT] > 0 else NONE


def _why(gains: Mapping[str, float], seconds: Mapping[str, float]) -> str:
    return (
        "Gain expected over words alone, in nats a label: "
        f"light {gains[LIGHT]:+.2f}, full {gains[FULL]:+.2f}. "
        f"To encode the file takes about {seconds[LIGHT]:,.0f} s light, {seconds[FULL]:,.0f} s "
        "full."
    )


def _seconds(encoder: TextEncoder, texts: Sequence[str]) -> float:
    """What encoding all texts takes, by the tokens of a few of them."""
    some = [texts[row] for row in range(0, len(texts), -(-len(texts) // _TIMED_TEXTS))]
    encoder.encode(some)  # Traced and warm.
    start = time.perf_counter()
    encoder.encode(some)
    return (time.perf_counter() - start) * len(texts) / len(some)
