"""Words as an encoder of sentences sees them, made ready for a chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfp_dgm.networks import WordEncoder

_LENGTH = 8.0  # Of a word's vector, root mean square; those of its neighbours have up to 3 each.


@dataclass(frozen=True)
class EncodedWords:
    """What an encoder says of N words, one sentence behind another, centred and scaled.

        vectors = scale (states - mean)

    Attributes:
      vectors: float32 [N, E]; E is 0 without an encoder.
      mean: float32 [E].
      scale: one number.
      encoder: that says so, or None.
    """

    vectors: np.ndarray
    mean: np.ndarray
    scale: float
    encoder: WordEncoder | None = None

    @classmethod
    def of(cls, encoder: WordEncoder | None, sentences: Sequence[Sequence[str]]) -> EncodedWords:
        """The words of sentences, none of which is empty."""
        if encoder is None:
            words = sum(map(len, sentences))
            return cls(np.zeros((words, 0), np.float32), np.zeros(0, np.float32), 1.0)
        states = np.concatenate(encoder.encode(sentences))
        mean = states.mean(axis=0)
        states -= mean
        square = float(np.einsum("ne,ne->", states, states)) / len(states)
        scale = _LENGTH / max(np.sqrt(square), 1e-6)
        states *= np.float32(scale)
        return cls(states, mean, scale, encoder)

    def of_states(self, contextual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights [E, K] of vectors as those of the encoder's states, and what the bias gets."""
        scaled = np.float32(self.scale) * contextual
        return scaled, -self.mean @ scaled
