"""Compiling a model with an objective, and bringing both back from a file."""

from collections.abc import Collection
from typing import Any

import keras

from tfp_dgm import objectives

for _part in (getattr(objectives, name) for name in objectives.__all__):
    # Objectives know nothing of Keras; registered here, they come back from `.keras` in safe mode.
    if issubclass(_part, objectives.Configured):
        keras.saving.register_keras_serializable(package="tfp_dgm")(_part)


class TrainedByObjective:
    """Mixin of models that `compile` gives an objective, in the place of losses and metrics.

    Attributes:
      objective: what is optimised.
      critic_optimizer: what moves the critic of a model that has one; None of others.
    """

    objective: objectives.Objective
    critic_optimizer: Any = None
    critic_layer: Any

    def default_objective(self) -> objectives.Objective:
        """The objective where `compile` is given none."""
        return objectives.ELBO()

    @property
    def named_objectives(self) -> dict[str, objectives.Objective]:
        """All objectives, whose variables training may change, by the name of the attribute."""
        return {"objective": self.objective}

    @property
    def named_optimizers(self) -> dict[str, Any]:
        """All optimizers, by the name of the attribute."""
        model: Any = self
        named = {"optimizer": model.optimizer, "critic_optimizer": self.critic_optimizer}
        return {name: found for name, found in named.items() if found is not None}

    def build_optimizers(self, names: Collection[str] | None = None) -> None:
        """Makes the state of each optimizer that has none yet; the model must be built.

        Args:
          names: of those alone; None for all.
        """
        model: Any = self
        critic = [] if self.critic_layer is None else self.critic_layer.trainable_weights
        of_critic = {id(weight) for weight in critic}
        rest = [w for w in model.trainable_variables if id(w) not in of_critic]
        variables = {"optimizer": rest, "critic_optimizer": critic}
        for name, optimizer in self.named_optimizers.items():
            if not optimizer.built and (names is None or name in names):
                optimizer.build(variables[name])

    def compile(
        self,
        optimizer: Any = "adam",
        objective: objectives.Objective | None = None,
        *,
        critic_optimizer: Any = None,
        **kwargs: Any,
    ) -> None:
        """Configures training; see `keras.Model.compile` for the other arguments.

        Args:
          optimizer: a Keras optimizer or its name.
          objective: what to optimise; the model's `default_objective()` where None.
          critic_optimizer: what moves the weights of the critic, where the model has one: a Keras
            optimizer or its name; another one like `optimizer` where None.
          **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile`, `auto_scale_loss`.
        Raises:
          TypeError: if a `loss`, `loss_weights` or metrics are given: the objective is the loss,
            and the model logs its own parts; if the objective is no `Objective`; if a
            `critic_optimizer` is given to a model without a critic.
        """
        for argument in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.get(argument) is not None:
                raise TypeError(
                    f"{type(self).__name__}.compile: `{argument}` has no meaning here; give "
                    f"`objective=` (received {argument}={kwargs[argument]!r})"
                )
        if objective is not None and not isinstance(objective, objectives.Objective):
            raise TypeError(
                f"{type(self).__name__}.compile: `objective` must be an Objective; "
                f"received {objective!r}"
            )
        if critic_optimizer is not None and self.critic_layer is None:
            raise TypeError(
                f"{type(self).__name__}.compile: `critic_optimizer` is for a model with a critic; "
                f"received {critic_optimizer!r}"
            )
        super().compile(optimizer=optimizer, **kwargs)  # type: ignore[misc]
        if self.critic_layer is not None:
            if critic_optimizer is None:
                critic_optimizer = _renewed(optimizer)
            self.critic_optimizer = keras.optimizers.get(critic_optimizer)
        self.objective = self.default_objective() if objective is None else objective

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given; None of a model that is a part of another, or not compiled."""
        model: Any = self
        if not model.compiled:
            return None
        return {
            "optimizer": keras.saving.serialize_keras_object(model.optimizer),
            "objective": keras.saving.serialize_keras_object(self.objective),
            **self._critic_config(),
            "has_stepped": model.optimizer.built,
            "run_eagerly": model.run_eagerly,
            "jit_compile": model.jit_compile,
            "steps_per_execution": model.steps_per_execution,
            "auto_scale_loss": False,  # The optimizer above is wrapped already, if it is to be.
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """The inverse of `get_compile_config`."""
        model: Any = self
        config = dict(config)
        # One that never stepped was saved without the variables that it makes in its first step.
        stepped = {"optimizer": config.pop("has_stepped", True)}
        stepped["critic_optimizer"] = config.pop("critic_has_stepped", True)
        for part in ("optimizer", "objective", "critic_optimizer"):
            if part in config:
                config[part] = keras.saving.deserialize_keras_object(config[part])
        self.compile(**config)
        if model.built:
            self.build_optimizers({name for name, has in stepped.items() if has})

    def _critic_config(self) -> dict[str, Any]:
        if self.critic_optimizer is None:
            return {}
        return {
            "critic_optimizer": keras.saving.serialize_keras_object(self.critic_optimizer),
            "critic_has_stepped": self.critic_optimizer.built,
        }


def _renewed(optimizer: Any) -> Any:
    """Another optimizer of the same settings, without state."""
    optimizer = keras.optimizers.get(optimizer)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer  # Gradients are scaled by the first one's factor.
    return type(optimizer).from_config(optimizer.get_config())
