"""Answers that were given elsewhere, taken into the journal of a review."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tfp_dgm.data import DataError
from tfp_dgm.data.data_error import shorten
from tfp_dgm.data.label_sets import MarkedLabels
from tfp_dgm.reviewing.answer_files import GivenAnswer, read_given_answers
from tfp_dgm.reviewing.answer_names import annotator_name, look_alikes, plain_name
from tfp_dgm.reviewing.entry_checks import CLASS, LABEL
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.review_rows import cell_name

_SOURCE = "source"  # The field of an entry that tells the file it is from.
_SHOWN = 3
_JOINS = "#"  # Several labels in a cell of Doccano's CSV.


@dataclass
class ImportedAnswers:
    """What became of the answers in a file.

    Attributes:
      rows: how many rows got an answer that they had not had from there.
      known: how many answers were there already, from an earlier import.
      classes: new ones, in their order.
      warnings: what was not taken, or looks odd; a sentence each.
    """

    rows: int = 0
    known: int = 0
    classes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def import_answers(
    review: Review,
    path: str | os.PathLike[str],
    *,
    annotator: str = "",
    id_column: str | None = None,
) -> ImportedAnswers:
    """Takes the answers of a file into a review, where they are answers like others.

    They are matched to rows by their ids, or by their whole text; where several rows have one text,
    all of them get its answer. Each person's last answer to a row counts. A second import of the
    same answers adds nothing, unless they were taken back meanwhile. Classes that are not there yet
    are made.

    Args:
      review: the review.
      path: the file; see `read_given_answers`.
      annotator: who gave the answers of which the file does not say it.
      id_column: a column of the reviewed table that tells its rows apart.
    Raises:
      DataError: as `read_given_answers`; if the table has no such column, or two rows have one id;
        if the disk takes no more.
    """
    rows, places = review.rows, _places(review, id_column)
    found = read_given_answers(
        path,
        text_columns=rows.settings["text_columns"],
        label_column=rows.label_column,
        id_column=id_column,
    )
    done = ImportedAnswers()
    told: dict[str, list[GivenAnswer]] = defaultdict(list)
    names: dict[tuple[str, int], str] = {}
    times: dict[tuple[str, int], str] = {}
    with review.turn:
        for answer in found:
            label = _label(answer, review.classes(), told)
            if not label:
                continue
            matched = places.get(answer.key if id_column else answer.text or "", [])
            if not matched:
                told["match no row"].append(answer)
            if len(matched) > 1:
                told["are of a text that several rows have, which all got them"].append(answer)
            who = annotator_name(answer.annotator or annotator)
            for row in matched:
                if names.get((who, row), label) != label:
                    told["differ from another of the person's to the row; the last counts"].append(
                        answer
                    )
                if times.get((who, row), "") <= answer.time:
                    names[who, row], times[who, row] = label, answer.time
        _make_classes(review, names, done, annotator, Path(path).name)
        _keep(review, names, done, Path(path).name)
    done.warnings += [_sentence(what, answers) for what, answers in told.items()]
    return done


def _places(review: Review, id_column: str | None) -> Mapping[str, list[int]]:
    """The rows of each id, or of each text."""
    rows = review.rows
    if id_column is not None and id_column not in rows.frame.columns:
        known = ", ".join(map(repr, rows.frame.columns))
        raise DataError(f"id_column: {rows.table.name} has no column {id_column!r}, but {known}")
    keys = rows.texts if id_column is None else map(cell_name, rows.frame[id_column].tolist())
    places: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        places[key].append(row)
        if id_column is not None and key and len(places[key]) > 1:
            first, second = (place + 1 for place in places[key])
            raise DataError(
                f"id_column: expected an id a row; rows {first:,} and {second:,} of "
                f"{rows.table.name} both have {key!r}"
            )
    places.pop("", None)
    return places


def _label(answer: GivenAnswer, classes: list[str], told: dict[str, list[GivenAnswer]]) -> str:
    """The one class that an answer names; "" where it cannot be taken."""
    if not answer.labels:
        told["name no class"].append(answer)
        return ""
    labels = answer.labels
    if labels[0] not in classes and {*labels[0].split(_JOINS)} <= {*classes}:
        labels = tuple(labels[0].split(_JOINS))
    said = MarkedLabels.of(labels, classes)
    if len(said.named) != 1 or said.denied or said.leaves_open:
        told["do not name just one class"].append(answer)
        return ""
    return said.named[0] if said.named[0] in classes else plain_name(said.named[0])


def _make_classes(
    review: Review,
    names: dict[tuple[str, int], str],
    done: ImportedAnswers,
    annotator: str,
    source: str,
) -> None:
    """Makes the classes that are not there; answers of what cannot be one are dropped, and told."""
    for name in dict.fromkeys(names.values()):
        if name in review.classes():
            continue
        alike = look_alikes(name, review.classes())
        try:
            review.answer(annotator_name(annotator), CLASS, **{CLASS: name, _SOURCE: source})
        except DataError as error:
            taken = [place for place, label in names.items() if label == name]
            done.warnings.append(f"{len(taken):,} answers were not taken: {error}")
            for place in taken:
                del names[place]
            continue
        done.classes.append(name)
        if alike:
            done.warnings.append(f"the new class {name!r} looks like the class {alike[0]!r}")


def _keep(
    review: Review, names: dict[tuple[str, int], str], done: ImportedAnswers, source: str
) -> None:
    """Keeps what is new: an entry for each person and class."""
    there = {
        (entry["annotator"], row, entry["label"])
        for entry in review.state.standing()
        if entry["kind"] == LABEL and _SOURCE in entry
        for row in entry["rows"]
    }
    entries: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (who, row), label in sorted(names.items()):
        if (who, row, label) in there:
            done.known += 1
        else:
            entries[who, label].append(row)
    for (who, label), rows in entries.items():
        review.answer(who, LABEL, rows=rows, label=label, **{_SOURCE: source})
    done.rows = len({row for rows in entries.values() for row in rows})
    people = sorted({who for who, _ in entries} | set(review.state.people))
    for who in people:
        for other in look_alikes(who, people):
            if who < other:
                done.warnings.append(f"the names {who!r} and {other!r} look alike, and are two")


def _sentence(what: str, answers: list[GivenAnswer]) -> str:
    first = [f"{answer.place} ({shorten(answer.key or answer.text or '')})" for answer in answers]
    more = ", ..." if len(first) > _SHOWN else ""
    return f"{len(answers):,} answers {what}: {', '.join(first[:_SHOWN])}{more}"
