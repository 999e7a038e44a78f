"""The pretrained encoder that a contextualised topic model reads documents with."""

from __future__ import annotations

from tfp_dgm.confidence import AUTO, REGISTERED, why_untried
from tfp_dgm.data import DataError, check_topic_model, fetch
from tfp_dgm.networks import SentenceEncoder, TextEncoder
from tfp_dgm.topic_modelling.amortized_models import CTM


def document_encoder(asked: str | TextEncoder | None, model: str) -> TextEncoder | None:
    """The encoder of a "ctm", which needs one; None of any other model, which takes none.

    Args:
      asked: a preset, or an encoder; "auto" or None is the registry's MiniLM, where it is at hand:
        nothing is downloaded.
      model: one of `data.TOPIC_MODELS`.
    Raises:
      DataError: if there is no such model, it takes none and one is asked for, or it needs one and
        there is none.
      OSError, ImportError: if it cannot be loaded.
    """
    check_topic_model(model, asked)
    if model != CTM:
        return None
    if isinstance(asked, TextEncoder):
        return asked
    if asked not in (None, AUTO):
        return SentenceEncoder.from_preset(str(asked))
    if (why := why_untried()) is not None:
        raise DataError(f"encoder: the model {CTM!r} needs one, and none is at hand. {why}")
    return SentenceEncoder.from_preset(str(fetch(REGISTERED)))
