"""Pretrained sentence vectors, kept on disk from one run to the next."""

import hashlib
from collections.abc import Sequence

import numpy as np

from tfp_dgm.data import atomic_write, cache_directory
from tfp_dgm.networks import SentenceEncoder
from tfp_dgm.training import Progress

_TEXTS_AT_ONCE = 512


def sentence_vectors(
    encoder: SentenceEncoder,
    texts: Sequence[str],
    progress: Progress = lambda step, done, total: None,
) -> np.ndarray:
    """Encodes texts, float32 [N, E]; each 512 of them are kept as soon as they are done.

    A rerun, after a kill too, encodes only what is not in the cache. The key holds the texts and
    the encoder's weights and vocabulary, so that nothing stale is ever read.
    """
    folder = cache_directory() / "sentence_vectors"
    folder.mkdir(parents=True, exist_ok=True)
    fingerprint = encoder.fingerprint()
    step = "Encoding texts"
    parts = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        progress(step, start, len(texts))
        batch = texts[start : start + _TEXTS_AT_ONCE]
        key = hashlib.sha256(fingerprint.encode())
        for text in batch:
            key.update(hashlib.sha256(text.encode("utf-8", "replace")).digest())
        path = folder / f"{key.hexdigest()}.npy"
        if not path.exists():
            with atomic_write(path) as file:
                np.save(file, encoder.encode(batch))
        parts.append(np.load(path, allow_pickle=False))
    progress(step, len(texts), len(texts))
    return np.concatenate(parts)
