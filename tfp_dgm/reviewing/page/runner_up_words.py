"""What else the words of a sentence may be, as the tagger says that a folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfp_dgm.data import DataError
from tfp_dgm.reviewing.page.shown_sentence import RunnersUp

_ASKED = ("tags", "probabilities", "second_tags", "second_probabilities")


def load_runners_up(model: Path) -> RunnersUp:
    """Loads a tagging's model.

    It reads sentences without the tags that are given of their other words.

    Args:
      model: the folder that `dgm tag` wrote.
    Raises:
      DataError: if the model cannot be loaded.
    """
    import tensorflow as tf

    from tfp_dgm.models import load_model
    from tfp_dgm.tagging import JudgedTagger

    loaded = load_model(model / "model.keras")
    if not isinstance(loaded, JudgedTagger):
        raise DataError.at(model, f"expected a tagger; received {type(loaded).__name__}")

    def ask(tokens: Sequence[str]) -> list[tuple[str, float, str, float]]:
        said = loaded.answers(tf.constant([list(tokens)]))
        found = [said[key][0].numpy().tolist() for key in _ASKED]
        first, probability, second, second_probability = found
        return [
            (one.decode("utf-8"), likely, other.decode("utf-8"), less)
            for one, likely, other, less in zip(
                first, probability, second, second_probability, strict=True
            )
        ]

    return ask
