"""The pages of a review as an ASGI application."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from tfp_dgm.data import DataError
from tfp_dgm.reviewing.agreements import agreement_of
from tfp_dgm.reviewing.entry_checks import LABEL
from tfp_dgm.reviewing.page.check_pages import CheckPages
from tfp_dgm.reviewing.page.marked_text import Explain
from tfp_dgm.reviewing.page.page_form import Form
from tfp_dgm.reviewing.page.page_frame import PageFrame
from tfp_dgm.reviewing.page.row_pages import RowPages
from tfp_dgm.reviewing.page.sentence_pages import SentencePages
from tfp_dgm.reviewing.page.shown_row import Place, several_rows, shown_several
from tfp_dgm.reviewing.retrainer import Retrainer
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.reviews import export_answers
from tfp_dgm.reviewing.row_queue import Search
from tfp_dgm.reviewing.spot_check import SpotCheck
from tfp_dgm.reviewing.tag_review import TagReview


def review_app(
    review: Review | TagReview,
    explain: Callable[[], Any],
    retrainer: Retrainer | None = None,
    *,
    guard_formulas: bool = False,
) -> Starlette:
    """The application.

    Of sentences it has the pages of single ones (`SentencePages`); of rows those of single rows
    (`RowPages`), those of a spot check (`CheckPages`), and

        GET  /several    the rows of a search, before they get a label together; POST gives it

    Of both

        GET  /agreement  how far people agree
        GET  /export     the source with the answers

    Args:
      review: what is reviewed.
      explain: of rows what words do (`Explain`), of sentences what else words may be (`RunnersUp`),
        once that is known; None before.
      retrainer: told of each answer.
      guard_formulas: whether the table with the answers is made safe for spreadsheets.
    """
    frame = PageFrame()
    if isinstance(review, TagReview):
        routes = SentencePages(frame, review, explain, retrainer).routes
    else:
        routes = _routes_of_rows(frame, review, explain, retrainer)

    def agreement(request: Request) -> Response:
        with review.turn:
            verdicts = review.state.compared()
        place = Place.of(dict(request.query_params), len(review.rows))
        found = agreement_of(verdicts)
        title = review.rows.title
        units = "words" if isinstance(review, TagReview) else "rows"
        return frame.html(
            "agreement_page.html.jinja", found=found, place=place, title=title, units=units
        )

    def export(request: Request) -> Response:
        name = review.rows.table.name
        stem, dot, ending = name.partition(".")
        folder = tempfile.TemporaryDirectory(prefix="dgm_review_")
        path = Path(folder.name) / f"{stem}_reviewed{dot}{ending}"
        try:
            export_answers(review, path, guard_formulas=guard_formulas)
        except BaseException:
            folder.cleanup()
            raise
        return FileResponse(
            path,
            filename=path.name,
            media_type="application/octet-stream",
            background=BackgroundTask(folder.cleanup),
        )

    return Starlette(
        routes=[
            *routes,
            Route("/agreement", agreement),
            Route("/export", export),
            *frame.routes,
        ],
        exception_handlers={HTTPException: frame.failed, DataError: frame.failed},
    )


def _routes_of_rows(
    frame: PageFrame,
    review: Review,
    explain: Callable[[], Explain | None],
    retrainer: Retrainer | None,
) -> list[Route]:
    checking = CheckPages(frame, review, SpotCheck(review))

    def several(request: Request, form: Form | None = None) -> Response:
        place = Place.of(dict(request.query_params) if form is None else form, len(review.rows))
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
                        if retrainer is not None:
                            retrainer.consider()
                        back = replace(place, search=Search())
                        return RedirectResponse(f"/{back.query()}", 303)
        return frame.html(
            "several_page.html.jinja", **shown_several(review, place, message=message)
        )

    return [
        *RowPages(frame, review, explain, retrainer, checking.write).routes,
        *checking.routes,
        Route("/several", several),
        Route("/several", frame.posted(several), methods=["POST"]),
    ]
