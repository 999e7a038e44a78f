"""Clusters of documents by their words, by an encoder's vectors, and learned from both."""

from types import SimpleNamespace

import numpy as np
import scipy.sparse
from peers.topic_answers import k_means_on_lsa, k_means_on_vectors
from topic_corpora.corpora import Corpus

from tfp_dgm.evaluation import clustering_scores
from tfp_dgm.topic_modelling import fit_clusters

WITH_VECTORS = ("k-means on MiniLM", "mixture beside MiniLM", "mixture beside MiniLM, by words")
SYSTEMS = ("naive Bayes mixture", "k-means on LSA", *WITH_VECTORS)


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
    if system.startswith("k-means"):
        task = SimpleNamespace(topics=num_clusters, seed=seed, all=counts, vectors=vectors)
        peer = k_means_on_lsa if system.endswith("LSA") else k_means_on_vectors
        return peer(task)["mixtures"].argmax(axis=1)
    read = vectors if system in WITH_VECTORS else None
    fit = fit_clusters(counts, num_clusters=num_clusters, vectors=read, seed=seed)
    return fit.mixtures_of(counts).argmax(axis=1) if system.endswith("words") else fit.clusters
