"""Language models whose sentences have a structure that nobody has annotated."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions import Structure
from tfp_dgm.layers import DistributionLayer
from tfp_dgm.layers.constraints import whole_numbers_below
from tfp_dgm.layers.events import assert_valid, with_event_shape
from tfp_dgm.layers.over_parsed_texts import OverParsedTexts
from tfp_dgm.models.exact_likelihood_model import ExactLikelihoodModel
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.structure_answers import Answer, signature_of_texts
from tfp_dgm.models.text_inputs import closed, require_uncut_words, token_ids_of, words_alone
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import PAD


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
        require_uncut_words(self, vocabulary)
        self.vocabulary = vocabulary
        self.embedding = embedding

    def build(self, input_shape: Any = None) -> None:
        if self.embedding is not None and not self.embedding.built:
            self.embedding.build((None, None))
        super().build(input_shape)

    def token_ids(self, inputs: tf.Tensor) -> tf.Tensor:
        """Strings [B] or token ids [B, T] as token ids int32 [B, T], without END."""
        return words_alone(token_ids_of(self, self.vocabulary, inputs))

    def events(self, inputs: tf.Tensor) -> tf.Tensor:
        """What the likelihood is of: vectors [B, T, D], or token ids, which END closes in a column
        more where grammars ask for it.
        """
        token_ids = self.token_ids(inputs)
        if isinstance(self.likelihood, OverParsedTexts):
            return closed(token_ids)
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

        def parse(token_ids: tf.Tensor) -> tuple[Structure, Answer]:
            structure = self.structure(token_ids)
            return structure, {"log_likelihood": structure.log_partition()}

        return {"serving_default": signature_of_texts(self.vocabulary, parse)}
