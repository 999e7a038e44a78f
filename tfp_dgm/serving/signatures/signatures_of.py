"""How each model of the package is served."""

from collections.abc import Callable, Mapping
from typing import Any

from tfp_dgm.models import (
    VAE,
    HierarchicalVAE,
    LanguageModel,
    LanguageModelMixture,
    MixtureOfExpertsCaptioner,
    QuantizedTextVAE,
    SentenceCompressor,
    Signature,
    StochasticRecurrentTextModel,
    TextVAE,
)
from tfp_dgm.serving.signatures.captioner_signatures import captioner_signatures
from tfp_dgm.serving.signatures.language_model_mixture_signatures import (
    language_model_mixture_signatures,
)
from tfp_dgm.serving.signatures.language_model_signatures import language_model_signatures
from tfp_dgm.serving.signatures.quantized_text_vae_signatures import quantized_text_vae_signatures
from tfp_dgm.serving.signatures.sentence_compressor_signatures import (
    sentence_compressor_signatures,
)
from tfp_dgm.serving.signatures.stochastic_recurrent_signatures import (
    stochastic_recurrent_signatures,
)
from tfp_dgm.serving.signatures.text_vae_signatures import text_vae_signatures
from tfp_dgm.serving.signatures.vae_signatures import vae_signatures

# What draws and decodes stands above the models, and so do the signatures made of it.
SIGNATURES: dict[type, Callable[[Any], Mapping[str, Signature]]] = {
    TextVAE: text_vae_signatures,
    QuantizedTextVAE: quantized_text_vae_signatures,
    LanguageModel: language_model_signatures,
    LanguageModelMixture: language_model_mixture_signatures,
    StochasticRecurrentTextModel: stochastic_recurrent_signatures,
    MixtureOfExpertsCaptioner: captioner_signatures,
    SentenceCompressor: sentence_compressor_signatures,
    VAE: vae_signatures,
    HierarchicalVAE: vae_signatures,
}


def signatures_of(model: Any) -> Mapping[str, Signature]:
    """The signatures that a model declares itself, and those of its class.

    Raises:
      ValueError: if there are none.
    """
    found = dict(model.serving_signatures()) if hasattr(model, "serving_signatures") else {}
    for kind in type(model).__mro__:
        if kind in SIGNATURES:
            found |= SIGNATURES[kind](model)
            break
    if not found:
        raise ValueError(
            f"model: {type(model).__name__} declares no serving_signatures; see docs/serving.md"
        )
    return found
