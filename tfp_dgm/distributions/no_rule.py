"""What a capability says of a distribution that has not registered it."""

from collections.abc import Callable
from typing import Any

from tensorflow_probability import distributions as tfd


def no_rule(capability: Callable[..., Any], expected: str, distribution: tfd.Distribution) -> str:
    """The message of a capability's error.

    Args:
      capability: a `functools.singledispatch` function of distributions.
      expected: what it takes, in words.
      distribution: what came.
    """
    name, family = capability.__name__, type(distribution).__name__
    return (
        f"expected {expected}; received {family} (a rule for others: "
        f"`{name}.register({family}, ...)`)"
    )
