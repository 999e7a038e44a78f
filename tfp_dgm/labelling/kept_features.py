"""Features that stay from one training to the next, where only labels came in between."""

from collections.abc import Sequence

import numpy as np

from tfp_dgm.data import digest
from tfp_dgm.labelling.features import Features, fit_features
from tfp_dgm.training import Progress


class KeptFeatures:
    """The features of the texts that were last asked for.

    They are learned from texts alone, so that those of the same texts are the same whatever is
    annotated; but for the encoder, which "auto" chooses by annotations: that stays as it was chosen
    first.
    """

    def __init__(self) -> None:
        self._about = ""
        self._features: Features | None = None

    def of(
        self,
        texts: Sequence[str],
        *,
        encoder: str | None,
        annotations: Sequence[np.ndarray],
        seed: int,
        progress: Progress,
    ) -> Features:
        """The features of N texts; arguments as for `fit_features`."""
        about = digest(list(texts), encoder, seed)
        if self._features is None or about != self._about:
            self._features = fit_features(
                texts, encoder=encoder, annotations=annotations, seed=seed, progress=progress
            )
            self._about = about
        return self._features
