"""Settings of jobs: frozen dataclasses, read from files and from `name=value`, and written.

A job declares what can be set, once, as classes: names, types, ranges and defaults. The reader, its
refusals, `name=value` and the tables of the documentation follow from them. Nothing here loads
TensorFlow.
"""

from tfp_dgm.settings.reading import read_settings
from tfp_dgm.settings.settings_class import settings_class, variants
from tfp_dgm.settings.settings_table import settings_table
from tfp_dgm.settings.writing import DATA, as_values, named_files, write_settings

__all__ = [
    "DATA",
    "as_values",
    "named_files",
    "read_settings",
    "settings_class",
    "settings_table",
    "variants",
    "write_settings",
]
