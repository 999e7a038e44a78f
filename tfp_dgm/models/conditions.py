"""Inputs of models whose prior may depend on something: an event x alone, or with a condition c."""

from collections.abc import Mapping
from typing import Any

from tfp_dgm.layers import DistributionLayer, Prior


def event_of(inputs: Any) -> Any:
    """x [B, ...] of x itself, or of {"condition": c [B, ...], "event": x}; likewise of shapes."""
    return _part(inputs, "event") if isinstance(inputs, Mapping) else inputs


def condition_of(inputs: Any) -> Any:
    """c [B, ...], or None where there is none; likewise of shapes."""
    return _part(inputs, "condition") if isinstance(inputs, Mapping) else None


def _part(inputs: Mapping[str, Any], name: str) -> Any:
    if name not in inputs:
        raise ValueError(
            '`x`: expected {"condition": ..., "event": ...}; received a dict with '
            f"{' and '.join(map(repr, inputs)) or 'nothing'} in it"
        )
    return inputs[name]


def with_event(inputs: Any, event: Any) -> Any:
    """The inputs with another event in the place of theirs."""
    return {**inputs, "event": event} if isinstance(inputs, Mapping) else event


def build_prior(owner: object, prior: DistributionLayer, input_shape: Any) -> None:
    """Builds a prior for inputs of a shape.

    Raises:
      ValueError: if it depends on a condition, and there is none.
    """
    condition = condition_of(input_shape)
    if condition is None and not isinstance(prior, Prior):
        raise ValueError(
            f"{type(owner).__name__}: `prior` is a {type(prior).__name__}, which depends on a "
            'condition; expected inputs {"condition": ..., "event": ...}, received events of the '
            f"shape {tuple(input_shape)}"
        )
    prior.build(condition)
