"""What a system of topics finds: a process of its own, which measures its time and memory.

Reads JSON from standard input: the `system`, the number of `topics`, a `seed`, the file `task` of
arrays (counts of the training, of all documents, and of known halves, as CSR; the vocabulary;
`training_rows`, which of all documents the training has; `vectors` of the documents of a pretrained
encoder), and the file that the `answer` goes to: `words` int [K, n], the words that the system
shows; `topics` [K, V], rows of sum one; `mixtures` [N, K or more] of all documents; of a model of
p(word | topic), the `halves`' mixtures, or, where words are no mixture of topics,
`predictions` [n, V] of the halves' further words; and `nats_a_word`, an importance-weighted bound
on the log-likelihood of some training documents, which is computed after the time is taken. Peers
are imported where they are asked for: the Python that runs this has those that it is asked for.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import scipy.sparse

WORDS = 25


class Task:
    """The arrays of a task."""

    def __init__(self, given: dict[str, Any]) -> None:
        arrays = np.load(given["task"], allow_pickle=False)
        self.topics, self.seed = int(given["topics"]), int(given["seed"])
        self.vocabulary = [str(word) for word in arrays["vocabulary"]]
        self.training, self.all, self.known = (
            scipy.sparse.csr_matrix(
                (arrays[f"{part}_data"], arrays[f"{part}_indices"], arrays[f"{part}_indptr"]),
                shape=(len(arrays[f"{part}_indptr"]) - 1, len(self.vocabulary)),
            )
            for part in ("training", "all", "known")
        )
        self.vectors = arrays.get("vectors")
        self.training_rows = arrays["training_rows"]


def ours(task: Task) -> dict[str, Any]:
    from tfp_dgm.topic_modelling import fit_topics

    fit = fit_topics(task.training, num_topics=task.topics, seed=task.seed)
    return {
        "words": fit.top_words(WORDS),
        "topics": np.asarray(fit.topics),
        "mixtures": fit.mixtures_of(task.all),
        "halves": fit.mixtures_of(task.known),
        "nats_a_word": evidence(fit, task),
    }


def our_prodlda(task: Task) -> dict[str, Any]:
    return neural(task, "prodlda")


def our_etm(task: Task) -> dict[str, Any]:
    return neural(task, "etm")


def our_ctm(task: Task) -> dict[str, Any]:
    """Without predictions: the encoder has read both halves."""
    if task.vectors is None:
        raise ValueError("vectors: expected those of an encoder; received none")
    from tfp_dgm.topic_modelling import fit_topics

    own = task.vectors[task.training_rows]
    fit = fit_topics(
        task.training, num_topics=task.topics, model="ctm", contexts=own, seed=task.seed
    )
    return {
        "words": fit.top_words(WORDS),
        "topics": np.asarray(fit.topics),
        "mixtures": fit.mixtures_of(task.all, task.vectors),
        "nats_a_word": evidence(fit, task, own),
    }


def neural(task: Task, model: str) -> dict[str, Any]:
    from tfp_dgm.topic_modelling import fit_topics

    fit = fit_topics(task.training, num_topics=task.topics, model=model, seed=task.seed)
    return {
        "words": fit.top_words(WORDS),
        "topics": np.asarray(fit.topics),
        "mixtures": fit.mixtures_of(task.all),
        "predictions": fit.word_probabilities(task.known),
        "nats_a_word": evidence(fit, task),
    }


def evidence(fit: Any, task: Task, contexts: np.ndarray | None = None) -> Callable[[], float]:
    from tfp_dgm.topic_modelling.topic_evidence import topic_evidence

    return lambda: topic_evidence(fit, task.training, contexts, seed=task.seed).nats_a_word


def our_clusters(task: Task) -> dict[str, np.ndarray]:
    from tfp_dgm.topic_modelling import fit_clusters

    fit = fit_clusters(task.training, num_clusters=task.topics, seed=task.seed)
    return {
        "words": fit.top_words(WORDS),
        "topics": np.asarray(fit.topics),
        "mixtures": fit.mixtures_of(task.all),
        "halves": fit.mixtures_of(task.known),
    }


def our_clusters_beside_minilm(task: Task) -> dict[str, np.ndarray]:
    """Without predictions, as of the CTM."""
    if task.vectors is None:
        raise ValueError("vectors: expected those of an encoder; received none")
    from tfp_dgm.topic_modelling import fit_clusters

    own = task.vectors[task.training_rows]
    fit = fit_clusters(task.training, num_clusters=task.topics, vectors=own, seed=task.seed)
    return {
        "words": fit.top_words(WORDS),
        "topics": np.asarray(fit.topics),
        "mixtures": fit.mixtures_of(task.all, task.vectors),
    }


def sklearn_lda(task: Task) -> dict[str, np.ndarray]:
    from sklearn.decomposition import LatentDirichletAllocation

    model = LatentDirichletAllocation(task.topics, random_state=task.seed, max_iter=50)
    model.fit(task.training)
    topics = model.components_ / model.components_.sum(axis=1, keepdims=True)
    return probable(topics) | {
        "mixtures": model.transform(task.all),
        "halves": model.transform(task.known),
    }


def sklearn_nmf(task: Task) -> dict[str, np.ndarray]:
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfTransformer

    weights = TfidfTransformer()
    model = NMF(task.topics, random_state=task.seed, init="nndsvda", max_iter=400)
    model.fit(weights.fit_transform(task.training))
    totals = model.components_.sum(axis=1, keepdims=True)
    return probable(model.components_ / np.maximum(totals, 1e-12)) | {
        "mixtures": model.transform(weights.transform(task.all)),
    }


def gensim_lda(task: Task) -> dict[str, np.ndarray]:
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LdaModel

    def corpus(counts: scipy.sparse.csr_matrix) -> Any:
        return Sparse2Corpus(counts.T.tocsc(), documents_columns=True)

    model = LdaModel(
        corpus(task.training),
        num_topics=task.topics,
        id2word=dict(enumerate(task.vocabulary)),
        passes=20,
        alpha="auto",
        eta="auto",
        random_state=task.seed,
    )

    def mixtures(counts: scipy.sparse.csr_matrix) -> np.ndarray:
        gamma, _ = model.inference(list(corpus(counts)))
        return gamma / gamma.sum(axis=1, keepdims=True)

    return probable(model.get_topics()) | {
        "mixtures": mixtures(task.all),
        "halves": mixtures(task.known),
    }


def tomotopy_lda(task: Task) -> dict[str, np.ndarray]:
    import tomotopy

    model = tomotopy.LDAModel(k=task.topics, seed=task.seed)

    def tokens(counts: scipy.sparse.csr_matrix) -> list[list[str]]:
        return [
            [
                task.vocabulary[v]
                for v, count in zip(row.indices, row.data, strict=True)
                for _ in range(int(count))
            ]
            for row in counts
        ]

    for document in tokens(task.training):
        if document:
            model.add_doc(document)
    model.train(1_000, workers=1)
    place = {word: number for number, word in enumerate(task.vocabulary)}
    topics = np.full((task.topics, len(task.vocabulary)), 1e-12)
    used = [place[word] for word in model.used_vocabs]
    for k in range(task.topics):
        topics[k, used] = model.get_topic_word_dist(k)
    topics /= topics.sum(axis=1, keepdims=True)

    def mixtures(counts: scipy.sparse.csr_matrix) -> np.ndarray:
        found = np.full((counts.shape[0], task.topics), 1 / task.topics)
        told = [(row, document) for row, document in enumerate(tokens(counts)) if document]
        made = [model.make_doc(document) for _, document in told]
        shares, _ = model.infer(made, workers=1)
        found[[row for row, _ in told]] = np.array(shares)
        return found

    return probable(topics) | {"mixtures": mixtures(task.all), "halves": mixtures(task.known)}


def bertopic(task: Task) -> dict[str, np.ndarray]:
    from bertopic import BERTopic
    from sklearn.feature_extraction.text import CountVectorizer
    from umap import UMAP

    if task.vectors is None or len(task.vectors) != task.all.shape[0]:
        raise ValueError("vectors: expected those of an encoder, one of each document")
    documents = [
        " ".join(np.repeat(np.array(task.vocabulary, object)[row.indices], row.data.astype(int)))
        for row in task.all
    ]
    model = BERTopic(
        nr_topics=task.topics + 1,  # One is of outliers.
        umap_model=UMAP(n_neighbors=15, n_components=5, metric="cosine", random_state=task.seed),
        vectorizer_model=CountVectorizer(vocabulary=task.vocabulary, token_pattern=r"\S+"),
        top_n_words=WORDS,
    )
    found, _ = model.fit_transform(documents, embeddings=task.vectors)
    place = {word: number for number, word in enumerate(task.vocabulary)}
    names = sorted(set(found) - {-1})
    words = [[place[word] for word, _ in model.get_topic(name) if word in place] for name in names]
    mixtures = np.array(found)[:, np.newaxis] == np.array([*names, -1])
    least = min(map(len, words))
    totals = (task.all.T @ mixtures[:, :-1]).T + 1e-6
    return {
        "topics": totals / totals.sum(axis=1, keepdims=True),
        "words": np.array([own[:least] for own in words]),
        "mixtures": mixtures.astype(np.float32),
    }


def k_means_on_lsa(task: Task) -> dict[str, np.ndarray]:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.preprocessing import normalize

    weights = TfidfTransformer(sublinear_tf=True).fit_transform(task.all)
    units = min(100, min(weights.shape) - 1)
    return k_means(
        normalize(TruncatedSVD(units, random_state=task.seed).fit_transform(weights)), task
    )


def k_means_on_vectors(task: Task) -> dict[str, np.ndarray]:
    if task.vectors is None:
        raise ValueError("vectors: expected those of an encoder; received none")
    return k_means(task.vectors, task)


def k_means(vectors: np.ndarray, task: Task) -> dict[str, np.ndarray]:
    from sklearn.cluster import KMeans

    found = KMeans(task.topics, n_init=10, random_state=task.seed).fit_predict(vectors)
    return {"mixtures": np.eye(task.topics, dtype=np.float32)[found]}


def probable(topics: np.ndarray) -> dict[str, np.ndarray]:
    order = np.argsort(-topics, axis=1, kind="stable")
    return {"topics": topics, "words": order[:, :WORDS]}


SYSTEMS = {
    "tfp_dgm topics": ours,
    "tfp_dgm ProdLDA": our_prodlda,
    "tfp_dgm ETM": our_etm,
    "tfp_dgm CTM": our_ctm,
    "tfp_dgm clusters": our_clusters,
    "tfp_dgm clusters, MiniLM": our_clusters_beside_minilm,
    "scikit-learn LDA": sklearn_lda,
    "scikit-learn NMF": sklearn_nmf,
    "gensim LDA": gensim_lda,
    "tomotopy LDA": tomotopy_lda,
    "BERTopic": bertopic,
    "k-means on LSA": k_means_on_lsa,
    "k-means on MiniLM": k_means_on_vectors,
}


def peak_memory() -> float:
    """MB of this program alone: what `getrusage` tells begins with the process that started it."""
    with open("/proc/self/status") as file:
        (line,) = (line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main() -> None:
    given = json.load(sys.stdin)
    task = Task(given)
    start, cpu = time.perf_counter(), time.process_time()
    answer = SYSTEMS[given["system"]](task)
    spent = time.perf_counter() - start, time.process_time() - cpu
    arrays = {name: part() if callable(part) else part for name, part in answer.items()}
    np.savez(given["answer"], spent=np.array([*spent, peak_memory()]), **arrays)


if __name__ == "__main__":
    main()
