"""A spot check by files: a sample for a person to judge, then what the answers show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, check_new_file, check_output_path, write_table
from tfp_dgm.reviewing.accepted_rows import AcceptedRows, read_accepted
from tfp_dgm.reviewing.accepted_spans import is_tagged_file, read_accepted_spans
from tfp_dgm.reviewing.certificates import Certificate, certify, surest_half
from tfp_dgm.reviewing.certified_report import asked_precision, report_certificate
from tfp_dgm.reviewing.check_plan import CheckPlan, read_plan, record_of, write_record
from tfp_dgm.reviewing.check_samples import read_answers, sample_frame

StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class CheckedTable:
    """What `check_table` did.

    Attributes:
      plan: how the sample was drawn.
      record: the file of plan and certificate.
      certificate: what may be said by the answers; None where there was no sample to read.
      written: the sample that was written, None where there was none to write.
      rows: how many rows it has.
      waiting: how many answers do not count yet, since a row that was drawn earlier has none.
      waits_for: that row's number in the table, from 1; None where no answer waits.
      units: what the rows are called: "rows", or "spans" or "words" of sentences.
      report: the report beside the table that now holds the certificate; None where there is none.
    """

    plan: CheckPlan
    record: Path
    certificate: Certificate | None
    written: Path | None = None
    rows: int = 0
    report: Path | None = None
    waiting: int = 0
    waits_for: int | None = None
    units: str = "rows"


def check_table(
    table: StrPath,
    samples: Sequence[StrPath],
    *,
    min_precision: float | None = None,
    confidence: float | None = None,
    once: bool | None = None,
    rows: int = 200,
    column: str | None = None,
    seed: int | None = None,
    quoting: bool = True,
) -> CheckedTable:
    """Draws accepted rows for a person to judge, or says what the answers show.

    Of `samples` the last may be a file that is not there yet: it is written. What was decided when
    the first was (its promise, seed and so on) stands in a record beside it, of the same name with
    the ending .json, and holds for all that follow. Where all are there, their answers are read,
    and the certificate is written into the record, and, where the folder of the labelling lies
    beside the table, into its metrics.json and report.html.

    A sample has the columns of the table that no labelling added, before them `checked_row` (the
    row's number in the table, from 1), `is_right` (empty) and `predicted_label`. The person writes
    yes, no or ? into `is_right`, from the first row on; those after a gap do not count yet, since
    whoever chooses what to answer draws no random sample. A further sample goes on in the same
    order, and where the promise is broken takes rows of the surest half only, where a threshold is
    sought.

    Args:
      table: what `dgm label` or `dgm predict` wrote, or `dgm tag` or `dgm tag predict`, whose rows
        are the accepted spans, or words; see `read_accepted_spans`.
      samples: files of samples, in the order in which they were written.
      min_precision: the promise, the share of accepted rows that should be right; None takes what
        the labelling beside the table was asked for, else 0.95.
      confidence: see `certify`; None takes 0.95.
      once: whether the answers are looked at once only, when all are there; None does not.
      rows: how many rows a new sample has; fewer where fewer are left.
      column: which label column's, where there are several.
      seed: of the random order; None takes 0.
      quoting: whether cells of a CSV or TSV table may be quoted.
    Raises:
      DataError: if a file is not what it should be, or the table or an argument is not what it was
        when the rows were drawn; nothing is written then.
    """
    paths = [Path(sample) for sample in samples]
    _check_arguments(paths, rows=rows, min_precision=min_precision, confidence=confidence)
    there = [path for path in paths if path.exists()]
    if there not in (paths, paths[:-1]):
        missing = next(path for path in paths if not path.exists())
        raise DataError.at(missing, "no such file; only the last sample may be a new one")
    record = record_of(paths[0])
    kept = _kept_plan(record, paths[0], drawn=bool(there))
    asked = {
        "column": column,
        "promise": min_precision,
        "confidence": confidence,
        "seed": seed,
    }
    accepted = _accepted(table, column=kept.column if kept else column, quoting=quoting)
    if kept is None:
        count = len(accepted.rows)
        plan = CheckPlan(
            table=Path(table).name,
            digest=accepted.digest,
            column=column,
            accepted=count,
            promise=asked_precision(table) if min_precision is None else min_precision,
            confidence=0.95 if confidence is None else confidence,
            once=min(rows, count) if once else None,
            seed=0 if seed is None else seed,
        )
    else:
        plan = _held_to(kept, record, accepted, asked, once)
    if plan.once is not None and len(paths) > 1:
        raise DataError(
            "samples: expected one, since the size of a sample that is looked at once is fixed; "
            f"received {len(paths)}"
        )
    answers, given = read_answers(there, accepted)
    certificate = None
    if there:
        found = certify(
            plan.order(),
            accepted.probabilities,
            answers,
            promise=plan.promise,
            confidence=plan.confidence,
            once=plan.once,
        )
        certificate = replace(found, units=accepted.units)
    if len(there) < len(paths):
        return _draw(Path(table), paths[-1], record, plan, accepted, given, certificate, rows)
    assert certificate is not None
    write_record(record, plan, certificate)
    report = report_certificate(table, plan, certificate)
    # After a broken promise rows of the surest half follow, which do count there.
    gap = plan.once is None and certificate.verdict != "broken"
    waiting = len(answers) - certificate.all_rows.judged if gap else 0
    first = next((place for place in plan.order().tolist() if place not in answers), None)
    waits_for = int(accepted.rows[first]) if waiting and first is not None else None
    return CheckedTable(
        plan,
        record,
        certificate,
        report=report,
        waiting=waiting,
        waits_for=waits_for,
        units=accepted.units,
    )


def _accepted(table: StrPath, *, column: str | None, quoting: bool) -> AcceptedRows:
    """What was accepted, of a labelled table or of tagged sentences."""
    if not is_tagged_file(table):
        return read_accepted(table, column=column, quoting=quoting)
    if column is not None:
        raise DataError(f"column: expected none of tagged sentences; received {column!r}")
    return read_accepted_spans(table)


def _check_arguments(paths: Sequence[Path], *, rows: int, **shares: float | None) -> None:
    if not paths or len({path.resolve() for path in paths}) < len(paths):
        names = ", ".join(map(str, paths)) or "none"
        raise DataError(f"samples: expected distinct files, at least one; received {names}")
    if rows < 1:
        raise DataError(f"rows: expected at least 1; received {rows}")
    for name, share in shares.items():
        if share is not None and not 0 < share < 1:
            raise DataError(f"{name}: expected a share between 0 and 1; received {share}")


def _kept_plan(record: Path, sample: Path, *, drawn: bool) -> CheckPlan | None:
    if record.exists():
        return read_plan(record)
    if drawn:
        raise DataError.at(
            sample, f"is there already, and {record.name}, which tells how it was drawn, is not"
        )
    return None


def _held_to(
    kept: CheckPlan,
    record: Path,
    accepted: AcceptedRows,
    asked: dict[str, Any],
    once: bool | None,
) -> CheckPlan:
    """The plan, unless something differs from it by now."""
    if kept.digest != accepted.digest:
        raise DataError.at(
            record,
            f"the accepted rows are not those of {kept.table} of which the sample was drawn; draw "
            "another one, under another name",
        )
    for name, value in asked.items():
        decided = getattr(kept, name)
        if value is not None and value != decided:
            given = "min_precision" if name == "promise" else name
            expected = "none" if decided is None else repr(decided)
            raise DataError(
                f"{given}: expected {expected}, as was decided in {record}; received {value!r}"
            )
    if once is not None and once != (kept.once is not None):
        when = "at any time" if kept.once is None else "once"
        raise DataError(f"once: {record} says that the answers are looked at {when}")
    return kept


def _draw(
    table: Path,
    path: Path,
    record: Path,
    plan: CheckPlan,
    accepted: AcceptedRows,
    given: set[int],
    certificate: Certificate | None,
    rows: int,
) -> CheckedTable:
    """Writes the next rows of the order that were not given out yet."""
    order = plan.order()
    wanted = np.array([place not in given for place in order.tolist()])
    if certificate is not None and certificate.verdict == "broken":
        wanted &= surest_half(accepted.probabilities)[order]
    places: NDArray[np.int64] = order[wanted][: rows if plan.once is None else plan.once]
    if not len(places):
        raise DataError.at(path, "every row that could be asked is in the other samples already")
    check_output_path(path, [table])
    check_new_file(path)
    frame = sample_frame(path, accepted, places)
    if not given:  # The record first: what is drawn is decided then, and a sample without one lost.
        write_record(record, plan, None)
    write_table(frame, path, inputs=[table], guard_formulas=True)
    return CheckedTable(plan, record, certificate, path, len(places), units=accepted.units)
