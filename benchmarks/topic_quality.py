"""Topics beside those of gensim, tomotopy, scikit-learn and BERTopic; clusters beside k-means.

20 Newsgroups made as OCTIS makes it, M10 as OCTIS has it, and Reuters R8. Topics are learned from
nine tenths of the documents. NPMI is gensim's c_npmi of ten words a topic in the whole corpus, as
OCTIS has it, diversity is of 25 words; both of the words that a system shows by itself (likeliest
words of LDA, weights of NMF and BERTopic, relevance here), and of all systems' words ranked in the
same two ways: by p(word | topic), and by relevance [1] at the weight of `models.distinctive_words`.
Where a system has no p(word | topic), it is its weights, or its topics' word counts, of sum one.
Perplexity is of one half of each document of the last tenth, given the other, where no encoder has
read both. `importance_weighted` is a bound on the log-likelihood of 300 training documents, nats a
word. At 20 topics, the topic that a document has most of is compared with its class.

    TFP_DGM_DATA=DIR TOPICS_PYTHON=PYTHON python benchmarks/topic_quality.py \
        --json benchmarks/results/topic_quality.json

DIR holds `octis_20ng` and `octis_m10`. PYTHON has gensim, tomotopy, bertopic or some of them; what
it lacks is left out. MiniLM is read where the cache has it. Each system runs in a process of its
own, with one thread. With `--json`, what the file holds already is not measured again.

[1] Sievert and Shirley. LDAvis: A method for visualizing and interpreting topics. 2014.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from exits.missing import end_for_want_of, wanting
from peers.topic_answers import SYSTEMS
from recorded.resumed_rows import record, rows_so_far
from rich.console import Console
from rich.table import Table
from topic_corpora.corpora import NAMES, Corpus, load

from tfp_dgm.data import DataError, fetch, is_cached
from tfp_dgm.evaluation import (
    clustering_scores,
    document_completion_perplexity,
    topic_diversity,
    topic_npmi,
)
from tfp_dgm.models import distinctive_words

PYTHON = "TOPICS_PYTHON"  # In the environment: the Python that has the peers.
SEEDS = (0, 1, 2)
TOPICS = (10, 20, 30, 40, 50)
CLASSES_AT = 20
# Of systems that another Python runs, the module that it must have.
PEERS = {"gensim LDA": "gensim", "tomotopy LDA": "tomotopy", "BERTopic": "bertopic"}
ENCODED = ("tfp_dgm CTM", "tfp_dgm clusters, MiniLM", "BERTopic", "k-means on MiniLM")
OF_CLASSES_ALONE = ("k-means on LSA", "k-means on MiniLM")
NPMI_WORDS, DIVERSITY_WORDS = 10, 25
QUICK_DOCUMENTS = 1_500
WAYS = ("shown", "by p", "by relevance")  # Of ranking the words of a topic.
FIGURES = ("perplexity", "accuracy", "NMI", "CPU s", "MB")


def systems(names: Sequence[str] | None) -> list[str]:
    """Those that can be run here; says which are left out."""
    found = []
    for name in names or list(SYSTEMS):
        if name in ENCODED and not is_cached("minilm"):
            print(f"{name}: left out, the cache lacks minilm", file=sys.stderr)
        elif name in PEERS and not _has(PEERS[name]):
            print(f"{name}: left out, {PYTHON} names no Python that has it", file=sys.stderr)
        else:
            found.append(name)
    return found


def _has(module: str) -> bool:
    if PYTHON not in os.environ:
        return False
    asked = [os.environ[PYTHON], "-c", f"import {module}"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def vectors(corpus: Corpus) -> np.ndarray:
    """MiniLM's, of the texts."""
    from tfp_dgm.labelling import sentence_vectors
    from tfp_dgm.networks import SentenceEncoder

    return sentence_vectors(SentenceEncoder.from_preset(str(fetch("minilm"))), corpus.texts)


def measured(
    corpus: Corpus, system: str, topics: int, seed: int, encoded: np.ndarray | None
) -> dict[str, float]:
    """The figures of a system."""
    random = np.random.default_rng(seed)
    order = random.permutation(corpus.counts.shape[0])
    cut = len(order) // 10
    held_out, training = corpus.counts[order[:cut]], corpus.counts[order[cut:]]
    halves: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        task, file = Path(folder) / "task.npz", Path(folder) / "answer.npz"

        def answer(known: Any) -> dict[str, np.ndarray]:
            arrays = {"vocabulary": np.array(corpus.vocabulary), "training_rows": order[cut:]}
            for part, counts in (("training", training), ("all", corpus.counts), ("known", known)):
                arrays |= {
                    f"{part}_{name}": getattr(counts, name)
                    for name in ("data", "indices", "indptr")
                }
            if encoded is not None and system in ENCODED:
                arrays["vectors"] = encoded
            np.savez(task, **arrays)
            given = {"system": system, "topics": topics, "seed": seed}
            given |= {"task": str(task), "answer": str(file)}
            _run(system, given)
            return dict(np.load(file))

        # The halves are drawn first, by a question whose answer does not matter.
        document_completion_perplexity(
            held_out,
            lambda known: halves.append(known) or np.ones(known.shape),
            seed=seed,
        )
        found = answer(_stacked(halves))
    figures = _of_words(corpus, found)
    predictions = found.get("predictions")
    if "halves" in found:
        predictions = found["halves"] @ found["topics"]
    if predictions is not None:
        told = iter(np.split(predictions, np.cumsum([len(h.indptr) - 1 for h in halves])[:-1]))
        figures["perplexity"] = document_completion_perplexity(
            held_out, lambda known: next(told), seed=seed
        )
    if "nats_a_word" in found:
        figures["importance_weighted"] = float(found["nats_a_word"])
    if topics == CLASSES_AT:
        scores = clustering_scores(corpus.classes, found["mixtures"].argmax(axis=1).tolist())
        figures |= {"accuracy": scores["accuracy"], "NMI": scores["normalized_mutual_information"]}
    figures |= dict(zip(("seconds", "CPU s", "MB"), found["spent"].tolist(), strict=True))
    return {name: round(float(value), 4) for name, value in figures.items()}


def _stacked(parts: list[Any]) -> Any:
    import scipy.sparse

    return scipy.sparse.vstack(parts).tocsr()


def _of_words(corpus: Corpus, found: dict[str, np.ndarray]) -> dict[str, float]:
    if "words" not in found:
        return {}
    topics = found["topics"]
    shares = found["mixtures"][:, : len(topics)].mean(axis=0)
    ranked = (
        found["words"],
        np.argsort(-topics, axis=1, kind="stable")[:, :DIVERSITY_WORDS],
        distinctive_words(topics, shares, DIVERSITY_WORDS),
    )
    figures = {}
    for way, rows in zip(WAYS, ranked, strict=True):
        words = [[corpus.vocabulary[v] for v in own] for own in rows]
        figures[f"NPMI {way}"] = _npmi(corpus, [own[:NPMI_WORDS] for own in words])
        figures[f"diversity {way}"] = topic_diversity([own[:DIVERSITY_WORDS] for own in words])
    return figures


def _npmi(corpus: Corpus, words: list[list[str]]) -> float:
    return float(topic_npmi(words, corpus.documents, window=10, as_gensim=True).mean())


def _run(system: str, given: dict[str, Any]) -> None:
    python = os.environ[PYTHON] if system in PEERS else sys.executable
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"
    )
    if system in PEERS:
        environment.pop("PYTHONPATH", None)
    subprocess.run(
        [python, Path(__file__).parent / "peers" / "topic_answers.py"],
        input=json.dumps(given),
        text=True,
        check=True,
        env=environment,
        stdout=sys.stderr,
    )


def first_documents(corpus: Corpus, number: int) -> Corpus:
    """Every so many of the documents."""
    rows = np.arange(0, len(corpus.documents), max(1, len(corpus.documents) // number))
    return Corpus(
        corpus.name,
        [corpus.documents[row] for row in rows],
        corpus.vocabulary,
        corpus.counts[rows],
        [corpus.classes[row] for row in rows],
        [corpus.texts[row] for row in rows],
    )


def show(rows: list[dict[str, Any]]) -> None:
    ways = " / ".join(WAYS)
    table = Table("corpus", "K", "system", "seeds", f"NPMI {ways}", "diversity", *FIGURES)
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["corpus"], row["topics"], row["system"]), []).append(row)
    for (corpus, topics, system), group in groups.items():
        cells = [
            " / ".join(filter(None, (_mean(group, f"{kind} {way}", 3) for way in WAYS)))
            for kind in ("NPMI", "diversity")
        ]
        cells += [_mean(group, name, 3 if name in ("accuracy", "NMI") else 0) for name in FIGURES]
        table.add_row(corpus, str(topics), system, str(len(group)), *cells)
    Console(width=150).print(table)


def _mean(group: list[dict[str, Any]], figure: str, digits: int) -> str:
    values = [row[figure] for row in group if figure in row]
    return f"{np.mean(values):.{digits}f}" if values else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="1,500 documents of M10, one seed")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--corpora", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--topics", nargs="+", type=int, default=list(TOPICS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS))
    arguments = parser.parse_args()
    if "TFP_DGM_DATA" not in os.environ:
        end_for_want_of("TFP_DGM_DATA, the folder with octis_20ng and octis_m10")
    data = Path(os.environ["TFP_DGM_DATA"])
    if arguments.quick:
        arguments.corpora, arguments.topics, arguments.seeds = ["m10"], [CLASSES_AT], [0]
        arguments.systems = arguments.systems or ["tfp_dgm topics", "scikit-learn NMF"]
    rows = rows_so_far(arguments.json)
    names = {row["name"] for row in rows}
    asked = systems(arguments.systems)
    # Seed by seed: what a run that was stopped has is of all corpora.
    for seed, corpus_name in product(arguments.seeds, arguments.corpora):
        with wanting(DataError, OSError):
            corpus = load(corpus_name, data)
        if arguments.quick:
            corpus = first_documents(corpus, QUICK_DOCUMENTS)
        encoded = vectors(corpus) if set(asked) & set(ENCODED) else None
        for topics, system in product(arguments.topics, asked):
            full = f"{corpus_name} {topics} {system} seed {seed}"
            if full in names or (system in OF_CLASSES_ALONE and topics != CLASSES_AT):
                continue
            found = measured(corpus, system, topics, seed, encoded)
            keys = {"name": full, "corpus": corpus_name, "topics": topics}
            record(rows, {**keys, "system": system, "seed": seed, **found}, arguments.json)
    show(rows)


if __name__ == "__main__":
    main()
