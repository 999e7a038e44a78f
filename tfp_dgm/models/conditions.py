"""Inputs of models whose prior may depend on something: an event x alone, or with a condition c."""

from collections.abc import Mapping
from typing import Any


def event_of(inputs: Any) -> Any:
    """x [B, ...] of x itself, or of {"condition": c [B, ...], "event": x}; likewise of shapes."""
    return inputs["event"] if isinstance(inputs, Mapping) else inputs


def condition_of(inputs: Any) -> Any:
    """c [B, ...], or None where there is none; likewise of shapes."""
    return inputs["condition"] if isinstance(inputs, Mapping) else None


def with_event(inputs: Any, event: Any) -> Any:
    """The inputs with another event in the place of theirs."""
    return {**inputs, "event": event} if isinstance(inputs, Mapping) else event
