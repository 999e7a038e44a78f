"""Compiling a model with an objective, and bringing both back from a file."""

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
    """

    objective: objectives.Objective

    def default_objective(self) -> objectives.Objective:
        """The objective where `compile` is given none."""
        return objectives.ELBO()

    @property
    def named_objectives(self) -> dict[str, objectives.Objective]:
        """All objectives, whose variables training may change, by the name of the attribute."""
        return {"objective": self.objective}

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
            and the model logs its own parts; if the objective is no `Objective`.
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
        super().compile(optimizer=optimizer, **kwargs)  # type: ignore[misc]
        self.objective = self.default_objective() if objective is None else objective

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given; None of a model that is a part of another, or not compiled."""
        model: Any = self
        if not model.compiled:
            return None
        return {
            "optimizer": keras.saving.serialize_keras_object(model.optimizer),
            "objective": keras.saving.serialize_keras_object(self.objective),
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
        has_stepped = config.pop("has_stepped", True)
        for part in ("optimizer", "objective"):
            config[part] = keras.saving.deserialize_keras_object(config[part])
        self.compile(**config)
        if model.built and has_stepped:
            model.optimizer.build(model.trainable_variables)
