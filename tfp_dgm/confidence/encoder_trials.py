"""Whether a pretrained encoder is tried, and what was decided: for all jobs that read one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, TypeVar

from tfp_dgm.data import DATASETS, is_cached

Encoder = TypeVar("Encoder")
AUTO, NONE, FULL, TUNED = "auto", "none", "full", "tuned"
REGISTERED = "minilm"  # What "auto" tries, in the registry.


@dataclass(frozen=True)
class EncoderChoice:
    """What was decided, and why.

    Attributes:
      asked: "auto", "none", or the preset that was named.
      taken: "none", "full", "light" (sums of vectors of word pieces), or "tuned" (in full, and
        beside it as labels have tuned it).
      why: a sentence.
      gains: what each is expected to add to the log-probability of an annotation that was not seen,
        in nats: beyond words, and of "tuned" beyond all else; empty where nothing was tried.
      seconds: what encoding the whole file takes with each, as estimated from a part; of "tuned"
        what tuning took, as measured.
    """

    asked: str = NONE
    taken: str = NONE
    why: str = "None was asked for."
    gains: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.taken}. {self.why}"


def asked_encoder(
    asked: str | Encoder | None, kind: type[Any], load: Callable[[str], Encoder]
) -> tuple[Encoder | None, EncoderChoice] | None:
    """The encoder that was asked for by name, or "none" or None; None where "auto" is to decide.

    Args:
      asked: "auto", "none" or None, a preset, or an encoder.
      kind: what an encoder is.
      load: preset -> encoder.
    Raises:
      OSError, ImportError: if it cannot be loaded.
    """
    if asked is None or asked == NONE:
        return None, EncoderChoice()
    if isinstance(asked, kind):
        return asked, EncoderChoice(type(asked).__name__, FULL, "It was given.")
    if asked == AUTO:
        return None
    return load(str(asked)), EncoderChoice(str(asked), FULL, "It was asked for.")


def why_untried() -> str | None:
    """Why "auto" tries no encoder, or None where one is at hand; nothing is downloaded."""
    if find_spec("keras_hub") is None:
        return "The extra `encoder` of tfp-dgm is not installed."
    if not is_cached(REGISTERED):
        title = DATASETS[REGISTERED].title
        return f"None is in the cache; `dgm datasets path {REGISTERED}` fetches {title}."
    return None


def expected_gain(mean: float, error: float, prior_mean: float, prior_deviation: float) -> float:
    """The posterior mean of a gain that was measured with a standard error, under a normal prior.

    An error of infinity leaves the prior as it is.
    """
    prior, found = prior_deviation**-2, error**-2
    return (prior * prior_mean + found * mean) / (prior + found)
