"""The pages of a review as an ASGI application."""

from __future__ import annotations

import asyncio
import hmac
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from tfp_dgm.data import DataError
from tfp_dgm.pages import page_templates
from tfp_dgm.reviewing.agreements import agreement_of
from tfp_dgm.reviewing.page.marked_text import Explain, Piece, marked_pieces
from tfp_dgm.reviewing.page.page_guard import new_secret
from tfp_dgm.reviewing.page.shown_row import (
    Place,
    next_row,
    plain_name,
    several_rows,
    shown_page,
    shown_several,
    shown_training,
)
from tfp_dgm.reviewing.retrainer import Retrainer
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.review_export import export_review
from tfp_dgm.reviewing.review_state import CLASS, LABEL, NONE, NOTE, SKIP

_HERE = Path(__file__).parent
_BODY_BYTES = 256 * 2**10  # Of a form: a note of 10,000 characters, each of nine in a body.
_BODY_SECONDS = 30.0
_STATIC = {
    "review.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "htmx.LICENSE.txt": "text/plain; charset=utf-8",
}

Form = dict[str, str]


def review_app(
    review: Review,
    explain: Callable[[], Explain | None],
    retrainer: Retrainer | None = None,
    *,
    guard_formulas: bool = False,
) -> Starlette:
    """The application.

        GET  /         the next row, or the one that is asked for
        GET  /text     a row's text with the words marked that spoke for its guess
        POST /answer   a label, none of the classes, a new class, a note; the next row
        POST /undo     takes the last answer back; its row
        GET  /several  the rows of a search, before they get a label together; POST gives it
        GET  /agreement  how far people agree
        GET  /export   the table with the answers

    A form bears a secret of this process, which other origins' pages cannot read. HTMX is answered
    with the part of the page that changes, a browser without scripts with the whole of it.

    Args:
      review: what is reviewed.
      explain: what words do, once that is known; None before.
      retrainer: told of each answer.
      guard_formulas: whether the table with the answers is made safe for spreadsheets.
    """
    templates = page_templates(_HERE)
    secret = new_secret()
    style = templates.get_template("page_style.html.jinja").render()
    style = style.replace("<style>", "").replace("</style>", "")
    style += (_HERE / "static" / "review.css").read_text(encoding="utf-8")

    def html(template: str, code: int = 200, **values: Any) -> Response:
        content = templates.get_template(template).render(secret=secret, **values)
        return Response(
            content.encode("utf-8", "replace"), code, media_type="text/html; charset=utf-8"
        )

    def page(request: Request, place: Place, row: int | None, message: str = "") -> Response:
        values = shown_page(review, place, row, message=message)
        values["training"] = None if retrainer is None else shown_training(retrainer)
        name = "review_part" if "hx-request" in request.headers else "review_page"
        return html(f"{name}.html.jinja", part="review_part.html.jinja", **values)

    def told_of_answers() -> None:
        if retrainer is not None:
            retrainer.consider()

    def show(request: Request) -> Response:
        asked = dict(request.query_params)
        place = Place.of(asked)
        row = _row(asked, review) if "row" in asked else next_row(review, place)
        return page(request, place, row)

    def text(request: Request) -> Response:
        asked = dict(request.query_params)
        row = _row(asked, review)
        whole, guesses = review.rows.texts[row], review.rows.guesses
        ask = explain()
        why = [] if ask is None else ask(whole, guesses.label[row], guesses.second[row])
        pieces = marked_pieces(whole, why) if why else [Piece(whole)]
        inside = "hx-request" in request.headers
        return html(
            "marked_text.html.jinja" if inside else "text_page.html.jinja",
            pieces=pieces,
            why=why,
            guess=guesses.label[row],
            second=guesses.second[row],
            ready=ask is not None,
            row=row,
        )

    def answer(request: Request, form: Form) -> Response:
        place, row, kind = Place.of(form), _row(form, review), form.get("kind", "")
        said: dict[str, Any] = {"rows": [row], "guess": review.rows.guesses.label[row]}
        if kind == LABEL:
            said |= {"label": form.get("label", "")}
        if kind == CLASS:
            name = plain_name(form.get("class", ""))
            entries = [
                {"kind": CLASS, "class": name},
                {"kind": LABEL, **said, "label": name},
            ]
            if name in review.state.classes:
                entries = entries[1:]
        elif kind == NOTE:
            entries = [{"kind": NOTE, "rows": [row], "note": form.get("note", "")}]
        elif kind in (LABEL, NONE, SKIP):
            entries = [{"kind": kind, **said}]
        else:
            raise HTTPException(400, f"kind: expected an answer; received {kind[:60]!r}")
        try:
            review.answers(place.annotator, entries)
        except DataError as error:
            return page(request, place, row, f"Not kept: {error}")
        told_of_answers()
        if kind == NOTE:
            message = f"Note on row {row + 1} kept"
            return _moved(request, place, row=str(row)) or page(request, place, row, message)
        told = {LABEL: said.get("label"), NONE: "none of the classes", SKIP: "left for later"}
        what = entries[-1].get("label") or told[kind]
        message = f"Row {row + 1}: {what}"
        return _moved(request, place) or page(request, place, next_row(review, place), message)

    def undo(request: Request, form: Form) -> Response:
        place = Place.of(form)
        taken = review.undo(place.annotator)
        if taken is None:
            return page(request, place, next_row(review, place), "There is nothing to take back")
        rows = taken.get("rows", [])
        row = rows[0] if rows else next_row(review, place)
        what = f"{len(rows):,} rows" if len(rows) > 1 else f"row {rows[0] + 1}" if rows else "class"
        again = {} if row is None else {"row": str(row)}
        message = f"Taken back: {taken['kind']}, {what}"
        return _moved(request, place, **again) or page(request, place, row, message)

    def several(request: Request, form: Form | None = None) -> Response:
        place = Place.of(dict(request.query_params) if form is None else form)
        message = ""
        if form is not None:
            with review.turn:
                rows = several_rows(review, place).tolist()
                if form.get("count") != str(len(rows)):
                    message = "Other rows are found by now; look again, nothing was kept"
                elif rows:
                    try:
                        review.answer(
                            place.annotator, LABEL, rows=rows, label=form.get("label", "")
                        )
                    except DataError as error:
                        message = f"Not kept: {error}"
                    else:
                        told_of_answers()
                        back = Place(place.annotator, place.order)
                        return RedirectResponse(f"/{back.query()}", 303)
        return html("several_page.html.jinja", **shown_several(review, place, message=message))

    def agreement(request: Request) -> Response:
        with review.turn:
            verdicts = review.state.verdicts()
        place = Place.of(dict(request.query_params))
        found = agreement_of(verdicts)
        title = review.rows.table.name
        return html("agreement_page.html.jinja", found=found, place=place, title=title)

    def export(request: Request) -> Response:
        name = review.rows.table.name
        stem, dot, ending = name.partition(".")
        folder = tempfile.TemporaryDirectory(prefix="dgm_review_")
        path = Path(folder.name) / f"{stem}_reviewed{dot}{ending}"
        try:
            export_review(review, path, guard_formulas=guard_formulas)
        except BaseException:
            folder.cleanup()
            raise
        return FileResponse(
            path,
            filename=path.name,
            media_type="application/octet-stream",
            background=BackgroundTask(folder.cleanup),
        )

    def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "review.css":
            return Response(style, media_type="text/css; charset=utf-8")
        if name not in _STATIC:
            raise HTTPException(404)
        return Response((_HERE / "static" / name).read_bytes(), media_type=_STATIC[name])

    def posted(handler: Callable[[Request, Form], Response]) -> Callable[..., Any]:
        async def endpoint(request: Request) -> Response:
            form = await _form(request)
            if not hmac.compare_digest(form.get("secret", "").encode(), secret.encode()):
                raise HTTPException(403, "the page is of another start; load it again")
            return await run_in_threadpool(handler, request, form)

        return endpoint

    def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        said = error.detail if isinstance(error, HTTPException) else str(error)
        return html("error_page.html.jinja", status, status=status, said=said)

    return Starlette(
        routes=[
            Route("/", show),
            Route("/text", text),
            Route("/answer", posted(answer), methods=["POST"]),
            Route("/undo", posted(undo), methods=["POST"]),
            Route("/several", several),
            Route("/several", posted(several), methods=["POST"]),
            Route("/agreement", agreement),
            Route("/export", export),
            Route("/static/{name}", static),
            Route("/favicon.ico", lambda request: Response(status_code=204)),
        ],
        exception_handlers={HTTPException: failed, DataError: failed},
    )


def _moved(request: Request, place: Place, **more: str) -> Response | None:
    """Where there are no scripts, the browser is sent on, so that a reload does not ask again."""
    if "hx-request" in request.headers:
        return None
    return RedirectResponse(f"/{place.query(**more)}", 303)


def _row(asked: Form, review: Review) -> int:
    given = asked.get("row", "")
    row = (
        int(given) if given.isascii() and given.isdigit() and len(given) <= 12 else len(review.rows)
    )
    if row >= len(review.rows):
        raise HTTPException(404, f"row: expected a number below {len(review.rows):,}")
    return row


async def _form(request: Request) -> Form:
    """The fields of a form; of several with one name the first.

    Raises:
      HTTPException: if it is larger than any form of ours, or does not come.
    """

    async def read() -> bytes:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _BODY_BYTES:
                raise HTTPException(413, f"expected at most {_BODY_BYTES:,} bytes")
        return body

    try:
        body = await asyncio.wait_for(read(), _BODY_SECONDS)
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50)
    except TimeoutError as error:
        raise HTTPException(408, "the form did not come") from error
    except ValueError as error:
        raise HTTPException(400, "expected a form in UTF-8") from error
    return {name: values[0] for name, values in fields.items()}
