"""Language models whose sentences have a structure that nobody has annotated."""

import functools
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions import DependencyTreeWithValence, LinearChain, Structure
from tfp_dgm.layers import DistributionLayer
from tfp_dgm.layers.constraints import whole_numbers_below
from tfp_dgm.layers.events import assert_valid, with_event_shape
from tfp_dgm.models.exact_likelihood_model import ExactLikelihoodModel
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.text_inputs import token_ids_of
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import END, PAD

NO_TAG = NO_HEAD = -1  # Where a sentence has ended.


@keras.saving.register_keras_serializable(package="tfp_dgm")
class StructuredLanguageModel(ExactLikelihoodModel):
    """log p(x) of sentences whose structure z is summed out: strings in, structures out.

        log p(x) = log sum_z p(x, z)

    An `ExactLikelihoodModel` that reads strings [B], whose words stand between spaces, or token ids
    int [B, T], filled with PAD. Sentences are given without END: p(x) is that of the words, given
    how many they are. `predict` and calling the model give the log-probabilities, [B].

    Args:
      likelihood: distribution layer whose distributions have a `posterior` over structures; over
        token ids or, with `embedding`, over sequences of vectors.
      vocabulary: of words between spaces (`split_punctuation=False`).
      embedding: Keras layer, token ids [B, T] -> vectors [B, T, D]. Those of PAD are not observed,
        whatever they are.
      seed: see `LatentVariableModel`.
    Raises:
      ValueError: if the vocabulary cuts words.
    """

    def __init__(
        self,
        likelihood: DistributionLayer,
        vocabulary: WordVocabulary,
        *,
        embedding: keras.layers.Layer | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(likelihood, seed=seed, **kwargs)
        if not isinstance(vocabulary, WordVocabulary) or vocabulary.split_punctuation:
            raise ValueError(
                "StructuredLanguageModel: `vocabulary` must be a WordVocabulary with "
                f"split_punctuation=False; received {vocabulary!r}"
            )
        self.vocabulary = vocabulary
        self.embedding = embedding

    def build(self, input_shape: Any = None) -> None:
        if self.embedding is not None and not self.embedding.built:
            self.embedding.build((None, None))
        super().build(input_shape)

    def token_ids(self, inputs: tf.Tensor) -> tf.Tensor:
        """Strings [B] or token ids [B, T] as token ids int32 [B, T], without END."""
        token_ids = token_ids_of(self, self.vocabulary, inputs)
        return tf.where(token_ids == END, PAD, token_ids)

    def events(self, inputs: tf.Tensor) -> tf.Tensor:
        """What the likelihood is of: token ids, or vectors [B, T, D]."""
        token_ids = self.token_ids(inputs)
        if self.embedding is None:
            return token_ids
        vectors = tf.cast(self.embedding(token_ids), tf.float32)
        return tf.where((token_ids == PAD)[..., tf.newaxis], float("nan"), vectors)

    def check_inputs(self, inputs: Any) -> None:
        """Raises unless the inputs are strings [B] or token ids [B, T] below V.

        Raises:
          ValueError: if they have another number of axes.
          InvalidArgumentError: if a value is no token id; names it and its row.
        """
        inputs = tf.convert_to_tensor(inputs)
        if inputs.dtype == tf.string:
            return
        name = f"{type(self).__name__}: `x`"
        support = whole_numbers_below(self.vocabulary.size)
        inputs = with_event_shape(inputs, (None,), name)
        valid = support.holds(tf.cast(inputs, tf.float32))
        assert_valid(valid, inputs, f"{name} must be {support.description}")

    def log_prob(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x) of strings [B] or token ids [B, T], float32 [B], nats."""
        distribution = self.distribution(inputs, training=training)
        return distribution.log_prob(self.events(inputs))

    def structure(self, inputs: Any) -> Structure:
        """p(z | x) of strings [B] or token ids [B, T], batch shape [B]."""
        return self.distribution(inputs).posterior(self.events(inputs))

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`: text -> tokens [T] (filled with ""), what is best of their structure,
        and log_likelihood, nats. See `answer_of`.
        """

        def parse(text: tf.Tensor) -> dict[str, tf.Tensor]:
            tokens = tf.strings.split(text).to_tensor("")
            width = tf.maximum(tf.shape(tokens)[1], 1)  # Of empty texts alone, 1.
            end = tf.fill([tf.shape(text)[0], 1], "")
            tokens = tf.concat([tokens, end], axis=1)[:, :width]  # [B, T]
            token_ids = self.token_ids(text)[:, :width]
            structure = self.structure(token_ids)
            known = tokens != ""
            return {
                "tokens": tokens,
                "log_likelihood": structure.log_partition(),
                **answer_of(structure, known),
            }

        words = " ".join(self.vocabulary.tokens[:3])
        examples = {"text": [words, self.vocabulary.tokens[0]]}
        inputs = {"text": tf.TensorSpec([None], tf.string)}
        return {"serving_default": Signature(inputs, parse, examples, xla=False)}


@functools.singledispatch
def answer_of(structure: Structure, known: tf.Tensor) -> dict[str, tf.Tensor]:
    """What is served of a posterior over structures.

    Of a `LinearChain`: tags int32 [B, T], the best states, `NO_TAG` in the padding, and
    probabilities [B, T] of each of them, 0 there. Of a `DependencyTreeWithValence`: heads int32
    [B, T] of the best tree, 1 .. T or 0 for the root, `NO_HEAD` in the padding, and probabilities
    [B, T] of each of their arcs.

    Args:
      structure: batch shape [B].
      known: bool [B, T], where there are words.
    Raises:
      NotImplementedError: if none is registered.
    """
    raise NotImplementedError(f"no answer is known for a {type(structure).__name__}")


@answer_of.register(LinearChain)
def _(structure: LinearChain, known: tf.Tensor) -> dict[str, tf.Tensor]:
    tags = structure.mode()
    probabilities = tf.gather(structure.marginals().unary, tags, axis=-1, batch_dims=2)
    return {
        "tags": tf.where(known, tags, NO_TAG),
        "probabilities": tf.where(known, probabilities, 0.0),
    }


@answer_of.register(DependencyTreeWithValence)
def _(structure: DependencyTreeWithValence, known: tf.Tensor) -> dict[str, tf.Tensor]:
    heads = structure.mode()
    arcs = tf.reduce_sum(structure.marginals().arcs, axis=-1)[:, :, 1:]  # [B, T + 1, T]
    probabilities = tf.gather(tf.transpose(arcs, [0, 2, 1]), heads, axis=-1, batch_dims=2)
    return {
        "heads": tf.where(known, heads, NO_HEAD),
        "probabilities": tf.where(known, probabilities, 0.0),
    }
