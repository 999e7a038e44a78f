"""The predictors of several label columns as one Keras model, which reads a text once."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifier_signatures import column_signatures
from tfp_dgm.labelling.word_order import WordOrder
from tfp_dgm.models import BagOfWordsVAE, Signature
from tfp_dgm.networks import TextEncoder
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text import TfIdf, WordCounts

# Arguments of a classifier that only read the text.
_READING = (
    "vae_words",
    "vae_scale",
    "word_counts",
    "tf_idf",
    "lsa",
    "vae",
    "encoder",
    "word_order",
)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TextClassifiers(SavesArguments, keras.Model):
    """Classifiers of one text, one for each label column: string [B] -> {column: [B, K]}.

    The classifiers share the layers that make features of a text; each has its own classes, heads,
    calibration and threshold, and answers as it would alone. `labelling.label_file` makes one of
    several label columns; `fit` of its own it has none.

    Args:
      columns: the label columns' names.
      answering: for each column the arguments of its `TextClassifier` but for the following.
      vae_words, vae_scale, word_counts, tf_idf, lsa, vae, encoder, word_order: as for
        `TextClassifier`, of all.
    Raises:
      ValueError: if there are not as many classifiers as columns.
    """

    def __init__(
        self,
        columns: Sequence[str],
        answering: Sequence[Mapping[str, Any]],
        *,
        vae_words: Sequence[int] | np.ndarray,
        vae_scale: Sequence[float] | np.ndarray,
        word_counts: WordCounts,
        tf_idf: TfIdf,
        lsa: keras.layers.Dense,
        vae: BagOfWordsVAE,
        encoder: TextEncoder | None,
        word_order: WordOrder | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if len(columns) != len(answering) or not columns:
            raise ValueError(
                f"answering: expected as many as there are columns, {list(columns)}; received "
                f"{len(answering)}"
            )
        self.columns = tuple(columns)
        # Here, too, since in lists TensorFlow does not find the tables of words.
        self.word_counts = word_counts
        self.encoder = encoder
        self.classifiers = [
            TextClassifier(
                vae_words=vae_words,
                vae_scale=vae_scale,
                word_counts=word_counts,
                tf_idf=tf_idf,
                lsa=lsa,
                vae=vae,
                encoder=encoder,
                word_order=word_order,
                **own,
            )
            for own in answering
        ]

    @classmethod
    def of(cls, classifiers: Mapping[str, TextClassifier]) -> Self:
        """The classifiers of the label columns in one.

        Args:
          classifiers: column -> classifier, all of one `Features`.
        """
        given = [classifier.given_arguments() for classifier in classifiers.values()]
        model = cls(
            list(classifiers),
            [{name: value for name, value in own.items() if name not in _READING} for own in given],
            **{name: given[0][name] for name in _READING},
        )
        model.build()
        return model

    def build(self, input_shape: Any = None) -> None:
        for classifier in self.classifiers:
            if not classifier.built:
                classifier.build()
        self.built = True

    def call(
        self, texts: tf.Tensor, sentence_vectors: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        seen = self.classifiers[0].views(tf.reshape(texts, [-1]), sentence_vectors)
        return {
            column: classifier.probabilities(*seen) for column, classifier in self.by_column.items()
        }

    @property
    def by_column(self) -> dict[str, TextClassifier]:
        """The classifier of each label column."""
        return dict(zip(self.columns, self.classifiers, strict=True))

    def serving_signatures(self) -> Mapping[str, Signature]:
        """`serving_default` and `encode`; see `column_signatures`."""
        return column_signatures(self.by_column)
