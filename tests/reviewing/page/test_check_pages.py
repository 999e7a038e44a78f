"""The spot check on the page: by plain requests, and in a real browser."""

import json
import re

import pytest

from tests.reviewing.made_check import made_checked, right_of
from tests.reviewing.made_review import CLASSES, made_frame
from tests.reviewing.page.asking import ask, secret_of
from tests.reviewing.page.browsing import (
    AXE,
    axe_violations,
    find,
    open_page,
    press,
    shown_row,
    wait_for,
    wait_for_words,
)
from tfp_dgm.reviewing.spot_check import SpotCheck


def _text(content):
    return " ".join(re.sub("<[^>]+>", " ", content).split())


def _begun(serve, folder, promise="95", count=400):
    review, address = serve(model=made_checked(folder, count))
    secret = {"secret": secret_of(address), "annotator": "ann"}
    begun = {**secret, "promise": promise, "confidence": "95"}
    assert ask(address, "/check/begin", begun)[0] == 303
    return review, address, secret


def test_rows_are_judged_by_plain_forms(serve, tmp_path):
    review, address, secret = _begun(serve, tmp_path)
    for number in range(12):
        page = ask(address, "/check?annotator=ann")[2]
        row = int(re.search(r'name="row" value="(\d+)"', page)[1])
        predicted = review.rows.guesses.label[row]
        label = {3: CLASSES[(CLASSES.index(predicted) + 1) % 3], 4: predicted}.get(number)
        said = {"says": "right"} if label is None else {"label": label}
        body = {**secret, "row": row, "predicted": predicted, **said}
        status, headers, _ = ask(address, "/check/judge", body)
        assert (status, headers["location"]) == (303, "/check?annotator=ann")
        entry = review.journal.entries[-1]
        assert entry["says"] == ("wrong" if number == 3 else "right")
        assert review.state.verdict("ann", row).label == (label or predicted)
    text = _text(ask(address, "/check?annotator=ann")[2])
    assert "open : 11 of 12 right: between " in text
    metrics = json.loads((tmp_path / "out.model" / "metrics.json").read_text())
    assert metrics["certificate"]["all_rows"]["right"] == 11
    ask(address, "/check/undo", secret)
    assert "11 of 11" not in _text(ask(address, "/check")[2])
    assert "10 of 11 right" in _text(ask(address, "/check")[2])
    ask(address, "/undo", secret)  # The other page takes judgements back, too.
    metrics = json.loads((tmp_path / "out.model" / "metrics.json").read_text())
    assert metrics["certificate"]["all_rows"]["judged"] == 10


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"row": 400, "says": "right"}, 404, "row: expected a number below 400"),
        ({"row": 7, "says": "yes"}, 400, "says: expected a judgement; received &#39;yes&#39;"),
        ({"row": 7}, 400, "says: expected a judgement; received &#39;&#39;"),
        ({"row": 7, "label": "x<"}, 200, "Not kept: label: expected one of the classes; received"),
        ({"row": 7, "says": "right", "predicted": "gone"}, 200, "accepted as &#39;"),
    ],
)
def test_a_judgement_that_cannot_be_understood_is_told(serve, tmp_path, body, status, words):
    review, address, secret = _begun(serve, tmp_path)
    predicted = review.rows.guesses.label[7]
    answer = ask(address, "/check/judge", {**secret, "predicted": predicted, **body})
    assert answer[0] == status
    assert words in answer[2]
    assert len(review.journal.entries) == 1


def test_undo_takes_back_judgements_only(serve, tmp_path):
    review, address, secret = _begun(serve, tmp_path)
    review.answer("ann", "label", rows=[3], label="login")
    answer = ask(address, "/check/undo", secret)
    assert "There is no judgement of yours to take back" in answer[2]
    assert review.state.verdict("ann", 3).label == "login"


def test_a_certificate_that_cannot_be_written_is_told_and_the_answer_kept(serve, tmp_path):
    review, address, secret = _begun(serve, tmp_path)
    (tmp_path / "out.model" / "metrics.json").write_text("{")
    row = int(re.search(r'name="row" value="(\d+)"', ask(address, "/check")[2])[1])
    body = {**secret, "row": row, "predicted": review.rows.guesses.label[row], "says": "right"}
    ask(address, "/check/judge", body)
    assert review.state.judged.answers() == {row: "right"}
    text = _text(ask(address, "/check")[2])
    assert "Not written:" in text
    assert "metrics.json: not JSON" in text


def test_without_accepted_rows_there_is_nothing_to_check(serve):
    _, address = serve(made_frame(20, accept=""))
    assert "No row of the labelling was accepted" in ask(address, "/check")[2]


@pytest.mark.parametrize("promise", ["", "x", "0", "100", "nan", "-3"])
def test_a_promise_that_is_none_begins_nothing(serve, tmp_path, promise):
    review, address = serve(model=made_checked(tmp_path))
    body = {"secret": secret_of(address), "promise": promise, "confidence": "95"}
    assert "Not begun: promise: expected a share" in ask(address, "/check/begin", body)[2]
    assert review.journal.entries == []


@pytest.mark.slow
def test_rows_are_judged_by_keys_until_a_threshold_holds(chromium, serve, tmp_path):
    review, address = serve(model=made_checked(tmp_path, 1000))
    open_page(chromium, address)
    chromium.find_element("partial link text", "Spot check").click()
    wait_for(chromium, lambda: find(chromium, "[name=promise]"))
    wait_for(chromium, lambda: chromium.execute_script("return typeof htmx") == "object")
    find(chromium, "[name=promise]").clear()
    find(chromium, "[name=promise]").send_keys("90\ue007")
    wait_for(chromium, lambda: find(chromium, "#accepted"))
    first = shown_row(chromium)
    press(chromium, "?")
    wait_for_words(chromium, f"Row {first + 1}: unsure")
    press(chromium, "u")
    wait_for_words(chromium, f"Taken back: row {first + 1}")
    assert shown_row(chromium) == first
    predicted = review.rows.guesses.label[first]
    other = next(k for k, name in enumerate(CLASSES) if name != predicted)
    press(chromium, str(other + 1))
    wait_for_words(chromium, f"Row {first + 1}: wrong, it is {CLASSES[other]}")
    assert review.state.verdict("", first).label == CLASSES[other]
    verdicts = ["open"]
    for _ in range(300):
        if "Proposed threshold" in find(chromium, "main").text:
            break
        row = shown_row(chromium)
        # Nothing is told but the class: no probability, no other class.
        assert "%" not in find(chromium, "#row").text
        press(chromium, "y" if right_of(review, row) == "right" else "n")
        wait_for_words(chromium, f"Row {row + 1}: ")
        verdicts.append(find(chromium, "#verdict").text)
    assert verdicts[-1] == "broken"
    assert len(verdicts) < 150
    chromium.refresh()
    assert "Proposed threshold" in wait_for(chromium, lambda: find(chromium, "main")).text
    assert chromium.get_log("browser") == []
    report = (tmp_path / "out.model" / "report.html").read_text()
    assert "From a probability of" in report


@pytest.mark.slow
@pytest.mark.skipif(not AXE, reason="TFP_DGM_AXE names no axe.min.js of axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_check(chromium, serve, tmp_path, scheme):
    review, address = serve(model=made_checked(tmp_path, 60))
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    chromium.get(address + "check")
    wait_for(chromium, lambda: find(chromium, "[name=promise]"))
    assert axe_violations(chromium) == []
    secret = {"secret": secret_of(address), "promise": "90", "confidence": "95"}
    ask(address, "/check/begin", secret)
    order = SpotCheck(review).plan.order().tolist()  # All rows were accepted.
    for verdict, judged in (("open", 30), ("broken", 60), ("broken", 0)):
        chromium.get(address + "check")
        wait_for(chromium, lambda: find(chromium, "#verdict"))
        assert find(chromium, "#verdict").text == verdict
        assert axe_violations(chromium) == []
        for row in order[:judged]:
            review.answer("bob", "judge", rows=[row], says="wrong")
