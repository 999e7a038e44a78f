"""One sentence after the other: its words shown, tagged, accepted, taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfp_dgm.data import DataError
from tfp_dgm.reviewing.answered_words import Change, named, widened, with_border_moved
from tfp_dgm.reviewing.entry_checks import NOTE, SKIP, TAGS
from tfp_dgm.reviewing.page.page_form import Form, asked_row
from tfp_dgm.reviewing.page.page_frame import PageFrame
from tfp_dgm.reviewing.page.row_pages import moved
from tfp_dgm.reviewing.page.shown_row import Place, next_row, shown_training
from tfp_dgm.reviewing.page.shown_sentence import RunnersUp, Selection, seen, shown_sentences
from tfp_dgm.reviewing.retrainer import Retrainer
from tfp_dgm.reviewing.tag_review import TagReview

_ACCEPT, _BORDER = "accept", "border"
# The side of a span, and whether the next word comes in or the outermost goes out.
_MOVES = {
    "first+": ("first", 1),
    "first-": ("first", -1),
    "last+": ("last", 1),
    "last-": ("last", -1),
}


class SentencePages:
    """The pages of single sentences.

        GET  /         the next sentence, or the one that is asked for, at words of it
        POST /answer   a tag of words, a border of a span, the words as they are, later, a note
        POST /undo     takes the last answer back; its sentence

    Args:
      frame: of all pages.
      review: what is reviewed.
      ask: the tagger, for runners-up, once it is loaded; None before.
      retrainer: told of each answer; None where none trains.
    """

    def __init__(
        self,
        frame: PageFrame,
        review: TagReview,
        ask: Callable[[], RunnersUp | None],
        retrainer: Retrainer | None,
    ) -> None:
        self._frame = frame
        self._review = review
        self._ask = ask
        self._retrainer = retrainer

    @property
    def routes(self) -> list[Route]:
        """Of these pages."""
        return [
            Route("/", self._show),
            Route("/answer", self._frame.posted(self._answer), methods=["POST"]),
            Route("/undo", self._frame.posted(self._undo), methods=["POST"]),
        ]

    def _page(
        self,
        request: Request,
        place: Place,
        row: int | None,
        message: str = "",
        at: Selection | None = None,
    ) -> Response:
        values = shown_sentences(
            self._review, place, row, at or Selection(), ask=self._ask(), message=message
        )
        retrainer = self._retrainer
        values["training"] = None if retrainer is None else shown_training(retrainer, advised=False)
        name = "review_part" if "hx-request" in request.headers else "review_page"
        return self._frame.html(f"{name}.html.jinja", part="review_part.html.jinja", **values)

    def _show(self, request: Request) -> Response:
        asked = dict(request.query_params)
        place = Place.of(asked, len(self._review.rows))
        row = self._row(asked) if "row" in asked else next_row(self._review, place)
        at = Selection(_word(asked, "first"), _word(asked, "last"), _word(asked, "part"))
        return self._page(request, place, row, at=at)

    def _answer(self, request: Request, form: Form) -> Response:
        place, row, kind = (
            Place.of(form, len(self._review.rows)),
            self._row(form),
            form.get("kind", ""),
        )
        at = Selection(_word(form, "first"), _word(form, "last"), kept=True)
        try:
            if kind in (NOTE, SKIP):
                said: dict[str, Any] = {"note": form.get("note", "")} if kind == NOTE else {}
                self._review.answer(place.annotator, kind, rows=[row], **said)
                message = f"Sentence {row + 1}: " + (
                    "note kept" if kind == NOTE else "left for later"
                )
            else:
                change = self._review.change(
                    place.annotator, row, lambda labels: self._made(labels, form, kind)
                )
                if change is None:
                    return self._page(request, place, row, "There is no such change to make", at)
                at = _at(change, kind, at)
                message = f"Sentence {row + 1}: {self._told(row, change)}"
        except DataError as error:
            return self._page(request, place, row, f"Not kept: {error}", at)
        if self._retrainer is not None:
            self._retrainer.consider()
        with self._review.turn:
            done = bool(self._review.state.done(place.annotator)[row])
        if kind == SKIP or (kind == _ACCEPT and done):
            following = next_row(self._review, place)
            return moved(request, place) or self._page(request, place, following, message)
        if kind == _ACCEPT:  # The next part of a long sentence.
            at = Selection(kept=True)
        more = {} if at.first is None else {"first": str(at.first), "last": str(at.last)}
        return moved(request, place, row=str(row), **more) or self._page(
            request, place, row, message, at
        )

    def _undo(self, request: Request, form: Form) -> Response:
        place = Place.of(form, len(self._review.rows))
        taken = self._review.undo(place.annotator)
        if taken is None:
            row = next_row(self._review, place)
            return self._page(request, place, row, "There is nothing to take back")
        row, kind = taken["rows"][0], taken["kind"]
        count = len(taken.get("tags", []))
        what = f"{count:,} word{'s' if count > 1 else ''}" if kind == TAGS else kind
        message = f"Taken back: {what} of sentence {row + 1}"
        at = Selection(kept=True)
        if kind == TAGS and count < len(self._review.rows.tokens[row]):
            at = Selection(taken["first"], taken["first"], kept=True)
        more = {} if at.first is None else {"first": str(at.first)}
        return moved(request, place, row=str(row), **more) or self._page(
            request, place, row, message, at
        )

    def _made(self, labels: list[str], form: Form, kind: str) -> Change | None:
        """What a form asks to be changed.

        Raises:
          DataError: if other tags stand there by now than those that were shown.
          HTTPException: if it asks for nothing that there is.
        """
        if form.get("seen") != seen(labels):
            raise DataError("other tags stand there by now; look again")
        scheme = self._review.rows.scheme
        first, last = _word(form, "first"), _word(form, "last")
        if first is None:
            return None
        last = first if last is None else last
        if kind == _ACCEPT:
            if not first <= last < len(labels):
                return None
            return widened(scheme, labels, first, last)
        if kind == _BORDER and form.get("move") in _MOVES:
            return with_border_moved(scheme, labels, first, *_MOVES[form["move"]])
        if kind == TAGS:
            number = _word(form, "tag")
            names = scheme.names
            if form.get("tag") == "none":
                return named(scheme, labels, first, last, None)
            if number is not None and number < len(names):
                return named(scheme, labels, first, last, names[number])
        raise HTTPException(400, f"kind: expected an answer; received {kind[:60]!r}")

    def _told(self, row: int, change: Change) -> str:
        """In words what was kept."""
        tokens = self._review.rows.tokens[row]
        scheme = self._review.rows.scheme
        count = len(change.labels)
        spans = scheme.spans(change.labels)
        if len(spans) == 1:
            span = spans[0]
            words = " ".join(tokens[change.first + span.first : change.first + span.last + 1])
            return f"{words[:100]}: {span.name or 'a span'}"
        if count == 1:
            label = change.labels[0]
            return f"{tokens[change.first][:100]}: {label if label in scheme.names else 'no span'}"
        return f"{count:,} words"

    def _row(self, asked: Form) -> int:
        return asked_row(asked, len(self._review.rows))


def _at(change: Change, kind: str, at: Selection) -> Selection:
    """Where a person is after a change: at the first word of what they have made."""
    if kind != _BORDER:
        return at
    inside = [n for n, label in enumerate(change.labels, start=change.first) if label[0] in "BIES"]
    first = at.first if at.first in inside else min(inside, default=at.first)
    return Selection(first, first, kept=True)


def _word(asked: Form, name: str) -> int | None:
    """A number of a form or a query; None where there is none."""
    given = asked.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 9 else None
