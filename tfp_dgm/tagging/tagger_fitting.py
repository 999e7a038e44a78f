"""Trains a tagger on partially annotated sentences, and cross-fits what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tfp_dgm.confidence import AUTO, NONE, EncoderChoice
from tfp_dgm.networks import WordEncoder
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.settings import check_seed
from tfp_dgm.tagging.annotation_checks import annotated_sentences, require_possible
from tfp_dgm.tagging.chain_answers import SentenceAnswer, answers_of_potentials
from tfp_dgm.tagging.chain_fitting import ChainWeights, Legal
from tfp_dgm.tagging.cross_fitting import (
    AnnotatedSentences,
    UnseenChains,
    fit_temperature,
    folds,
)
from tfp_dgm.tagging.encoded_words import EncodedWords
from tfp_dgm.tagging.form_vectors import FormVectors
from tfp_dgm.tagging.sentence_copies import sentence_copies
from tfp_dgm.tagging.sequence_tagger import SequenceTagger
from tfp_dgm.tagging.span_search import outside_penalty
from tfp_dgm.tagging.word_encoders import tried_encoder, word_encoder
from tfp_dgm.text import WordForms


@dataclass(frozen=True)
class TaggerFit:
    """A trained tagger, and what chains answer of the annotated sentences.

    Attributes:
      tagger: the model.
      annotated: int [n]; the numbers of the sentences of which something is annotated.
      group: int [n]; those of one number are copies of each other, or nearly.
      fold: int [n]; which of them were left out together.
      cross_fitted: n answers by models that were trained without the sentence.
      unseen: the chains of these, fold by fold.
      fitted: n answers by the tagger.
      encoder_choice: whether it reads words with a pretrained encoder, and why.
    """

    tagger: SequenceTagger
    annotated: np.ndarray
    group: np.ndarray
    fold: np.ndarray
    cross_fitted: list[SentenceAnswer]
    unseen: list[UnseenChains]
    fitted: list[SentenceAnswer]
    encoder_choice: EncoderChoice = field(default_factory=EncoderChoice)


def fit_tagger(
    tokens: Sequence[Sequence[str]],
    allowed: Sequence[np.ndarray | None],
    labels: Sequence[str],
    legal: Legal,
    *,
    encoder: str | WordEncoder | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TaggerFit:
    """Trains a tagger on sentences that are annotated whole, in part, or not at all.

    The loss is the negative log-probability of what is annotated, whatever the rest may be:
    log Z - log Z(given), summed over sentences.

    Args:
      tokens: S sentences of one token or more, none of them "".
      allowed: of each sentence bool [T, K], the labels that its annotation leaves open, or None
        where nothing is annotated.
      labels: K names.
      legal: bool [K], [K, K], [K]; the labels that sentences may begin with, what may follow each,
        and those that sentences may end with.
      encoder: a pretrained encoder by its preset, or itself; "none" or None; or "auto", which tries
        the registry's MiniLM where it is at hand (`word_encoders.word_encoder`), and takes it if
        the annotations of the first fold are likelier with it.
      seed: of the folds; the same one gives the same tagger.
      progress: called with a step's name, how much of it is done, and how much there is.
    Raises:
      ValueError: if shapes disagree, a sentence has no token or an empty one, an annotation leaves
        nothing legal, or nothing is annotated.
      DataError: if the seed is none.
      OSError, ImportError: if the encoder cannot be loaded.
    """
    check_seed(seed)
    legal = tuple(np.asarray(part, bool) for part in legal)  # type: ignore[assignment]
    annotated = annotated_sentences(tokens, allowed, labels, legal)
    require_possible(annotated, allowed, legal)
    taught = [tokens[row] for row in annotated]
    known = [np.asarray(allowed[row], bool) for row in annotated]
    group = sentence_copies(tokens, annotated)
    fold = folds(group, seed)
    tried, choice = word_encoder(encoder)

    progress("Vectors of words", 0, 1)
    of_forms = FormVectors.fit(tokens, seed=seed)
    progress("Vectors of words", 1, 1)
    if tried is not None:
        progress("Encoding words", 0, 1)
    encoded = EncodedWords.of(tried, taught)
    if tried is not None:
        progress("Encoding words", 1, 1)
    sentences = AnnotatedSentences.of(taught, known, of_forms, encoded, legal)

    total = len(np.unique(fold)) + 1
    progress("Cross-fitting", 0, total)
    l2, first, losses = sentences.strength(fold != 0)
    if choice.asked == AUTO and tried is not None:
        plain = replace(sentences, encoded=EncodedWords.of(None, taught))
        without = plain.strength(fold != 0)
        annotated_words = [
            int((~known[row]).any(axis=1).sum()) for row in np.flatnonzero(fold == 0)
        ]
        choice = tried_encoder(without.losses, losses, np.array(annotated_words))
        if choice.taken == NONE:
            sentences, (l2, first, _) = plain, without
    held = [sentences.held(first, np.flatnonzero(fold == 0))]
    for number in range(1, total - 1):
        progress("Cross-fitting", number, total)
        weights = sentences.trained(fold != number, l2)
        held.append(sentences.held(weights, np.flatnonzero(fold == number)))
    progress("Cross-fitting", total - 1, total)
    final = sentences.trained(np.full(len(taught), True), l2)
    progress("Cross-fitting", total, total)

    temperature, _ = fit_temperature([own.chain for own in held], legal)
    tempered = [
        ([potential / temperature for potential in unary], transitions / temperature)
        for unary, transitions, _ in (own.chain for own in held)
    ]
    penalty = outside_penalty(tempered, legal, labels)
    cross_fitted: list[SentenceAnswer] = [None] * len(taught)  # type: ignore[list-item]
    for own, potentials in zip(held, tempered, strict=True):
        answers = answers_of_potentials(*potentials, legal, labels, penalty)
        for row, answer in zip(own.rows, answers, strict=True):
            cross_fitted[row] = answer
    unseen = [
        UnseenChains(own.rows, *potentials) for own, potentials in zip(held, tempered, strict=True)
    ]
    tagger = _tagger(labels, sentences, of_forms, final, temperature)
    tagger.outside_penalty.assign(penalty)
    fitted = tagger.answers(taught)
    return TaggerFit(tagger, annotated, group, fold, cross_fitted, unseen, fitted, choice)


def _tagger(
    labels: Sequence[str],
    sentences: AnnotatedSentences,
    of_forms: FormVectors,
    weights: ChainWeights,
    temperature: float,
) -> SequenceTagger:
    names = dict(zip(("initial", "transitions", "final"), sentences.legal, strict=True))
    table = sentences.table
    known = set(table.features)
    further = [name for name in of_forms.features if name not in known]
    features = (*table.features, *further)
    tagger = SequenceTagger(
        labels,
        WordForms(features),
        taught=len(known),
        units=of_forms.units,
        encoder=sentences.encoded.encoder,
        **names,
    )
    tagger.build()
    flat = weights.table.reshape(len(weights.table), -1)
    tagger.table.assign(np.concatenate([np.zeros_like(flat[:1]), flat]))
    tagger.projection.assign(weights.projection.reshape(of_forms.units, -1))
    place = {name: number for number, name in enumerate(features, start=1)}
    vectors = np.zeros((len(features) + 1, of_forms.units), np.float32)
    vectors[[place[name] for name in of_forms.features]] = of_forms.vectors
    tagger.vectors.assign(vectors)
    tagger.move_potentials.assign(weights.transitions)
    contextual, further_bias = sentences.encoded.of_states(weights.contextual)
    if tagger.encoder is not None:
        tagger.contextual.assign(contextual)
    tagger.bias.assign(weights.bias + further_bias)
    tagger.temperature.assign(temperature)
    return tagger
