"""The spot check of a review: accepted rows judged one by one, in a random order."""

from __future__ import annotations

import secrets
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError
from tfp_dgm.evaluation import hypergeometric_bounds
from tfp_dgm.reviewing.accepted_rows import AcceptedRows, read_accepted
from tfp_dgm.reviewing.certificates import Certificate, certify, surest_half
from tfp_dgm.reviewing.certified_report import asked_precision, report_certificate
from tfp_dgm.reviewing.check_plan import CheckPlan, plan_of, write_record
from tfp_dgm.reviewing.entry_checks import CHECK, JUDGE
from tfp_dgm.reviewing.review import Review

_RECORD = "check.json"


@dataclass(frozen=True)
class CheckProgress:
    """How far a spot check is.

    Attributes:
      plan: how its rows are drawn.
      certificate: what may be said by now, whenever one stops.
      exact: bounds of how many accepted rows are right, each by itself, as if so many judgements
        had been fixed beforehand (`evaluation.hypergeometric_bounds`).
      row: the next one to be judged, from 0; None where none is left.
      people: how many rows each has judged.
      differing: on how many rows people differ, which count as unsure.
    """

    plan: CheckPlan
    certificate: Certificate
    exact: tuple[int, int]
    row: int | None
    people: dict[str, int]
    differing: int


class SpotCheck:
    """Draws accepted rows of the labelling that a review began with, and says what is shown.

    All is kept in the review's journal: how rows are drawn, by an entry that comes before the first
    judgement, then each judgement. The people of a review judge one sample together: each is asked
    the first row that nobody has judged. The certificate is that of `dgm check`, for bounds that
    hold whenever one stops; it lies beside the journal, in check.json, and in the report and the
    metrics of the labelling.

    Args:
      review: the review.
    """

    def __init__(self, review: Review) -> None:
        self._review = review
        self._table = review.rows.table
        self._column = review.rows.column
        self._accepted: AcceptedRows | None = None
        self._reading, self._writing = threading.Lock(), threading.Lock()

    @property
    def accepted(self) -> AcceptedRows:
        """The accepted rows of the labelling.

        Raises:
          DataError: if there is none.
        """
        with self._reading:
            if self._accepted is None:
                self._accepted = read_accepted(self._table, column=self._column)
            return self._accepted

    @property
    def promise(self) -> float:
        """The share that the labelling promised."""
        return asked_precision(self._table)

    @property
    def plan(self) -> CheckPlan | None:
        """How rows are drawn; None where no check has begun, or one of other accepted rows."""
        plan = plan_of(self._review.state.judged.plan)
        return plan if plan is not None and plan.digest == self.accepted.digest else None

    def begin(self, annotator: str, *, promise: float, confidence: float = 0.95) -> None:
        """Begins a check, unless one of these accepted rows has begun: it goes on then.

        Raises:
          DataError: if a share is none between 0 and 1, or nothing was accepted.
        """
        for name, share in (("promise", promise), ("confidence", confidence)):
            if not 0 < share < 1:
                raise DataError(f"{name}: expected a share between 0 and 1; received {share}")
        accepted = self.accepted
        with self._review.turn:
            if self.plan is not None:
                return
            plan = CheckPlan(
                table=self._table.name,
                digest=accepted.digest,
                column=self._column,
                accepted=len(accepted.rows),
                promise=promise,
                confidence=confidence,
                once=None,
                seed=secrets.randbelow(2**31),  # So that nobody knows the rows beforehand.
            )
            self._review.answer(annotator, CHECK, plan=asdict(plan))

    def judge(self, annotator: str, row: int, says: str, label: str = "") -> None:
        """Keeps what a person says of a row.

        Args:
          annotator: who says it.
          row: from 0.
          says: "right", "wrong" or "unsure".
          label: the class that would be right, where it is another; "" where that is not known.
        Raises:
          DataError: if it cannot be understood, or the row is none that was accepted.
        """
        predicted = self.predicted(row)
        if says == "right" and predicted in self._review.classes():
            label = predicted
        said: dict[str, Any] = {"rows": [row], "says": says, "predicted": predicted}
        self._review.answer(annotator, JUDGE, **said, **({"label": label} if label else {}))

    def predicted(self, row: int) -> str:
        """The class that the labelling accepted for a row.

        Raises:
          DataError: if it accepted none.
        """
        place = self.accepted.places.get(row + 1)
        if place is None:
            raise DataError(f"rows: expected one that was accepted; received {row + 1}")
        return self.accepted.labels[place]

    def progress(self) -> CheckProgress | None:
        """How far the check is; None where none has begun."""
        with self._review.turn:
            plan, judged = self.plan, self._review.state.judged
            if plan is None:
                return None
            said, people, differing = judged.answers(), judged.counts(), judged.differing()
        accepted, order = self.accepted, plan.order()
        places = accepted.places
        answers = {places[row + 1]: word for row, word in said.items() if row + 1 in places}
        found = certify(
            order,
            accepted.probabilities,
            answers,
            promise=plan.promise,
            confidence=plan.confidence,
        )
        seen = found.all_rows
        sizes = (seen.judged, seen.accepted, plan.confidence)
        low, _ = hypergeometric_bounds(seen.right, *sizes)
        _, high = hypergeometric_bounds(seen.right + seen.unsure, *sizes)
        asked = self._asked(order, found)
        following = next((place for place in asked.tolist() if place not in answers), None)
        row = None if following is None else int(accepted.rows[following]) - 1
        return CheckProgress(plan, found, (low, high), row, people, differing)

    def write(self) -> Path | None:
        """Writes the certificate beside the journal, and into the labelling's report and metrics.

        Returns:
          The report; None where it has no place for a certificate, or no check has begun.
        Raises:
          DataError: if one of them cannot be written.
        """
        with self._writing:  # In turn, so that the last certificate stays.
            found = self.progress()
            if found is None:
                return None
            record = self._review.journal.path.with_name(_RECORD)
            write_record(record, found.plan, found.certificate)
            return report_certificate(self._table, found.plan, found.certificate)

    def _asked(self, order: NDArray[np.int64], found: Certificate) -> NDArray[np.int64]:
        """The places that are asked: after a broken promise those where a threshold is sought."""
        if found.verdict != "broken":
            return order
        return order[surest_half(self.accepted.probabilities)[order]]
