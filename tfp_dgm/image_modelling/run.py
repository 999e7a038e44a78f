"""The folder of a training on images."""

from tfp_dgm.image_modelling.earlier_settings import from_version_0_1
from tfp_dgm.image_modelling.settings import ImageModelSettings
from tfp_dgm.settings import RunsOfJob

MODEL = "model.keras"
_RUNS = RunsOfJob("image_modelling", MODEL, ImageModelSettings, from_version_0_1)
claim_run, settings_of = _RUNS.claim, _RUNS.settings_of
