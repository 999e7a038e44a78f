"""Settings of jobs: frozen dataclasses, read from files and from `name=value`.

A job declares what can be set, once, as classes: names, types, ranges and defaults. The reader, its
refusals, `name=value` and the tables of the documentation follow from them, and how the folders of
its trainings are claimed and read. Nothing here loads
TensorFlow.
"""

from tfp_dgm.settings.classes import settings_class, variants
from tfp_dgm.settings.reading import read_settings
from tfp_dgm.settings.runs_of_job import RunsOfJob
from tfp_dgm.settings.seeds import LARGEST_SEED, Seed, check_seed
from tfp_dgm.settings.tables import settings_table
from tfp_dgm.settings.tf_config import Cluster, read_cluster

__all__ = [
    "LARGEST_SEED",
    "Cluster",
    "RunsOfJob",
    "Seed",
    "check_seed",
    "read_cluster",
    "read_settings",
    "settings_class",
    "settings_table",
    "variants",
]
