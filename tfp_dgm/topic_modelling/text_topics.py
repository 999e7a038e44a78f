"""Texts in; topics or clusters, and a model that tells them, out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.data import DataError, SeedTopic
from tfp_dgm.evaluation import topic_diversity, topic_npmi, topic_stability
from tfp_dgm.networks import TextEncoder
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.text import document_frequencies
from tfp_dgm.topic_modelling.cluster_fitting import ClusterFit, fit_clusters
from tfp_dgm.topic_modelling.collapsed_topics import empty_topics, topic_collapse
from tfp_dgm.topic_modelling.document_encoder import MIXTURE, document_encoder
from tfp_dgm.topic_modelling.learned_vocabulary import CountedTexts, count_texts
from tfp_dgm.topic_modelling.number_of_topics import NumberOfTopics, choose_number_of_topics
from tfp_dgm.topic_modelling.seeded_topics import SeededTopics, seeded_topics
from tfp_dgm.topic_modelling.topic_doubts import doubts_of_topics
from tfp_dgm.topic_modelling.topic_evidence import topic_evidence
from tfp_dgm.topic_modelling.topic_fitting import LDA, TopicFit, fit_topics
from tfp_dgm.topic_modelling.topic_outcome import TopicOutcome
from tfp_dgm.topic_modelling.topic_teller import TopicTeller
from tfp_dgm.topic_modelling.topic_words import (
    NUM_WORDS,
    distinctiveness,
    told_words,
    topic_names,
)

TOPIC, CLUSTER = "topic", "cluster"
_DIVERSITY_WORDS = 25

# What vectors of texts by an encoder are to a fit.
_CALLED = {TOPIC: "contexts", CLUSTER: "vectors"}
# What is called with sparse counts, their number, and the keywords of `fit_topics`.
Fit = Callable[..., TopicFit | ClusterFit]


def _fit_topics(counts: scipy.sparse.csr_matrix, number: int, **asked: Any) -> TopicFit:
    return fit_topics(counts, num_topics=number, **asked)


def _fit_clusters(counts: scipy.sparse.csr_matrix, number: int, **asked: Any) -> ClusterFit:
    return fit_clusters(counts, num_clusters=number, **asked)


_FITS: Mapping[str, Fit] = {TOPIC: _fit_topics, CLUSTER: _fit_clusters}


def find_topics(
    texts: Sequence[str],
    *,
    kind: str = TOPIC,
    num_topics: int | None = None,
    model: str = LDA,
    encoder: str | TextEncoder | None = None,
    seed_topics: Sequence[SeedTopic] = (),
    seed_source: str | PathLike[str] = "seed_topics",
    given: Sequence[str | None] | None = None,
    labels: Sequence[str | None] | None = None,
    dates: NDArray[np.datetime64] | None = None,
    seed: int = 0,
    warnings: Sequence[str] = (),
    progress: Progress = no_progress,
) -> tuple[TopicTeller, TopicOutcome]:
    """Finds the topics that texts mix, or the clusters that they are in.

    Texts that are equal are learned from once.

    Args:
      texts: N texts, two or more of them different.
      kind: "topic" or "cluster".
      num_topics: K; None chooses it, see `choose_number_of_topics`, by topics of an "lda".
      model: of topics, see `fit_topics`: "lda", "prodlda", "etm" or "ctm".
      encoder: that a "ctm" reads texts with, or whose vectors clusters are learned from and told
        by beside words; see `document_encoder.document_encoder`.
      seed_topics: topics that there must be, by words; see `data.read_seed_words`.
      seed_source: their file, for messages.
      given: [N], the names of topics that texts are of; None where nobody said so.
      labels, dates: as `TopicOutcome` has them.
      seed: the same seed gives the same topics.
      warnings: that there are already.
      progress: called with a step's name, how much of it is done, and how much there is.
    Returns:
      The model that tells the topics of any text, and what was found.
    Raises:
      DataError: if there are not enough texts, or texts with words; if a seed word is in no text,
        or there are more seeds than topics; if there is no such model, or its encoder is lacking.
      OSError, ImportError: if the encoder cannot be loaded.
    """
    model = model if kind == TOPIC else MIXTURE
    reader = document_encoder(encoder, model)
    started = time.perf_counter()
    seconds: dict[str, float] = {}
    progress("Counting words", 0, 1)
    distinct = list(dict.fromkeys(texts))
    place = {text: number for number, text in enumerate(distinct)}
    item = np.array([place[text] for text in texts])
    own_topics, disputed = _of_distinct(item, given, len(distinct))
    seeds = _seeds(seed_topics, seed_source, distinct, own_topics)
    counted = count_texts(distinct, kept=[word for own in seeds.words for word in own])
    _check_texts(counted, num_topics, seeds, kind)
    progress("Counting words", 1, 1)
    seconds["counting"] = time.perf_counter() - started

    beside: dict[str, NDArray[np.floating]] = {}  # Of each text, beside its words.
    if reader is not None:
        progress("Encoding texts", 0, 1)
        beside[_CALLED[kind]] = reader.encode(distinct)
        progress("Encoding texts", 1, 1)
        seconds["encoding"] = time.perf_counter() - started - sum(seconds.values())
    fit_kind = _FITS[kind]
    if model in (LDA, MIXTURE):
        chooser = fit = _seeded_fit(counted, seeds, beside, fit_kind)
    else:
        chooser = _seeded_fit(counted, seeds, {}, fit_kind)
        fit = _seeded_fit(counted, seeds, beside, partial(fit_kind, model=model))
    number = (
        NumberOfTopics(num_topics)
        if num_topics is not None
        else choose_number_of_topics(
            counted.counts,
            chooser,
            least=max(2, len(seeds.names)),
            seed=seed,
            progress=progress,
        )
    )
    seconds["choosing"] = time.perf_counter() - started - sum(seconds.values())
    known = np.asarray(counted.counts.sum(axis=1)).ravel() > 0
    step = f"Fitting {kind}s"
    progress(step, 0, 2)
    everything = np.arange(len(distinct))
    found = fit(everything, number.chosen, seed)
    while num_topics is None:
        empty = empty_topics(found.mixtures[known])
        fewer = max(2, len(seeds.names), number.chosen - int((empty >= len(seeds.names)).sum()))
        if fewer == number.chosen:
            break
        number = replace(number, chosen=fewer)
        found = fit(everything, fewer, seed)
    progress(step, 1, 2)
    again = fit(everything, number.chosen, seed + 1)
    progress(step, 2, 2)
    seconds["fitting"] = time.perf_counter() - started - sum(seconds.values())

    # What the model says of any text, so that it says the same when it is asked again; of texts
    # whose topic a person gave, what that adds.
    mixtures = found.mixtures_of(counted.counts, **beside)
    mixtures = np.where(seeds.documents[:, np.newaxis] >= 0, found.mixtures, mixtures)[item]
    order = np.argsort(-mixtures[known[item]].mean(axis=0), kind="stable")
    topics = np.asarray(found.topics)[order]
    frequencies = np.asarray(counted.counts.sum(axis=0)).ravel()
    vocabulary = counted.vocabulary
    words = told_words(found.top_words(NUM_WORDS)[order], topics, frequencies, vocabulary)
    own_names: list[str | None] = [*seeds.names, *[None] * (number.chosen - len(seeds.names))]
    names = topic_names(words, [own_names[k] for k in order])
    best = np.where(known[item], mixtures[:, order].argmax(axis=1), -1)
    collapse = topic_collapse(topics, mixtures[known[item]][:, order])
    evidence, active = None, None
    if isinstance(found, TopicFit):
        evidence = topic_evidence(found, counted.counts, **beside, seed=seed)
        active = found.active_units(counted.counts, **beside)
    doubts = doubts_of_topics(texts, distinct, best, collapse, names, kind=kind, active=active)
    doubts += [] if reader is None else _cut_off(reader, distinct)
    outcome = TopicOutcome(
        kind=kind,
        model=model,
        texts=texts,
        known=known[item],
        mixtures=mixtures[:, order],
        names=names,
        words=words,
        seeded=[own_names[k] is not None for k in order],
        coherence=_coherence([[word.word for word in own] for own in words], counted),
        diversity=topic_diversity(
            [[vocabulary[v] for v in own] for own in found.top_words(_DIVERSITY_WORDS)]
        ),
        distinctiveness=distinctiveness(topics, frequencies),
        evidence=evidence,
        active_units=active,
        stability=topic_stability([topics, np.asarray(again.topics)])[1],
        number=number,
        common=counted.common,
        vocabulary_size=len(vocabulary),
        labels=labels,
        dates=dates,
        warnings=[*warnings, *disputed, *doubts],
        seconds=seconds,
    )
    teller = TopicTeller(
        counted.word_counts,
        found.model,
        order=order,
        names=names,
        words=[" ".join(word.word for word in own) for own in words],
        encoder=reader,
    )
    teller.build()
    return teller, outcome


def _seeds(
    topics: Sequence[SeedTopic],
    source: str | PathLike[str],
    texts: Sequence[str],
    given: Sequence[str | None] | None,
) -> SeededTopics:
    frequencies = document_frequencies(texts) if topics else {}
    return seeded_topics(topics, texts, given, source=source, frequencies=frequencies)


def _of_distinct(
    item: NDArray[np.int64], given: Sequence[str | None] | None, number: int
) -> tuple[list[str | None] | None, list[str]]:
    """What was said of each distinct text, nothing where two topics were; and a warning."""
    if given is None:
        return None, []
    found: list[set[str]] = [set() for _ in range(number)]
    for one, name in zip(item, given, strict=True):
        if name is not None:
            found[one].add(name)
    disputed = sum(len(names) > 1 for names in found)
    told = f"{disputed:,} text{' has' if disputed == 1 else 's have'}"
    return (
        [next(iter(names)) if len(names) == 1 else None for names in found],
        [f"{told} copies with another topic in the column of seeds: it is no seed."]
        if disputed
        else [],
    )


def _check_texts(
    counted: CountedTexts, num_topics: int | None, seeds: SeededTopics, kind: str
) -> None:
    rows = int((np.asarray(counted.counts.sum(axis=1)).ravel() > 0).sum())
    if rows < 2:
        raise DataError(
            "texts: expected two or more different texts whose words tell them apart; received "
            f"{rows}"
        )
    if num_topics is not None and num_topics > rows:
        raise DataError(
            f"num_{kind}s: expected at most as many as there are different texts with words, "
            f"{rows:,}; received {num_topics:,}"
        )
    if num_topics is not None and num_topics < len(seeds.names):
        raise DataError(
            f"num_{kind}s: expected one or more for each of the {len(seeds.names)} that have "
            f"seeds; received {num_topics}"
        )


def _seeded_fit(
    counted: CountedTexts,
    seeds: SeededTopics,
    beside: Mapping[str, NDArray[np.floating]],
    fit_kind: Fit,
) -> Callable[[NDArray[np.int64], int, int], TopicFit | ClusterFit]:
    """Rows to learn from, K and a seed -> topics, those that a person named among them."""

    def fit(rows: NDArray[np.int64], num_topics: int, seed: int) -> TopicFit | ClusterFit:
        asked: dict[str, Any] = {}
        if any(seeds.words):
            asked["seeds"] = seeds.word_ids(counted.vocabulary, num_topics)
        if (seeds.documents >= 0).any():
            asked["seeded_documents"] = seeds.documents[rows]
        asked |= {name: values[rows] for name, values in beside.items()}
        return fit_kind(counted.counts[rows], num_topics, seed=seed, **asked)

    return fit


def _coherence(top_words: Sequence[Sequence[str]], counted: CountedTexts) -> NDArray[np.float64]:
    """NPMI of words within texts."""
    if min(map(len, top_words)) < 2:
        return np.zeros(len(top_words))
    counts = counted.counts
    vocabulary = np.array(counted.vocabulary, object)
    documents = [
        vocabulary[counts.indices[counts.indptr[row] : counts.indptr[row + 1]]]
        for row in range(counts.shape[0])
    ]
    return topic_npmi(top_words, documents)


def _cut_off(encoder: TextEncoder, texts: Sequence[str]) -> list[str]:
    """A sentence, where the encoder does not read all of some texts."""
    cut = int(encoder.cut_off(texts).sum())
    if not cut:
        return []
    return [
        f"{cut:,} of {len(texts):,} texts are longer than the {encoder.sequence_length} tokens "
        "that the encoder reads: what comes after is known by its words alone."
    ]
