"""What one client may ask of a server."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds that keep a server alive.

    Attributes:
      body_bytes: of one request.
      rows: of one request.
      seconds: from a request's first byte to the end of its body, and again to its answer.
      waiting: requests that wait for one signature; what comes then is told to try again.
      connections: open at once.
    """

    body_bytes: int = 32 * 2**20
    rows: int = 1024
    seconds: float = 30.0
    waiting: int = 1000
    connections: int = 1000
