"""What tests do in a browser: wait, find, press keys, load a page of a review."""

import os
import time
from pathlib import Path

import pytest

AXE = os.environ.get("TFP_DGM_AXE", "")


def wait_for(browser, check, seconds=30):
    end = time.monotonic() + seconds
    while True:
        try:
            found = check()
        except Exception:  # Elements that are being replaced.
            found = None
        if found:
            return found
        assert time.monotonic() < end, browser.page_source[:3000]
        time.sleep(0.02)


def find(browser, selector):
    return browser.find_element("css selector", selector)


def press(browser, *keys):
    action_chains = pytest.importorskip("selenium.webdriver.common.action_chains")
    action_chains.ActionChains(browser).send_keys(*keys).perform()


def wait_for_words(browser, words):
    return wait_for(browser, lambda: words in find(browser, "#message").text)


def shown_row(browser):
    return int(find(browser, "#place").text.split()[1].replace(",", "")) - 1


def open_page(browser, address):
    browser.get(address)
    browser.get_log("browser")
    wait_for(browser, lambda: browser.execute_script("return typeof htmx") == "object")
    wait_for(browser, lambda: find(browser, "#text"))
    # The text is there twice: at once, and again with its words marked.
    wait_for(browser, lambda: not browser.find_elements("css selector", "#text[hx-get]"))


def axe_violations(browser):
    """What axe-core has against the page that is shown."""
    browser.execute_script(Path(AXE).read_text(encoding="utf-8"))
    found = browser.execute_async_script(
        "axe.run().then(arguments[0], (error) => arguments[0]({violations: [String(error)]}))"
    )
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]
    ]
