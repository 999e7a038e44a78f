"""What a person should know of texts and topics that were found, a sentence each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.topic_modelling.collapsed_topics import TopicCollapse

_FEW_TEXTS = 50


def doubts_of_topics(
    texts: Sequence[str],
    distinct: Sequence[str],
    best: NDArray[np.int64],
    collapse: TopicCollapse,
    names: Sequence[str],
    *,
    kind: str,
    active: int | None = None,
) -> list[str]:
    """Copies, texts without a topic, few texts, topics that are none, latents that tell nothing.

    Args:
      texts: [N].
      distinct: the same, each once.
      best: [N]; the topic of each, -1 where there is none.
      collapse: of the topics.
      names: [K].
      kind: "topic" or "cluster".
      active: how many of K latents vary with the text; None where there are none.
    """
    found = []
    if copies := len(texts) - len(distinct):
        found.append(f"{copies:,} of {len(texts):,} texts are copies of others, and counted once.")
    if unknown := int((best < 0).sum()):
        found.append(
            f"{unknown:,} of {len(texts):,} texts have no {kind}: their words tell nothing apart."
        )
    if len(distinct) < _FEW_TEXTS:
        found.append(f"{len(distinct)} different texts are too few for {kind}s to be trusted.")
    if collapse.unused:
        found.append(
            f"No text has most of {len(collapse.unused):,} of {len(names):,} {kind}s, such as "
            f"{names[collapse.unused[0]]!r}; fewer may do."
        )
    alike = [f"{names[first]!r} and {names[second]!r}" for first, second in collapse.equal]
    if alike:
        more = f", and {len(alike) - 1:,} other pairs" if len(alike) > 1 else ""
        found.append(f"The {kind}s {alike[0]} are nearly the same{more}; fewer may do.")
    if active is not None and 2 * active < len(names):
        found.append(
            f"Of {len(names):,} latents of the inference network {active:,} tell texts apart (the "
            "posterior has collapsed): what texts have of topics is not to be trusted; fewer "
            "topics, more texts or the model lda may do."
        )
    return found
