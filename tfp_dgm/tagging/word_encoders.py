"""Which pretrained encoder a tagger reads words with, and whether it pays."""

from __future__ import annotations

import numpy as np

from tfp_dgm.confidence import (
    AUTO,
    FULL,
    NONE,
    REGISTERED,
    EncoderChoice,
    asked_encoder,
    expected_gain,
    why_untried,
)
from tfp_dgm.data import fetch
from tfp_dgm.networks import WordEncoder

# What an encoder is believed to gain before any tag speaks, in nats a word: mean and deviation.
_PRIOR = (0.05, 0.1)
_MARGIN = 0.01  # What it must gain, since it takes time.


def word_encoder(asked: str | WordEncoder | None) -> tuple[WordEncoder | None, EncoderChoice]:
    """The encoder that is asked for; of "auto" the one to try, if there is one.

    "auto" tries the registry's MiniLM where the extra `encoder` is installed and the cache has it;
    nothing is downloaded.

    Args:
      asked: "auto", "none" or None, a preset, or an encoder.
    Raises:
      OSError, ImportError: if it cannot be loaded.
    """
    named = asked_encoder(asked, WordEncoder, WordEncoder.from_preset)
    if named is not None:
        return named
    if (why := why_untried()) is not None:
        return None, EncoderChoice(AUTO, NONE, why)
    encoder = WordEncoder.from_preset(str(fetch(REGISTERED)))
    return encoder, EncoderChoice(AUTO, FULL, "It is at hand.")


def tried_encoder(without: np.ndarray, read: np.ndarray, words: np.ndarray) -> EncoderChoice:
    """Whether an encoder is taken, by annotations that chains did not see.

    What it gains, in nats a word, is judged with a prior, since few sentences tell little.

    Args:
      without: float64 [m]; negative log-probabilities of the annotations of sentences, nats.
      read: the same with the encoder.
      words: int [m]; numbers of words that are annotated, at least one each.
    """
    gained = without - read
    mean = gained.sum() / words.sum()
    error = np.inf
    if len(words) > 1:
        squares = ((gained - mean * words) ** 2).sum() * len(words) / (len(words) - 1)
        error = max(float(np.sqrt(squares)) / words.sum(), 1e-6)
    gain = float(expected_gain(float(mean), error, *_PRIOR))
    why = f"Gain expected over words alone, in nats a word: {gain:+.2f}."
    return EncoderChoice(AUTO, FULL if gain > _MARGIN else NONE, why, {FULL: gain})
