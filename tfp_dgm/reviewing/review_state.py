"""What has been answered by now: the entries of a journal, one after the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError
from tfp_dgm.reviewing.entry_checks import (
    CHECK,
    CLASS,
    JUDGE,
    LABEL,
    NONE,
    NOTE,
    OF_ROWS,
    SKIP,
    TAGS,
    UNDO,
    Known,
    check_entry,
)
from tfp_dgm.reviewing.judged_rows import JudgedRows


@dataclass(frozen=True)
class Verdict:
    """What somebody says of a row.

    Attributes:
      number: of the entry.
      kind: "label", "none", "skip", or "tags" of a sentence.
      label: the class, "" where it is none.
      guess: what was guessed when it was answered, "" where it was not answered by itself.
    """

    number: int
    kind: Literal["label", "none", "skip", "tags"]
    label: str = ""
    guess: str = ""


class ReviewState:
    """Verdicts, notes, classes, and what was judged in a spot check.

    `kinds` are those of the entries that it takes.

    Args:
      num_rows: N.
      classes: the names that are there from the start.
      separator: what stands between the classes of a set in a label column, and cannot be a part
        of a new one's name; "" for nothing.

    Attributes:
      judged: the rows of the spot check.
    """

    kinds: ClassVar[tuple[str, ...]] = OF_ROWS

    def __init__(self, num_rows: int, classes: Sequence[str], separator: str = "") -> None:
        self.num_rows = num_rows
        self._separator = separator
        self.entries: list[Mapping[str, Any]] = []
        # How often each class is named: by the start, by whoever made it, by verdicts.
        self._classes = Counter(dict.fromkeys(classes, 1))
        self._verdicts: dict[tuple[str, int], list[Verdict]] = defaultdict(list)
        self._notes: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
        self._done: dict[str, NDArray[np.bool_]] = {}
        self._skipped: dict[str, NDArray[np.bool_]] = {}
        # Who has answered a row, and of each of their guesses whether it was right.
        self._answered: dict[int, dict[str, bool | None]] = defaultdict(dict)
        self._guessed: dict[str, Counter[bool]] = defaultdict(Counter)
        self._standing: dict[str, list[int]] = defaultdict(list)
        self.judged = JudgedRows()

    def apply(self, entry: Mapping[str, Any]) -> None:
        """Takes up the next entry.

        Raises:
          DataError: if it says nothing that can be understood; nothing is taken up then.
        """
        self.check(entry)
        number, who, kind = len(self.entries) + 1, entry["annotator"], entry["kind"]
        self.entries.append(entry)
        if kind == UNDO:
            self._take_back(entry["of"])
            return
        if kind == CHECK:  # Others judge its rows by now: it is not taken back.
            self.judged.begin(entry["plan"])
            return
        self._standing[who].append(number)
        if kind == CLASS:
            self._classes[entry["class"]] += 1
        elif kind == NOTE:
            self._notes[entry["rows"][0]].append((number, who, entry["note"]))
        elif kind == JUDGE:
            self.judged.add(number, who, entry["rows"][0], entry["says"])
        # Whoever judges a row says of which class it is, too, but where that is unknown.
        if kind in (LABEL, NONE, SKIP, TAGS) or (kind == JUDGE and entry.get("label")):
            said: Literal["label", "none", "skip", "tags"] = "label" if kind == JUDGE else kind
            verdict = Verdict(number, said, entry.get("label", ""), entry.get("guess", ""))
            if said == LABEL:
                self._classes[verdict.label] += 1
            for row in entry["rows"]:
                self._verdicts[who, row].append(verdict)
                self._mark(who, row)

    def check(self, entry: Mapping[str, Any]) -> None:
        """Refuses an entry that cannot be taken up.

        Raises:
          DataError: names the field, what was expected and what came.
        """
        who = entry.get("annotator")
        last = self.last_of(who) if isinstance(who, str) else None
        checking = self.judged.plan is not None
        known = Known(self.num_rows, self._classes, self._separator, last, checking, self.kinds)
        check_entry(entry, known)

    @property
    def classes(self) -> list[str]:
        """Those from the start, and the new ones in their order."""
        # One that was taken back stays where somebody else has used it.
        return [name for name, times in self._classes.items() if times > 0]

    def last_of(self, annotator: str) -> int | None:
        """The number of the last entry of somebody that was not taken back; None for none."""
        standing = self._standing[annotator]
        return standing[-1] if standing else None

    def standing(self) -> Iterator[Mapping[str, Any]]:
        """The entries that were not taken back, of each person in their order."""
        for numbers in self._standing.values():
            for number in numbers:
                yield self.entries[number - 1]

    def done(self, annotator: str) -> NDArray[np.bool_]:
        """bool [N]; the rows of which somebody has said something."""
        return self._done.setdefault(annotator, np.zeros(self.num_rows, bool))

    def skipped(self, annotator: str) -> NDArray[np.bool_]:
        """bool [N]; the rows that somebody has left for later, which are among those done."""
        return self._skipped.setdefault(annotator, np.zeros(self.num_rows, bool))

    def verdict(self, annotator: str, row: int) -> Verdict | None:
        """What somebody says of a row by now."""
        said = self._verdicts.get((annotator, row))
        return said[-1] if said else None

    def verdicts(self) -> dict[int, dict[str, Verdict]]:
        """What everybody says, by row and annotator; what was left for later is none."""
        found: dict[int, dict[str, Verdict]] = defaultdict(dict)
        for (who, row), said in self._verdicts.items():
            if said and said[-1].kind != SKIP:
                found[row][who] = said[-1]
        return dict(found)

    def compared(self) -> dict[int, dict[str, Verdict]]:
        """What the agreement of people is of: verdicts, by number and annotator."""
        return self.verdicts()

    def answered_rows(self) -> list[int]:
        """The rows that somebody has answered."""
        return list(self._answered)

    def said_of(self, row: int) -> dict[str, Verdict]:
        """What everybody says of a row, by annotator; what was left for later is none."""
        return {who: self._verdicts[who, row][-1] for who in self._answered.get(row, {})}

    def guessed(self, annotator: str) -> tuple[int, int]:
        """How many rows were shown one by one and answered, and how many guesses were right."""
        found = self._guessed[annotator]
        return found[True] + found[False], found[True]

    @property
    def num_answered(self) -> int:
        """How many rows somebody has answered."""
        return len(self._answered)

    def disputed(self) -> list[int]:
        """The rows on which people say different things, in the table's order."""
        found = []
        for row in sorted(row for row, people in self._answered.items() if len(people) > 1):
            said = {self._verdicts[who, row][-1] for who in self._answered[row]}
            if len({(verdict.kind, verdict.label) for verdict in said}) > 1:
                found.append(row)
        return found

    @property
    def people(self) -> list[str]:
        """Who has answered a row."""
        return sorted(who for who, done in self._done.items() if (done & ~self.skipped(who)).any())

    def noted(self) -> dict[int, list[tuple[str, str]]]:
        """All remarks, by row."""
        return {row: self.notes(row) for row, kept in self._notes.items() if kept}

    def notes(self, row: int) -> list[tuple[str, str]]:
        """The remarks on a row: who, and what."""
        return [(who, note) for _, who, note in self._notes.get(row, [])]

    def _take_back(self, number: int) -> None:
        entry = self.entries[number - 1]
        who = entry["annotator"]
        self._standing[who].remove(number)
        if entry["kind"] == JUDGE:
            self.judged.take_back(number, entry["rows"][0])
        named = entry.get({CLASS: "class", LABEL: "label", JUDGE: "label"}.get(entry["kind"], ""))
        if named:
            self._classes[named] -= 1
        for row in entry.get("rows", []):
            if entry["kind"] == NOTE:
                self._notes[row] = [note for note in self._notes[row] if note[0] != number]
                continue
            said = self._verdicts[who, row]
            said[:] = [verdict for verdict in said if verdict.number != number]
            self._mark(who, row)

    def _mark(self, annotator: str, row: int) -> None:
        said = self.verdict(annotator, row)
        answered = said is not None and said.kind != SKIP
        self.done(annotator)[row] = said is not None
        self.skipped(annotator)[row] = said is not None and not answered
        before = self._answered[row].pop(annotator, None)
        if before is not None:
            self._guessed[annotator][before] -= 1
        if said is not None and answered:
            right = said.label == said.guess if said.guess else None
            self._answered[row][annotator] = right
            if right is not None:
                self._guessed[annotator][right] += 1
        elif not self._answered[row]:
            del self._answered[row]


State = TypeVar("State", bound=ReviewState)


def replayed(
    entries: Iterable[Mapping[str, Any]], state: State, lines: Sequence[int] | None = None
) -> State:
    """The state after all entries of a journal, which begin on these lines of it.

    Args:
      entries: of the journal.
      state: before any of them.
      lines: on which each begins; None where each has one, behind the first.
    Raises:
      DataError: if one says nothing that can be understood; names its line.
    """
    for number, entry in enumerate(entries, start=1):
        try:
            state.apply(entry)
        except (DataError, KeyError, TypeError) as error:
            line = number + 1 if lines is None else lines[number - 1]
            raise DataError(f"line {line} of the journal: {error}") from error
    return state
