"""The folder of a captioner's training, which may keep decoded images and features in `cache/`."""

from tfp_dgm.captioning.earlier_settings import from_version_0_1
from tfp_dgm.captioning.settings import CaptionSettings
from tfp_dgm.settings import RunsOfJob

MODEL = "captioner.keras"
_RUNS = RunsOfJob("captioning", MODEL, CaptionSettings, from_version_0_1)
claim_run, settings_of = _RUNS.claim, _RUNS.settings_of
