"""What the page shows: a row, the keys of its classes, and how far the review is."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import numpy as np

from tfp_dgm.reviewing.answer_names import annotator_name, look_alikes
from tfp_dgm.reviewing.item_review import ItemReview
from tfp_dgm.reviewing.page.marked_text import SHOWN_CHARACTERS
from tfp_dgm.reviewing.retrainer import Retrainer
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.rounds import advice
from tfp_dgm.reviewing.row_queue import ALIKE, DISPUTED, ORDERS, TEACH, Search

# Keys that do something else; see keys.js, which knows the buttons and fields by them.
_TAKEN = "usxncmhl/"
_KEYS = [*"123456789", *(letter for letter in string.ascii_lowercase if letter not in _TAKEN)]
_SHOWN = 20  # Rows of a preview.
_ROUNDS = 8


@dataclass(frozen=True)
class Place:
    """Where a person is: who they are, in which order, among which rows.

    Attributes:
      annotator: a name, "" for none.
      order: one of `ORDERS`.
      search: which rows are wanted.
      like: the row that others are to be like, from 0, where that is the order; None else.
    """

    annotator: str = ""
    order: str = TEACH
    search: Search = field(default_factory=Search)
    like: int | None = None

    @classmethod
    def of(cls, asked: dict[str, str], count: int) -> Place:
        """From a query or a form, of so many rows; what is unknown is as at the start."""
        order, given = asked.get("order", TEACH), asked.get("like", "")
        like = int(given) if given.isascii() and given.isdigit() and len(given) <= 12 else count
        if order == ALIKE and like >= count:
            order = TEACH
        return cls(
            annotator_name(asked.get("annotator", "")),
            order if order in ORDERS else TEACH,
            Search(asked.get("text", "")[:1000], asked.get("guess", "")[:1000]),
            like if order == ALIKE else None,
        )

    def fields(self) -> dict[str, str]:
        """What a form or a query bears of it; what is as at the start is left out."""
        given = {
            "annotator": self.annotator,
            "order": "" if self.order == TEACH else self.order,
            "text": self.search.text,
            "guess": self.search.guess,
            "like": "" if self.like is None else str(self.like),
        }
        return {name: value for name, value in given.items() if value}

    def query(self, **more: str) -> str:
        """Of a link; what is empty is left out."""
        given = {name: value for name, value in {**self.fields(), **more}.items() if value != ""}
        return "?" + urlencode(given, errors="replace")


def next_row(review: ItemReview[Any, Any], place: Place) -> int | None:
    """The next row for somebody: one not seen yet, else one that was left for later."""
    with review.turn:
        done = review.state.done(place.annotator).copy()
        later = done & ~review.state.skipped(place.annotator)
    for seen in (done, later):
        left = review.left(place.order, place.search, seen, place.like)
        if len(left):
            return int(left[0])
    return None


def shown_page(
    review: Review, place: Place, row: int | None, *, message: str = ""
) -> dict[str, Any]:
    """What the template of the page takes.

    Args:
      review: the review.
      place: where the person is.
      row: which row is shown; None where none is left.
      message: what was done, or why not.
    """
    common = shown_place(review, place, message=message)
    with review.turn:
        return {
            **common,
            "orders": orders_shown(ORDERS, place, "row"),
            "classes": keyed_classes(review.state.classes),
            "row": None if row is None else _shown(review, place, row),
            "sentence": None,
        }


def shown_place(review: ItemReview[Any, Any], place: Place, *, message: str = "") -> dict[str, Any]:
    """What the templates of pages of rows, and of sentences, take of how far a person is."""
    who = place.annotator
    with review.turn:
        seen = review.state.done(who).copy()
    left = review.left(place.order, place.search, seen, place.like)
    with review.turn:
        state = review.state
        answered, right = state.guessed(who)
        done, people = state.done(who), state.people
        return {
            "title": review.rows.title,
            "units": review.units,
            "place": place,
            "message": message,
            "answered": answered,
            "right": right,
            "said": int((done & ~state.skipped(who)).sum()),
            "skipped": int(state.skipped(who).sum()),
            "left": len(left),
            "people": len(people),
            "alike": look_alikes(who, people),
            "can_undo": state.last_of(who) is not None,
        }


def orders_shown(orders: Mapping[str, str], place: Place, unit: str) -> dict[str, str]:
    """The orders to choose from, and their words."""
    if place.like is None:
        return {name: words for name, words in orders.items() if name != ALIKE}
    return {**orders, ALIKE: f"like {unit} {place.like + 1:,}"}


def shown_several(review: Review, place: Place, *, message: str = "") -> dict[str, Any]:
    """What the template of the preview takes: the rows that would get a label together."""
    with review.turn:
        rows = several_rows(review, place)
        shown = [
            {
                "number": row + 1,
                "text": review.rows.texts[row],
                "guess": review.rows.guesses.label[row],
            }
            for row in rows[:_SHOWN].tolist()
        ]
        return {
            "title": review.rows.title,
            "place": place,
            "count": len(rows),
            "shown": shown,
            "classes": keyed_classes(review.state.classes),
            "message": message,
        }


def shown_training(retrainer: Retrainer, *, advised: bool = True) -> dict[str, Any]:
    """What the page tells of trainings.

    Args:
      retrainer: of the review.
      advised: whether it says when to stop; see `rounds.advice`, which was measured on rows.
    """
    rounds = retrainer.rounds
    return {
        "rounds": [rounds[0], *rounds[1:][-_ROUNDS:]],
        "running": retrainer.running,
        "failed": retrainer.failed,
        "to_go": retrainer.to_go,
        "advice": advice(rounds) if advised else "",
    }


def several_rows(review: Review, place: Place) -> np.ndarray:
    """The rows of a search that have no label and that the person has said nothing of."""
    wanted = review.queue.matching(place.search) & ~review.state.done(place.annotator)
    wanted &= review.queue.unlabelled
    return np.flatnonzero(wanted)


def keyed_classes(classes: list[str], taken: str = "") -> list[tuple[str, str]]:
    """Each class with its key, "" where there are more classes than keys.

    Args:
      classes: K names.
      taken: keys that do something else on this page.
    """
    free = [key for key in _KEYS if key not in taken]
    keys = [*free[: len(classes)], *[""] * (len(classes) - len(free))]
    return list(zip(classes, keys, strict=True))


def _shown(review: Review, place: Place, row: int) -> dict[str, Any]:
    rows, guesses = review.rows, review.rows.guesses
    verdict = review.state.verdict(place.annotator, row)
    # Others' answers are seen where they are to be decided between, and nowhere else.
    others = review.state.said_of(row) if place.order == DISPUTED else {}
    text = rows.texts[row]
    return {
        "place": row,
        "number": row + 1,
        "of": len(rows),
        "text": text[:SHOWN_CHARACTERS],
        "more": max(0, len(text) - SHOWN_CHARACTERS),
        "guess": guesses.label[row],
        "probability": float(guesses.probability[row]),
        "second": guesses.second[row],
        "second_probability": float(guesses.second_probability[row]),
        "given": rows.given[row],
        "given_probability": float(guesses.given_probability[row]),
        "suspect": bool(guesses.suspect[row]),
        "kind": None if verdict is None else verdict.kind,
        "label": "" if verdict is None else verdict.label,
        "others": [(who, said.kind, said.label) for who, said in sorted(others.items())],
        "notes": review.state.notes(row),
    }
