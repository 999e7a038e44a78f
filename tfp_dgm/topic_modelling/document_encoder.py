"""The pretrained encoder that a contextualised topic model, or clusters, read documents with."""

from __future__ import annotations

from tfp_dgm.confidence import AUTO, NONE, REGISTERED, why_untried
from tfp_dgm.data import DataError, check_topic_model, fetch
from tfp_dgm.networks import SentenceEncoder, TextEncoder
from tfp_dgm.topic_modelling.amortized_models import CTM

MIXTURE = "mixture"  # The model of clusters.


def document_encoder(asked: str | TextEncoder | None, model: str) -> TextEncoder | None:
    """The encoder of a "ctm", which needs one, or of clusters, which may have one; else None.

    Args:
      asked: a preset, or an encoder; "auto" is the registry's MiniLM, where it is at hand: nothing
        is downloaded. None is "auto" of a "ctm", and "none" of others.
      model: one of `data.TOPIC_MODELS`, or "mixture".
    Raises:
      DataError: if there is no such model, it takes none and one is asked for, or one is needed
        and there is none.
      OSError, ImportError: if it cannot be loaded.
    """
    if model != MIXTURE:
        check_topic_model(model, asked)
    if model not in (MIXTURE, CTM) or (model == MIXTURE and asked in (None, NONE)):
        return None
    if isinstance(asked, TextEncoder):
        return asked
    if asked not in (None, AUTO):
        return SentenceEncoder.from_preset(str(asked))
    if (why := why_untried()) is not None:
        needs = f"the model {CTM!r} needs one" if model == CTM else f"{AUTO!r} needs one"
        raise DataError(f"encoder: {needs}, and none is at hand. {why}")
    return SentenceEncoder.from_preset(str(fetch(REGISTERED)))
