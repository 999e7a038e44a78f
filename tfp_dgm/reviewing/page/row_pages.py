"""One row after the other: shown, answered, taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tfp_dgm.data import DataError
from tfp_dgm.reviewing.answer_names import look_alikes, plain_name
from tfp_dgm.reviewing.entry_checks import CLASS, JUDGE, LABEL, NONE, NOTE, SKIP
from tfp_dgm.reviewing.page.marked_text import Explain, Piece, marked_pieces
from tfp_dgm.reviewing.page.page_form import Form, asked_row
from tfp_dgm.reviewing.page.page_frame import PageFrame
from tfp_dgm.reviewing.page.shown_row import (
    Place,
    next_row,
    shown_page,
    shown_training,
)
from tfp_dgm.reviewing.retrainer import Retrainer
from tfp_dgm.reviewing.review import Review


class RowPages:
    """The pages of single rows.

        GET  /         the next row, or the one that is asked for
        GET  /text     a row's text with the words marked that spoke for its guess
        POST /answer   a label, none of the classes, a new class, a note; the next row
        POST /undo     takes the last answer back; its row

    HTMX is answered with the part of the page that changes, a browser without scripts with the
    whole of it.

    Args:
      frame: of all pages.
      review: what is reviewed.
      explain: what words do, once that is known; None before.
      retrainer: told of each answer; None where none trains.
      judged_anew: called when a judgement of the spot check was taken back here.
    """

    def __init__(
        self,
        frame: PageFrame,
        review: Review,
        explain: Callable[[], Explain | None],
        retrainer: Retrainer | None,
        judged_anew: Callable[[], None],
    ) -> None:
        self._frame = frame
        self._judged_anew = judged_anew
        self._review = review
        self._explain = explain
        self._retrainer = retrainer

    @property
    def routes(self) -> list[Route]:
        """Of these pages."""
        posted = self._frame.posted
        return [
            Route("/", self._show),
            Route("/text", self._text),
            Route("/answer", posted(self._answer), methods=["POST"]),
            Route("/undo", posted(self._undo), methods=["POST"]),
        ]

    def _page(
        self,
        request: Request,
        place: Place,
        row: int | None,
        message: str = "",
        answered: int | None = None,
    ) -> Response:
        values = shown_page(self._review, place, row, message=message)
        values["before"] = answered
        retrainer = self._retrainer
        values["training"] = None if retrainer is None else shown_training(retrainer)
        if values["row"] is not None:
            values["row"]["seal"] = self._frame.seal(str(row), values["row"]["guess"])
        name = "review_part" if "hx-request" in request.headers else "review_page"
        return self._frame.html(f"{name}.html.jinja", part="review_part.html.jinja", **values)

    def _show(self, request: Request) -> Response:
        asked = dict(request.query_params)
        place = Place.of(asked, len(self._review.rows))
        row = self._row(asked) if "row" in asked else next_row(self._review, place)
        return self._page(request, place, row)

    def _text(self, request: Request) -> Response:
        asked = dict(request.query_params)
        row = self._row(asked)
        whole, guesses = self._review.rows.texts[row], self._review.rows.guesses
        ask = self._explain()
        why = [] if ask is None else ask(whole, guesses.label[row], guesses.second[row])
        pieces = marked_pieces(whole, why) if why else [Piece(whole)]
        inside = "hx-request" in request.headers
        return self._frame.html(
            "marked_text.html.jinja" if inside else "text_page.html.jinja",
            pieces=pieces,
            why=why,
            guess=guesses.label[row],
            second=guesses.second[row],
            ready=ask is not None,
            row=row,
        )

    def _answer(self, request: Request, form: Form) -> Response:
        review = self._review
        place, row, kind = (
            Place.of(form, len(self._review.rows)),
            self._row(form),
            form.get("kind", ""),
        )
        told_alike = ""
        with review.turn:  # So that two people who make one class make it once.
            entries = self._entries(row, kind, form)
            try:
                review.answers(place.annotator, entries)
            except DataError as error:
                return self._page(request, place, row, f"Not kept: {error}")
            if entries[0]["kind"] == CLASS:
                alike = look_alikes(entries[0]["class"], review.classes())
                told_alike = f"; there is a class {alike[0]!r}, which looks alike" if alike else ""
        if self._retrainer is not None:
            self._retrainer.consider()
        if kind == NOTE:
            message = f"Note on row {row + 1} kept"
            return moved(request, place, row=str(row)) or self._page(request, place, row, message)
        told = {NONE: "none of the classes", SKIP: "left for later"}
        message = f"Row {row + 1}: {told.get(kind) or entries[-1]['label']}{told_alike}"
        following = moved(request, place)
        return following or self._page(request, place, next_row(review, place), message, row)

    def _entries(self, row: int, kind: str, form: Form) -> list[dict[str, Any]]:
        """What the journal keeps of a form."""
        if kind == NOTE:
            return [{"kind": NOTE, "rows": [row], "note": form.get("note", "")}]
        guess = form.get("shown", "")  # `guess` is that of the search.
        if guess and form.get("seal") != self._frame.seal(str(row), guess):
            raise HTTPException(400, "shown: expected the guess that was shown with the row")
        said = {"rows": [row], "guess": guess}
        if kind == CLASS:
            name = plain_name(form.get("class", ""))
            labelled = {"kind": LABEL, **said, "label": name}
            known = name in self._review.classes()
            return [labelled] if known else [{"kind": CLASS, "class": name}, labelled]
        if kind == LABEL:
            return [{"kind": LABEL, **said, "label": form.get("label", "")}]
        if kind in (NONE, SKIP):
            return [{"kind": kind, **said}]
        raise HTTPException(400, f"kind: expected an answer; received {kind[:60]!r}")

    def _undo(self, request: Request, form: Form) -> Response:
        place = Place.of(form, len(self._review.rows))
        taken = self._review.undo(place.annotator)
        if taken is None:
            row = next_row(self._review, place)
            return self._page(request, place, row, "There is nothing to take back")
        if taken["kind"] == JUDGE:
            self._judged_anew()
        rows = taken.get("rows", [])
        row = rows[0] if rows else next_row(self._review, place)
        what = f"{len(rows):,} rows" if len(rows) > 1 else f"row {rows[0] + 1}" if rows else "class"
        again = {} if row is None else {"row": str(row)}
        message = f"Taken back: {taken['kind']}, {what}"
        return moved(request, place, **again) or self._page(request, place, row, message)

    def _row(self, asked: Form) -> int:
        return asked_row(asked, len(self._review.rows))


def moved(request: Request, place: Place, **more: str) -> Response | None:
    """Where there are no scripts, the browser is sent on, so that a reload does not ask again."""
    if "hx-request" in request.headers:
        return None
    return RedirectResponse(f"/{place.query(**more)}", 303)
