"""The folder of an induction."""

from tfp_dgm.induction.settings import TagSettings
from tfp_dgm.settings import RunsOfJob

MODEL = "model.keras"
claim_tags = RunsOfJob("tag induction", MODEL, TagSettings).claim
