"""How far the people of a review agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tfp_dgm.evaluation import cohen_kappa, fleiss_kappa, krippendorff_alpha
from tfp_dgm.reviewing.review_state import Verdict


@dataclass(frozen=True)
class PairAgreement:
    """Of two people.

    Attributes:
      first, second: their names.
      rows: how many rows both have answered.
      same: on how many of them they said the same.
      kappa: Cohen's; None where it is not defined.
    """

    first: str
    second: str
    rows: int
    same: int
    kappa: float | None


@dataclass(frozen=True)
class Agreement:
    """Of all people.

    Attributes:
      people: their names, sorted.
      rows: how many rows two of them or more have answered.
      disputed: these rows' numbers from 0 on which answers differ.
      pairs: of each two who have rows in common.
      by_all: how many rows everybody has answered.
      fleiss: Fleiss's kappa of these; None where it is not defined.
      krippendorff: his alpha of all answers; None where it is not defined.
    """

    people: tuple[str, ...]
    rows: int
    disputed: tuple[int, ...]
    pairs: tuple[PairAgreement, ...]
    by_all: int
    fleiss: float | None
    krippendorff: float | None


def agreement_of(verdicts: Mapping[int, Mapping[str, Verdict]]) -> Agreement:
    """The agreement of people; "none of the classes" is an answer like a class.

    Args:
      verdicts: as `ReviewState.verdicts` gives them.
    """
    people = tuple(sorted({who for said in verdicts.values() for who in said}))
    places = {who: place for place, who in enumerate(people)}
    rows = sorted(row for row, said in verdicts.items() if len(said) > 1)
    labels = {
        label: k
        for k, label in enumerate(sorted({_said(v) for r in rows for v in verdicts[r].values()}))
    }
    table = np.full((len(people), len(rows)), -1)
    for column, row in enumerate(rows):
        for who, verdict in verdicts[row].items():
            table[places[who], column] = labels[_said(verdict)]
    pairs = []
    for a, b in combinations(range(len(people)), 2):
        both = (table[a] >= 0) & (table[b] >= 0)
        if both.any():
            one, two = table[a, both], table[b, both]
            kappa = _defined(cohen_kappa(one, two))
            found = (int(both.sum()), int((one == two).sum()), kappa)
            pairs.append(PairAgreement(people[a], people[b], *found))
    complete = table[:, (table >= 0).all(axis=0)]
    counts = np.zeros((complete.shape[1], len(labels)), int)
    for said in complete:
        counts[np.arange(len(said)), said] += 1
    highest = table.max(axis=0, initial=-1)
    lowest = np.where(table < 0, highest, table).min(axis=0, initial=len(labels))
    return Agreement(
        people=people,
        rows=len(rows),
        disputed=tuple(np.array(rows, int)[highest > lowest].tolist()),
        pairs=tuple(pairs),
        by_all=complete.shape[1],
        fleiss=_defined(fleiss_kappa(counts)) if len(people) > 1 else None,
        krippendorff=_defined(krippendorff_alpha(table)),
    )


def _said(verdict: Verdict) -> tuple[str, str]:
    return verdict.kind, verdict.label


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
