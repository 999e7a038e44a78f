"""The main job as a classifier of scikit-learn: `fit(texts, labels)`, `predict(texts)`."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from tfp_dgm.confidence import AUTO, check_min_precision
from tfp_dgm.data import atomic_directory
from tfp_dgm.data.frame_chunk import FrameChunk
from tfp_dgm.data.table_warnings import table_warnings
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.labelling.answer_columns import answers, predicted_columns
from tfp_dgm.labelling.classifier_fitting import fit_classifier
from tfp_dgm.labelling.estimator_inputs import NOT_ANNOTATED, read_labels, read_texts, read_weights
from tfp_dgm.labelling.model_folder import write_model
from tfp_dgm.labelling.no_class import NONE
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.outcome_columns import new_columns
from tfp_dgm.labelling.reasons import Reasons, WordReasons
from tfp_dgm.labelling.scores import metrics
from tfp_dgm.settings import LARGEST_SEED, check_seed


class TextLabeller(ClassifierMixin, BaseEstimator):
    """Labels texts of which some are annotated: `dgm label` with the habits of scikit-learn.

        labeller = TextLabeller().fit(texts, labels)  # NaN, None or -1: not annotated
        labeller.transduction_  # the labels, completed

    Texts and labels are lists, NumPy arrays or pandas Series. Where every text has its label, it is
    a classifier like any other, and stands in `Pipeline`, `cross_val_score` and `GridSearchCV`.

    No label is None, NaN, pandas' NA, a blank string, and -1, as in `sklearn.semi_supervised`;
    where -1 is a class, say `missing_label=None`. Classes are strings, integers or truth values,
    and come back as they are; 1.0 is 1, since NaN makes floats of integers. A row with several
    allowed classes is for `fit_classifier`.

    `pickle` and `joblib` keep a fitted one, texts and all: the Keras model is in it as the bytes of
    its `.keras` file. As any pickle, load it from whom you trust alone; `save` writes none.

    Args:
      min_precision: the share of accepted labels that must be right.
      encoder: "auto", "none" or None, or a pretrained text encoder; see `choose_encoder`.
      tune_encoder: whether one that is read in full is also tuned to the labels, where that pays;
        see `EncoderTuning`. It takes minutes.
      missing_label: the integer that stands for no label; None where every integer is a class.
      random_state: the same integer gives the same labels; None and a generator draw one.

    Attributes:
      classes_: [K]; the classes, sorted.
      transduction_: [N]; the training rows' labels: those given, and the most probable of the
        classes elsewhere, also in rows that `labelled_` takes for none of them.
      labelled_: a frame of N rows with the columns that `dgm label` adds, suspects among the given
        labels (`suspect_label`) and what is safe to accept (`accept`) among them.
      acceptance_: what is accepted at `min_precision`; see `labelling.metrics`.
      report_: all figures of `labelling.metrics`; `warnings` holds what one should know.
      outcome_: the `Outcome` that they are made of.
      classifier_: the `TextClassifier`, a Keras model, for `serving.export`.
    """

    def __init__(
        self,
        *,
        min_precision: float = 0.95,
        encoder: str | None = AUTO,
        tune_encoder: bool = True,
        missing_label: int | None = NOT_ANNOTATED,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.min_precision = min_precision
        self.encoder = encoder
        self.tune_encoder = tune_encoder
        self.missing_label = missing_label
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Trains on N texts and their labels, some of which are missing.

        Raises:
          TypeError, ValueError: if texts or labels are not what is expected, one for each row;
            names argument and row, from 0.
          OSError, ImportError: if the encoder cannot be loaded.
        """
        check_min_precision(self.min_precision)
        texts = read_texts(X)
        labels = read_labels(y, len(texts), missing_label=self.missing_label)
        if len(labels.classes) < 2:
            hint = "" if self.missing_label is None else f"; {self.missing_label} is no label"
            raise ValueError(
                "y: expected labels of two or more classes; "
                f"received {labels.classes.tolist()}{hint}"
            )
        if not any(character.isalnum() for text in texts for character in text):
            raise ValueError("X: expected texts with at least one word; received none")
        places = FrameChunk(pd.DataFrame(), np.arange(len(texts)), "row")
        self._seed = self._drawn_seed()
        with _global_draws_kept():
            self.classifier_, outcome = fit_classifier(
                texts,
                labels.allowed,
                labels.names,
                min_precision=self.min_precision,
                encoder=self.encoder,
                tune_encoder=self.tune_encoder,
                seed=self._seed,
                warnings=table_warnings(texts, labels.names, labels.allowed, places),
            )
        self.classes_ = labels.classes
        self._keep(X, outcome)
        self._serve()
        return self

    def predict(self, X: Any) -> np.ndarray | pd.Series:
        """The most probable class of each text: [N]; of a Series a Series with its index."""
        best = self.predict_proba(X).argmax(axis=1)
        predicted = self.classes_[best]
        if isinstance(X, pd.Series):
            return pd.Series(predicted, X.index, name="predicted_label")
        return predicted

    def predict_proba(self, X: Any) -> np.ndarray:
        """Calibrated probabilities float32 [N, K], the columns in the order of `classes_`."""
        check_is_fitted(self)
        texts = read_texts(X)
        probabilities = np.zeros((len(texts), len(self.classes_)), np.float32)
        for rows, answer in answers(self._classify, texts):
            probabilities[rows] = answer["probabilities"]
        return probabilities

    def label(self, X: Any) -> pd.DataFrame:
        """Other texts, labelled: a frame of the columns that `dgm predict` adds.

        Its index is that of a Series, else from 0. What is accepted is as precise as asked for in
        texts like those of the training; nothing is where those all came with a label.
        """
        check_is_fitted(self)
        return self._frame(X, predicted_columns(self._classify, read_texts(X)))

    def reasons(self, X: Any) -> list[Reasons]:
        """For each text, words that spoke for its most probable class against the next one.

        With what each adds to the log-odds, from the strongest for to the strongest against; see
        `WordReasons`.
        """
        texts = read_texts(X)
        ranking = np.argsort(-self.predict_proba(texts), axis=1, kind="stable")
        return WordReasons(self.classifier_)(texts, ranking[:, 0], ranking[:, 1])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy over the rows that carry a label."""
        texts = read_texts(X)
        labels = read_labels(y, len(texts), missing_label=self.missing_label)
        rows = np.flatnonzero(labels.annotated)
        if not len(rows):
            raise ValueError("y: expected at least one label to score by; received none")
        predicted = self.predict([texts[row] for row in rows])
        right = [labels.values[row] == answer for row, answer in zip(rows, predicted, strict=True)]
        weights = read_weights(sample_weight, len(texts))[rows]
        return float(np.average(right, weights=weights))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes model, SavedModel, report and metrics: the folder that `dgm predict` takes.

        Args:
          folder: where it is to stand; nothing is there yet.
        Raises:
          DataError: if something is there, or it cannot be written.
        """
        check_is_fitted(self)
        settings = {
            "text_columns": [],
            "classes": list(self.outcome_.classes),
            "min_precision": self.outcome_.min_precision,
            "encoder": self.encoder,
            "tune_encoder": self.tune_encoder,
            "encoder_choice": asdict(self.outcome_.encoder_choice),
            "seed": self._seed,
            "versions": installed_versions(),
        }
        places = [str(label) for label in self.labelled_.index]
        with atomic_directory(folder, replace=False) as path:
            write_model(
                path, self.classifier_, self.outcome_, settings, places, title="Labelled texts"
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value for name, value in super().__getstate__().items() if name != "_classify"
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"tune_encoder": True, **state})  # Older ones lack it.
        if hasattr(self, "classifier_"):
            self._serve()

    def _keep(self, X: Any, outcome: Outcome) -> None:
        """What is told of the training rows."""
        self.outcome_ = outcome
        self.report_ = metrics(outcome)
        self.acceptance_ = self.report_["acceptance"]
        self.labelled_ = self._frame(X, new_columns(outcome))
        observed = outcome.observed
        self.transduction_ = self.classes_[np.where(observed < 0, outcome.predicted, observed)]

    def _serve(self) -> None:
        self._classify = self.classifier_.serving_signatures()["serving_default"].plain()

    def _drawn_seed(self) -> int:
        if isinstance(self.random_state, Integral):
            check_seed(self.random_state, "random_state")
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(LARGEST_SEED))

    def _frame(self, X: Any, columns: dict[str, list[Any]]) -> pd.DataFrame:
        """Columns of names of classes, as a frame of the classes themselves."""
        classes = {NONE: NONE} | dict(
            zip(self.outcome_.classes, self.classes_.tolist(), strict=True)
        )
        frame = pd.DataFrame(columns, X.index if isinstance(X, pd.Series) else None)
        for name in ("predicted_label", "second_label"):
            named = [classes[k] for k in columns[name]]
            # "(none)" among numbers or truth values stands in a column of objects.
            kept = NONE in columns[name] and NONE not in self.outcome_.classes
            kind = object if kept and self.classes_.dtype.kind != "U" else self.classes_.dtype
            frame[name] = pd.Series(np.array(named, kind), frame.index)
        for name in frame.columns.intersection(["accept", "suspect_label"]):
            frame[name] = frame[name].astype("boolean")  # Empty where it says nothing.
        return frame


@contextmanager
def _global_draws_kept() -> Iterator[None]:
    """Puts back the state of the generators that Keras seeds.

    Else a splitter that draws from them would draw the same rows after every fit.
    """
    ours, numpys = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)
