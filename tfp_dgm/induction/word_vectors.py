"""Vectors of words from the words beside them and from their spelling."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

from tfp_dgm.data import DataError
from tfp_dgm.text import (
    NO_FEATURE,
    information_vectors,
    neighbour_counts,
    positive_information,
    spelling_features,
)
from tfp_dgm.token_ids import NUM_SPECIAL, UNKNOWN


def distributional_vectors(
    rows: Sequence[NDArray[np.int32]],
    vocabulary_size: int,
    *,
    units: int,
    num_contexts: int,
    spellings: Sequence[str] | None = None,
    pretrained: NDArray[np.float32] | None = None,
    seed: int,
) -> NDArray[np.float32]:
    """What stands left and right of a word, and how it is spelled, as a vector of length sqrt(D).

    Positive pointwise mutual information of words with the words right before and right after
    them, these two apart (Schuetze 1995 [1]), brought to D dimensions by a truncated singular value
    decomposition, whose singular values count by their square roots (Levy, Goldberg and Dagan
    2015 [2], from whom the smoothing of contexts is, too). The nearest neighbours tell the part of
    speech; further ones would tell the topic. With spellings, the same information of words with
    their features (`text.spelling_features`) stands beside that of neighbours, after Clark
    (2003) [3]. Pretrained vectors of the words, less their mean over the text, stand beside both
    and weigh as much as they do.

    Args:
      rows: token ids of sentences, without END.
      vocabulary_size: V.
      units: D.
      num_contexts: so many of the commonest words are contexts, besides the ends of sentences.
      spellings: the V - 4 words from id 4 on; None for neighbours alone.
      pretrained: float32 [V - 4, E], a vector of each of these words; None for what the text tells.
      seed: of the decomposition.
    Returns:
      float32 [V, D]. Words without any of the contexts, and UNKNOWN, have the mean of the words
      that occur once (or of all, where none does); PAD, START and END have NaN.
    Raises:
      DataError: if the text has too few words for so many dimensions.
    References:
      [1] Schuetze. Distributional Part-of-Speech Tagging. EACL 1995. arXiv:cmp-lg/9503009
      [2] Levy, Goldberg and Dagan. Improving Distributional Similarity with Lessons Learned from
        Word Embeddings. TACL 2015.
      [3] Clark. Combining Distributional and Morphological Information for Part of Speech
        Induction. EACL 2003.
    """
    count = np.bincount(np.concatenate(rows), minlength=vocabulary_size)
    tables = [neighbour_counts(rows, count, num_contexts)]
    if spellings is not None:
        tables.append(_spelled(spellings, count))
    information = scipy.sparse.hstack([positive_information(table) for table in tables]).tocsr()
    if pretrained is not None:
        columns = _as_heavy(pretrained, count, scipy.sparse.linalg.norm(information))
        information = scipy.sparse.hstack([information, columns]).tocsr()
    if units >= min(information.shape):
        raise DataError(
            f"settings: model.units must be below {min(information.shape)}, the number of words or "
            f"of contexts; received {units}"
        )
    vectors = information_vectors(information, units, seed=seed)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    known = length[:, 0] > 1e-6
    vectors *= np.sqrt(units) / np.where(known, length[:, 0], 1.0)[:, np.newaxis]
    once = known & (count == 1)
    vectors[~known] = vectors[once if once.any() else known].mean(axis=0)
    vectors[:UNKNOWN] = np.nan
    return vectors.astype(np.float32)


def _as_heavy(
    pretrained: NDArray[np.float32], count: NDArray[np.int64], norm: float
) -> scipy.sparse.csr_matrix:
    """[V, E], vectors less their mean over the text, of a Frobenius norm; 0 of ids below 4."""
    shares = count[NUM_SPECIAL:] / max(count[NUM_SPECIAL:].sum(), 1)
    centred = pretrained - shares @ pretrained
    centred *= norm / (float(np.linalg.norm(centred)) or 1.0)
    return scipy.sparse.csr_matrix(np.pad(centred, [[NUM_SPECIAL, 0], [0, 0]]))


def _spelled(spellings: Sequence[str], count: NDArray[np.int64]) -> scipy.sparse.csr_matrix:
    """[V, F], how often a word occurs in the column of each feature that it has."""
    table = spelling_features(spellings)
    words, places = np.nonzero(table != NO_FEATURE)
    features = table[words, places] - NO_FEATURE - 1
    shape = (len(count), int(table.max(initial=NO_FEATURE)) - NO_FEATURE)
    words += NUM_SPECIAL
    return scipy.sparse.csr_matrix((count[words].astype(float), (words, features)), shape=shape)
