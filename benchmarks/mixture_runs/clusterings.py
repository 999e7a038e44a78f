"""Clusters of documents by their words, by an encoder's vectors, and by both."""

import numpy as np
import scipy.sparse
from scipy.special import softmax
from topic_corpora.corpora import Corpus

from tfp_dgm.evaluation import clustering_scores
from tfp_dgm.models import DocumentMixture
from tfp_dgm.topic_modelling import fit_clusters
from tfp_dgm.topic_modelling.topic_starts import spherical_k_means, unit_rows
from tfp_dgm.training import fit_em_of_counts

WITH_VECTORS = (
    "k-means on MiniLM",
    "spherical k-means on MiniLM",
    "naive Bayes from MiniLM's clusters",
    "words and MiniLM's vectors",
)
SYSTEMS = ("naive Bayes mixture", "k-means on LSA", *WITH_VECTORS)
_ROUNDS = 50


def measured(
    corpus: Corpus, vectors: np.ndarray | None, system: str, seed: int
) -> dict[str, float]:
    """Agreement of K clusters with the K classes."""
    num_clusters = len(set(corpus.classes))
    clusters = _clusters(corpus.counts, vectors, system, num_clusters, seed)
    scores = clustering_scores(corpus.classes, clusters.tolist())
    return {"accuracy": scores["accuracy"], "NMI": scores["normalized_mutual_information"]}


def _clusters(
    counts: scipy.sparse.csr_matrix,
    vectors: np.ndarray | None,
    system: str,
    num_clusters: int,
    seed: int,
) -> np.ndarray:
    if system == "naive Bayes mixture":
        return fit_clusters(counts, num_clusters=num_clusters, seed=seed).clusters
    if system == "k-means on LSA":
        return _k_means(_semantic_vectors(counts, seed), num_clusters, seed)
    if vectors is None:
        raise ValueError("vectors: expected those of an encoder; received none")
    if system == "k-means on MiniLM":
        return _k_means(vectors, num_clusters, seed)
    started = spherical_k_means(unit_rows(vectors), num_clusters, seed)
    if system == "spherical k-means on MiniLM":
        return started
    start = np.eye(num_clusters)[started]
    if system == "naive Bayes from MiniLM's clusters":
        model = DocumentMixture(num_clusters, counts.shape[1], seed=seed)
        model.build()
        mean_count = float(np.log1p(counts.data).sum()) / (num_clusters * counts.shape[1])
        prior = min(0.5, 0.125 * mean_count)  # As `fit_clusters` has it.
        return fit_em_of_counts(model, counts, start, word_prior=prior).posterior.argmax(axis=1)
    return _words_and_vectors(counts, unit_rows(vectors), start)


def _k_means(vectors: np.ndarray, num_clusters: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(num_clusters, n_init=10, random_state=seed).fit_predict(vectors)


def _semantic_vectors(counts: scipy.sparse.csr_matrix, seed: int) -> np.ndarray:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.preprocessing import normalize

    weights = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    units = min(100, min(weights.shape) - 1)
    return normalize(TruncatedSVD(units, random_state=seed).fit_transform(weights))


def _words_and_vectors(
    counts: scipy.sparse.csr_matrix, vectors: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """EM of p(words | c) p(vector | c): naive Bayes of damped counts, and von Mises-Fisher with
    one concentration [1], independent given the cluster.

    [1] Banerjee, Dhillon, Ghosh and Sra. Clustering on the Unit Hypersphere using von Mises-Fisher
    Distributions. JMLR 6, 2005: eq. 4.4.
    """
    damped = counts.astype(np.float64)
    damped.data = np.log1p(damped.data)
    posterior, units = start, vectors.shape[1]
    prior = min(0.5, 0.125 * float(damped.sum()) / (start.shape[1] * counts.shape[1]))
    clusters = start.argmax(axis=1)
    for _ in range(_ROUNDS):
        words = (damped.T @ posterior).T + prior  # [K, V]
        log_words = np.log(words / words.sum(axis=1, keepdims=True))
        sums = posterior.T @ vectors  # [K, D]
        length = np.linalg.norm(sums, axis=1).sum() / len(vectors)
        concentration = length * (units - length**2) / (1 - length**2)
        log_shares = np.log(posterior.sum(axis=0) + 1)
        joint = damped @ log_words.T + concentration * vectors @ unit_rows(sums).T + log_shares
        posterior = softmax(joint, axis=1)
        before, clusters = clusters, posterior.argmax(axis=1)
        if np.array_equal(before, clusters):
            break
    return clusters
