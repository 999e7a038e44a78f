"""How each model of the package is served."""

from collections.abc import Callable, Mapping
from typing import Any

from tfp_dgm.models import VAE, HierarchicalVAE, MixtureOfExpertsCaptioner, Signature, TextVAE
from tfp_dgm.serving.captioner_signatures import captioner_signatures
from tfp_dgm.serving.text_vae_signatures import text_vae_signatures
from tfp_dgm.serving.vae_signatures import hierarchical_vae_signatures, vae_signatures

# What draws and decodes stands above the models, and so do the signatures made of it.
_SIGNATURES: dict[type, Callable[[Any], Mapping[str, Signature]]] = {
    TextVAE: text_vae_signatures,
    MixtureOfExpertsCaptioner: captioner_signatures,
    VAE: vae_signatures,
    HierarchicalVAE: hierarchical_vae_signatures,
}


def signatures_of(model: Any) -> Mapping[str, Signature]:
    """The signatures that a model declares itself, or those of its class.

    Raises:
      ValueError: if there are none.
    """
    if hasattr(model, "serving_signatures"):
        return model.serving_signatures()
    for kind in type(model).__mro__:
        if kind in _SIGNATURES:
            return _SIGNATURES[kind](model)
    raise ValueError(
        f"model: {type(model).__name__} declares no serving_signatures; see docs/serving.md"
    )
