"""A light encoder of texts, distilled from a pretrained one and kept on disk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfp_dgm.data import atomic_write, cache_directory, writing
from tfp_dgm.networks import SentenceEncoder, TokenVectors
from tfp_dgm.training import Progress

_PIECES_AT_ONCE = 512


def token_vectors(
    encoder: SentenceEncoder,
    texts: Sequence[str],
    progress: Progress = lambda step, done, total: None,
) -> TokenVectors:
    """Sums of the encoder's vectors of single pieces, weighed by how often these are in the texts.

    Those of its last layer, whatever layers it reads of whole texts.

    The pieces of the encoder's whole vocabulary are encoded once, each as a text of its own, and
    kept in the cache in a file named by its weights and vocabulary: nothing stale is ever read. A
    file that is damaged is made anew.

    Raises:
      DataError: if the cache cannot be written.
    """
    encoder = SentenceEncoder(encoder.preprocessor, encoder.backbone)
    path = cache_directory() / "token_vectors" / f"{encoder.fingerprint()}.npy"
    vectors = _kept(path, (encoder.num_pieces, encoder.units))
    if vectors is None:
        vectors = _distilled(encoder, progress)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            np.save(file, vectors)
    return TokenVectors.fit(encoder.tokenizer, vectors.astype(np.float32), texts)


def _kept(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vectors if vectors.shape == shape and vectors.dtype == np.float16 else None


def _distilled(encoder: SentenceEncoder, progress: Progress) -> np.ndarray:
    """Vectors of all pieces, float16 [V, E]: half the room, and what is lost is below 0.001."""
    step, total = "Encoding pieces of words", encoder.num_pieces
    progress(step, 0, total)
    blocks = []
    for start in range(0, total, _PIECES_AT_ONCE):
        end = min(total, start + _PIECES_AT_ONCE)
        blocks.append(encoder.encode_pieces(np.arange(start, end)).astype(np.float16))
        progress(step, end, total)
    return np.concatenate(blocks)
