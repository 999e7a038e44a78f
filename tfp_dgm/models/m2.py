"""M2: semi-supervised classification with a class and a continuous latent."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import objectives
from tfp_dgm.layers import (
    Categorical,
    CategoricalPrior,
    MultivariateNormalDiag,
    Prior,
    ProjectedDistributionLayer,
    require_distribution_layer,
    require_prior,
    standard_prior,
    stateless_seed,
)
from tfp_dgm.models.annotation import allowed_classes
from tfp_dgm.models.class_signatures import class_signatures
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.vae import build_network, over_leading_axes

# Constructor argument -> attribute that holds the layer.
_PARTS = {
    "classifier": "classifier",
    "encoder": "encoder",
    "posterior_network": "posterior_network",
    "decoder": "decoder",
    "likelihood": "likelihood",
    "posterior": "posterior_layer",
    "prior": "prior_layer",
    "class_prior": "class_prior_layer",
}


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
      prior: p(z); `layers.standard_prior(posterior)`.
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
        prior: Prior | None = None,
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
        require_distribution_layer(self, "likelihood", likelihood)
        require_distribution_layer(self, "posterior", posterior)
        require_prior(self, "prior", prior)
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
        self.prior_layer.build()
        self.class_prior_layer.build()
        self.built = True

    @property
    def named_objectives(self) -> dict[str, objectives.Objective]:
        return {**super().named_objectives, "class_objective": self.class_objective}

    def class_posterior(
        self, inputs: Any, allowed: tf.Tensor | None = None, training: bool = False
    ) -> tfd.Distribution:
        """q(y | x), restricted to the allowed classes (bool [B, K]) where they are given."""
        network = self.encoder if self.classifier is None else self.classifier
        posterior = self.class_posterior_layer(network(inputs, training=training))
        return posterior if allowed is None else _restrict(posterior, allowed)

    def class_log_likelihood(
        self,
        classes: tf.Tensor,
        inputs: Any,
        *,
        objective: objectives.Objective | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> objectives.Bound:
        """The bound on log p(x | y).

        Args:
          classes: int32 [S, B].
          inputs: [B, ...].
          objective: another one for the style than the model was compiled with.
          seed: int32 [2]; None draws the next one of the model's own.
        Returns:
          A `Bound` whose fields are [S, B] instead of [B].
        """
        features = tf.cast(self.encoder(inputs, training=training), tf.float32)  # [B, D]
        one_hot = tf.one_hot(classes, self.num_classes)  # [S, B, K]
        shape = tf.concat([tf.shape(one_hot)[:-1], tf.shape(features)[-1:]], axis=0)
        joint = tf.concat([tf.broadcast_to(features, shape), one_hot], axis=-1)  # [S, B, D + K]
        joint = tf.ensure_shape(joint, [None, None, features.shape[-1] + self.num_classes])
        if self.posterior_network is not None:
            joint = over_leading_axes(self.posterior_network, joint, training=training)

        def log_likelihood(z: tf.Tensor) -> tf.Tensor:
            return self.decode(z, one_hot, training=training).log_prob(
                tf.cast(inputs, tf.float32)
            )  # [S', S, B]

        objective = self.objective if objective is None else objective
        seed = stateless_seed(self.seed_generator) if seed is None else seed
        return objective(
            log_likelihood,
            self.posterior_layer(joint, training=training),
            self.prior_layer(None),
            seed=seed,
            **{
                name: self.needed(name, inputs, seed=seed, training=training)
                for name in objective.needs
            },
        )

    def decode(self, z: tf.Tensor, one_hot: tf.Tensor, training: bool = False) -> tfd.Distribution:
        """p(x | y, z) for latents [..., Z] and one-hot classes that broadcast to [..., K]."""
        shape = tf.concat([tf.shape(z)[:-1], [self.num_classes]], axis=0)
        code = tf.concat([z, tf.broadcast_to(one_hot, shape)], axis=-1)  # [..., Z + K]
        if self.decoder is None:
            return self.likelihood(code)
        return self.likelihood(over_leading_axes(self.decoder, code, training=training))

    def annotated_bound(
        self,
        inputs: Any,
        targets: Any,
        *,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> objectives.Bound:
        """The `Bound` on log p(x, y in A), [B]; `loss` leaves the classification term out.

        Args:
          inputs: [B, ...].
          targets: classes [B], -1 for "not annotated", or a 0/1 matrix [B, K] of allowed classes.
          seed: int32 [2]; None draws the next one of the model's own.
        """
        posterior = self.class_posterior(inputs, training=training)
        allowed = allowed_classes(targets, self.num_classes)
        return self._bound_within(allowed, posterior, inputs, seed=seed, training=training)

    def bound(
        self,
        inputs: Any,
        *,
        objective: objectives.Objective | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> objectives.Bound:
        posterior = self.class_posterior(inputs, training=training)
        every = tf.fill(tf.shape(posterior.logits_parameter()), True)
        return self._bound_within(
            every, posterior, inputs, objective=objective, seed=seed, training=training
        )

    def _bound_within(
        self,
        allowed: tf.Tensor,
        posterior: tfd.Categorical,
        inputs: Any,
        *,
        objective: objectives.Objective | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> objectives.Bound:
        posterior = _restrict(posterior, allowed)
        seed = stateless_seed(self.seed_generator) if seed is None else seed
        class_seed, latent_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        inner: list[objectives.Bound] = []

        def given_class(classes: tf.Tensor) -> tf.Tensor:
            inner.append(
                self.class_log_likelihood(
                    classes, inputs, objective=objective, seed=latent_seed, training=training
                )
            )
            return -inner[0].loss

        def over_classes(
            log_likelihood: Callable[[tf.Tensor], tf.Tensor], training: bool
        ) -> objectives.Bound:
            needed = {
                name: self.needed(name, inputs, seed=class_seed, training=training)
                for name in self.class_objective.needs
            }
            prior = self.class_prior_layer(None)
            return self.class_objective(log_likelihood, posterior, prior, seed=class_seed, **needed)

        outer = over_classes(given_class, training)
        # Once more over the same classes and draws, with weight 1 on every term.
        true = over_classes(lambda classes: inner[0].value, False)
        reconstruction = over_classes(lambda classes: inner[0].reconstruction, False).reconstruction
        return objectives.Bound(
            loss=outer.loss,
            value=true.value,
            reconstruction=reconstruction,
            kl=reconstruction - true.value,
            log_weights=true.log_weights,
        )

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, dict[str, tuple[tf.Tensor, tf.Tensor | None]]]:
        allowed = allowed_classes(targets, self.num_classes)
        # One q(y | x) for both terms, so that noise in the classifier is the same in both.
        posterior = self.class_posterior(inputs, training=training)
        bound = self._bound_within(allowed, posterior, inputs, training=training)
        log_q = tf.math.log_softmax(posterior.logits_parameter())  # [B, K]
        log_annotation = tf.reduce_logsumexp(
            tf.where(allowed, log_q, -float("inf")), axis=-1
        )  # [B]; 0 where every class is allowed.
        correct = tf.gather(allowed, tf.argmax(log_q, axis=-1), axis=1, batch_dims=1)
        annotated = tf.cast(~tf.reduce_all(allowed, axis=-1), tf.float32)
        return bound.loss - self.classification_weight * log_annotation, {
            "bound": (bound.value, None),
            "reconstruction": (bound.reconstruction, None),
            "kl": (bound.kl, None),
            "accuracy": (tf.cast(correct, tf.float32), annotated),
        }

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return self.class_posterior(inputs, training=training).probs_parameter()

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`, the class."""
        return class_signatures(self.likelihood.event_shape, self)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "classification_weight": self.classification_weight,
            "class_objective": keras.saving.serialize_keras_object(self.class_objective),
            "seed": self.seed,
            **{
                name: keras.saving.serialize_keras_object(getattr(self, attribute))
                for name, attribute in _PARTS.items()
            },
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "M2":
        config = dict(config)
        for name in (*_PARTS, "class_objective"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def _restrict(posterior: tfd.Distribution, allowed: tf.Tensor) -> tfd.Distribution:
    logits = tf.where(allowed, posterior.logits_parameter(), -float("inf"))
    return tfd.Categorical(logits=logits)
