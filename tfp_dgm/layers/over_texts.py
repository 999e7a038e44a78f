"""What layers of distributions over texts say of their events."""

from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.decoded_text import ended_before
from tfp_dgm.layers.constraints import Constraint
from tfp_dgm.token_ids import END, PAD, START


class OverTexts:
    """Mixin, before `DistributionLayer`: events are token ids [T], closed by END, then PAD."""

    @property
    def vocabulary_size(self) -> int:
        """V."""
        raise NotImplementedError

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        return (None,)

    @property
    def support(self) -> Constraint:
        """Texts that can have been written."""
        size = self.vocabulary_size

        def holds(token_ids: tf.Tensor) -> tf.Tensor:
            known = (token_ids >= 0) & (token_ids < size) & (token_ids != START)
            return known & (~ended_before(token_ids) | (token_ids == PAD))

        return Constraint(
            f"ids below {size} but {START} (START), and only {PAD} (PAD) after {END} (END)", holds
        )

    def check_events(self, events: tf.Tensor, name: str, **kwargs: Any) -> None:
        events = tf.convert_to_tensor(events)
        if not events.dtype.is_integer:
            raise ValueError(f"{name}: expected integers; received {events.dtype.name}")
        super().check_events(events, name, **kwargs)  # type: ignore[misc]
