"""What a request asks for: the fields of its form, and a row."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

_BODY_BYTES = 256 * 2**10  # Of a form: a note of 10,000 characters, each of nine in a body.
_BODY_SECONDS = 30.0

Form = dict[str, str]


def asked_row(asked: Form, count: int) -> int:
    """The row that a query or a form names, below `count`.

    Raises:
      HTTPException: if it names none.
    """
    given = asked.get("row", "")
    row = int(given) if given.isascii() and given.isdigit() and len(given) <= 12 else count
    if row >= count:
        raise HTTPException(404, f"row: expected a number below {count:,}")
    return row


async def read_form(request: Request) -> Form:
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
