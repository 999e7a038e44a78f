"""Settings of the latent: posterior and prior."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from pydantic import Field

from tfp_dgm.settings import settings_class

Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]


@settings_class
class NormalPosterior:
    """Independent dimensions."""

    kind: Literal["normal"] = "normal"


@settings_class
class FullNormalPosterior:
    """A full covariance."""

    kind: Literal["full_normal"] = "full_normal"


@settings_class
class BatchNormalizedPosterior:
    """Independent dimensions whose means are kept apart over the data.

    Attributes:
      gamma: the means' standard deviation over the data.
    """

    kind: Literal["batch_normalized"] = "batch_normalized"
    gamma: Positive = 0.5


@settings_class
class _FlowPosterior:
    """What posteriors by a flow have.

    Attributes:
      base: the distribution that the flow starts from.
      num_layers: of the flow.
    """

    base: Literal["normal", "full_normal"] = "normal"


@settings_class
class PlanarPosterior(_FlowPosterior):
    """Planar flows."""

    kind: Literal["planar"] = "planar"
    num_layers: Count = 4


@settings_class
class IAFPosterior(_FlowPosterior):
    """Inverse autoregressive flows."""

    kind: Literal["iaf"] = "iaf"
    num_layers: Count = 2


@settings_class
class HouseholderPosterior:
    """Householder flows, from independent dimensions.

    Attributes:
      num_layers: of the flow.
    """

    kind: Literal["householder"] = "householder"
    num_layers: Count = 4


@settings_class
class SplinePosterior(_FlowPosterior):
    """Couplings along splines."""

    kind: Literal["spline"] = "spline"
    num_layers: Count = 2


@settings_class
class ContinuousPosterior(_FlowPosterior):
    """Continuous flows."""

    kind: Literal["continuous"] = "continuous"
    num_layers: Count = 1


@settings_class
class PowerSphericalPosterior:
    """On the unit sphere.

    Attributes:
      concentration: which fixes the rate; null where it is learned.
    """

    kind: Literal["power_spherical"] = "power_spherical"
    concentration: Positive | None = None


@settings_class
class PointMassPosterior:
    """One point: an encoding without noise."""

    kind: Literal["point_mass"] = "point_mass"


@settings_class
class NormalPrior:
    """The standard one."""

    kind: Literal["normal"] = "normal"


@settings_class
class MixturePrior:
    """Learned normal components.

    Attributes:
      num_components: how many.
    """

    kind: Literal["mixture"] = "mixture"
    num_components: Count = 20


@settings_class
class VampPrior:
    """The posteriors of learned pseudo-inputs.

    Attributes:
      num_components: how many.
    """

    kind: Literal["vamp"] = "vamp"
    num_components: Count = 50


@settings_class
class FlowPrior:
    """An autoregressive flow.

    Attributes:
      num_layers: of the flow.
    """

    kind: Literal["flow"] = "flow"
    num_layers: Count = 2


@settings_class
class SplineFlowPrior:
    """A flow of couplings along splines.

    Attributes:
      num_layers: of the flow.
    """

    kind: Literal["spline"] = "spline"
    num_layers: Count = 2


@settings_class
class ContinuousFlowPrior:
    """A continuous flow.

    Attributes:
      num_layers: of the flow.
    """

    kind: Literal["continuous"] = "continuous"
    num_layers: Count = 1


@settings_class
class SphericalUniformPrior:
    """Uniform on the unit sphere."""

    kind: Literal["spherical_uniform"] = "spherical_uniform"


@settings_class
class ImplicitPrior:
    """What a network makes of noise.

    Attributes:
      noise_units: how many numbers of noise; null for as many as the latent has.
      units: widths of the network's hidden layers.
    """

    kind: Literal["implicit"] = "implicit"
    noise_units: Count | None = None
    units: Annotated[tuple[Count, ...], Field(min_length=1)] = (128, 128)


FlowPosterior = (
    PlanarPosterior | IAFPosterior | HouseholderPosterior | SplinePosterior | ContinuousPosterior
)
AnyFlowPrior = FlowPrior | SplineFlowPrior | ContinuousFlowPrior
Posterior = Annotated[
    NormalPosterior
    | FullNormalPosterior
    | BatchNormalizedPosterior
    | PlanarPosterior
    | IAFPosterior
    | HouseholderPosterior
    | SplinePosterior
    | ContinuousPosterior
    | PowerSphericalPosterior
    | PointMassPosterior,
    Field(discriminator="kind"),
]
Prior = Annotated[
    NormalPrior
    | MixturePrior
    | VampPrior
    | FlowPrior
    | SplineFlowPrior
    | ContinuousFlowPrior
    | SphericalUniformPrior
    | ImplicitPrior,
    Field(discriminator="kind"),
]
