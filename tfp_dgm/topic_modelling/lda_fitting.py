"""Latent Dirichlet allocation, fitted from clusters of documents or from the company of words."""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.inference import exp_expected_log, mixture_posteriors
from tfp_dgm.models import LatentDirichletAllocation
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.topic_modelling.cluster_fitting import fit_clusters
from tfp_dgm.topic_modelling.word_company import are_short, company_predicts_better, word_company
from tfp_dgm.training import VariationalHistory, fit_by_natural_gradients

_TOPIC_PRIOR = 0.05
# Words that stand in two short texts stand there with all words of these: that is no evidence.
_TOPIC_PRIOR_OF_COMPANY = 0.5
_CONCENTRATION = 0.1
_OWN_SHARE = 0.7  # Of a starting topic that is its cluster's words; the rest are all words.
_DOCUMENT_SHARE = 0.5  # Of a document's words that start in its own cluster's topic.
_STOCHASTIC_FROM = 50_000  # Documents; fewer are one batch.
_BATCH = 8192


def fit_lda(
    counts: scipy.sparse.csr_matrix,
    num_topics: int,
    *,
    vocabulary: Sequence[str] | None = None,
    seeds: Sequence[Sequence[int]] | None = None,
    seeded_documents: NDArray[np.integer] | None = None,
    company: bool | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> tuple[LatentDirichletAllocation, VariationalHistory]:
    """Variational inference from `fit_clusters`.

    Short documents say little of their mixtures. Their topics are learned from the company of
    words, `word_company`, where that predicts unseen halves of documents better.

    Args: see `fit_topics`.
    Returns:
      The model, and what its fitting to the documents saw.
    """

    def fit(
        rows: NDArray[np.int64], company: bool, progress: Progress = no_progress
    ) -> tuple[LatentDirichletAllocation, VariationalHistory]:
        lda = LatentDirichletAllocation(
            num_topics, counts.shape[1], vocabulary=vocabulary, seed=seed
        )
        documents = None if seeded_documents is None else np.asarray(seeded_documents)[rows]
        fit_to = _fit_to_company if company else _fit_to_documents
        return lda, fit_to(lda, counts[rows], seeds, documents, seed, progress)

    def predict(
        rows: NDArray[np.int64], company: bool
    ) -> Callable[[scipy.sparse.csr_matrix], NDArray[np.floating]]:
        lda, _ = fit(rows, company)
        return lambda known: lda_mixtures_of(lda, known) @ np.asarray(lda.topics)

    if company is None:
        company = are_short(counts) and company_predicts_better(counts, predict, seed=seed)
    return fit(np.arange(counts.shape[0]), company, progress)


def lda_mixtures_of(
    lda: LatentDirichletAllocation, counts: scipy.sparse.csr_matrix
) -> NDArray[np.float32]:
    """What documents have of the topics of a fitted model, [N, K], of sparse counts [N, V]."""
    topics = exp_expected_log(lda.topic_concentration.numpy())
    found = mixture_posteriors(
        scipy.sparse.csr_matrix(counts), topics, lda.concentration.numpy(), steps=lda.steps
    )
    return found / found.sum(axis=1, keepdims=True)


def _fit_to_documents(
    lda: LatentDirichletAllocation,
    counts: scipy.sparse.csr_matrix,
    seeds: Sequence[Sequence[int]] | None,
    seeded_documents: NDArray[np.integer] | None,
    seed: int,
    progress: Progress,
    prior: float = _TOPIC_PRIOR,
) -> VariationalHistory:
    """Topics of documents, from their clusters."""
    num_topics = lda.num_topics
    known = _known(counts, num_topics, seeded_documents)
    topic_prior = _topic_prior(counts, num_topics, seeds, prior)
    clusters = fit_clusters(
        counts,
        num_clusters=num_topics,
        seeds=seeds,
        seeded_documents=seeded_documents,
        company=False,
        seed=seed,
        progress=progress,
    ).clusters
    topics, start = topics_of_clusters(counts, clusters, num_topics)
    lda.assign(np.full(num_topics, _CONCENTRATION), topics + topic_prior)
    return fit_by_natural_gradients(
        lda,
        counts,
        batch_size=_BATCH if counts.shape[0] > _STOCHASTIC_FROM else None,
        topic_prior=topic_prior,
        start=start if known is None else start + known,
        document_prior=known,
        seed=seed,
        progress=progress,
    )


def _fit_to_company(
    lda: LatentDirichletAllocation,
    counts: scipy.sparse.csr_matrix,
    seeds: Sequence[Sequence[int]] | None,
    seeded_documents: NDArray[np.integer] | None,
    seed: int,
    progress: Progress,
) -> VariationalHistory:
    """Topics of what words stand beside; then what documents have of these."""
    texts = word_company(counts)
    seeded = None
    if seeds is not None or seeded_documents is not None:
        seeded = np.full(texts.shape[0], -1)
        for topic, words in enumerate(seeds or ()):
            seeded[np.asarray(words, np.int64)] = topic
    if seeded_documents is not None:
        # They stand beside the pseudo-documents as they are.
        rows = np.flatnonzero(np.asarray(seeded_documents) >= 0)
        texts = scipy.sparse.vstack([texts, counts[rows]]).tocsr()
        seeded = np.concatenate([seeded, np.asarray(seeded_documents)[rows]])
    _fit_to_documents(lda, texts, seeds, seeded, seed, progress, _TOPIC_PRIOR_OF_COMPANY)
    lda.assign(np.full(lda.num_topics, _CONCENTRATION), lda.topic_concentration)
    return fit_by_natural_gradients(
        lda,
        counts,
        topic_prior=_TOPIC_PRIOR_OF_COMPANY,
        document_prior=_known(counts, lda.num_topics, seeded_documents),
        learn_topics=False,
        seed=seed,
        progress=progress,
    )


def topics_of_clusters(
    counts: scipy.sparse.csr_matrix, clusters: NDArray[np.int64], num_topics: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Topics [K, V] and documents' posteriors [N, K] that lean to clusters of documents."""
    own = np.eye(num_topics, dtype=np.float32)[clusters]  # [N, K]
    words = np.asarray((counts.T @ own).T)  # [K, V]
    total = np.asarray(counts.sum(axis=0), np.float32).ravel()
    size = max(float(total.sum()), 1.0)
    words = words / np.maximum(words.sum(axis=1, keepdims=True), 1)
    topics = (_OWN_SHARE * words + (1 - _OWN_SHARE) * total / size) * size / num_topics
    length = np.asarray(counts.sum(axis=1), np.float32)
    shares = _DOCUMENT_SHARE * own + (1 - _DOCUMENT_SHARE) / num_topics
    return topics.astype(np.float32), (_CONCENTRATION + length * shares).astype(np.float32)


def _topic_prior(
    counts: scipy.sparse.csr_matrix,
    num_topics: int,
    seeds: Sequence[Sequence[int]] | None,
    of_a_word: float,
) -> float | NDArray[np.float32]:
    """A seed word counts in its topic, beforehand, as often as it occurs at all."""
    if not seeds:
        return of_a_word
    prior = np.full([num_topics, counts.shape[1]], of_a_word, np.float32)
    total = np.asarray(counts.sum(axis=0), np.float32).ravel()
    for topic, words in enumerate(seeds):
        places = np.asarray(words, np.int64)
        prior[topic, places] += total[places]
    return prior


def _known(
    counts: scipy.sparse.csr_matrix,
    num_topics: int,
    seeded_documents: NDArray[np.integer] | None,
) -> NDArray[np.float32] | None:
    """What is known of documents, as counts of words in topics: as many as they have, [N, K]."""
    if seeded_documents is None:
        return None
    seeded = np.asarray(seeded_documents)
    known = np.zeros([len(seeded), num_topics], np.float32)
    rows = np.flatnonzero(seeded >= 0)
    known[rows, seeded[rows]] = np.maximum(np.asarray(counts.sum(axis=1)).ravel()[rows], 1)
    return known
