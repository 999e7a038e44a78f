"""Trains the predictor on several annotators' answers, and their model on what it predicts."""

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from tfp_dgm.data import ClassDefinitions, DataError
from tfp_dgm.labelling.annotators import Answers, Crowd, fit_dawid_skene, reliabilities
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifier_fitting import fit_classifier
from tfp_dgm.labelling.features import Features, fit_features
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.settings import check_seed
from tfp_dgm.training import Progress

_TIE = 1e-6


def fit_from_answers(
    texts: Sequence[str],
    answers: Answers,
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
    """Infers what is true of the rows that annotators answered, and labels all rows.

    Expectation maximisation around the classifier: Dawid and Skene's model of the answers alone
    gives the labels that a first classifier learns from. Its cross-fitted p(y | text), of a row by
    models that saw none of its answers, is the prior of y in the second, whose truths the final
    classifier learns; and the final classifier's is the prior of the truths that are reported.

    It ends there: in trials on sentences of two classes, another round left accuracies as they
    were and made the classifier surer than it was right, since a row's label then holds what the
    classifier said of it more than once.

    Args:
      texts: N texts.
      answers: of the annotators on these texts; each class should occur.
      classes: K names.
      min_precision, encoder, tune_encoder, seed, features, definitions, warnings, progress: as for
        `fit_classifier`; the encoder is tuned for the final classifier alone.
    Returns:
      classifier: strings -> calibrated probabilities.
      outcome: the texts labelled. Its annotations are the inferred truths, a set of classes where
        these are equally probable; `crowd` has the probabilities, and the annotators.
    Raises:
      ValueError: if shapes disagree.
      DataError: if the answers tell nothing of any row, or the seed is none.
    """
    shape = (answers.num_rows, answers.num_classes)
    if shape != (len(texts), len(classes)):
        raise ValueError(
            f"answers: expected {len(texts)} rows and {len(classes)} classes, as there are texts "
            f"and classes; received {shape[0]} and {shape[1]}"
        )
    check_seed(seed)
    keras.utils.set_random_seed(seed)

    def fitted(truth: np.ndarray, *, tuned: bool) -> tuple[TextClassifier, Outcome]:
        return fit_classifier(
            texts,
            _labels(truth, answers),
            classes,
            min_precision=min_precision,
            tune_encoder=tuned,
            seed=seed,
            features=features,
            definitions=definitions,
            progress=progress,
        )

    alone = fit_dawid_skene(answers).posterior(answers)
    if features is None:
        features = fit_features(
            texts,
            encoder=encoder,
            annotations=[_labels(alone, answers)],
            seed=seed,
            progress=progress,
        )
    log_prior = _log(fitted(alone, tuned=False)[1].probabilities)
    together = fit_dawid_skene(answers, log_prior).posterior(answers, log_prior)
    classifier, outcome = fitted(together, tuned=tune_encoder)
    log_prior = _log(outcome.probabilities)
    annotators = fit_dawid_skene(answers, log_prior)
    crowd = Crowd(
        truth=annotators.posterior(answers, log_prior),
        answered=answers.answered,
        answers=len(answers.row),
        annotators=reliabilities(annotators, answers, log_prior),
    )
    said = [*warnings, *crowd.warnings(), *outcome.warnings]
    return classifier, replace(outcome, crowd=crowd, warnings=said)


def _labels(truth: np.ndarray, answers: Answers) -> np.ndarray:
    """The classes bool [N, K] that a row's most probable truth allows; all without an answer."""
    likeliest = truth >= truth.max(axis=1, keepdims=True) - _TIE
    allowed = likeliest | ~answers.answered[:, np.newaxis]
    if allowed.all():
        raise DataError(
            "answers: expected some that tell one class from another; received none that do: all "
            "of them contradict each other"
        )
    return allowed


def _log(probabilities: np.ndarray) -> np.ndarray:
    kept = np.maximum(probabilities.astype(float), 1e-6)
    return np.log(kept / kept.sum(axis=1, keepdims=True))
