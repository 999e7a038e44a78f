"""M2: semi-supervised classification with a class and a continuous latent."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import objectives
from tfp_dgm.layers import (
    Categorical,
    CategoricalPrior,
    DistributionLayer,
    MultivariateNormalDiag,
    Prior,
    ProjectedDistributionLayer,
    require_prior,
    require_prior_of_features,
    require_projected_layer,
    standard_prior,
)
from tfp_dgm.models.class_sets import allowed_classes, restricted
from tfp_dgm.models.class_signatures import class_signatures
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts, parts_of
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.vae import build_network, over_leading_axes


@keras.saving.register_keras_serializable(package="tfp_dgm")
class M2(LatentVariableModel):
    """Generative semi-supervised classifier, "M2" of Kingma et al. [1].

        y ~ p(y);   z ~ p(z);   x ~ p(x | y, z);   q(y | x),  q(z | x, y)

    An annotation is a set A of allowed classes: one class (labelled), all of them (not annotated)
    or several. All three are one formula, with q restricted to A, so that a row's loss depends on
    that row alone:

        bound = sum_{y in A} q_A(y | x) (L(x, y) + log p(y) - log q_A(y | x)),
        L(x, y) = E_q(z | x, y) log p(x | y, z) - KL(q(z | x, y) || p(z)),
        loss  = -bound - classification_weight log q(A | x)

    For one allowed class and for all of them these are eqs. 6 and 7 of [1], and the loss is eq. 9
    with `classification_weight` as its alpha. `predict` and the call itself give q(y | x), [B, K].

    Args:
      num_classes: K.
      classifier: Keras layer, inputs [B, ...] -> features [B, D] of q(y | x); None: the encoder.
      encoder: Keras layer, inputs [B, ...] -> features [B, D] of q(z | x, y).
      posterior_network: Keras layer, features and one-hot class [N, D + K] -> [N, D'], or None.
      decoder: Keras layer, latent and one-hot class [N, Z + K] -> [N, D'']; None is log-linear.
      likelihood: distribution layer over the inputs.
      latent_units: Z, where `posterior` is not given.
      posterior: distribution layer of q(z | x, y); `MultivariateNormalDiag(latent_units)`.
      prior: p(z); `layers.standard_prior(posterior)`. Or a layer of p(z | y), whose features are
        the one-hot class. A `VampPrior` has pseudo-inputs where the posterior has its features.
      class_prior: p(y); `CategoricalPrior(num_classes, trainable=False)`, uniform.
      classification_weight: weight of the log-probability of the annotation, in nats of an example;
        the same for every example, whatever share of the data is annotated.
      class_objective: how the class is summed out; `EnumeratedELBO()`, exact. For many classes
        `ScoreFunctionELBO(num_samples=S)` costs S instead of K decoder passes.
      seed: see `LatentVariableModel`.
    References:
      [1] Kingma, Rezende, Mohamed and Welling. Semi-supervised Learning with Deep Generative
        Models. NeurIPS 2014. arXiv:1406.5298
    """

    part_names = ("bound", "reconstruction", "kl", "accuracy")

    def __init__(
        self,
        num_classes: int,
        encoder: keras.Layer,
        decoder: keras.Layer | None,
        likelihood: ProjectedDistributionLayer,
        *,
        classifier: keras.Layer | None = None,
        posterior_network: keras.Layer | None = None,
        latent_units: int | None = None,
        posterior: ProjectedDistributionLayer | None = None,
        prior: DistributionLayer | None = None,
        class_prior: Prior | None = None,
        classification_weight: float = 1.0,
        class_objective: objectives.Objective | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if num_classes < 2:
            raise ValueError(f"M2: `num_classes` must be >= 2; received {num_classes}")
        if posterior is None:
            if latent_units is None:
                raise ValueError("M2: give `latent_units` or a `posterior` layer; received none")
            posterior = MultivariateNormalDiag(latent_units, name="posterior")
        if prior is None:
            prior = standard_prior(posterior)
        if class_prior is None:
            class_prior = CategoricalPrior(num_classes, trainable=False, name="class_prior")
        require_projected_layer(self, "likelihood", likelihood)
        require_projected_layer(self, "posterior", posterior)
        require_prior_of_features(self, "prior", prior)
        require_prior(self, "class_prior", class_prior)
        if class_prior.units != num_classes:
            raise ValueError(
                f"M2: `class_prior` is over {class_prior.units} classes; expected {num_classes}"
            )
        self.num_classes = num_classes
        self.classification_weight = classification_weight
        self.class_objective = class_objective or objectives.EnumeratedELBO()
        self.classifier = classifier
        self.encoder = encoder
        self.posterior_network = posterior_network
        self.decoder = decoder
        self.likelihood = likelihood
        self.posterior_layer = posterior
        self.prior_layer = prior
        self.class_prior_layer = class_prior
        self.class_posterior_layer = Categorical(num_classes, name="class_posterior")
        self.save_as(
            posterior=posterior,
            prior=prior,
            class_prior=class_prior,
            class_objective=self.class_objective,
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = build_network(self.encoder, input_shape)
        class_features = features
        if self.classifier is not None:
            class_features = build_network(self.classifier, input_shape)
        self.class_posterior_layer.build(class_features)
        joint = (None, features[-1] + self.num_classes)
        self.posterior_layer.build(build_network(self.posterior_network, joint))
        latent = (None, self.posterior_layer.event_size + self.num_classes)
        self.likelihood.build(build_network(self.decoder, latent))
        self.prior_layer.build((None, self.num_classes))
        self.class_prior_layer.build()
        self.built = True

    @property
    def named_objectives(self) -> dict[str, objectives.Objective]:
        return {**super().named_objectives, "class_objective": self.class_objective}

    def class_posterior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """q(y | x)."""
        network = self.encoder if self.classifier is None else self.classifier
        return self.class_posterior_layer(network(inputs, training=training))

    def decode(self, z: tf.Tensor, one_hot: tf.Tensor, training: bool = False) -> tfd.Distribution:
        """p(x | y, z) for latents [..., Z] and one-hot classes that broadcast to [..., K]."""
        shape = tf.concat([tf.shape(z)[:-1], [self.num_classes]], axis=0)
        code = tf.concat([z, tf.broadcast_to(one_hot, shape)], axis=-1)  # [..., Z + K]
        if self.decoder is None:
            return self.likelihood(code)
        return self.likelihood(over_leading_axes(self.decoder, code, training=training))

    def joint(self, inputs: Any, *, training: bool = False) -> objectives.Joint:
        """The class's, within which is the style's."""
        encode = functools.cache(lambda: self.encoder(inputs, training=training))

        def posterior() -> tfd.Distribution:
            if self.classifier is None:
                return self.class_posterior_layer(encode())
            return self.class_posterior(inputs, training=training)

        def style(classes: tf.Tensor) -> objectives.Joint:  # Of classes int32 [S, B] or [S, 1].
            return self._style(inputs, encode(), classes, training)

        return objectives.Joint(
            self,
            inner=style,
            prior=lambda: self.class_prior_layer(None),
            posterior=posterior,
            training=training,
        )

    def _style(
        self, inputs: Any, features: tf.Tensor, classes: tf.Tensor, training: bool
    ) -> objectives.Joint:
        """p(x, z | y) and q(z | x, y)."""
        features = tf.cast(features, tf.float32)  # [B, D]
        rows = tf.zeros([tf.shape(features)[0], 1])
        one_hot = tf.one_hot(classes, self.num_classes) + rows  # [S, B, K]

        def log_likelihood(z: tf.Tensor) -> tf.Tensor:
            x = tf.cast(inputs, tf.float32)
            return self.decode(z, one_hot, training=training).log_prob(x)  # [S', S, B]

        def posterior() -> tfd.Distribution:
            shape = tf.concat([tf.shape(one_hot)[:-1], tf.shape(features)[-1:]], axis=0)
            both = tf.concat([tf.broadcast_to(features, shape), one_hot], axis=-1)  # [S, B, D + K]
            both = tf.ensure_shape(both, [None, None, features.shape[-1] + self.num_classes])
            if self.posterior_network is not None:
                both = over_leading_axes(self.posterior_network, both, training=training)
            return self.posterior_layer(both, training=training)

        return objectives.Joint(
            self,
            log_likelihood=log_likelihood,
            prior=lambda: self.prior_layer.as_prior(
                one_hot, posterior_of_features=self.posterior_layer, training=training
            ),
            posterior=posterior,
            training=training,
        )

    def whole(self, objective: objectives.Objective) -> objectives.Objective:
        """`class_objective` over the class, and `objective` within it over the style."""
        return objectives.Nested(self.class_objective, objective)

    def annotated_bound(
        self, inputs: Any, targets: Any, *, seed: tf.Tensor | None = None, training: bool = False
    ) -> objectives.Bound:
        """The `Bound` on log p(x, y in A), [B]; `loss` leaves the classification term out.

        Args:
          inputs: [B, ...].
          targets: classes [B], -1 for "not annotated", or a 0/1 matrix [B, K] of allowed classes.
          seed: int32 [2]; None draws the next one of the model's own.
        """
        joint = self.joint(inputs, training=training)
        allowed = allowed_classes(targets, self.num_classes)
        return self.bound_of(restricted(joint, allowed), seed=seed)

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        allowed = allowed_classes(targets, self.num_classes)
        joint = self.joint(inputs, training=training)
        bound = self.bound_of(restricted(joint, allowed))
        log_q = tf.math.log_softmax(joint.posterior.logits_parameter())  # [B, K]
        # [B]; 0 where every class is allowed.
        log_annotation = tf.reduce_logsumexp(tf.where(allowed, log_q, -float("inf")), axis=-1)
        correct = tf.gather(allowed, tf.argmax(log_q, axis=-1), axis=1, batch_dims=1)
        annotated = tf.cast(~tf.reduce_all(allowed, axis=-1), tf.float32)
        return bound.loss - self.classification_weight * log_annotation, {
            **parts_of(bound),
            "accuracy": (tf.cast(correct, tf.float32), annotated),
        }

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return self.class_posterior(inputs, training=training).probs_parameter()

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`, the class."""
        return class_signatures(self.likelihood.event_shape, self)
