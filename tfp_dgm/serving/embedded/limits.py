"""What one client may ask of a server."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds that keep a server alive.

    Attributes:
      body_bytes: of one request.
      rows: of one request.
      seconds: from a request's first byte to the end of its header, again to the end of its body,
        and again to its answer.
      waiting: requests in hand, and of these those that wait for one signature; what comes then
        is told to try again.
      connections: open at once, over REST; one more ends the one that has been idle longest.
      idle_seconds: that a connection stays open without a request.
      discarded_bytes: of a body that is refused, read and dropped so that the answer arrives.
    """

    body_bytes: int = 32 * 2**20
    rows: int = 1024
    seconds: float = 30.0
    waiting: int = 1000
    connections: int = 500  # Many systems give a process 1,024 files.
    idle_seconds: float = 30.0
    discarded_bytes: int = 256 * 2**20
