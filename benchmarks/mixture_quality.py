"""Mixtures of language models, priors of counts, and clusters, on real texts.

Part `deep`: the perplexity of a mixture of language models beside one model of the same network,
and of more weights than the mixture has; agreement with classes beside a naive Bayes mixture of
the same words. Part `priors`: nats a document of continuous naive Bayes under several priors, by
importance weighting. Part `clusters`: agreement with classes of clusters of words, of MiniLM's
vectors and of both. K is the number of classes. How words and vectors are weighed was chosen on
M10; R8 and 20 Newsgroups are reported as they came.

    TFP_DGM_DATA=DIR python benchmarks/mixture_quality.py \
        --json benchmarks/results/mixture_quality.json

DIR holds `octis_20ng` and `octis_m10`. MiniLM is read where the cache has it. With `--json`, what
the file holds already is not measured again.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from exits.missing import end_for_want_of, wanting
from mixture_runs import clusterings, deep_mixtures, priors_of_counts
from recorded.resumed_rows import record, rows_so_far
from rich.console import Console
from rich.table import Table
from topic_corpora.corpora import NAMES, Corpus, load

from tfp_dgm.data import DataError, fetch, is_cached

PARTS = ("deep", "priors", "clusters")
SEEDS = (0, 1)
DOCUMENTS = 2_000  # Of each corpus, at most; drawn once.
PRIOR_WORDS, PRIOR_EPOCHS, PRIOR_SAMPLES = 1_000, 30, 200
QUICK = {"documents": 300, "epochs": 1, "samples": 10}
QUICK_SYSTEMS = ("naive Bayes mixture", "deep mixture", "standard normal", "k-means on LSA")
COLUMNS = {
    "deep": ("perplexity", "weights", "accuracy", "NMI", "usage entropy", "CPU s"),
    "priors": ("NLL", "perplexity", "CPU s"),
    "clusters": ("accuracy", "NMI"),
}


def some_documents(corpus: Corpus, number: int | None) -> Corpus:
    """Drawn documents, in the corpus's order."""
    if number is None or number >= len(corpus.documents):
        return corpus
    rows = np.sort(np.random.default_rng(9).permutation(len(corpus.documents))[:number])
    return Corpus(
        corpus.name,
        [corpus.documents[row] for row in rows],
        corpus.vocabulary,
        corpus.counts[rows],
        [corpus.classes[row] for row in rows],
        [corpus.texts[row] for row in rows],
    )


def vectors(corpus: Corpus) -> np.ndarray | None:
    """MiniLM's, of the texts, where the cache has it."""
    if not is_cached("minilm"):
        print("MiniLM: left out, the cache lacks it", file=sys.stderr)
        return None
    from tfp_dgm.labelling import sentence_vectors
    from tfp_dgm.networks import SentenceEncoder

    return sentence_vectors(SentenceEncoder.from_preset(str(fetch("minilm"))), corpus.texts)


def runs(
    part: str, corpus: Corpus, arguments: argparse.Namespace, done: set[str]
) -> Iterator[tuple[str, int, dict[str, float]]]:
    """(system, seed, figures) of what is not done."""
    systems = {
        "deep": deep_mixtures.SYSTEMS,
        "priors": priors_of_counts.SYSTEMS,
        "clusters": clusterings.SYSTEMS,
    }[part]
    wanted = [
        (system, seed)
        for seed in arguments.seeds
        for system in systems
        if name_of(part, corpus.name, system, seed) not in done
        and (arguments.systems is None or system in arguments.systems)
    ]
    encoded = None
    if part == "clusters" and {system for system, _ in wanted} & set(clusterings.WITH_VECTORS):
        encoded = None if arguments.quick else vectors(corpus)
    for system, seed in wanted:
        if part == "deep":
            setting = deep_mixtures.Setting()
            if arguments.quick:
                setting = replace(setting, epochs=QUICK["epochs"], words=500, length=15, units=16)
            found = deep_mixtures.measured(corpus.texts, corpus.classes, system, seed, setting)
        elif part == "priors":
            frequency = np.bincount(corpus.counts.indices, minlength=corpus.counts.shape[1])
            words = np.sort(np.argsort(-frequency, kind="stable")[:PRIOR_WORDS])
            found = priors_of_counts.measured(
                corpus.counts[:, words].tocsr(),
                system,
                seed,
                epochs=QUICK["epochs"] if arguments.quick else PRIOR_EPOCHS,
                num_samples=QUICK["samples"] if arguments.quick else PRIOR_SAMPLES,
            )
        elif system in clusterings.WITH_VECTORS and encoded is None:
            continue
        else:
            found = clusterings.measured(corpus, encoded, system, seed)
        yield system, seed, {name: round(float(value), 4) for name, value in found.items()}


def name_of(part: str, corpus: str, system: str, seed: int) -> str:
    return f"{part} {corpus} {system} seed {seed}"


def show(rows: list[dict[str, Any]]) -> None:
    for part in PARTS:
        table = Table("corpus", "documents", "system", "seeds", *COLUMNS[part], title=part)
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in rows:
            if row["part"] == part:
                groups.setdefault((row["corpus"], row["system"]), []).append(row)
        for (corpus, system), group in groups.items():
            cells = [_mean(group, figure) for figure in COLUMNS[part]]
            documents = str(group[0]["documents"])
            table.add_row(corpus, documents, system, str(len(group)), *cells)
        if groups:
            Console(width=120).print(table)


def _mean(group: list[dict[str, Any]], figure: str) -> str:
    values = [row[figure] for row in group if figure in row]
    if not values:
        return ""
    mean = float(np.mean(values))
    return f"{mean:.3f}" if abs(mean) < 10 else f"{mean:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--quick", action="store_true", help="300 documents of M10, few systems, one seed"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--corpora", nargs="+", choices=NAMES, default=["m10", "r8", "20ng"])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--systems", nargs="+")
    arguments = parser.parse_args()
    if "TFP_DGM_DATA" not in os.environ:
        end_for_want_of("TFP_DGM_DATA, the folder with octis_20ng and octis_m10")
    if arguments.quick:
        arguments.corpora, arguments.seeds = ["m10"], [0]
        arguments.systems = arguments.systems or QUICK_SYSTEMS
    rows = rows_so_far(arguments.json)
    done = {row["name"] for row in rows}
    for corpus_name in arguments.corpora:
        with wanting(DataError, OSError):
            corpus = load(corpus_name, Path(os.environ["TFP_DGM_DATA"]))
        corpus = some_documents(corpus, QUICK["documents"] if arguments.quick else DOCUMENTS)
        for part in arguments.parts:
            for system, seed, found in runs(part, corpus, arguments, done):
                keys = {"name": name_of(part, corpus_name, system, seed), "part": part}
                keys |= {"corpus": corpus_name, "system": system, "seed": seed}
                row = {**keys, "documents": len(corpus.documents), **found}
                record(rows, row, arguments.json)
    show(rows)


if __name__ == "__main__":
    main()
