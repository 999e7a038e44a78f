"""Arguments of objectives that are objects of a kind."""

import pytest

from tfp_dgm import objectives


@pytest.mark.parametrize(
    ("make", "name", "kind"),
    [
        (objectives.WassersteinMMD, "kernel", objectives.InverseMultiquadratic),
        (objectives.AdversarialAutoencoder, "critic_loss", objectives.WassersteinCritic),
        (objectives.ELBO, "gradient", objectives.StickingTheLanding),
        (objectives.ELBO, "rate", objectives.FreeBits),
        (objectives.ImportanceWeighted, "gradient", objectives.DoublyReparameterized),
    ],
)
def test_names_and_classes_in_the_place_of_objects_are_refused_by_name(make, name, kind):
    for given in ("rbf", "", kind, make()):
        with pytest.raises(TypeError, match=f"{make.__name__}: `{name}` must be a .*; received"):
            make(**{name: given})


def test_a_control_variate_that_is_none_is_refused_by_name():
    message = "ScoreFunctionELBO: `control_variates` must be a ControlVariate, .*LeaveOneOut"
    with pytest.raises(TypeError, match=message):
        objectives.ScoreFunctionELBO(control_variates=[objectives.LeaveOneOut])
