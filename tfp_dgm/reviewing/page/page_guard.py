"""Who may ask for the page, and what a browser may do with it."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    # Scripts, styles and requests of the page's own origin, none in the page itself.
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; "
    b"img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",  # With none, a form's `Origin` would be null.
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which no other machine reaches."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def new_secret() -> str:
    """What nobody can guess, as letters and digits."""
    return secrets.token_urlsafe(32)


class PageGuard:
    """ASGI middleware that answers a browser's own page, and nobody else.

    - The header `Host` must name the address that is listened on: a page of another name that
      resolves to this machine (DNS rebinding) is refused.
    - A request that changes something must come from a page of this origin, by `Sec-Fetch-Site`
      and `Origin` where the browser sends them; forms bear a secret besides, see `review_app`.
    - Where a token is set, a request must bear it: as `?token=` once, then as a cookie that no
      other site's request carries.
    - Every answer has a content security policy without inline scripts and styles.

    Args:
      app: the application.
      hosts: what `Host` may be, ports included; None for anything, where there is a token.
      token: which an address that other machines reach must ask for; None for none.
      cookie: the name of the cookie that bears it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] | None,
        token: str | None = None,
        cookie: str = "dgm_review",
    ) -> None:
        if hosts is None and token is None:
            raise ValueError("hosts: expected names where there is no token; received None")
        self._app = app
        self._hosts = None if hosts is None else {host.casefold() for host in hosts}
        self._token = token
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or refuses."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                added = [(n, value) for n, value in _HEADERS.items() if n not in present]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        answer = self._refusal(scope, headers)
        await (answer or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        host = headers.get("host", "")
        if self._hosts is not None and host.casefold() not in self._hosts:
            return PlainTextResponse(f"421: this server is not {host[:200]!r}", 421)
        if scope["method"] not in ("GET", "HEAD"):
            site, origin = headers.get("sec-fetch-site"), headers.get("origin")
            # A proxy before this server may add the encryption.
            ours = (None, f"http://{host}", f"https://{host}")
            if site not in (None, "same-origin") or origin not in ours:
                return PlainTextResponse("403: asked from a page of another origin", 403)
        if self._token is None or self._is_ours(headers.get("cookie", "")):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if not hmac.compare_digest(query.get("token", [""])[0].encode(), self._token.encode()):
            return PlainTextResponse("401: open the address that `dgm review` printed", 401)
        answer = RedirectResponse("/", 303)  # So that the token does not stay in the address.
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return answer

    def _is_ours(self, cookies: str) -> bool:
        try:
            found = SimpleCookie(cookies).get(self._cookie)
        except CookieError:
            return False
        assert self._token is not None
        return found is not None and hmac.compare_digest(found.value.encode(), self._token.encode())
