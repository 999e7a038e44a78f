"""The model that all others build on, with the only training step."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import objectives
from tfp_dgm.layers import SavesSeed, stateless_seed
from tfp_dgm.models.data_intake import DataIntake
from tfp_dgm.models.step_data import num_replicas, shared_by_replicas, unpacked

for _part in (getattr(objectives, name) for name in objectives.__all__):
    # Objectives know nothing of Keras; registered here, they come back from `.keras` in safe mode.
    if issubclass(_part, objectives.Configured):
        keras.saving.register_keras_serializable(package="tfp_dgm")(_part)


class LatentVariableModel(DataIntake, SavesSeed, keras.Model):
    """p(z) p(x | z) with an amortised q(z | x), trained by an objective given to `compile`.

    A subclass gives `posterior`, `prior` and `log_likelihood`; one that learns from more than a
    bound (labels, say) overrides `losses_per_example`. Training minimises the objective's loss;
    `evaluate` reports the bound with weight 1 on every term. Each example counts the same, whatever
    batch or replica it stands in. The `loss` in the logs is the objective's; regularisers of
    weights are minimised beside it and not in it.

    Args:
      seed: int; the source of all noise in training and evaluation. None draws one.
      **kwargs: `name`, `dtype`, as for any Keras model.
    """

    # Names of the parts that `losses_per_example` gives.
    part_names: ClassVar[tuple[str, ...]] = ("bound", "reconstruction", "kl")
    # The layer, if there is one, whose distributions the inputs are events of.
    likelihood: Any = None

    def __init__(self, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.objective = self.default_objective()
        self._trackers = {name: keras.metrics.Mean(name=name) for name in self.part_names}

    # What a subclass says.

    def default_objective(self) -> objectives.Objective:
        """The objective where `compile` is given none."""
        return objectives.ELBO()

    def posterior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """q(z | x), batch shape [B]."""
        raise NotImplementedError(f"{type(self).__name__} has no `posterior` of its inputs alone")

    def prior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """p(z), batch shape [] or [B]."""
        raise NotImplementedError(f"{type(self).__name__} has no `prior` of its inputs alone")

    def log_likelihood(self, z: tf.Tensor, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x | z) in nats: latents [S, B, ...] and inputs [B, ...] -> [S, B]."""
        raise NotImplementedError(
            f"{type(self).__name__} has no `log_likelihood` of its inputs alone"
        )

    def posterior_parameters(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """What `posterior_layer.distribution` makes q(z | x) of: unconstrained, [B, P]."""
        raise NotImplementedError(f"{type(self).__name__} does not split its posterior")

    def baseline(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """What a learned control variate predicts of log p(x, z) - log q(z | x), [B], from x."""
        raise NotImplementedError(f"{type(self).__name__} has no learned baseline")

    def surrogate(
        self, inputs: Any, training: bool = False
    ) -> Callable[[tf.Tensor], tf.Tensor] | list[Callable[[tf.Tensor], tf.Tensor]]:
        """RELAX's learned control variate: perturbed logits [S, B, ...] -> [S, B].

        Of latents in several layers, a list of them.
        """
        raise NotImplementedError(f"{type(self).__name__} has no learned control variate")

    def dream(self, inputs: Any, *, seed: tf.Tensor, training: bool = False) -> tuple[Any, Any]:
        """Pairs from the model itself, as many as there are inputs: z [B, ...], x [B, ...]."""
        raise NotImplementedError(f"{type(self).__name__} cannot dream")

    def check_inputs(self, inputs: Any) -> None:
        """Raises unless the inputs are events of `likelihood`; asked at each step of `fit`.

        A model whose inputs are more than that, or other things, overrides it.

        Raises:
          ValueError, InvalidArgumentError: see `DistributionLayer.check_events`.
        """
        if self.likelihood is not None:
            self.likelihood.check_events(inputs, f"{type(self).__name__}: `x`")

    # What they get.

    @property
    def named_objectives(self) -> dict[str, objectives.Objective]:
        """All objectives, whose variables training may change, by the name of the attribute."""
        return {"objective": self.objective}

    def bound(
        self,
        inputs: Any,
        *,
        objective: objectives.Objective | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> objectives.Bound:
        """The objective's `Bound` of each example.

        Args:
          inputs: [B, ...].
          objective: another one than the model was compiled with.
          seed: int32 [2]; None draws the next one of the model's own.
        """
        objective = self.objective if objective is None else objective
        seed = stateless_seed(self.seed_generator) if seed is None else seed
        return objective(
            lambda z: self.log_likelihood(z, inputs, training=training),
            self.posterior(inputs, training=training),
            self.prior(inputs, training=training),
            seed=seed,
            **{
                name: self.needed(name, inputs, seed=seed, training=training)
                for name in objective.needs
            },
        )

    def needed(self, name: str, inputs: Any, *, seed: tf.Tensor, training: bool) -> Any:
        """What an objective needs beyond the distributions; see `Objective.needs`.

        Args:
          name: "training", whether this is a training step (bool); "baseline", a `baseline` [B];
            "surrogate", the function that `surrogate` gives; "dream_log_posterior", log q(z | x)
            [B] of pairs from `dream`; "posterior_parameters" [B, P], and "posterior_family", which
            makes q(z | x) of them.
          inputs: [B, ...].
          seed: int32 [2]; that of the objective.
        Raises:
          ValueError: if there is nothing of that name.
        """
        if name == "training":
            return training
        if name == "baseline":
            return self.baseline(inputs, training=training)
        if name == "surrogate":
            return self.surrogate(inputs, training=training)
        if name == "posterior_parameters":
            return self.posterior_parameters(inputs, training=training)
        if name == "posterior_family":
            return self.posterior_layer.distribution
        if name == "dream_log_posterior":
            seed = tf.random.experimental.stateless_fold_in(seed, 1)  # Other noise than the draws'.
            z, dreams = tf.nest.map_structure(
                tf.stop_gradient, self.dream(inputs, seed=seed, training=training)
            )
            return self.posterior(dreams, training=training).log_prob(z)
        raise ValueError(
            f"{type(self).__name__}: the objective needs {name!r}, which this model does not give"
        )

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, dict[str, tuple[tf.Tensor, tf.Tensor | None]]]:
        """The loss [B] that training minimises, and the parts to log.

        Returns:
          loss: float32 [B].
          parts: for each of `part_names`, values [B] and weights [B] or None.
        """
        del targets
        bound = self.bound(inputs, training=training)
        return bound.loss, {
            "bound": (bound.value, None),
            "reconstruction": (bound.reconstruction, None),
            "kl": (bound.kl, None),
        }

    def compile(
        self,
        optimizer: Any = "adam",
        objective: objectives.Objective | None = None,
        **kwargs: Any,
    ) -> None:
        """Configures training; see `keras.Model.compile` for the other arguments.

        Args:
          optimizer: a Keras optimizer or its name.
          objective: what to optimise; the model's `default_objective()` where None.
          **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile`, `auto_scale_loss`.
        Raises:
          TypeError: if a `loss`, `loss_weights` or metrics are given: the objective is the loss,
            and the model logs its own parts.
        """
        for argument in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.get(argument) is not None:
                raise TypeError(
                    f"{type(self).__name__}.compile: `{argument}` has no meaning here; give "
                    f"`objective=` (received {argument}={kwargs[argument]!r})"
                )
        if objective is not None and not callable(objective):
            raise TypeError(
                f"{type(self).__name__}.compile: `objective` must be an Objective; "
                f"received {objective!r}"
            )
        super().compile(optimizer=optimizer, **kwargs)
        self.objective = self.default_objective() if objective is None else objective

    def get_compile_config(self) -> dict[str, Any] | None:
        if not self.compiled:  # A part of another model, or not trained yet.
            return None
        return {
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "objective": keras.saving.serialize_keras_object(self.objective),
            "run_eagerly": self.run_eagerly,
            "jit_compile": self.jit_compile,
            "steps_per_execution": self.steps_per_execution,
            "auto_scale_loss": False,  # The optimizer above is wrapped already, if it is to be.
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        config = dict(config)
        for part in ("optimizer", "objective"):
            config[part] = keras.saving.deserialize_keras_object(config[part])
        self.compile(**config)
        if self.built:
            self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self._loss_tracker, *self._trackers.values()] if self.compiled else []

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        inputs, targets, sample_weight, count = self._unpack(data)
        with tf.GradientTape() as tape:
            losses, parts = self.losses_per_example(inputs, targets, training=True)
            weighted = losses if sample_weight is None else losses * sample_weight
            loss = tf.reduce_sum(weighted) / count
            if self.losses:  # Regularisers: every replica has them, and gradients are summed.
                loss += tf.add_n(self.losses) / num_replicas()
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return self._log(losses, parts, sample_weight)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        inputs, targets, sample_weight, _ = self._unpack(data)
        _, parts = self.losses_per_example(inputs, targets, training=False)
        return self._log(-parts["bound"][0], parts, sample_weight)

    def _unpack(self, data: Any) -> tuple[Any, Any, tf.Tensor | None, tf.Tensor]:
        inputs, targets, sample_weight = unpacked(data, type(self).__name__)
        self.check_inputs(inputs)
        # `fit` does not call the model itself, which is when Keras would build it.
        if not self.built:
            self.build(keras.tree.map_structure(lambda tensor: tuple(tensor.shape), inputs))
        return shared_by_replicas(inputs, targets, sample_weight)

    def _log(
        self,
        losses: tf.Tensor,
        parts: dict[str, tuple[tf.Tensor, tf.Tensor | None]],
        sample_weight: tf.Tensor | None,
    ) -> dict[str, tf.Tensor]:
        self._loss_tracker.update_state(losses, sample_weight=sample_weight)
        logs = {"loss": self._loss_tracker.result()}
        for name, (values, weights) in parts.items():
            if sample_weight is not None:
                weights = sample_weight if weights is None else weights * sample_weight
            self._trackers[name].update_state(values, sample_weight=weights)
            logs[name] = self._trackers[name].result()
        return logs
