"""A classifier of texts that says which words decide, and reads no others."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import objectives
from tfp_dgm.distributions import Selection, selection
from tfp_dgm.layers import (
    HardKumaraswamy,
    ProjectedDistributionLayer,
    require_projected_layer,
)
from tfp_dgm.layers.constraints import whole_numbers_below
from tfp_dgm.layers.events import assert_valid, with_event_shape
from tfp_dgm.models.class_sets import allowed_classes
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts, parts_of
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.text_inputs import token_ids_of, words_alone
from tfp_dgm.models.word_masks import word_masks
from tfp_dgm.networks import SequenceEncoder
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import PAD


@keras.saving.register_keras_serializable(package="tfp_dgm")
class RationaleClassifier(LatentVariableModel):
    """p(y | x) by way of a mask of the words, its rationale: strings in, classes and words out [1].

        m ~ p(m | x) = masks(selector(x));    y ~ p(y | m, x) = softmax(W classifier(m * e(x)) + b)

    A word whose mask is 0 is a vector of zeros to the classifier. The bound is
    E_p(m | x) log p(y | m, x) <= log p(y | x): the posterior of the mask is its prior, and the
    divergence 0. How many words may be kept, and how often a text may change between kept and left
    out, are limits on `kept` and `changes` in `objectives.Constrained`, both shares of the words:
    `[AtMost("kept", 0.4), AtMost("changes", 0.2)]`. By default it is 0.4 of the words.

    `fit` takes targets as `M2` does: classes [B], -1 where not annotated (which teaches nothing),
    or a 0/1 matrix [B, K]. Logs have `kept` and `changes`, and those of `evaluate` the `accuracy`
    with the mask that stands for all; `predict` and calling the model give p(y | m, x) with that
    mask, [B, K].

    Args:
      class_names: K names.
      vocabulary: of the texts, which may come as strings [B] or token ids [B, T].
      selector: encoder with `return_sequences`.
      classifier: encoder without.
      masks: `layers.HardKumaraswamy(1)` by default, trained by an `ELBO`; or
        `IndependentBernoulli(1)`, or `LinearChain(2)` for masks with transitions of their own, by
        default both trained by a `ScoreFunctionELBO`.
      max_length: words of a text that the compiled twin of the served model reads.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if an encoder or the masks are no such layers.
      ValueError: if encoders and vocabulary are not of one size, an encoder gives the other kind
        of features, or `max_length` is below 1.
    References:
      [1] Lei, Barzilay and Jaakkola. Rationalizing Neural Predictions. EMNLP 2016. arXiv:1606.04155
      [2] Bastings, Aziz and Titov. Interpretable Neural Predictions with Differentiable Binary
        Variables. ACL 2019. arXiv:1905.08160
    """

    part_names = ("bound", "reconstruction", "kl", "kept", "changes", "accuracy")

    def __init__(
        self,
        class_names: Sequence[str],
        vocabulary: Vocabulary,
        selector: SequenceEncoder,
        classifier: SequenceEncoder,
        *,
        masks: ProjectedDistributionLayer | None = None,
        max_length: int = 128,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # The default objective depends on them.
        self._is_reparameterized = masks is None or isinstance(masks, HardKumaraswamy)
        super().__init__(seed=seed, **kwargs)
        for name, encoder, of_words in (
            ("selector", selector, True),
            ("classifier", classifier, False),
        ):
            _check_encoder(self, name, encoder, of_words, vocabulary)
        if max_length < 1:
            raise ValueError(
                f"{type(self).__name__}: `max_length` must be >= 1; received {max_length}"
            )
        masks = HardKumaraswamy(1, name="masks") if masks is None else masks
        require_projected_layer(self, "masks", masks)
        self.class_names = list(class_names)
        self.vocabulary = vocabulary
        self.selector = selector
        self.classifier = classifier
        self.masks = masks
        self.head = keras.layers.Dense(len(self.class_names), dtype="float32", name="head")
        self.max_length = max_length
        self.save_as(masks=masks)

    def default_objective(self) -> objectives.Objective:
        within = objectives.ELBO() if self._is_reparameterized else objectives.ScoreFunctionELBO()
        return objectives.Constrained(within, [objectives.AtMost("kept", 0.4)])

    def build(self, input_shape: Any = None) -> None:
        for encoder in (self.selector, self.classifier):
            if not encoder.built:
                encoder.build((None, None))
        self.masks.build((None, None, self.selector.output_units))
        if not self.head.built:
            self.head.build((None, self.classifier.output_units))
        self.built = True

    def token_ids(self, inputs: tf.Tensor) -> tf.Tensor:
        """Strings [B] or token ids [B, T] as token ids int32 [B, T], without END; T >= 1."""
        token_ids = words_alone(token_ids_of(self, self.vocabulary, inputs))
        missing = tf.maximum(1 - tf.shape(token_ids)[1], 0)
        return tf.pad(token_ids, [[0, 0], [0, missing]], constant_values=PAD)

    def check_inputs(self, inputs: Any) -> None:
        inputs = tf.convert_to_tensor(inputs)
        if inputs.dtype == tf.string:
            return
        name = f"{type(self).__name__}: `x`"
        support = whole_numbers_below(self.vocabulary.size)
        inputs = with_event_shape(inputs, (None,), name)
        valid = support.holds(tf.cast(inputs, tf.float32))
        assert_valid(valid, inputs, f"{name} must be {support.description}")

    def mask_distribution(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """p(m | x) of strings [B] or token ids [B, T]; batch shape [B], events [T]."""
        token_ids = self.token_ids(inputs)
        features = self.selector(token_ids, training=training)
        return word_masks(self.masks, features, token_ids != PAD, training)

    def selection(self, inputs: Any) -> Selection:
        """Which words are kept: probabilities, and the mask that stands for all; 0 at no word."""
        return _of_words(self.mask_distribution(inputs), self.token_ids(inputs))

    def class_logits(self, inputs: Any, masks: tf.Tensor, training: bool = False) -> tf.Tensor:
        """log p(y | m, x) of masks [S, B, T]; float32 [S, B, K], nats.

        Args:
          inputs: strings [B] or token ids [B, T].
          masks: numbers from 0 to 1; what stands at no word is not read.
          training: whether the classifier has its dropout.
        """
        if not self.built:
            self.build()
        token_ids = self.token_ids(inputs)
        words = token_ids != PAD
        masks = tf.cast(masks, tf.float32) * tf.cast(words, tf.float32)  # [S, B, T]
        vectors = self.classifier.embed(token_ids)  # [B, T, E]
        vectors = vectors * tf.cast(masks, vectors.dtype)[..., tf.newaxis]  # [S, B, T, E]
        samples, rows, steps = tf.unstack(tf.shape(masks))
        features = self.classifier.encode(
            tf.reshape(vectors, [samples * rows, steps, vectors.shape[-1]]),
            tf.tile(words, [samples, 1]),
            training,
        )  # [S B, D]
        logits = tf.math.log_softmax(self.head(features))
        return tf.reshape(logits, [samples, rows, len(self.class_names)])

    def joint(self, inputs: Any, *, training: bool = False) -> objectives.Joint:
        """Of the masks, without what an annotation says of them."""
        token_ids = self.token_ids(inputs)

        def masks() -> tfd.Distribution:
            return self.mask_distribution(token_ids, training=training)

        joint = objectives.Joint(self, posterior=masks, training=training)

        def amounts() -> dict[str, tf.Tensor]:
            kept, changed, _ = _of_words(joint.posterior, token_ids)
            count = tf.reduce_sum(tf.cast(token_ids != PAD, tf.float32), axis=1)
            count = tf.maximum(count, 1.0)
            return {
                "kept": tf.reduce_sum(kept, axis=1) / count,
                "changes": tf.reduce_sum(changed, axis=1) / count,
            }

        return joint.replaced(prior=lambda: joint.posterior, amounts=amounts)

    def annotated_joint(
        self, inputs: Any, targets: Any, *, training: bool = False
    ) -> objectives.Joint:
        """p(m, y in A | x) of annotations: the likelihood is log p(y in A | m, x).

        Args:
          inputs: strings [B] or token ids [B, T].
          targets: classes [B], -1 for "not annotated", or a 0/1 matrix [B, K] of allowed classes.
          training: as of a call.
        """
        allowed = allowed_classes(targets, len(self.class_names))

        def log_likelihood(masks: tf.Tensor) -> tf.Tensor:
            logits = self.class_logits(inputs, masks, training)  # [S, B, K]
            return tf.reduce_logsumexp(tf.where(allowed, logits, -float("inf")), axis=-1)

        joint = self.joint(inputs, training=training)
        return joint.replaced(log_likelihood=log_likelihood)

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        token_ids = self.token_ids(inputs)
        joint = self.annotated_joint(token_ids, targets, training=training)
        bound = self.bound_of(joint)
        parts = {**parts_of(bound), **{name: (x, None) for name, x in joint.amounts.items()}}
        if not training:  # It takes a pass of the classifier of its own.
            allowed = allowed_classes(targets, len(self.class_names))
            correct = tf.gather(allowed, tf.argmax(self(token_ids), axis=-1), axis=1, batch_dims=1)
            annotated = tf.cast(~tf.reduce_all(allowed, axis=-1), tf.float32)
            parts["accuracy"] = (tf.cast(correct, tf.float32), annotated)
        return bound.loss, parts

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        mask = self.selection(inputs).mask
        return tf.exp(self.class_logits(inputs, mask[tf.newaxis], training)[0])

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`: text -> label, its probability and all `probabilities` [K]; the words
        kept as a text, `rationale`, and the mask [T] of the vocabulary's tokens, `mask`.
        """

        def tokenize(text: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"token_ids": self.token_ids(text)}

        def classify(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
            mask = self.selection(token_ids).mask
            found = tf.exp(self.class_logits(token_ids, mask[tf.newaxis])[0])
            return {"probabilities": found, "mask": mask, "token_ids": token_ids}

        def name(
            probabilities: tf.Tensor, mask: tf.Tensor, token_ids: tf.Tensor
        ) -> dict[str, tf.Tensor]:
            kept = tf.where(mask > 0, token_ids, PAD)
            return {
                "label": tf.gather(tf.constant(self.class_names), tf.argmax(probabilities, -1)),
                "probability": tf.reduce_max(probabilities, axis=-1),
                "probabilities": probabilities,
                "rationale": self.vocabulary.detokenize(kept),
                "mask": mask,
            }

        ids = tf.TensorSpec([None, self.max_length], tf.int32)
        examples = [" ".join(self.vocabulary.tokens[:3]), self.vocabulary.tokens[0]]
        signature = Signature(
            {"text": tf.TensorSpec([None], tf.string)},
            classify,
            {"text": examples},
            before=tokenize,
            after=name,
            body_inputs={"token_ids": ids},
        )
        return {"serving_default": signature}


def _of_words(masks: tfd.Distribution, token_ids: tf.Tensor) -> Selection:
    """What is selected, with 0 where there is no word."""
    words = tf.cast(token_ids != PAD, tf.float32)
    kept, changed, mask = selection(masks)
    return Selection(kept * words, changed * words[:, 1:], mask * words)


def _check_encoder(
    model: keras.Model, name: str, encoder: object, of_words: bool, vocabulary: Vocabulary
) -> None:
    owner = type(model).__name__
    if not isinstance(encoder, SequenceEncoder):
        raise TypeError(f"{owner}: `{name}` must be a SequenceEncoder; received {encoder!r}")
    if encoder.return_sequences != of_words:
        raise ValueError(
            f"{owner}: `{name}` must have return_sequences={of_words}; received "
            f"return_sequences={encoder.return_sequences}"
        )
    if encoder.vocabulary_size != vocabulary.size:
        raise ValueError(
            f"{owner}: the vocabulary has {vocabulary.size} tokens, the {name} "
            f"{encoder.vocabulary_size}"
        )
