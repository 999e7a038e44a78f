"""TensorFlow's import without its start-up messages, as apps name it."""

from tfp_dgm.native_messages import quiet_start

__all__ = ["quiet_start"]
