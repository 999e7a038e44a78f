"""A browser, and a server of a made review."""

import contextlib
import shutil

import pytest

import tfp_dgm.text  # noqa: F401  # It takes seconds, which no request should wait for.
from tests.reviewing.made_review import made_model
from tfp_dgm.labelling import MarkedWord
from tfp_dgm.reviewing import Review, ReviewServer
from tfp_dgm.reviewing.rounds import Round


def explain(text, answer, other):
    """Reasons that no model is needed for."""
    return [MarkedWord("refund", 1.5), MarkedWord("key", -0.5, True), MarkedWord("login", 0, True)]


class Trained:
    """A retrainer that has trained, and counts what it is told."""

    def __init__(self):
        self.running, self.failed, self.to_go, self.told = False, "", 7, 0
        self.rounds = [
            Round(n, 50 * n, 400 - 50 * n, 250, 0.9, None if n else 0.8, 9.0, "", 24 * n, 20 * n)
            for n in range(3)
        ]
        self.resumed = self.closed = False
        self.on_guesses = None

    def resume(self):
        self.resumed = True

    def consider(self):
        self.told += 1

    def close(self):
        self.closed = True


@pytest.fixture
def trained():
    return Trained()


@pytest.fixture
def serve(tmp_path):
    """Starts servers; each call gives a review and its address."""
    with contextlib.ExitStack() as stack:

        def start(frame=None, model=None, **options):
            found = stack.enter_context(Review(model or made_model(tmp_path, frame)))
            server = ReviewServer(found, explain=lambda: explain, **options)
            return found, stack.enter_context(server).address

        yield start


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A Chromium without a window, for all tests; each begins by loading its page."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("chromium and chromedriver (Debian: chromium-driver) are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    folder = tmp_path_factory.mktemp("chromium")
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"),
        *("--window-size=1000,900", f"--user-data-dir={folder}", "--no-first-run"),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()
