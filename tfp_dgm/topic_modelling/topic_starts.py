"""Where the fitting of topics starts: groups of documents that share words."""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

# Dimensions of the documents' vectors, at most; with as many as documents each is far from all.
_UNITS = 100
_DOCUMENTS_A_UNIT = 50
_ROUNDS = 50
_STARTS = 8
# What latent semantic vectors count beside an encoder's.
_BESIDE_ENCODER = 0.5
_MOST_SEEDED = 100  # Documents that a cluster with seed words starts from.


def start_clusters(
    counts: scipy.sparse.csr_matrix,
    num_clusters: int,
    seeds: Sequence[Sequence[int]] | None,
    seeded_documents: NDArray[np.integer] | None,
    seed: int,
    encoded: NDArray[np.floating] | None = None,
) -> NDArray[np.int64]:
    """A cluster of each document, [N]: where there are seeds, beside those that have them.

    Args:
      counts: [N, V].
      num_clusters: K.
      seeds: of each cluster the ids of its words.
      seeded_documents: [N]; the cluster of a document, which stays, or -1.
      seed: of what is drawn.
      encoded: an encoder's vectors of the documents [N, D].
    """
    units = min(_UNITS, max(2 * num_clusters, counts.shape[0] // _DOCUMENTS_A_UNIT))
    vectors = document_vectors(counts, seed, units)
    if encoded is not None:
        parts = [unit_rows(np.asarray(encoded, np.float32)), _BESIDE_ENCODER * vectors]
        vectors = unit_rows(np.hstack(parts))
    weights = np.zeros([counts.shape[0], num_clusters], np.float32)
    if seeds is not None:
        weighted = tf_idf(counts)
        most = min(max(counts.shape[0] // (4 * num_clusters), 1), _MOST_SEEDED)
        for cluster, words in enumerate(seeds):
            # Common words are in documents of all kinds, but not for the most part.
            share = np.asarray(weighted[:, list(words)].sum(axis=1)).ravel()
            rows = np.argsort(-share, kind="stable")[:most]
            weights[rows, cluster] += share[rows]
    known = np.full(counts.shape[0], -1)
    if seeded_documents is not None:
        known = np.asarray(seeded_documents)
        rows = np.flatnonzero(known >= 0)
        weights[rows, known[rows]] += 1
    centres = {
        int(cluster): unit_rows(weights[:, cluster : cluster + 1].T @ vectors)[0]
        for cluster in np.flatnonzero(weights.any(axis=0))
    }
    return spherical_k_means(vectors, num_clusters, seed, centres=centres, known=known)


def document_vectors(counts: scipy.sparse.csr_matrix, seed: int, units: int) -> NDArray[np.float32]:
    """Latent semantic vectors of unit length: float32 [N, min(units, N - 1, V - 1)].

    Documents without words have zeros.
    """
    weighted = tf_idf(counts)
    units = min(units, *(size - 1 for size in weighted.shape))
    if units < 1:
        return np.ones([counts.shape[0], 1], np.float32)
    left, size, _ = randomized_svd(weighted, units, n_iter=3, random_state=seed)
    return unit_rows((left * size).astype(np.float32))


def tf_idf(counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """log(1 + count) times the inverse document frequency, rows of unit length: float32 [N, V]."""
    found = scipy.sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    frequency = np.bincount(found.indices, minlength=found.shape[1])
    inverse = np.log((1 + found.shape[0]) / (1 + frequency)) + 1
    found.data = np.log1p(found.data) * inverse[found.indices].astype(np.float32)
    length = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    found.data /= np.repeat(np.maximum(length, 1e-12), np.diff(found.indptr)).astype(np.float32)
    return found


def spherical_k_means(
    vectors: NDArray[np.float32],
    num_clusters: int,
    seed: int,
    *,
    centres: Mapping[int, NDArray[np.float32]] | None = None,
    known: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """Clusters [N] of vectors [N, D] of unit length by their cosine, the best of a few starts.

    The same on every run: scikit-learn's adds in the order in which its threads end.

    Args:
      vectors: [N, D], of unit length or zeros.
      num_clusters: K.
      seed: of the first centres.
      centres: cluster -> where its centre starts [D]; the others are spread beside them.
      known: [N]; the cluster in which a vector stays, or -1.
    """
    best, least = np.zeros(len(vectors), np.int64), np.inf
    for start in range(_STARTS):
        centres_now = _spread(
            vectors, num_clusters, np.random.default_rng([seed, start]), dict(centres or {})
        )
        clusters = np.full(len(vectors), -1)
        for _ in range(_ROUNDS):
            likeness = vectors @ centres_now.T  # [N, K]
            before, clusters = clusters, np.argmax(likeness, axis=1)
            if known is not None:
                clusters = np.where(known >= 0, known, clusters)
            if np.array_equal(before, clusters):
                break
            members = scipy.sparse.csr_matrix(
                (np.ones(len(vectors), np.float32), (clusters, np.arange(len(vectors)))),
                shape=(num_clusters, len(vectors)),
            )
            sums = members @ vectors
            empty = ~np.any(sums, axis=1)
            # A cluster without members starts anew where the worst served documents are.
            worst = np.argsort(likeness.max(axis=1), kind="stable")[: empty.sum()]
            sums[np.flatnonzero(empty)[: len(worst)]] = vectors[worst]
            centres_now = unit_rows(sums)
        loss = -float(likeness.max(axis=1).sum(dtype=np.float64))
        if loss < least:
            best, least = clusters, loss
    return best


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of unit length; zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def _spread(
    vectors: NDArray[np.float32],
    num_clusters: int,
    random: np.random.Generator,
    known: Mapping[int, NDArray[np.float32]],
) -> NDArray[np.float32]:
    """k-means++: centres [K, D], each drawn by its squared distance from those before."""
    centres = np.zeros([num_clusters, vectors.shape[1]], np.float32)
    distance = np.ones(len(vectors))
    for cluster in sorted(range(num_clusters), key=lambda cluster: cluster not in known):
        if cluster in known:
            centres[cluster] = known[cluster]
        else:
            weights = np.maximum(distance, 0)
            total = weights.sum()
            # Fewer distinct documents than clusters: any will do.
            place = random.choice(len(vectors), p=weights / total if total > 0 else None)
            centres[cluster] = vectors[place]
        distance = np.minimum(distance, 1 - vectors @ centres[cluster])
    return centres
