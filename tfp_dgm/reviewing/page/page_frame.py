"""What all pages of a server share: templates, style, the secret of their forms, errors."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfp_dgm.pages import page_templates
from tfp_dgm.reviewing.page.page_form import Form, read_form
from tfp_dgm.reviewing.page.page_guard import new_secret

_HERE = Path(__file__).parent
_STATIC = {
    "review.js": "text/javascript; charset=utf-8",
    "tags.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "htmx.LICENSE.txt": "text/plain; charset=utf-8",
}


class PageFrame:
    """Makes answers of templates, and lets in the forms of its own pages only.

    A form bears a secret of this process, which other origins' pages cannot read.
    """

    def __init__(self) -> None:
        self._templates = page_templates(_HERE)
        self._secret = new_secret()
        style = self._templates.get_template("page_style.html.jinja").render()
        style = style.replace("<style>", "").replace("</style>", "")
        self._style = style + (_HERE / "static" / "review.css").read_text(encoding="utf-8")

    @property
    def routes(self) -> list[Route]:
        """Of what pages load."""
        return [
            Route("/static/{name}", self._static),
            Route("/favicon.ico", lambda request: Response(status_code=204)),
        ]

    def html(self, template: str, code: int = 200, **values: Any) -> Response:
        """The answer that a template makes of values."""
        content = self._templates.get_template(template).render(secret=self._secret, **values)
        return Response(
            content.encode("utf-8", "replace"), code, media_type="text/html; charset=utf-8"
        )

    def posted(self, handler: Callable[[Request, Form], Response]) -> Callable[..., Any]:
        """An endpoint that reads a form, refuses one without the secret, and asks the handler."""

        async def endpoint(request: Request) -> Response:
            form = await read_form(request)
            if not hmac.compare_digest(form.get("secret", "").encode(), self._secret.encode()):
                raise HTTPException(403, "the page is of another start; load it again")
            return await run_in_threadpool(handler, request, form)

        return endpoint

    def failed(self, request: Request, error: Exception) -> Response:
        """The page of an error."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        said = error.detail if isinstance(error, HTTPException) else str(error)
        return self.html("error_page.html.jinja", status, status=status, said=said)

    def seal(self, *words: str) -> str:
        """What shows, in a form, that this process has shown these words on a page."""
        said = "\0".join(words).encode("utf-8", "surrogatepass")
        return hmac.new(self._secret.encode(), said, "sha256").hexdigest()

    def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == "review.css":
            return Response(self._style, media_type="text/css; charset=utf-8")
        if name not in _STATIC:
            raise HTTPException(404)
        return Response((_HERE / "static" / name).read_bytes(), media_type=_STATIC[name])
