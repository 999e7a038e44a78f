"""Trains the predictor: features, heads, cross-fitted mixture and calibration."""

from collections.abc import Sequence
from itertools import compress

import keras
import numpy as np

from tfp_dgm.confidence import (
    MIN_ACCEPTED,
    Calibration,
    acceptance_threshold,
    among_copies,
    given_label_probability,
)
from tfp_dgm.data import ClassDefinitions
from tfp_dgm.labelling.class_levels import class_levels, judge_levels
from tfp_dgm.labelling.classifier import TextClassifier, distance_views
from tfp_dgm.labelling.classifier_assembly import assembled
from tfp_dgm.labelling.encoder_tuning import EncoderTuning
from tfp_dgm.labelling.features import Features, fit_features
from tfp_dgm.labelling.guided_features import unheard_warning, with_guides
from tfp_dgm.labelling.guides import Guides
from tfp_dgm.labelling.label_warnings import (
    label_warnings,
    level_warnings,
    unknown_share,
    unknown_warning,
)
from tfp_dgm.labelling.members import Members
from tfp_dgm.labelling.naive_bayes import NaiveBayes
from tfp_dgm.labelling.no_class import NONE
from tfp_dgm.labelling.no_class_fitting import rows_of_no_class
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.text_distance import TextDistance
from tfp_dgm.labelling.unlike_labelled import unlike_labelled, unlike_labelled_warning
from tfp_dgm.labelling.vectors_of_sentences import cut_off_warning
from tfp_dgm.networks import SentenceEncoder
from tfp_dgm.settings import check_seed
from tfp_dgm.timed import timed
from tfp_dgm.training import Progress

_TERMS = 12


def fit_classifier(
    texts: Sequence[str],
    allowed: np.ndarray,
    classes: Sequence[str],
    *,
    min_precision: float = 0.95,
    encoder: str | None = None,
    tune_encoder: bool = True,
    seed: int = 0,
    features: Features | None = None,
    definitions: ClassDefinitions | None = None,
    warnings: Sequence[str] = (),
    progress: Progress = lambda step, done, total: None,
) -> tuple[TextClassifier, Outcome]:
    """Trains a classifier on partially annotated texts, and labels them.

    Everything is learned with one configuration: features from all texts, heads by self-training,
    naive Bayes by EM, and what they are worth from annotations that they did not see (5 folds).

    Args:
      texts: N texts.
      allowed: bool [N, K]; the classes that each annotation allows; all True = no annotation.
      classes: K names.
      min_precision: the share of accepted labels that must be right.
      encoder: "auto", "none" or None, or a pretrained text encoder; see `choose_encoder`.
      tune_encoder: whether one that is read in full is also tuned to the labels, where that pays;
        see `EncoderTuning`. It takes minutes.
      seed: the same seed gives the same labels.
      features: those of the same texts, from `fit_features`, to be used again; `encoder` must then
        be None.
      definitions: of these classes. What they say of them teaches from the first label on, or
        before there is any; and answers may stop at a group of classes.
      warnings: what the person should know already; the outcome holds them first.
      progress: called with a step's name, how much of it is done, and how much there is.
    Returns:
      classifier: strings -> calibrated probabilities.
      outcome: the texts labelled; annotated ones by models that did not see their annotation.
    Raises:
      ValueError: if shapes disagree, or nothing is annotated or defined.
      DataError: if the seed is none.
    """
    allowed = np.asarray(allowed, bool)
    if allowed.shape != (len(texts), len(classes)):
        raise ValueError(
            f"allowed: expected shape [{len(texts)}, {len(classes)}], for each text and class; "
            f"received {allowed.shape}"
        )
    rows = np.flatnonzero(~allowed.all(axis=1))
    guides, levels = Guides.none(len(classes)), class_levels(definitions)
    if definitions is not None:
        if tuple(classes) != definitions.classes:
            raise ValueError(
                f"classes: expected those defined, {definitions.classes}; received {classes}"
            )
        guides = Guides.of(definitions)
    if not len(rows) and not len(guides.texts):
        raise ValueError("allowed: expected at least one annotated row; received none")
    check_seed(seed)
    keras.utils.set_random_seed(seed)
    seconds: dict[str, float] = {}

    with timed(seconds, "features"):
        if features is None:
            features = fit_features(
                texts, encoder=encoder, annotations=[allowed], seed=seed, progress=progress
            )
    warnings = [*warnings, *unheard_warning(features, guides, classes)]
    with timed(seconds, "heads"):
        guided = with_guides(features, texts, rows, guides)
        tuning = None
        if tune_encoder and isinstance(features.encoder, SentenceEncoder):
            tuning = EncoderTuning(
                features.encoder,
                [*texts, *guided.guides.texts],
                guided.features.vectors,
                choice=features.encoder_choice,
                seed=seed,
                progress=progress,
            )
        members = Members(guided, rows, allowed[rows], seed, progress, tuning)
    with timed(seconds, "no class"):
        weights = members.class_shares.weights(members.share_draws)  # [S, n]
        views = distance_views([view[:, :-1] for view in features.views], features.encoder)
        strangers = rows_of_no_class(
            views,
            members.entropy[: len(texts)],
            rows,
            allowed[rows],
            members.fold,
            weights,
            members.judged,
            seed=seed,
        )
    with timed(seconds, "calibration"):
        annotated = {"allowed": allowed[rows], "fitted": members.answers[rows]}
        of_no_class: dict[str, np.ndarray] = {}
        if strangers is not None:
            of_no_class["none"] = strangers.draws
            of_no_class["cross_fitted_none"] = strangers.probability[rows]
        # What is found to be of no class is of the class of that name, where there is one.
        besides = None
        if strangers is not None and NONE in classes:
            named = np.array(classes) == NONE
            besides = strangers.probability[rows, np.newaxis] * named
        calibration = Calibration.fit(
            members.cross_fitted, weights=weights, besides=besides, **annotated
        )
        unannotated = np.delete(members.answers, rows, axis=0)
        threshold = None
        shares = members.class_shares, members.share_draws
        warnings = [*warnings, *label_warnings(*shares, classes)]
        unknown = unknown_share(*shares)
        if len(rows) and unknown > 1 - min_precision:
            names = [*compress(classes, members.class_shares.unknown)]
            answers = "predictions of classes" if levels else "predictions"
            warnings.append(unknown_warning(names, unknown, answers=answers))
        elif len(rows) and len(unannotated):
            threshold = acceptance_threshold(
                calibration,
                unannotated,
                min_precision,
                cross_fitted=members.cross_fitted,
                counts=members.class_shares.counts,
                **of_no_class,
                **annotated,
            )
            if threshold is None and len(unannotated) >= MIN_ACCEPTED:
                warnings.append(
                    "Too few labels to tell which predictions are right "
                    f"{100 * min_precision:g}% of "
                    "the time: none is accepted. Annotate the rows that the report lists first."
                )
        given_probability = np.full(len(texts), np.nan, np.float32)
        given_probability[rows] = given_label_probability(
            calibration, members.cross_fitted, besides=besides, **annotated
        )
        given_probability[rows] = among_copies(
            given_probability[rows],
            calibration(members.cross_fitted),
            allowed[rows],
            guided.group,
        )

    probabilities = members.answers.copy()
    probabilities[rows] = members.cross_fitted
    probabilities = calibration(probabilities).astype(np.float32)
    judged = judge_levels(
        levels,
        np.delete(probabilities, rows, axis=0),
        probabilities[rows],
        allowed[rows],
        threshold=threshold,
        min_precision=min_precision,
        weights=weights,
        counts=members.class_shares.counts,
        share_draws=members.share_draws,
        **of_no_class,
    )
    if len(rows):
        warnings += level_warnings(judged, min_precision)
    row_weights = np.zeros(len(texts), np.float32)
    # The first of copies stands for all, so that they are one text to every interval, too.
    first = np.unique(guided.group, return_index=True)[1]
    row_weights[rows[first]] = np.bincount(guided.group, weights.mean(axis=0))
    row_weights[allowed.sum(axis=1) != 1] = 0
    with timed(seconds, "novelty"):
        unlike = unlike_labelled(
            texts,
            features.words,
            features.vectors,
            rows,
            allowed[rows],
            members.fold,
            members.doubting[: len(texts), :, 1:],
            seed=seed,
        )
        distance, far = _distance(texts, features, seed)
    if len(unlike):
        vocabulary = features.word_counts.vocabulary
        warnings.append(
            unlike_labelled_warning(unlike, texts, features.words, vocabulary, len(unannotated))
        )
    if features.encoder is not None:
        warnings += cut_off_warning(features.encoder, texts)
    outcome = Outcome(
        classes=tuple(classes),
        texts=texts,
        allowed=allowed,
        probabilities=probabilities,
        weights=row_weights,
        given_probability=given_probability,
        class_shares=members.share_draws,
        copies=len(rows) - len(first),
        min_precision=min_precision,
        threshold=threshold,
        levels=judged,
        terms=_terms(members.student, features, classes),
        unlike_labelled=unlike,
        none=None if strangers is None else strangers.probability,
        none_share=None if strangers is None else strangers.share,
        far=far,
        held_out=len(distance.held_out),
        warnings=warnings,
        seconds=seconds,
        encoder_choice=features.encoder_choice if tuning is None else tuning.choice,
    )
    model = assembled(
        features, members, calibration, classes, threshold, judged, strangers, distance
    )
    return model, outcome


def _distance(
    texts: Sequence[str], features: Features, seed: int
) -> tuple[TextDistance, np.ndarray]:
    """The distance of texts, and which of these are far: no label changes them."""
    encoded = None if features.encoder is None else features.vectors

    def find() -> tuple[TextDistance, np.ndarray]:
        distance = TextDistance.fit(texts, features, encoded, seed=seed)
        return distance, distance.far(texts, features, encoded)

    return features.kept(("distance", seed), find)


def _terms(
    student: NaiveBayes, features: Features, classes: Sequence[str]
) -> dict[str, list[tuple[str, float]]]:
    """The words that speak for each class: those that add most to its divergence from the mean."""
    log_words = student.log_words[:, :, 0].astype(float)  # [V, K]
    mean = np.log(np.exp(log_words).mean(axis=1, keepdims=True))
    strength = np.exp(log_words) * (log_words - mean)
    vocabulary = features.word_counts.vocabulary
    terms = {}
    for k, name in enumerate(classes):
        order = np.argsort(-strength[:, k], kind="stable")[:_TERMS]
        terms[name] = [(vocabulary[v], float(log_words[v, k] - mean[v, 0])) for v in order]
    return terms
