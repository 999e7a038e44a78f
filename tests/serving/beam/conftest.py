"""What tests of bulk prediction share."""

import resource
import signal

import pytest


@pytest.fixture
def full_disk():
    """A file that grows beyond 20,000 bytes is refused, as by a full disk."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)
