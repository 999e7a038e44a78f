"""Settings of jobs: frozen dataclasses, read from files and from `name=value`.

A job declares what can be set, once, as classes: names, types, ranges and defaults. The reader, its
refusals, `name=value` and the tables of the documentation follow from them. Nothing here loads
TensorFlow.
"""

from tfp_dgm.settings.classes import settings_class, variants
from tfp_dgm.settings.reading import read_settings
from tfp_dgm.settings.tables import settings_table

__all__ = [
    "read_settings",
    "settings_class",
    "settings_table",
    "variants",
]
