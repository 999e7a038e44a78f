"""The loop of a review in a real browser: keys, undo, reload, two windows, several at once."""

import json
import time

import pandas as pd
import pytest

from tests.reviewing.made_review import CLASSES, made_frame
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

HOSTILE = '<script>document.title="owned"</script><img src=x onerror="document.title=1">&amp;"\''


def _keys(review, who=""):
    return [(entry["kind"], entry.get("rows")) for entry in review.journal.entries]


@pytest.mark.slow
def test_a_key_labels_and_moves_on_and_undo_goes_back(chromium, serve):
    review, address = serve()
    open_page(chromium, address)
    order = review.queue.left("teach", review.state.done("")).tolist()
    assert shown_row(chromium) == order[0]
    press(chromium, "2")
    wait_for_words(chromium, f"Row {order[0] + 1}: login")
    assert review.state.verdict("", order[0]).label == "login"
    assert shown_row(chromium) == order[1]
    press(chromium, "\ue007")  # Enter agrees with the guess.
    wait_for_words(chromium, f"Row {order[1] + 1}: {review.rows.guesses.label[order[1]]}")
    press(chromium, "x")
    wait_for_words(chromium, "none of the classes")
    press(chromium, "s")
    wait_for_words(chromium, "left for later")
    assert [kind for kind, _ in _keys(review)] == ["label", "label", "none", "skip"]
    assert "3 answered, 1 left for later" in find(chromium, ".counts").text
    for row in order[3::-1]:
        press(chromium, "u")
        wait_for_words(chromium, f"row {row + 1}")
        assert shown_row(chromium) == row
    assert not review.state.done("").any()
    assert not find(chromium, "[data-key=u]").is_enabled()
    assert chromium.get_log("browser") == []


def test_a_key_is_an_answer_of_the_page_as_soon_as_the_next_row_is_shown(chromium, serve):
    review, address = serve()
    open_page(chromium, address)
    # Pressed by the page itself, at the first moment after the row has come.
    chromium.execute_script(
        """
        window.stillHere = true;
        const press = () => document.body.dispatchEvent(
          new KeyboardEvent("keydown", {key: "s", bubbles: true}));
        document.addEventListener("htmx:afterSwap", () => setTimeout(press), {once: true});
        """
    )
    press(chromium, "2")
    wait_for_words(chromium, "left for later")
    assert [kind for kind, _ in _keys(review)] == ["label", "skip"]
    assert chromium.execute_script("return window.stillHere") is True


def test_a_new_class_and_a_note_are_typed_without_a_key_being_taken_for_an_answer(chromium, serve):
    review, address = serve()
    open_page(chromium, address)
    row = shown_row(chromium)
    press(chromium, "n")
    press(chromium, "1 usx", "\ue007")
    wait_for_words(chromium, "Note on row")
    assert review.state.notes(row) == [("", "1 usx")]
    assert "1 usx" in find(chromium, ".notes").text
    press(chromium, "c")
    press(chromium, "sales & <b>", "\ue007")
    wait_for_words(chromium, "sales & <b>")
    assert review.state.verdict("", row).label == "sales & <b>"
    following = shown_row(chromium)
    press(chromium, "4")  # The new class has the next key.
    wait_for(chromium, lambda: review.state.verdict("", following))
    assert review.state.verdict("", following).label == "sales & <b>"
    assert chromium.get_log("browser") == []


@pytest.mark.slow
def test_nothing_is_lost_by_a_reload_another_window_and_another_start(chromium, serve, tmp_path):
    review, address = serve()
    open_page(chromium, address + "?annotator=ann")
    first = shown_row(chromium)
    press(chromium, "1")
    wait_for_words(chromium, "billing")
    chromium.refresh()
    wait_for(chromium, lambda: shown_row(chromium) != first)
    one = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    try:
        open_page(chromium, address + "?annotator=bob")
        assert shown_row(chromium) == first  # Bob has said nothing yet.
        press(chromium, "2")
        wait_for_words(chromium, "login")
        chromium.switch_to.window(one)
        press(chromium, "3")
        wait_for_words(chromium, "other")
    finally:
        chromium.switch_to.window(next(w for w in chromium.window_handles if w != one))
        chromium.close()
        chromium.switch_to.window(one)
    said = {who: review.state.verdict(who, first).label for who in ("ann", "bob")}
    assert said == {"ann": "billing", "bob": "login"}
    lines = review.journal.path.read_text().splitlines()
    assert [json.loads(line)["annotator"] for line in lines[1:]] == ["ann", "bob", "ann"]


@pytest.mark.slow
def test_several_rows_are_shown_before_they_get_a_label(chromium, serve):
    frame = made_frame()
    review, address = serve(frame)
    open_page(chromium, address)
    press(chromium, "/")
    press(chromium, "refund")
    chromium.execute_script(
        "document.querySelector('[name=guess]').value = 'billing';"
        "document.querySelector('[role=search]').requestSubmit()"
    )
    wait_for(chromium, lambda: "text=refund" in chromium.current_url)
    wanted = frame["text"].str.contains("Refund") & (frame["predicted_label"] == "billing")
    rows = frame.index[wanted & (frame["label"] == "")].tolist()
    assert len(rows) > 1
    wait_for(chromium, lambda: shown_row(chromium) in rows)
    wait_for(chromium, lambda: chromium.execute_script("return typeof htmx") == "object")
    find(chromium, "#place").click()
    find(chromium, "[data-key=m]").click()
    wait_for(chromium, lambda: f"{len(rows)} rows without" in find(chromium, "h1").text)
    shown = [int(cell.text) - 1 for cell in chromium.find_elements("css selector", "tbody th")]
    assert shown == rows
    assert review.journal.entries == []
    find(chromium, "[name=label]").send_keys("o")  # The class "other".
    find(chromium, "form button").click()
    wait_for(chromium, lambda: find(chromium, "#place"))
    assert _keys(review) == [("label", rows)]
    assert {review.state.verdict("", row).label for row in rows} == {"other"}
    press(chromium, "u")
    wait_for_words(chromium, f"{len(rows)} rows")
    assert not review.state.done("").any()


def test_a_key_brings_rows_like_the_one_shown_or_the_one_before(chromium, serve):
    frame = made_frame(40)
    frame.loc[[17, 33], "text"] = ["the door is blue", "is the blue door"]
    frame.loc[[20, 25], "text"] = ["a parrot speaks", "speaks a parrot"]
    _, address = serve(frame)
    open_page(chromium, address + "?row=17")
    press(chromium, "l")
    wait_for(chromium, lambda: "likeness to row 18" in find(chromium, "#row").text)
    assert shown_row(chromium) == 17
    wait_for(chromium, lambda: chromium.execute_script("return typeof htmx") == "object")
    press(chromium, "1")
    wait_for_words(chromium, "Row 18: billing")
    assert shown_row(chromium) == 33
    open_page(chromium, address + "?row=20")
    press(chromium, "2")
    wait_for_words(chromium, "Row 21: login")
    press(chromium, "h")
    wait_for(chromium, lambda: "likeness to row 21" in find(chromium, "#row").text)
    assert shown_row(chromium) == 25
    assert chromium.get_log("browser") == []


@pytest.mark.slow
def test_texts_are_shown_as_they_are_with_their_reasons(chromium, serve):
    frame = made_frame(16)
    frame.loc[12, "text"] = HOSTILE + "\n  refund\tREFUND key"
    frame.loc[13, "text"] = "\u202eשלום עולם, refund\u2066 zł"
    frame.loc[14, "text"] = "word " * 60_000
    frame.loc[[12, 13, 14, 15], "predicted_label"] = HOSTILE
    _, address = serve(frame)
    for row in (12, 13):
        open_page(chromium, f"{address}?row={row}")
        wait_for(chromium, lambda: chromium.find_elements("css selector", "mark"))
        find(chromium, "#text .why")
        shown = chromium.execute_script(
            "const t = document.querySelector('#text').cloneNode(true);"
            "t.querySelector('.why').remove(); return t.textContent"
        )
        assert shown == frame["text"][row]
        assert "owned" not in chromium.title
        marks = chromium.find_elements("css selector", "mark")
        assert {mark.text.casefold() for mark in marks} <= {"refund", "key"}
    direction = chromium.execute_script(
        "return getComputedStyle(document.querySelector('#text')).direction"
    )
    assert direction == "rtl"
    open_page(chromium, f"{address}?row=14")
    assert len(chromium.page_source) < 100_000
    assert len(find(chromium, "#text").text) < 5_001
    chromium.find_element("partial link text", "Show the other 295,000 characters").click()
    wait_for(chromium, lambda: len(find(chromium, "#text").text) > 290_000)
    assert [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_nothing_is_taken_for_kept_when_the_server_is_gone(chromium, tmp_path):
    from tests.reviewing.made_review import made_model
    from tfp_dgm.reviewing import Review, ReviewServer

    model = made_model(tmp_path)
    with Review(model) as review, ReviewServer(review, explain=lambda: lambda *_: []) as server:
        open_page(chromium, server.address)
    row = shown_row(chromium)
    press(chromium, "1")
    wait_for_words(chromium, "Not kept: the server did not answer")
    assert shown_row(chromium) == row
    chromium.get_log("browser")


def test_the_table_is_taken_along(chromium, serve, tmp_path):
    _, address = serve()
    open_page(chromium, address)
    row = shown_row(chromium)
    press(chromium, "3")
    wait_for_words(chromium, "other")
    content = chromium.execute_async_script(
        "const done = arguments[0];"
        "fetch('/export').then((answer) => answer.text()).then((text) => done(text))"
    )
    (tmp_path / "taken.csv").write_text(content, encoding="utf-8")
    read = pd.read_csv(tmp_path / "taken.csv", dtype=str, keep_default_na=False)
    assert read["label"][row] == "other"
    assert len(read) == 60


@pytest.mark.parametrize("width", [1000, 320])  # 320: of 1280 at 400 %, the WCAG's reflow.
def test_nothing_is_cut_off_at_any_zoom(chromium, serve, width):
    frame = made_frame(20)
    frame.loc[15, "text"] = "unbroken" * 300
    frame.loc[15, "predicted_label"] = "a_class_with_a_very_long_name_" * 4
    _, address = serve(frame)
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        open_page(chromium, f"{address}?row=15")
        wide = chromium.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.slow
@pytest.mark.skipif(not AXE, reason="TFP_DGM_AXE names no axe.min.js of axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium, serve, trained, scheme):
    trained.failed = "no labels"
    review, address = serve(retrainer=trained)
    review.answer("", "note", rows=[20], note="a note")
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    for who, label in (("ann", "login"), ("bob", "other"), ("bob", "other")):
        review.answer(who, "label", rows=[25 + len(review.journal.entries) % 2], label=label)
    review.answer("bob", "label", rows=[26], label="billing")
    people = ("agreement", "?order=disputed&annotator=eve")
    for path in (
        "?row=20",
        "?row=0",
        "?row=21&order=alike&like=20",
        "?text=nothing+at+all",
        "several?text=refund",
        "none",
        *people,
    ):
        chromium.get(address + path)
        wait_for(chromium, lambda: find(chromium, "h1"))
        time.sleep(0.3)
        assert axe_violations(chromium) == [], (path, scheme)


@pytest.mark.slow
def test_all_is_reached_by_the_tab_key_and_named(chromium, serve):
    _, address = serve()
    open_page(chromium, address)
    reached = set()
    for _ in range(40):
        press(chromium, "\ue004")
        element = chromium.switch_to.active_element
        reached.add(
            chromium.execute_script(
                "return [...document.querySelectorAll('*')].indexOf(arguments[0])", element
            )
        )
        if element.tag_name in ("button", "a", "input", "select"):
            assert element.accessible_name
    every = chromium.execute_script(
        "return [...document.querySelectorAll('*')].map((e, i) => [e, i]).filter(([e]) =>"
        "e.matches('button:enabled, a[href], input:not([type=hidden]), select')).map(([, i]) => i)"
    )
    assert set(every) <= reached
    assert len(every) >= 3 + len(CLASSES)
