"""The pages of a spot check: accepted rows judged one after the other."""

from __future__ import annotations

import logging
import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tfp_dgm.data import DataError
from tfp_dgm.reviewing.certificates import percent_shown
from tfp_dgm.reviewing.entry_checks import JUDGE, SAYS
from tfp_dgm.reviewing.page.marked_text import SHOWN_CHARACTERS
from tfp_dgm.reviewing.page.page_form import Form, asked_row
from tfp_dgm.reviewing.page.page_frame import PageFrame
from tfp_dgm.reviewing.page.shown_row import Place, keyed_classes
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.spot_check import CheckProgress, SpotCheck

_LOG = logging.getLogger(__name__)
_KEYS = "y"  # Beside those that mean something on all pages.


class CheckPages:
    """The pages of a spot check.

        GET  /check        the next row to be judged, and what is shown by now
        POST /check/begin  decides promise and confidence, and draws the order
        POST /check/judge  right, wrong, unsure, or the right class; the next row
        POST /check/undo   takes the person's last judgement back

    Args:
      frame: of all pages.
      review: what is reviewed.
      check: the check.
    """

    def __init__(self, frame: PageFrame, review: Review, check: SpotCheck) -> None:
        self._frame = frame
        self._review = review
        self._check = check
        self._unwritten = ""
        self._report = False

    @property
    def routes(self) -> list[Route]:
        """Of these pages."""
        posted = self._frame.posted
        return [
            Route("/check", self._show),
            Route("/check/begin", posted(self._begin), methods=["POST"]),
            Route("/check/judge", posted(self._judge), methods=["POST"]),
            Route("/check/undo", posted(self._undo), methods=["POST"]),
        ]

    def write(self) -> None:
        """Writes the certificate; where that fails, the page tells it, and no answer is lost."""
        try:
            self._report, self._unwritten = self._check.write() is not None, ""
        except (DataError, OSError) as error:
            _LOG.warning("The certificate of the spot check was not written: %s", error)
            self._unwritten = str(error)

    def _show(self, request: Request) -> Response:
        return self._page(request, Place.of(dict(request.query_params), len(self._review.rows)))

    def _begin(self, request: Request, form: Form) -> Response:
        place = Place.of(form, len(self._review.rows))
        promise, confidence = (_share(form, name) for name in ("promise", "confidence"))
        try:
            self._check.begin(place.annotator, promise=promise, confidence=confidence)
        except DataError as error:
            return self._page(request, place, f"Not begun: {error}")
        self.write()
        return self._moved(request, place, "")

    def _judge(self, request: Request, form: Form) -> Response:
        place, row = Place.of(form, len(self._review.rows)), asked_row(form, len(self._review.rows))
        says, label = form.get("says", ""), form.get("label", "")
        try:
            predicted = self._check.predicted(row)
            if form.get("predicted") != predicted:
                raise DataError(f"row {row + 1} is accepted as {predicted!r} by now; look again")
            if label and not says:
                says = "right" if label == predicted else "wrong"
            if says not in SAYS:
                raise HTTPException(400, f"says: expected a judgement; received {says[:60]!r}")
            self._check.judge(place.annotator, row, says, label)
        except DataError as error:
            return self._page(request, place, f"Not kept: {error}")
        self.write()
        told = f"{says}, it is {label}" if label and says == "wrong" else says
        return self._moved(request, place, f"Row {row + 1}: {told}")

    def _undo(self, request: Request, form: Form) -> Response:
        place = Place.of(form, len(self._review.rows))
        with self._review.turn:
            last = self._review.state.last_of(place.annotator)
            taken = None if last is None else self._review.state.entries[last - 1]
            if taken is None or taken["kind"] != JUDGE:
                message = "There is no judgement of yours to take back"
                return self._page(request, place, message)
            self._review.undo(place.annotator)
        self.write()
        return self._moved(request, place, f"Taken back: row {taken['rows'][0] + 1}")

    def _moved(self, request: Request, place: Place, message: str) -> Response:
        if "hx-request" not in request.headers:
            return RedirectResponse(f"/check{place.query()}", 303)
        return self._page(request, place, message)

    def _page(self, request: Request, place: Place, message: str = "") -> Response:
        review, found = self._review, self._check.progress()
        row = None if found is None else found.row
        with review.turn:
            last = review.state.last_of(place.annotator)
            kind = None if last is None else review.state.entries[last - 1]["kind"]
        name = "check_part" if "hx-request" in request.headers else "review_page"
        return self._frame.html(
            f"{name}.html.jinja",
            part="check_part.html.jinja",
            title=review.rows.title,
            place=place,
            message=message,
            check=None if found is None else _figures(found),
            row=None if row is None else self._shown(row),
            classes=keyed_classes(review.classes(), taken=_KEYS),
            can_undo=kind == JUDGE,
            unwritten=self._unwritten,
            report=self._report,
            accepted=self._count() if found is None else 0,
            promise=f"{100 * self._check.promise:.6g}",
        )

    def _count(self) -> int:
        try:
            return len(self._check.accepted.rows)
        except DataError as error:
            _LOG.warning("There is nothing for a spot check: %s", error)
            return 0

    def _shown(self, row: int) -> dict[str, Any]:
        text = self._review.rows.texts[row]
        return {
            "place": row,
            "number": row + 1,
            "of": len(self._review.rows),
            "text": text[:SHOWN_CHARACTERS],
            "more": max(0, len(text) - SHOWN_CHARACTERS),
            "predicted": self._check.predicted(row),
        }


def _figures(found: CheckProgress) -> dict[str, Any]:
    """What the page shows of a certificate."""
    said = found.certificate
    seen = said.all_rows
    return {
        "verdict": said.verdict,
        "says": said.sentence(),
        "judged": seen.judged,
        "accepted": seen.accepted,
        "low": percent_shown(seen.low / seen.accepted),
        "high": percent_shown(seen.high / seen.accepted, up=True),
        "exact_low": percent_shown(found.exact[0] / seen.accepted),
        "exact_high": percent_shown(found.exact[1] / seen.accepted, up=True),
        "more": said.more,
        "threshold": "" if said.threshold is None else f"{said.threshold:.6g}",
        "promise": percent_shown(said.promise),
        "confidence": percent_shown(said.confidence),
        "people": found.people,
        "differing": found.differing,
    }


def _share(form: Form, name: str) -> float:
    """A field's percentage as a share; NaN, which is none, for what is no number."""
    try:
        return float(form.get(name, "")) / 100
    except ValueError:
        return math.nan
