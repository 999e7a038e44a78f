"""A row that a model does not answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Stands in place of a row's answer, and says why there is none."""

    reason: str
