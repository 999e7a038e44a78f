"""A model of topics behind strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.models import DocumentMixture, LatentDirichletAllocation, Signature
from tfp_dgm.networks import TextEncoder
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text import WordCounts
from tfp_dgm.topic_modelling.cluster_fitting import cluster_mixtures_of
from tfp_dgm.topic_modelling.topic_fitting import mixtures_of

_EXAMPLES = 7
_TWIN_WORDS = 512  # That the compiled twin reads of a text; the plain signature reads all.


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TopicTeller(SavesArguments, keras.Model):
    """Tells the topics of texts: string [B] -> mixtures [B, K].

    Args:
      word_counts: string -> counts [V].
      topic_model: counts [B, V] -> mixtures [B, K]; one that `fit_topics` or `fit_clusters` makes.
      order: [K]; the topics of that model in the order of the names.
      names: [K] of the topics.
      words: [K]; the words that tell each, joined by blanks.
      encoder: string -> the context [H] that the topic model sees beside the counts; None where it
        sees none.
    Raises:
      ValueError: if there are not as many names and words as topics.
    """

    def __init__(
        self,
        word_counts: WordCounts,
        topic_model: keras.Model,
        *,
        order: Sequence[int] | np.ndarray,
        names: Sequence[str],
        words: Sequence[str],
        encoder: TextEncoder | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if not len(order) == len(names) == len(words):
            raise ValueError(
                f"names: expected {len(order)} names and words, of each topic one; received "
                f"{len(names)} and {len(words)}"
            )
        self.word_counts = word_counts
        self.topic_model = topic_model
        self.order = tuple(int(topic) for topic in order)
        self.names, self.words = tuple(names), tuple(words)
        self.encoder = encoder

    def build(self, input_shape: Any = None) -> None:
        if not self.topic_model.built:
            self.topic_model.build((None, len(self.word_counts.vocabulary)))
        self.built = True

    def call(self, texts: tf.Tensor) -> tf.Tensor:
        texts = tf.reshape(texts, [-1])
        context = None if self.encoder is None else self.encoder(texts)
        return self.mixtures(self.word_counts(texts), context)

    def mixtures(self, counts: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
        """Mixtures [B, K] of counts [B, V], and of contexts [B, H] where there is an encoder."""
        inputs = counts if context is None else {"counts": counts, "context": context}
        return tf.gather(self.topic_model(inputs, training=False), self.order, axis=1)

    def mixtures_of(self, texts: Sequence[str]) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
        """The same of many texts at once, without a graph, in little memory.

        Returns:
          float32 [N, K]; and bool [N], whether any word of a text is known.
        """
        counts = self.word_counts.count_matrix(texts)
        known = np.asarray(counts.sum(axis=1)).ravel() > 0
        contexts = None if self.encoder is None else self.encoder.encode(texts)
        of = cluster_mixtures_of if isinstance(self.topic_model, DocumentMixture) else mixtures_of
        found = of(self.topic_model, counts, contexts)
        return found[:, list(self.order)], known

    def serving_signatures(self) -> Mapping[str, Signature]:
        """`serving_default`: text -> mixture [K], topic, probability and words.

        A text without a known word has the topic "" and the words "".
        """

        def tell(word_ids: tf.Tensor, **tokens: tf.Tensor) -> dict[str, tf.Tensor]:
            counts = self.word_counts.count(word_ids)
            mixture = self.mixtures(counts, self.encoder.pool(**tokens) if self.encoder else None)
            return best_of(mixture, tf.reduce_any(word_ids > 0, axis=-1))

        def tell_sparse(text: tf.Tensor) -> dict[str, tf.Tensor]:
            counts, _ = self.word_counts.sparse_count(text)
            mixture = tf.gather(self.topic_model.sparse_mixtures(counts), self.order, axis=1)
            text_of, texts = counts.indices[:, 0], counts.dense_shape[0]
            length = tf.math.unsorted_segment_sum(counts.values, text_of, texts)
            return best_of(mixture, length > 0)

        def best_of(mixture: tf.Tensor, known: tf.Tensor) -> dict[str, tf.Tensor]:
            best = 1 + tf.argmax(mixture, axis=-1, output_type=tf.int32)
            return {
                "mixture": mixture,
                "topic_id": tf.where(known, best, 0),
                "probability": tf.where(known, tf.reduce_max(mixture, axis=-1), 0.0),
            }

        def with_names(topic_id: tf.Tensor, **told: tf.Tensor) -> dict[str, tf.Tensor]:
            return {
                **told,
                "topic": tf.gather(tf.constant(["", *self.names]), topic_id),
                "words": tf.gather(tf.constant(["", *self.words]), topic_id),
            }

        return {
            "serving_default": Signature(
                inputs={"text": tf.TensorSpec([None], tf.string)},
                before=self._tokens,
                body=tell,
                plain_body=tell_sparse if self._reads_sparse_counts() else None,
                after=with_names,
                body_inputs=self._token_specs(),
                examples={"text": [*self.words[:_EXAMPLES], ""]},
            )
        }

    def _reads_sparse_counts(self) -> bool:
        # Other models look at all counts once, which costs no more than counting.
        return isinstance(self.topic_model, LatentDirichletAllocation)

    def _tokens(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        word_ids = tf.cast(self.word_counts.word_ids(text).to_tensor(0), tf.int32)
        return {"word_ids": word_ids, **(self.encoder.tokens(text) if self.encoder else {})}

    def _token_specs(self) -> dict[str, tf.TensorSpec]:
        specs = {"word_ids": tf.TensorSpec([None, _TWIN_WORDS], tf.int32)}
        if self.encoder is not None:
            for name, tensor in self.encoder.tokens(tf.constant([""])).items():
                specs[name] = tf.TensorSpec([None, self.encoder.sequence_length], tensor.dtype)
        return specs
