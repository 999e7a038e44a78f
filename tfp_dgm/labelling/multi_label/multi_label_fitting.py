"""Trains the predictor of several labels: heads, their stacking, dependence and calibration."""

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from tfp_dgm.confidence import FLOORS, MIN_ACCEPTED, TEMPERATURES, Calibration, counts_of
from tfp_dgm.data import ClassDefinitions
from tfp_dgm.labelling.features import Features, fit_features
from tfp_dgm.labelling.guided_features import unheard_warning, with_guides
from tfp_dgm.labelling.guides import Guides
from tfp_dgm.labelling.label_warnings import NO_LABELS_YET
from tfp_dgm.labelling.multi_label.annotated import Annotated
from tfp_dgm.labelling.multi_label.class_answers import ClassAnswers
from tfp_dgm.labelling.multi_label.expected_f1 import f1_thresholds
from tfp_dgm.labelling.multi_label.linear_members import LinearMembers
from tfp_dgm.labelling.multi_label.mark_warnings import mark_warnings
from tfp_dgm.labelling.multi_label.multi_label_classifier import MultiLabelClassifier
from tfp_dgm.labelling.multi_label.multi_label_layers import LabelDependence, SigmoidCalibration
from tfp_dgm.labelling.multi_label.multi_label_outcome import MultiLabelOutcome
from tfp_dgm.labelling.multi_label.row_answers import RowAnswers
from tfp_dgm.labelling.multi_label.stratified_folds import stratified_folds
from tfp_dgm.labelling.vectors_of_sentences import cut_off_warning
from tfp_dgm.settings import check_seed
from tfp_dgm.timed import timed
from tfp_dgm.training import Progress

FOLDS = 5
_TERMS = 12
_QUESTIONS = 3  # Classes by which an encoder is chosen.
_NEVER = 2.0  # No probability is as large.


def fit_multi_label(
    texts: Sequence[str],
    marks: np.ndarray,
    classes: Sequence[str],
    *,
    min_precision: float = 0.95,
    separator: str = ";",
    encoder: str | None = None,
    seed: int = 0,
    features: Features | None = None,
    definitions: ClassDefinitions | None = None,
    warnings: Sequence[str] = (),
    progress: Progress = lambda step, done, total: None,
) -> tuple[MultiLabelClassifier, MultiLabelOutcome]:
    """Trains a classifier of several labels on partially annotated texts, and labels them.

    Each class is a question of its own to the same features: linear heads on the latent spaces and
    on words, and naive Bayes, all cross-fitted (5 folds), stacked by what they are worth; what is
    unknown of a row weighs nothing. Then what classes say of each other, if that is worth
    something on rows that were not seen, and a calibration in which rare classes learn from the
    others.

    Where at least half of the annotated rows are annotated in full, probabilities are brought to
    these rows alone: people volunteer what they see ("at least refund"), so that what is known of
    the other rows is no fair draw.

    Args:
      texts: N texts.
      marks: int8 [N, K]; 1 = the class applies, 0 = it does not, -1 = unknown.
      classes: K names.
      min_precision: the share of what is accepted that must be right: for each class of the rows
        that get it in `accepted`, and of the rows whose classes are accepted as a whole.
      separator: stands between the names of a row's classes where the classifier is served.
      encoder, seed, features, definitions, warnings, progress: as for `fit_classifier`; of
        definitions in groups, a group's own tells what is outside of it.
    Returns:
      classifier: strings -> calibrated probabilities.
      outcome: the texts labelled; annotated ones by models that did not see their annotation.
    Raises:
      ValueError: if shapes or marks are not as above, or no class is marked both 1 and 0.
      DataError: if the seed is none.
    """
    guides = Guides.none(len(classes)) if definitions is None else Guides.of(definitions)
    marks = _checked(marks, texts, classes, definitions)
    rows = np.flatnonzero((marks >= 0).any(axis=1))
    check_seed(seed)
    keras.utils.set_random_seed(seed)
    seconds: dict[str, float] = {}
    with timed(seconds, "features"):
        if features is None:
            features = fit_features(
                texts,
                encoder=encoder,
                annotations=_questions(marks),
                word_order=False,
                seed=seed,
                progress=progress,
            )
    warnings = [*warnings, *unheard_warning(features, guides, classes)]
    with timed(seconds, "heads"):
        guided = with_guides(features, texts, rows, guides)
        fold = stratified_folds(marks[rows], guided.group, FOLDS, seed)
        annotated = Annotated(rows, marks[rows], counts_of(guided.group), fold, FOLDS)
        members = LinearMembers(guided, annotated, progress)
    with timed(seconds, "calibration"):
        progress("Dependence and calibration", 0, 1)
        answers = ClassAnswers(members, annotated, _judges(annotated.marks), seed)
        probabilities = answers.probabilities
        constrained = answers.constrained()
        open_rows = np.delete(probabilities, rows, axis=0)
        thresholds = f1_thresholds(open_rows if len(open_rows) else probabilities)
        predicted = constrained >= thresholds
        row_answers = RowAnswers(answers.log_probability(predicted), predicted, annotated)
        acceptance = answers.acceptance(min_precision)
        row_threshold = row_answers.acceptance(min_precision)
        progress("Dependence and calibration", 1, 1)
    warnings = [
        *warnings,
        *mark_warnings(annotated.marks, annotated.counts, classes, defined=definitions is not None),
    ]
    if not len(rows):
        warnings.append(NO_LABELS_YET)
    elif len(open_rows) >= MIN_ACCEPTED and np.isnan(acceptance).all() and row_threshold is None:
        warnings.append(
            "Too few annotations to tell which predictions are right "
            f"{100 * min_precision:g}% of the "
            "time: none is accepted. Annotate the rows that the report lists first."
        )
    if features.encoder is not None:
        warnings += cut_off_warning(features.encoder, texts)
    weights = np.zeros(len(texts), np.float32)
    weights[rows] = annotated.counts
    mixture = answers.dependence.mixture
    outcome = MultiLabelOutcome(
        classes=tuple(classes),
        texts=texts,
        marks=marks,
        probabilities=probabilities.astype(np.float32),
        constrained=constrained.astype(np.float32),
        row_probability=row_answers.probability.astype(np.float32),
        weights=weights,
        thresholds=thresholds,
        acceptance=acceptance,
        min_precision=min_precision,
        row_threshold=row_threshold,
        components=len(mixture.shares),
        gain=answers.dependence.gain,
        copies=len(rows) - len(np.unique(guided.group)),
        warnings=warnings,
        seconds=seconds,
        encoder_choice=features.encoder_choice,
    )
    model = _assemble(features, members, answers, row_answers, outcome, separator)
    strengths = model.word_head.kernel.numpy()
    return model, replace(outcome, terms=_terms(strengths, features, outcome))


def _checked(
    marks: np.ndarray,
    texts: Sequence[str],
    classes: Sequence[str],
    definitions: ClassDefinitions | None,
) -> np.ndarray:
    marks = np.asarray(marks)
    if marks.shape != (len(texts), len(classes)):
        raise ValueError(
            f"marks: expected shape [{len(texts)}, {len(classes)}], for each text and class; "
            f"received {marks.shape}"
        )
    if not np.isin(marks, (-1, 0, 1)).all():
        raise ValueError("marks: expected 1 (applies), 0 (does not) or -1 (unknown)")
    if definitions is not None and tuple(classes) != definitions.classes:
        raise ValueError(
            f"classes: expected those defined, {definitions.classes}; received {classes}"
        )
    if definitions is None and not ((marks == 1).any(axis=0) & (marks == 0).any(axis=0)).any():
        raise ValueError(
            "marks: expected a class that applies to some rows and not to others; received none"
        )
    return marks.astype(np.int8)


def _questions(marks: np.ndarray) -> list[np.ndarray]:
    """What the choice of an encoder is told: of some frequent classes, whether each applies."""
    asked = np.minimum((marks == 1).sum(axis=0), (marks == 0).sum(axis=0))
    frequent = np.argsort(-asked, kind="stable")[:_QUESTIONS]
    return [np.stack([marks[:, k] != 1, marks[:, k] != 0], axis=1) for k in frequent if asked[k]]


def _judges(marks: np.ndarray) -> np.ndarray:
    """bool [n]; the annotated rows that probabilities are brought to."""
    complete = np.all(marks >= 0, axis=1)
    return complete if 2 * complete.sum() >= len(marks) else np.ones(len(marks), bool)


def _assemble(
    features: Features,
    members: LinearMembers,
    answers: ClassAnswers,
    row_answers: RowAnswers,
    outcome: MultiLabelOutcome,
    separator: str,
) -> MultiLabelClassifier:
    """Puts everything that was learned into one Keras model."""
    num_classes = len(outcome.classes)
    mixture = answers.dependence.mixture
    row_bias, row_weight = row_answers.stacking.final.coefficients[0]
    model = MultiLabelClassifier(
        outcome.classes,
        separator=separator,
        thresholds=outcome.thresholds,
        acceptance=np.where(np.isnan(outcome.acceptance), _NEVER, outcome.acceptance),
        row_threshold=_NEVER if outcome.row_threshold is None else outcome.row_threshold,
        row_bias=row_bias,
        row_weight=row_weight,
        vae_words=features.vae_words,
        vae_scale=features.vae_scale,
        word_counts=features.word_counts,
        tf_idf=features.tf_idf,
        lsa=keras.layers.Dense(features.lsa.shape[1], use_bias=False, dtype="float32"),
        vae=features.vae,
        encoder=features.encoder,
        latent_head=keras.layers.Dense(num_classes, use_bias=False, dtype="float32"),
        word_head=keras.layers.Dense(num_classes, dtype="float32"),
        dependence=LabelDependence(len(mixture.shares), num_classes),
        calibration=SigmoidCalibration(TEMPERATURES, num_classes),
        row_calibration=SigmoidCalibration(TEMPERATURES, 1),
    )
    model.build()
    model.lsa.set_weights([features.lsa])
    latent, words, bias = members.collapsed(answers.stacking.final)
    model.latent_head.set_weights([latent])
    model.word_head.set_weights([words, bias])
    model.dependence.set_weights([mixture.shares, mixture.rates])
    model.calibration.set_weights(_maps(answers.calibrations))
    model.row_calibration.set_weights(_maps([row_answers.calibration]))
    return model


def _maps(calibrations: Sequence[Calibration]) -> list[np.ndarray]:
    """The weights [T, K] of temperatures, and the floors [K]."""
    maps = np.stack([calibration.maps for calibration in calibrations])  # [K, T, F]
    return [((1 - FLOORS) * maps).sum(axis=2).T, (FLOORS * maps).sum(axis=(1, 2))]


def _terms(
    strengths: np.ndarray, features: Features, outcome: MultiLabelOutcome
) -> dict[str, list[tuple[str, float]]]:
    """The words that add most to the log-odds of each class, in the texts that are likely of it."""
    likely = outcome.probabilities / (outcome.probabilities.sum(axis=0) + 1e-9)
    added = np.asarray(features.words.T @ likely) * strengths  # [V, K]
    vocabulary = features.word_counts.vocabulary
    terms = {}
    for k, name in enumerate(outcome.classes):
        order = np.argsort(-added[:, k], kind="stable")[:_TERMS]
        terms[name] = [(vocabulary[v], float(added[v, k])) for v in order if added[v, k] > 0]
    return terms
