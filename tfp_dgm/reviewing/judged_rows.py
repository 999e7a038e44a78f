"""What people said of the rows of a spot check, out of the entries of a journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from tfp_dgm.reviewing.certificates import Answer


class JudgedRows:
    """The judgements of the last spot check that was begun.

    Attributes:
      plan: how its rows are drawn, as the journal has it; None before one was begun.
    """

    def __init__(self) -> None:
        self.plan: Mapping[str, Any] | None = None
        self._said: dict[int, list[tuple[int, str, Answer]]] = defaultdict(list)

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Begins a check; what was judged in an earlier one is of other rows."""
        self.plan = plan
        self._said.clear()

    def add(self, number: int, annotator: str, row: int, says: Answer) -> None:
        """Takes up a judgement.

        Args:
          number: of the entry.
          annotator: who says it.
          row: from 0.
          says: what.
        """
        self._said[row].append((number, annotator, says))

    def take_back(self, number: int, row: int) -> None:
        """Takes back what an entry said of a row."""
        self._said[row] = [said for said in self._said[row] if said[0] != number]

    def answers(self) -> dict[int, Answer]:
        """By row, what everybody says; "unsure" where people differ."""
        found: dict[int, Answer] = {}
        for row, said in self._by_person().items():
            words = set(said.values())
            found[row] = words.pop() if len(words) == 1 else "unsure"
        return found

    def counts(self) -> dict[str, int]:
        """How many rows each person has judged."""
        return dict(Counter(who for said in self._by_person().values() for who in said))

    def differing(self) -> int:
        """On how many rows people differ."""
        return sum(len(set(said.values())) > 1 for said in self._by_person().values())

    def _by_person(self) -> dict[int, dict[str, Answer]]:
        """The last word of each person, by row."""
        return {
            row: {who: says for _, who, says in said} for row, said in self._said.items() if said
        }
