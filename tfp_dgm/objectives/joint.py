"""What a model hands to an objective: all that is computed from a batch, once."""

import functools
from collections.abc import Callable
from typing import Any, Generic, NoReturn, Self, TypeVar, overload

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.same_space import require_same_space
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.steps import Steps

# A tensor, or a nested structure of tensors where the latents are of several layers.
Latents = Any
Part = TypeVar("Part")

# Parts of a joint -> what messages call them.
_PARTS = {
    "log_likelihood": "log-likelihood given this latent alone",
    "part_log_likelihood": "log-likelihood that is a sum over the parts of a structure",
    "prior": "prior",
    "posterior": "posterior",
    "parameters": "parameters of its posterior",
    "family": "family of its posterior",
    "straight_through": "log-likelihood with a straight-through gradient",
    "inner": "latent within another",
    "baseline": "learned baseline",
    "surrogate": "learned control variate",
    "critic": "critic of its latents",
    "dream_log_posterior": "dreams",
    "amounts": "amounts of its latent that could be limited",
    "steps": "latent that comes step by step",
}
_COMPUTED_ONCE = (
    "part_log_likelihood",
    "prior",
    "posterior",
    "parameters",
    "baseline",
    "surrogate",
    "critic",
    "amounts",
    "steps",
)


class _ComputedOnce(Generic[Part]):
    """A property that is computed when it is first asked for, and then an attribute.

    That of functools holds a lock meanwhile, in Python 3.11 one for all objects of the class. A
    replica whose posterior writes a variable waits there for the others to write it, too, and they
    would wait for the lock.
    """

    def __init__(self, compute: Callable[[Any], Part]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Part: ...

    def __get__(self, instance: Any, owner: type | None = None) -> Self | Part:
        if instance is None:
            return self
        return instance.__dict__.setdefault(self._name, self._compute(instance))


class LackingPartError(NotImplementedError):
    """A model has no such part.

    Attributes:
      owner: the model's name.
      part: what it lacks, in words.
    """

    def __init__(self, owner: str, part: str) -> None:
        super().__init__(f"{owner} has no {part}")
        self.owner, self.part = owner, part


class Joint:
    """p(x, z) and q(z | x) of the examples x of one batch, and what estimators need besides.

    A model gives the parts that it has. What is a function without arguments here is an attribute
    of the joint: computed when it is first asked for, and once, however many ask.

    Args:
      owner: the model, for its name in messages.
      log_likelihood: latents [S, B, ...] (or [S, 1, ...], the same for all examples) ->
        log p(x | z), float32 [S, B], nats; or an objective's `Bound` on it, with fields [S, B].
      part_log_likelihood: () -> what each part of a structure z adds to log p(x | z), where that is
        a sum over parts: [B, ...] as the potentials that tell the structure (of a `LinearChain`
        log p(x_t | z_t = k), [B, T, K]); 0 in the padding.
      prior: () -> p(z), batch shape [B] or [].
      posterior: () -> q(z | x), batch shape [B]. Latents of several layers are one joint
        distribution over a nested structure, such as `tfd.JointDistributionSequential`.
      parameters: () -> what `family` makes q(z | x) of, in the place of `posterior`;
        unconstrained, float32 [B, P].
      family: parameters [B, P] -> q(z | x).
      straight_through: as `log_likelihood`, of latents that are quantised, with the gradient that
        passes by their quantisation, straight to what was quantised.
      inner: latents [S, B, ...] -> the `Joint` of a further latent given them, batch shape [S, B],
        in the place of `log_likelihood`; see `objectives.Nested`.
      baseline: () -> what a learned control variate predicts of log p(x, z) - log q(z | x), from x
        alone; float32 [B], nats.
      surrogate: () -> RELAX's learned control variate, perturbed logits [S, B, ...] -> [S, B]; of
        latents in several layers, a list of them.
      critic: () -> what tells latents from draws of the prior, [S, B, ...] -> [S, B].
      dream_log_posterior: seed, int32 [2] -> log q(z' | x') of pairs that the model itself draws,
        as many as there are examples; float32 [B], nats.
      amounts: () -> name -> what there is of it in the latent, expected under the posterior, or an
        unbiased estimate of that, with its gradient; float32 [B].
      steps: () -> the `Steps` of a sequential latent, in the place of `log_likelihood`, `prior` and
        `posterior`; see `objectives.FIVO`.
      training: whether this is a step of training.
    Raises:
      LackingPartError: where a part is asked for that the model has not given.
      ValueError: if prior and posterior are over events of different shapes.
    """

    def __init__(
        self,
        owner: object,
        *,
        log_likelihood: Callable[[Latents], tf.Tensor | Bound] | None = None,
        part_log_likelihood: Callable[[], tf.Tensor] | None = None,
        prior: Callable[[], tfd.Distribution] | None = None,
        posterior: Callable[[], tfd.Distribution] | None = None,
        parameters: Callable[[], tf.Tensor] | None = None,
        family: Callable[[tf.Tensor], tfd.Distribution] | None = None,
        straight_through: Callable[[Latents], tf.Tensor] | None = None,
        inner: "Callable[[Latents], Joint] | None" = None,
        baseline: Callable[[], tf.Tensor] | None = None,
        surrogate: Callable[[], Any] | None = None,
        critic: Callable[[], Callable[[tf.Tensor], tf.Tensor]] | None = None,
        dream_log_posterior: Callable[[tf.Tensor], tf.Tensor] | None = None,
        amounts: Callable[[], dict[str, tf.Tensor]] | None = None,
        steps: Callable[[], Steps] | None = None,
        training: bool = False,
    ) -> None:
        self.owner = owner
        self.training = training
        parts: dict[str, Any] = {
            "log_likelihood": log_likelihood,
            "part_log_likelihood": part_log_likelihood,
            "prior": prior,
            "posterior": posterior,
            "parameters": parameters,
            "family": family,
            "straight_through": straight_through,
            "inner": inner,
            "baseline": baseline,
            "surrogate": surrogate,
            "critic": critic,
            "dream_log_posterior": dream_log_posterior,
            "amounts": amounts,
            "steps": steps,
        }
        self._parts = {name: part for name, part in parts.items() if part is not None}

    def log_likelihood(self, z: Latents) -> tf.Tensor | Bound:
        """log p(x | z) of latents [S, B, ...], or the bound on it; [S, B]."""
        return self._part("log_likelihood")(z)

    @_ComputedOnce
    def part_log_likelihood(self) -> tf.Tensor:
        """What each part of a structure adds to log p(x | z), [B, ...]."""
        return self._part("part_log_likelihood")()

    @_ComputedOnce
    def prior(self) -> tfd.Distribution:
        """p(z), batch shape [B] or []."""
        prior = self._part("prior")()
        if self.was_asked_for("posterior"):
            require_same_space(self.owner, self.posterior, prior)
        return prior

    @_ComputedOnce
    def posterior(self) -> tfd.Distribution:
        """q(z | x), batch shape [B]."""
        if "posterior" not in self._parts and "family" in self._parts:
            posterior = self.family(self.parameters)
        else:
            posterior = self._part("posterior")()
        if self.was_asked_for("prior"):
            require_same_space(self.owner, posterior, self.prior)
        return posterior

    @_ComputedOnce
    def parameters(self) -> tf.Tensor:
        """What `family` makes the posterior of; unconstrained, float32 [B, P]."""
        return self._part("parameters")()

    def family(self, parameters: tf.Tensor) -> tfd.Distribution:
        """The posterior of other parameters [B, P]."""
        return self._part("family")(parameters)

    def straight_through(self, z: Latents) -> tf.Tensor:
        """log p(x | z) of quantised latents [S, B, ...], the gradient passed by; [S, B]."""
        return self._part("straight_through")(z)

    def inner(self, z: Latents) -> "Joint":
        """The joint of the latent within, given latents [S, B, ...]; batch shape [S, B]."""
        return self._part("inner")(z)

    @_ComputedOnce
    def baseline(self) -> tf.Tensor:
        """What a learned control variate predicts of the log-weights; float32 [B]."""
        return self._part("baseline")()

    @_ComputedOnce
    def surrogate(self) -> Any:
        """RELAX's learned control variate, or a list of them; [S, B, ...] -> [S, B]."""
        return self._part("surrogate")()

    @_ComputedOnce
    def critic(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """What tells latents from draws of the prior; [S, B, ...] -> [S, B]."""
        return self._part("critic")()

    def dream_log_posterior(self, seed: tf.Tensor) -> tf.Tensor:
        """log q(z' | x') of pairs that the model itself draws; float32 [B]."""
        return self._part("dream_log_posterior")(seed)

    @_ComputedOnce
    def amounts(self) -> dict[str, tf.Tensor]:
        """Name -> what is expected of it in the latent; float32 [B]."""
        return self._part("amounts")()

    @_ComputedOnce
    def steps(self) -> Steps:
        """The steps of a sequential latent."""
        return self._part("steps")()

    def was_asked_for(self, part: str) -> bool:
        """Whether a part has been computed."""
        return part in self.__dict__

    def replaced(self, **parts: Any) -> Self:
        """This joint with other parts; the rest is shared, and still computed once.

        Args:
          **parts: by the names of the constructor's arguments.
        """
        rest = dict(self._parts)
        if "parameters" in parts:
            rest.pop("posterior", None)  # It is made of the new ones.
        shared = {
            name: functools.partial(getattr, self, name) for name in _COMPUTED_ONCE if name in rest
        }
        return type(self)(self.owner, **{"training": self.training, **rest, **shared, **parts})

    def _part(self, name: str) -> Any:
        return self._parts[name] if name in self._parts else self._lack(name)

    def _lack(self, name: str) -> NoReturn:
        raise LackingPartError(type(self.owner).__name__, _PARTS[name])
