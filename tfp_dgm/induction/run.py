"""The folders of inductions."""

from tfp_dgm.induction.constituent_settings import ConstituentSettings
from tfp_dgm.induction.dependency_settings import DependencySettings
from tfp_dgm.induction.settings import TagSettings
from tfp_dgm.settings import RunsOfJob

MODEL = "model.keras"
claim_tags = RunsOfJob("tag induction", MODEL, TagSettings).claim
claim_dependencies = RunsOfJob("dependency induction", MODEL, DependencySettings).claim
claim_constituents = RunsOfJob("constituent induction", MODEL, ConstituentSettings).claim
