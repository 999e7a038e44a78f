"""The pages of sentences in a real browser, and by plain requests."""

import contextlib
import json
import re
import time
from dataclasses import replace

import pytest

from tests.reviewing.made_tags import made_tagging
from tests.reviewing.page.asking import ask, secret_of
from tests.reviewing.page.browsing import AXE, axe_violations, find, press, wait_for, wait_for_words
from tfp_dgm.data import read_tagged_sentences
from tfp_dgm.reviewing import ReviewServer, TagReview

LEFT, RIGHT, ENTER, BACKSPACE = "\ue012", "\ue014", "\ue007", "\ue003"
HOSTILE = '<script>document.title="owned"</script>&amp;"\''
LINES = (
    "Anna B-PER\nmet O\nNew B-LOC\nYork I-LOC\n. O\n\n"
    "then _\nAda _\nLove _\nmet _\nBob _\nin _\nRome _\n\nOslo _\nis _\ncold _\n\n"
)


def said(tokens):
    """What else words may be, that no model is needed for."""
    return [("O", 0.6, "B-PER", 0.3)] * len(tokens)


@pytest.fixture
def serve_tags(tmp_path):
    """Starts servers; each call gives a review and its address."""
    with contextlib.ExitStack() as stack:

        def start(text=LINES, model=None, retrainer=None, **options):
            model = model or made_tagging(tmp_path, text, **options)
            review = stack.enter_context(TagReview(model))
            server = ReviewServer(review, explain=lambda: said, retrainer=retrainer)
            return review, stack.enter_context(server).address

        yield start


def _open(browser, address):
    browser.get(address)
    browser.get_log("browser")
    wait_for(browser, lambda: browser.execute_script("return typeof htmx") == "object")
    wait_for(browser, lambda: find(browser, "[data-word][tabindex='0']"))


def _here(browser):
    """The words that are chosen."""
    found = browser.find_elements("css selector", "[data-word][aria-pressed=true]")
    return [int(button.get_attribute("data-word")) for button in found]


def _at(browser, *words):
    return wait_for(browser, lambda: _here(browser) == [*words])


def _sentence(browser):
    return int(find(browser, "#place").text.split()[1]) - 1


def _spans(browser):
    """The marked stretches: words and type."""
    return browser.execute_script(
        "return [...document.querySelectorAll('[data-span]')].map((span) =>"
        "[[...span.querySelectorAll('[data-word]')].map((word) => Number(word.dataset.word)),"
        " span.querySelector('.type bdi').textContent])"
    )


@pytest.mark.slow
def test_keys_tag_words_move_borders_and_take_them_back(chromium, serve_tags):
    review, address = serve_tags()
    _open(chromium, f"{address}?row=1&first=1")
    _at(chromium, 1)
    press(chromium, "0")
    wait_for_words(chromium, "no span")
    steps = [list(review.labels("", 1))]
    press(chromium, "2")  # Types have keys in their order: LOC, PER.
    wait_for_words(chromium, "Sentence 2: Ada: PER")
    assert [[1], "PER"] in _spans(chromium)
    assert _here(chromium) == [1]
    for key, words in ((RIGHT, [1, 2]), (LEFT, [0, 1, 2]), (RIGHT, [0, 1, 2, 3])):
        _shift(chromium, key)
        wait_for(chromium, lambda words=words: [words, "PER"] in _spans(chromium))
    press(chromium, "[")
    wait_for(chromium, lambda: [[1, 2, 3], "PER"] in _spans(chromium))
    press(chromium, "]")
    wait_for(chromium, lambda: [[1, 2], "PER"] in _spans(chromium))
    _settled(chromium)  # What is swapped in gets the focus a moment later.
    wait_for(chromium, lambda: _focused(chromium) == "1")
    press(chromium, "1")  # One word of a span is all of it.
    wait_for(chromium, lambda: [[1, 2], "LOC"] in _spans(chromium))
    press(chromium, BACKSPACE)
    wait_for(chromium, lambda: not any(1 in words for words, _ in _spans(chromium)))
    assert review.labels("", 1)[:4] == ["O"] * 4
    for entry in range(8, 0, -1):
        press(chromium, "u")
        wait_for(chromium, lambda entry=entry: review.state.last_of("") == (entry or None))
        _settled(chromium)
    assert review.labels("", 1) == steps[0]
    assert chromium.get_log("browser") == []


def _focused(browser):
    """The word that has the focus."""
    return browser.switch_to.active_element.get_attribute("data-word")


def _settled(browser):
    """Waits for the answer to what was sent: till then the page sends nothing else."""
    wait_for(
        browser, lambda: browser.execute_script("return !document.querySelector('.htmx-request')")
    )


def _shift(browser, key):
    chains = pytest.importorskip("selenium.webdriver.common.action_chains").ActionChains(browser)
    chains.key_down("\ue008").send_keys(key).key_up("\ue008").perform()


@pytest.mark.slow
def test_enter_accepts_the_sentence_and_shows_the_next(chromium, serve_tags):
    review, address = serve_tags()
    _open(chromium, address)
    order = review.queue.left("teach", review.state.done("")).tolist()
    first = _sentence(chromium)
    assert first == order[0]
    shown = review.labels("", first)
    press(chromium, RIGHT)  # A word has the focus then.
    press(chromium, ENTER)
    wait_for(chromium, lambda: _sentence(chromium) == order[1])
    assert review.state.words_of("", first) == dict(enumerate(shown))
    press(chromium, "s")
    wait_for_words(chromium, f"Sentence {order[1] + 1}: left for later")
    assert f"1 answered, 1 left for later, {len(order) - 2} to go" in find(chromium, ".counts").text
    assert f"The guess was right in {len(shown)} of {len(shown)} words" in chromium.page_source
    press(chromium, "n")
    press(chromium, "1 s0", ENTER)
    wait_for_words(chromium, "note kept")
    for kind in ("note", "skip"):
        press(chromium, "u")
        wait_for_words(chromium, f"Taken back: {kind} of sentence {order[1] + 1}")
    press(chromium, "u")
    wait_for_words(chromium, f"Taken back: {len(shown)} words of sentence {first + 1}")
    assert not review.state.done("").any()
    assert not find(chromium, "[data-key=u]").is_enabled()


def test_arrows_choose_words_and_doubtful_ones_are_a_key_apart(chromium, serve_tags):
    review, address = serve_tags()
    _open(chromium, f"{address}?row=1&first=0")
    _at(chromium, 0)
    doubtful = sorted(review.rows.guesses.doubtful(1))
    assert doubtful
    marked = chromium.find_elements("css selector", ".word.doubt")
    assert [int(word.get_attribute("data-word")) for word in marked] == doubtful
    later = [word for word in doubtful if word > 0]
    press(chromium, ".")
    _at(chromium, later[0])
    press(chromium, RIGHT)
    _at(chromium, later[0] + 1)
    press(chromium, ",")
    _at(chromium, later[0])
    press(chromium, LEFT * 9)
    _at(chromium, 0)
    label = find(chromium, f"[data-word='{doubtful[-1]}']").accessible_name
    assert "%" in label
    assert review.rows.tokens[1][doubtful[-1]] in label
    names = " ".join(find(chromium, f"[data-word='{word}']").accessible_name for word in doubtful)
    assert "in doubt" in names
    assert "or B-PER 30%" in chromium.page_source or "or O " in chromium.page_source


@pytest.mark.slow
def test_a_mouse_drags_over_words(chromium, serve_tags):
    chains = pytest.importorskip("selenium.webdriver.common.action_chains").ActionChains
    review, address = serve_tags()
    _open(chromium, f"{address}?row=1&first=6")
    words = [find(chromium, f"[data-word='{n}']") for n in range(7)]
    drag = chains(chromium).click_and_hold(words[4])
    drag.move_to_element(words[3]).move_to_element(words[2]).release().perform()
    _at(chromium, 2, 3, 4)
    find(chromium, "[name=tag][value='0']").click()
    wait_for(chromium, lambda: [[2, 3, 4], "LOC"] in _spans(chromium))
    find(chromium, "[data-word='0']").click()
    _at(chromium, 0)
    find(chromium, "[data-remove]").click()
    wait_for_words(chromium, "Sentence 2: ")
    assert review.labels("", 1)[0] == "O"
    assert review.labels("", 1)[2:5] == ["B-LOC", "I-LOC", "E-LOC"]
    assert chromium.get_log("browser") == []


def test_nothing_is_lost_and_the_export_is_tagged_again(chromium, serve_tags, tmp_path):
    review, address = serve_tags()
    _open(chromium, f"{address}?row=1&first=0")
    press(chromium, "2")
    wait_for(chromium, lambda: any(0 in words for words, _ in _spans(chromium)))
    _open(chromium, f"{address}?row=1&first=0")
    assert any(0 in words and name == "PER" for words, name in _spans(chromium))
    assert "known" in find(chromium, "[data-word='0']").get_attribute("class")
    lines = review.journal.path.read_text().splitlines()
    assert json.loads(lines[-1])["tags"][0][2:] == "PER"
    content = chromium.execute_async_script(
        "const done = arguments[0];"
        "fetch('/export').then((answer) => answer.text()).then((text) => done(text))"
    )
    (tmp_path / "taken.conll").write_text(content, encoding="utf-8")
    again = read_tagged_sentences(tmp_path / "taken.conll")
    assert again.tokens == review.rows.tokens
    answered = review.state.words_of("", 1)
    for word, options in enumerate(again.tags[1]):
        assert (options == ()) == (word not in answered)
    assert again.tags[1][0] == ("B-PER",)
    assert again.tags[0] == review.rows.sentences.tags[0]


def test_words_are_shown_as_they_are_from_right_to_left_too(chromium, serve_tags):
    rtl = "שלום\t_\nעולם\t_\nשל\t_\nרות\tB-PER\n\n"
    text = f"{HOSTILE}\tB-LOC\n\u202eodd\t_\n" + "x" * 400 + "\t_\nand\tO\n\n" + rtl
    review, address = serve_tags(text)
    _open(chromium, f"{address}?row=0")
    tokens = chromium.execute_script(
        "return [...document.querySelectorAll('[data-word] > bdi')].map((e) => e.textContent)"
    )
    assert tokens == review.rows.tokens[0]
    assert "owned" not in chromium.title
    _open(chromium, f"{address}?row=1&first=1")
    assert find(chromium, "#words").get_attribute("dir") == "rtl"
    places = [find(chromium, f"[data-word='{n}']").location["x"] for n in range(3)]
    assert places == sorted(places, reverse=True)
    press(chromium, LEFT)
    _at(chromium, 2)
    press(chromium, "1")
    wait_for(chromium, lambda: any(2 in words for words, _ in _spans(chromium)))
    press(chromium, RIGHT)
    _at(chromium, 1)


@pytest.mark.parametrize("width", [1000, 320])  # 320: of 1280 at 400 %, the WCAG's reflow.
def test_nothing_is_cut_off_at_any_zoom(chromium, serve_tags, width):
    text = "x" * 300 + "\tB-" + "LONG" * 30 + "\n" + "y\t_\n" * 80 + "\n"
    _, address = serve_tags(text + "z\tB-LOC\nz\tO\n\n")
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        _open(chromium, f"{address}?row=0")
        wide = chromium.execute_script(
            "return [...document.querySelectorAll('body *')].filter((e) => !e.closest('.unseen') &&"
            "e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML.slice(0, 200))"
        )
        assert wide == []
        assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_very_long_sentence_comes_in_parts(chromium, serve_tags):
    text = "a\tX\n" + "".join(f"w{n}\t_\n" for n in range(1000)) + "b\tY\n\n"
    review, address = serve_tags(text)
    _open(chromium, f"{address}?row=0")
    assert len(chromium.page_source) < 100_000
    assert len(chromium.find_elements("css selector", "[data-word]")) == 300
    for part in range(1, 4):
        press(chromium, ENTER)
        wait_for(chromium, lambda part=part: len(review.state.words_of("", 0)) == 300 * part)
        wait_for(chromium, lambda part=part: find(chromium, f"[data-word='{300 * part}']"))
    assert not review.state.done("")[0]
    press(chromium, ENTER)
    wait_for(chromium, lambda: "Nothing is left here" in chromium.page_source)
    assert review.state.done("")[0]


@pytest.mark.slow
@pytest.mark.skipif(not AXE, reason="TFP_DGM_AXE names no axe.min.js of axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("plain", [False, True])
def test_axe_finds_nothing(chromium, serve_tags, scheme, plain):
    text = LINES.replace("B-", "").replace("I-", "") if plain else LINES
    review, address = serve_tags(text)
    review.answer("", "note", rows=[1], note="a note")
    end = len(review.rows.tokens[1])
    for who, word in (("ann", 0), ("bob", 1)):
        body = {"row": 1, "kind": "accept", "first": 0, "last": end - 1, "annotator": who}
        page = ask(address, f"/?row=1&annotator={who}&first={word}")[2]
        form = {
            "secret": secret_of(address),
            "seen": re.search('name="seen" value="(\\w+)"', page)[1],
        }
        if who == "bob":
            ask(address, "/answer", {**body, **form, "kind": "tags", "tag": 0, "last": 0})
        else:
            ask(address, "/answer", {**body, **form})
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    for path in ("?row=0", "?row=1", "?row=2", "?order=disputed&annotator=eve", "agreement"):
        chromium.get(address + path)
        wait_for(chromium, lambda: find(chromium, "h1"))
        time.sleep(0.3)
        assert axe_violations(chromium) == [], (path, scheme)


@pytest.mark.slow
def test_all_is_reached_by_keys_and_named(chromium, serve_tags):
    _, address = serve_tags()
    _open(chromium, address + "?row=1")
    reached = set()
    for _ in range(30):
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
        "e.matches('button:enabled, a[href], input:not([type=hidden]), select')"
        "&& e.tabIndex >= 0).map(([, i]) => i)"
    )
    assert set(every) <= reached


def _form(address, row=1, **more):
    page = ask(address, f"/?row={row}")[2]
    return {
        "secret": re.search('name="secret" value="([^"]+)"', page)[1],
        "seen": re.search('name="seen" value="(\\w+)"', page)[1],
        "row": row,
        **more,
    }


def test_without_scripts_a_word_is_chosen_and_tagged_by_forms(serve_tags):
    review, address = serve_tags()
    page = ask(address, "/?row=1&first=3")[2]
    assert re.search('data-word="3" class="word here', page)
    body = _form(address, kind="tags", tag=1, first=3, last=4)
    status, headers, _ = ask(address, "/answer", body)
    assert (status, headers["location"]) == (303, "/?row=1&first=3&last=4")
    assert review.labels("", 1)[3:5] == ["B-PER", "E-PER"]
    body = _form(address, kind="border", move="last+", first=3)
    ask(address, "/answer", body)
    assert review.labels("", 1)[3:6] == ["B-PER", "I-PER", "E-PER"]
    assert ask(address, "/undo", {"secret": body["secret"]})[0] == 303
    assert review.labels("", 1)[3:5] == ["B-PER", "E-PER"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"seen": "x"}, 200, "Not kept: other tags stand there by now"),
        ({"tag": 2}, 400, "kind: expected an answer"),
        ({"tag": "-1"}, 400, "kind: expected an answer"),
        ({"kind": "border", "move": "up"}, 400, "kind: expected an answer"),
        ({"kind": "label"}, 400, "kind: expected an answer"),
        ({"first": 99, "last": 99}, 200, "There is no such change to make"),
        ({"first": ""}, 200, "There is no such change to make"),
        ({"kind": "accept", "last": 7}, 200, "There is no such change to make"),
        ({"row": 3}, 404, "row: expected a number below 3"),
        ({"secret": "x"}, 403, "the page is of another start"),
        ({"kind": "note", "note": " "}, 200, "Not kept: note: expected 1 to 10,000"),
    ],
)
def test_a_form_that_asks_for_nothing_is_refused(serve_tags, change, status, words):
    review, address = serve_tags()
    body = {**_form(address, kind="tags", tag=0, first=0, last=0), **change}
    found, _, content = ask(address, "/answer", body)
    assert (found, review.journal.entries) == (status, [])
    assert words in content


def test_sentences_like_one_come_next(serve_tags):
    text = LINES + "fish _\nswim _\nfast _\n\nOslo _\nis _\nold _\n\n"
    _, address = serve_tags(text)
    page = ask(address, "/?order=alike&like=2")[2]
    assert "In the order of their likeness to sentence 3" in page
    assert re.search(r"<h1[^>]*>Sentence 3 ", page)  # It has not been answered yet.
    body = _form(address, row=2, kind="skip", order="alike", like=2)
    status, headers, _ = ask(address, "/answer", body)
    assert status == 303
    assert re.search(r"<h1[^>]*>Sentence 5 ", ask(address, headers["location"])[2])


def test_pages_of_rows_are_none_of_sentences(serve_tags):
    _, address = serve_tags()
    for path in ("/several", "/check", "/text?row=1"):
        assert ask(address, path)[0] == 404
    assert 'data-key="m"' not in ask(address, "/")[2]
    assert ask(address, "/static/tags.js")[1]["content-type"].startswith("text/javascript")
    assert "/static/tags.js" in ask(address, "/")[2]


def test_trainings_are_told_of_answers_and_shown(serve_tags, trained):
    _, address = serve_tags(retrainer=trained)
    trained.rounds = [replace(one, drawn=0, changed=0.004, made_safe=0.0) for one in trained.rounds]
    page = " ".join(re.sub("<[^>]+>", " ", ask(address)[2]).split())
    assert "It is trained anew after 7 more sentences." in page
    heads = "Training Sentences answered Words without tag of these safe left to you expected right"
    assert f"{heads} tags guessed when hidden at the start 0 400 250 150 90% 80% 1 50 350" in page
    assert "at random" not in page.partition("The model")[2]
    assert "You can stop" not in page  # The rule was measured on rows.
    ask(address, "/answer", _form(address, kind="tags", tag=1, first=3, last=4))
    ask(address, "/answer", _form(address, kind="tags", tag=1, first=99, last=99))  # None.
    assert trained.told == 1
