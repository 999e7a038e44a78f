"""Pretrained sentence vectors, kept on disk from one run to the next."""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import numpy as np

from tfp_dgm.data import DataError, cache_directory
from tfp_dgm.networks import SentenceEncoder, TextEncoder
from tfp_dgm.training import Progress

_TEXTS_AT_ONCE = 2048
_NOTABLE_SHARE = 0.05
# What a text is about stands in the last layer, how it is said (its sentiment, say) more in those
# below. Chosen by logistic regressions on SMS spam, sentence polarity, R8 and 20 Newsgroups.
_DEPTHS = (1.0, 2 / 3)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
)


def read_encoder(preset: str) -> SentenceEncoder:
    """A pretrained encoder as labelling reads it: the last layer, and one two thirds of the way up.

    Raises:
      ImportError, OSError: of `SentenceEncoder.from_preset`.
    """
    return SentenceEncoder.from_preset(preset, depths=_DEPTHS)


def sentence_vectors(
    encoder: SentenceEncoder,
    texts: Sequence[str],
    progress: Progress = lambda step, done, total: None,
) -> np.ndarray:
    """Encodes texts, float32 [N, E]; what is encoded is kept, 2,048 texts at a time.

    Another run, after a kill or with more texts, encodes only those that are new. Each encoder has
    a database of its own, named by its weights and vocabulary, whose keys are hashes of the texts:
    nothing stale is ever read. What was kept may be of another precision than what is encoded now
    (`SentenceEncoder.encode`).

    Raises:
      DataError: if the database cannot be used.
    """
    folder = cache_directory() / "sentence_vectors"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{encoder.fingerprint()}.sqlite"
    vectors = np.zeros((len(texts), encoder.units), np.float32)
    step = "Encoding texts"
    try:
        with closing(sqlite3.connect(path, timeout=60)) as database:
            database.execute(_TABLE)
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                progress(step, start, len(texts))
                batch = texts[start : start + _TEXTS_AT_ONCE]
                vectors[start : start + len(batch)] = _encoded(encoder, batch, database)
    except sqlite3.Error as error:
        raise DataError.at(
            path, f"the cache of sentence vectors cannot be used ({error}); delete the file"
        ) from error
    progress(step, len(texts), len(texts))
    return vectors


def text_vectors(
    encoder: TextEncoder,
    texts: Sequence[str],
    progress: Progress = lambda step, done, total: None,
) -> np.ndarray:
    """Encodes texts, float32 [N, E]; those of a `SentenceEncoder` are kept (`sentence_vectors`)."""
    if isinstance(encoder, SentenceEncoder):
        return sentence_vectors(encoder, texts, progress)
    return encoder.encode(texts)


def cut_off_warning(encoder: TextEncoder, texts: Sequence[str]) -> list[str]:
    """A sentence, where one text in twenty or more is longer than the encoder reads."""
    cut = int(encoder.cut_off(texts).sum())
    if cut < max(1, _NOTABLE_SHARE * len(texts)):
        return []
    return [
        f"{cut:,} of the {len(texts):,} texts ({cut / len(texts):.0%}) are longer than the "
        f"{encoder.sequence_length} tokens that the encoder reads: what comes after is known by "
        "its words alone."
    ]


def _encoded(
    encoder: SentenceEncoder, texts: Sequence[str], database: sqlite3.Connection
) -> np.ndarray:
    keys = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in texts]
    wanted = dict(zip(keys, texts, strict=True))
    marks = ", ".join("?" * len(wanted))
    query = f"SELECT text, vector FROM vectors WHERE text IN ({marks})"
    known = {key: np.frombuffer(v, "<f4") for key, v in database.execute(query, list(wanted))}
    new = [key for key in wanted if key not in known]
    if new:
        found = encoder.encode([wanted[key] for key in new])
        known |= zip(new, found, strict=True)
        rows = [(key, np.asarray(v, "<f4").tobytes()) for key, v in zip(new, found, strict=True)]
        with database:  # All of them or, if killed now, none.
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
    return np.stack([known[key] for key in keys])
