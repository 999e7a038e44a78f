"""What was found, as numbers that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from tfp_dgm.evaluation import clustering_scores
from tfp_dgm.topic_modelling.topic_outcome import TopicOutcome
from tfp_dgm.topic_modelling.topic_trends import topic_trend, topics_of_classes


def topic_metrics(outcome: TopicOutcome) -> dict[str, Any]:
    """The figures of `metrics.json`.

    Returns:
      "model"; "rows"; "vocabulary", its size and the words left out as common; "coherence_npmi",
      "diversity", "stability" of all; of topics "importance_weighted", how likely texts are, and
      of an inference network "active_units"; "number", why there are so many; "topics" (or
      "clusters"), one by one; with classes "agreement" and "classes", with dates "trend";
      "warnings"; "seconds".
    """
    best = outcome.best
    kinds = f"{outcome.kind}s"
    found: dict[str, Any] = {
        "model": outcome.model,
        "rows": {"all": len(outcome.texts), "without_known_words": int((best < 0).sum())},
        "vocabulary": {
            "words": outcome.vocabulary_size,
            "left_out_as_common": list(outcome.common),
        },
        "coherence_npmi": _figure(outcome.coherence.mean()),
        "diversity": _figure(outcome.diversity),
        "stability": _figure(outcome.stability.mean()),
        "number": {
            "chosen": outcome.number.chosen,
            "candidates": [
                {name: _figure(value) for name, value in asdict(candidate).items()}
                for candidate in outcome.number.candidates
            ],
        },
        kinds: [_one(outcome, k) for k in range(len(outcome.names))],
    }
    if outcome.evidence is not None:
        found["importance_weighted"] = {
            name: _figure(value) for name, value in asdict(outcome.evidence).items()
        }
    if outcome.active_units is not None:
        found["active_units"] = outcome.active_units
    if outcome.labels is not None:
        found |= _classes(outcome)
    if outcome.dates is not None:
        found["trend"] = _trend(outcome)
    found["warnings"] = list(outcome.warnings)
    found["seconds"] = {name: round(value, 2) for name, value in outcome.seconds.items()}
    return found


def _one(outcome: TopicOutcome, k: int) -> dict[str, Any]:
    return {
        "number": k + 1,
        "name": outcome.names[k],
        "share": _figure(outcome.sizes[k]),
        "texts": int((outcome.best == k).sum()),
        "words": [
            {
                "word": word.word,
                "probability": _figure(word.probability),
                "lift": round(word.lift, 2),
            }
            for word in outcome.words[k]
        ],
        "coherence_npmi": _figure(outcome.coherence[k]),
        "distinctiveness": _figure(outcome.distinctiveness[k]),
        "stability": _figure(outcome.stability[k]),
        "seeded": bool(outcome.seeded[k]),
    }


def _classes(outcome: TopicOutcome) -> dict[str, Any]:
    labels = outcome.labels or []
    rows = [row for row, label in enumerate(labels) if label is not None and outcome.known[row]]
    found: dict[str, Any] = {}
    if rows:
        scores = clustering_scores(
            [labels[row] for row in rows], [int(outcome.best[row]) for row in rows]
        )
        found["agreement"] = {"rows": len(rows)} | {
            name: _figure(value) for name, value in scores.items()
        }
    by_class = topics_of_classes(outcome.mixtures, labels)
    found["classes"] = [
        {"name": name, "texts": int(texts), "shares": [_figure(share) for share in shares]}
        for name, texts, shares in zip(
            by_class.classes, by_class.documents, by_class.shares, strict=True
        )
    ]
    return found


def _trend(outcome: TopicOutcome) -> dict[str, Any] | None:
    trend = None if outcome.dates is None else topic_trend(outcome.mixtures, outcome.dates)
    if trend is None:
        return None
    return {
        "period": trend.period,
        "starts": list(trend.starts),
        "texts": trend.documents.tolist(),
        "shares": [
            [None if np.isnan(share) else _figure(share) for share in shares]
            for shares in trend.shares
        ],
    }


def _figure(value: Any) -> Any:
    """A number of at most six decimals; whole numbers stay."""
    return value if isinstance(value, int) else round(float(value), 6)
