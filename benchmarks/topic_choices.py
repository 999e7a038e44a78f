"""Two choices of `fit_topics`: how a topic's words are ranked, and what short texts teach.

On Reuters R8, SMS messages, comments of GoEmotions and sentences on films (3,000 of each),
topics are learned from nine tenths of the texts: from documents, from the company of words, by what
`fit_topics` chooses of the two, and by scikit-learn's NMF of TF-IDF. Words are ranked by
relevance [1], weight * log p(w | k) + (1 - weight) * log(p(w | k) / p(w)), at four weights. NPMI is
gensim's c_npmi of ten words a topic in the whole collection, diversity is of 25 words, perplexity
of one half of each text of the last tenth, given the other.

    TFP_DGM_DATA=DIR python benchmarks/topic_choices.py --json benchmarks/results/topic_choices.json

DIR holds `sms_spam`, `go_emotions` and `pang_lee`. 20 Newsgroups and M10, which
`topic_quality.py` reports, have no part in it. With `--json`, what the file holds already is not
measured again.

[1] Sievert and Shirley. LDAvis: A method for visualizing and interpreting topics. 2014.
"""

import argparse
import os
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from exits.missing import end_for_want_of, wanting
from recorded.resumed_rows import record, rows_so_far
from rich.console import Console
from rich.table import Table
from topic_corpora.short_texts import NAMES, read_short_texts

from tfp_dgm.data import DataError, load_text_classification
from tfp_dgm.evaluation import document_completion_perplexity, topic_diversity, topic_npmi
from tfp_dgm.topic_modelling import fit_topics
from tfp_dgm.topic_modelling.learned_vocabulary import CountedTexts, count_texts

WEIGHTS = (0.3, 0.5, 0.7, 1.0)
TOPICS = (10, 20)
SEEDS = (0, 1)
MOST_TEXTS, MOST_WORDS = 3_000, 3_000
QUICK_TEXTS = 1_500
LEARNED_FROM = {"documents": False, "company of words": True, "what is chosen": None}
NMF = "scikit-learn NMF"
CORPORA = (*NAMES, "r8")


def texts_of(corpus: str, data: Path, most: int) -> list[str]:
    """So many at most, drawn once for all."""
    if corpus == "r8":
        split = load_text_classification("r8")
        texts = list(dict.fromkeys(split.train_texts + split.test_texts))
    else:
        texts = read_short_texts(corpus, data)
    rows = np.random.default_rng(0).permutation(len(texts))[:most]
    return [texts[row] for row in np.sort(rows)]


def relevant(topics: np.ndarray, shares: np.ndarray, weight: float) -> np.ndarray:
    """The 25 words of largest relevance, [K, 25]."""
    tiny = 1e-300
    marginal = shares @ topics / shares.sum()
    relevance = np.log(np.maximum(topics, tiny)) - (1 - weight) * np.log(np.maximum(marginal, tiny))
    return np.argsort(-relevance, axis=1, kind="stable")[:, :25]


def by_nmf(counts: Any, topics: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Topics [K, V] of sum one, and their shares."""
    from sklearn import decomposition
    from sklearn.feature_extraction.text import TfidfTransformer

    model = decomposition.NMF(topics, random_state=seed, init="nndsvda", max_iter=400)
    mixtures = model.fit_transform(TfidfTransformer().fit_transform(counts))
    totals = model.components_.sum(axis=1, keepdims=True)
    return model.components_ / np.maximum(totals, 1e-12), mixtures.mean(axis=0)


def measured(
    counted: CountedTexts, documents: list[list[str]], system: str, topics: int, seed: int
) -> dict[str, float]:
    """The figures of a system."""
    order = np.random.default_rng(seed).permutation(counted.counts.shape[0])
    cut = len(order) // 10
    held_out, training = counted.counts[order[:cut]], counted.counts[order[cut:]]
    start = time.process_time()
    figures: dict[str, float] = {}
    predict: Callable[[Any], np.ndarray] | None = None
    if system == NMF:
        words, shares = by_nmf(training, topics, seed)
    else:
        company = LEARNED_FROM[system]
        fit = fit_topics(training, num_topics=topics, company=company, seed=seed)
        words, shares = np.asarray(fit.topics), fit.shares
        predict = lambda known: fit.mixtures_of(known) @ fit.topics  # noqa: E731
    figures["CPU s"] = time.process_time() - start
    if predict is not None:
        figures["perplexity"] = document_completion_perplexity(held_out, predict, seed=seed)
    for weight in WEIGHTS:
        told = [
            [counted.vocabulary[v] for v in row]
            for row in relevant(np.asarray(words, np.float64), shares, weight)
        ]
        npmi = topic_npmi([own[:10] for own in told], documents, window=10, as_gensim=True)
        figures[f"NPMI {weight}"] = float(npmi.mean())
        figures[f"diversity {weight}"] = topic_diversity(told)
    return {name: round(float(value), 4) for name, value in figures.items()}


def tokens_of(texts: list[str], counted: CountedTexts) -> list[list[str]]:
    """The words of the vocabulary, in their order."""
    import tensorflow as tf

    from tfp_dgm.text import words

    known = set(counted.vocabulary)
    found = [[word.decode() for word in row] for row in words(tf.constant(texts)).to_list()]
    return [[word for word in row if word in known] for row in found]


def show(rows: list[dict[str, Any]]) -> None:
    pairs = [f"NPMI / diversity at {weight}" for weight in WEIGHTS]
    table = Table("corpus", "K", "learned from", "seeds", *pairs, "perplexity", "CPU s")
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["corpus"], row["topics"], row["system"]), []).append(row)
    for (corpus, topics, system), group in groups.items():

        def mean(figure: str, digits: int, group: list[dict[str, Any]] = group) -> str:
            values = [row[figure] for row in group if figure in row]
            return f"{np.mean(values):.{digits}f}" if values else ""

        cells = [f"{mean(f'NPMI {w}', 3)} / {mean(f'diversity {w}', 2)}" for w in WEIGHTS]
        seeds = str(len(group))
        table.add_row(
            corpus, str(topics), system, seeds, *cells, mean("perplexity", 0), mean("CPU s", 1)
        )
    Console(width=150).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="1,500 SMS messages, one seed")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if "TFP_DGM_DATA" not in os.environ:
        end_for_want_of("TFP_DGM_DATA, the folder with sms_spam, go_emotions and pang_lee")
    data = Path(os.environ["TFP_DGM_DATA"])
    corpora, numbers, seeds = CORPORA, TOPICS, SEEDS
    if arguments.quick:
        corpora, numbers, seeds = ("sms",), (10,), (0,)
    rows = rows_so_far(arguments.json)
    names = {row["name"] for row in rows}
    for seed, corpus in product(seeds, corpora):
        with wanting(DataError, OSError):
            texts = texts_of(corpus, data, QUICK_TEXTS if arguments.quick else MOST_TEXTS)
        counted = count_texts(texts, max_words=MOST_WORDS)
        documents = tokens_of(texts, counted)
        for topics, system in product(numbers, (*LEARNED_FROM, NMF)):
            name = f"{corpus} {topics} {system} seed {seed}"
            if name in names:
                continue
            figures = measured(counted, documents, system, topics, seed)
            keys = {"name": name, "corpus": corpus, "topics": topics, "system": system}
            record(rows, {**keys, "seed": seed, **figures}, arguments.json)
    show(rows)


if __name__ == "__main__":
    main()
