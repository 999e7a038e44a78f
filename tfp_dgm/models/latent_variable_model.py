"""The model that all others build on, with the only training step."""

from typing import Any, ClassVar

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers import SavesSeed, stateless_seed
from tfp_dgm.models.conditions import event_of
from tfp_dgm.models.data_intake import DataIntake
from tfp_dgm.models.latent_critic import scaled_back
from tfp_dgm.models.step_data import (
    are_several_workers,
    num_replicas,
    refuse_second_inputs,
    shared_by_replicas,
    unpacked,
)
from tfp_dgm.models.trained_by_objective import TrainedByObjective
from tfp_dgm.objectives import Bound, Joint, Objective
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.uncast_weights import UncastWeights

# Name -> values [B], and weights [B] or None.
Parts = dict[str, tuple[tf.Tensor, tf.Tensor | None]]


class LatentVariableModel(
    SavesArguments, TrainedByObjective, DataIntake, SavesSeed, UncastWeights, keras.Model
):
    """p(z) p(x | z) with an amortised q(z | x), trained by an objective given to `compile`.

    A subclass gives `joint`; one that learns from more than a bound (labels, say) overrides
    `losses_per_example`. Training minimises the objective's loss; `evaluate` reports the bound with
    weight 1 on every term. Each example counts the same, whatever batch or replica it stands in.
    The `loss` in the logs is the objective's; regularisers of weights are minimised beside it and
    not in it.

    Args:
      seed: int; the source of all noise in training and evaluation. None draws one.
      **kwargs: `name`, `dtype`, as for any Keras model.
    """

    # Names of the parts that `losses_per_example` gives.
    part_names: ClassVar[tuple[str, ...]] = ("bound", "reconstruction", "kl")
    # The layer, if there is one, whose distributions the inputs are events of.
    likelihood: Any = None
    # The critic of the latents, if there is one: a layer whose weights have their own optimizer.
    critic_layer: Any = None

    def __init__(self, *, seed: int | None = None, **kwargs: Any) -> None:
        # A call reads the inputs as `fit` does: in bfloat16, counts above 256 would be rounded.
        super().__init__(autocast=False, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.objective = self.default_objective()
        self._trackers: dict[str, keras.metrics.Metric] = {
            name: keras.metrics.Mean(name=name) for name in self.part_names
        }

    @property
    def _default_save_signature(self) -> None:
        """None: a SavedModel holds what `serving.export` is told, and nothing of Keras's.

        Keras would add the model on floats of the shape that it was built on, were that of strings.
        """
        return None

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        """p(x, z) and q(z | x) of inputs [B, ...], each part computed once, when asked for.

        Of None in the inputs' place, only the parts can be asked for that depend on no input.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `joint` of its inputs alone")

    def bound(
        self,
        inputs: Any,
        *,
        objective: Objective | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> Bound:
        """The objective's `Bound` of each example.

        Args:
          inputs: [B, ...].
          objective: another one than the model was compiled with.
          seed: int32 [2]; None draws the next one of the model's own.
        """
        joint = self.joint(inputs, training=training)
        return self.bound_of(joint, objective=objective, seed=seed)

    def bound_of(
        self, joint: Joint, *, objective: Objective | None = None, seed: tf.Tensor | None = None
    ) -> Bound:
        """`bound` of what `joint` gave."""
        seed = stateless_seed(self.seed_generator) if seed is None else seed
        return self.whole(self.objective if objective is None else objective)(joint, seed=seed)

    def whole(self, objective: Objective) -> Objective:
        """What `joint` is evaluated by; another than `objective` where that is a part of it."""
        return objective

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        """The loss [B] that training minimises, and the values to log for each of `part_names`."""
        refuse_second_inputs(inputs, targets, type(self).__name__)
        bound = self.bound(inputs, training=training)
        return bound.loss, parts_of(bound)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        inputs, targets, sample_weight, count = self._unpack(data)
        with tf.GradientTape() as tape:
            losses, parts = self.losses_per_example(inputs, targets, training=True)
            weighted = losses if sample_weight is None else losses * sample_weight
            loss = tf.reduce_sum(weighted) / count
            if self.losses:  # Regularisers: every replica has them, and gradients are summed.
                own = [tf.cast(one, loss.dtype) for one in self.losses]
                loss += tf.add_n(own) / num_replicas()
            scaled = self.optimizer.scale_loss(loss)
        self._apply(tape.gradient(scaled, self.trainable_weights))
        return self._log(losses, parts, sample_weight)

    def _apply(self, gradients: list[Any]) -> None:
        """Moves the trainable weights, each group by its optimizer."""
        pairs = list(zip(gradients, self.trainable_weights, strict=True))
        if self.critic_layer is not None:
            of_critic = {id(weight) for weight in self.critic_layer.trainable_weights}
            # Of an objective that asks no critic there is no gradient.
            found = [pair for pair in pairs if id(pair[1]) in of_critic and pair[0] is not None]
            pairs = [pair for pair in pairs if id(pair[1]) not in of_critic]
            if found:
                found, pairs = scaled_back(found, pairs, self.optimizer, self.critic_optimizer)
                self.critic_optimizer.apply_gradients(found)
        if pairs:
            self.optimizer.apply_gradients(pairs)

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
        self, losses: tf.Tensor, parts: Parts, sample_weight: tf.Tensor | None
    ) -> dict[str, tf.Tensor]:
        self._loss_tracker.update_state(losses, sample_weight=sample_weight)
        logs = {"loss": self._loss_tracker.result()}
        for name, (values, weights) in parts.items():
            if sample_weight is not None:
                weights = sample_weight if weights is None else weights * sample_weight
            self._trackers[name].update_state(values, sample_weight=weights)
            logs[self._shown(name)] = self._trackers[name].result()
        if are_several_workers():
            # Keras takes the mean over the workers and over the first axis, and fails without one.
            return {name: value[tf.newaxis] for name, value in logs.items()}
        return logs

    def _shown(self, name: str) -> str:
        return self.objective.log_names.get(name, name)

    def get_metrics_result(self) -> dict[str, Any]:
        """By the names of the logs; of replicas Keras takes this, where the names are the same."""
        return {self._shown(name): value for name, value in super().get_metrics_result().items()}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self._loss_tracker, *self._trackers.values()] if self.compiled else []

    def check_inputs(self, inputs: Any) -> None:
        """Raises unless the inputs are events of `likelihood`; asked at each step of `fit`.

        A model whose inputs are more than that, or other things, overrides it.

        Raises:
          ValueError, InvalidArgumentError: see `DistributionLayer.check_events`.
        """
        if self.likelihood is not None:
            self.likelihood.check_events(event_of(inputs), f"{type(self).__name__}: `x`")

    # Parts of `joint`, for whom one of them is enough.

    def posterior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """q(z | x), batch shape [B]."""
        return self.joint(inputs, training=training).posterior

    def prior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """p(z), batch shape [] or [B]."""
        return self.joint(inputs, training=training).prior

    def log_likelihood(self, z: Any, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x | z) in nats: latents [S, B, ...] and inputs [B, ...] -> [S, B]."""
        return self.joint(inputs, training=training).log_likelihood(z)


def parts_of(bound: Bound) -> Parts:
    """What every model with a latent logs of its bound."""
    return {
        "bound": (bound.value, None),
        "reconstruction": (bound.reconstruction, None),
        "kl": (bound.kl, None),
    }
