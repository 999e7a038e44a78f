"""What a server answers to a request that it does not fulfil."""


class RequestError(Exception):
    """A request that is not fulfilled, and why.

    Args:
      message: what was wrong, for who sent it.
      status: the HTTP status: 400 malformed, 404 no such thing, 408 body too slow, 413 body too
        large, 500 the model failed, 501 not served, 503 too busy, 504 too late.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
