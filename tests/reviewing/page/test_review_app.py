"""Who may ask for the page and what it answers, by plain requests."""

import contextlib
import csv
import http.client
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest

from tests.reviewing.made_review import CLASSES, made_frame, made_model
from tests.reviewing.page.asking import ask, secret_of
from tfp_dgm.reviewing import Review, ReviewServer
from tfp_dgm.reviewing.page.page_guard import PageGuard, is_loopback


def test_every_answer_has_a_policy_without_inline_code(serve):
    _, address = serve()
    for path in (
        "/",
        "/text?row=3",
        "/several",
        "/check",
        "/static/review.css",
        "/none",
        "/?row=777",
    ):
        _, headers, content = ask(address, path)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<style|style=|<script(?! src=)|\son\w+=", content) or "css" in path


def test_words_are_marked_as_reasons_and_as_the_rationales(serve):
    frame = made_frame(16)
    frame.loc[3, "text"] = "Refund, key & login; refund"
    _, address = serve(frame)
    content = ask(address, "/text?row=3")[2]
    marks = re.findall(r'<mark class="([^"]*)"( title="[^"]*")?>([^<]*)</mark>', content)
    assert marks == [
        ("for", ' title="+1.5"', "Refund"),
        ("against kept", ' title="-0.5"', "key"),
        (" kept", "", "login"),
        ("for", ' title="+1.5"', "refund"),
    ]
    why = content[content.index('class="why') :]
    # The third word adds nothing that is known.
    numbers = re.findall(r"<bdi>(\w+)</bdi> ([+-][.\d]+)", why)
    assert numbers == [("refund", "+1.5"), ("key", "-0.5")]
    assert "In bold: words from which alone the guess can be read." in why


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "", "127.0.0.1", "localhost:1"]
)
def test_another_host_is_refused(serve, host):
    review, address = serve()
    assert ask(address, Host=host)[0] == 421
    body = {"row": 20, "kind": "none", "secret": secret_of(address)}
    assert ask(address, "/answer", body, Host=host)[0] == 421
    assert review.journal.entries == []


def test_a_name_of_this_machine_is_none_other(serve):
    _, address = serve()
    port = urlsplit(address).port
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert ask(address, Host=host)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}],
)
def test_a_form_of_another_origin_is_refused(serve, headers):
    review, address = serve()
    body = {"row": 20, "kind": "none", "secret": secret_of(address)}
    assert ask(address, "/answer", body, **headers)[0] == 403
    assert review.journal.entries == []


@pytest.mark.parametrize(
    "path", ["/answer", "/undo", "/several", "/check/begin", "/check/judge", "/check/undo"]
)
def test_a_form_without_the_secret_is_refused(serve, path):
    review, address = serve()
    for secret in ({}, {"secret": "x"}, {"secret": ""}):
        body = {"row": 20, "kind": "none", "label": "login", "count": 48, **secret}
        status, _, content = ask(address, path, body)
        assert status == 403
        assert "the page is of another start; load it again" in content
    assert review.journal.entries == []


def test_a_proxy_before_it_may_add_the_encryption(serve):
    review, address = serve()
    host = urlsplit(address).netloc
    body = {"row": 20, "kind": "none", "secret": secret_of(address)}
    assert ask(address, "/answer", body, Origin=f"https://{host}0")[0] == 403
    assert ask(address, "/answer", body, Origin=f"https://{host}")[0] == 303
    assert [entry["rows"] for entry in review.journal.entries] == [[20]]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a" * 79 + " b", "a" * 79),
        ("ann\r\nlee", "ann lee"),
        ("a\0b", "a b"),
        ("\u0645\u06cc\u200c\u0646\u0627", "\u0645\u06cc\u200c\u0646\u0627"),
    ],
)
def test_a_name_is_the_same_person_on_the_next_page(serve, given, kept):
    review, address = serve()
    body = {"row": 20, "kind": "none", "secret": secret_of(address), "annotator": given}
    _, headers, _ = ask(address, "/answer", body)
    following = ask(address, headers["location"])[2]
    again = re.search('name="annotator" value="([^"]+)"', following)[1]
    ask(address, "/answer", {**body, "row": 21, "annotator": again})
    assert [entry["annotator"] for entry in review.journal.entries] == [kept, kept]
    ask(address, "/answer", {**body, "row": 22, "kind": "class", "class": f"of {given}"})
    assert review.state.classes[-1] in (f"of {kept}", f"of {kept} b")


@pytest.mark.parametrize(("guarded", "note"), [(False, "=1+1"), (True, "'=1+1")])
def test_the_table_of_the_page_is_guarded_where_that_is_asked(serve, guarded, note):
    review, address = serve(guard_formulas=guarded)
    review.answer("", "note", rows=[20], note="=1+1")
    rows = list(csv.DictReader(ask(address, "/export")[2].splitlines()))
    assert rows[20]["review_notes"] == note


def test_nothing_is_changed_by_an_address_that_is_opened(serve):
    review, address = serve()
    for path in ("/answer?row=20&kind=none", "/undo", "/several?label=login&count=48"):
        ask(address, path)
    assert ask(address, "/answer?row=20&kind=none")[0] == 405
    assert review.journal.entries == []


def test_other_machines_need_the_token(tmp_path):
    with (
        Review(made_model(tmp_path)) as review,
        ReviewServer(review, host="0.0.0.0", explain=lambda: lambda *_: []) as server,
    ):
        split = urlsplit(server.address)
        local = f"http://127.0.0.1:{split.port}/"
        host = {"Host": f"some.name:{split.port}"}  # Whatever the machine is called there.
        assert ask(local, **host)[0] == 401
        assert ask(local, "/?token=wrong", **host)[0] == 401
        assert ask(local, "/export", Cookie=f"dgm_review_{split.port}=wrong", **host)[0] == 401
        status, headers, _ = ask(local, f"/?{split.query}", **host)
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"]
        assert cookie.startswith(f"dgm_review_{split.port}=")  # Browsers send it to all ports.
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert ask(local, Cookie=cookie.partition(";")[0], **host)[0] == 200


def test_without_a_token_no_name_is_left_open():
    with pytest.raises(ValueError, match="hosts: expected names where there is no token"):
        PageGuard(lambda *_: None, hosts=None)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        *[(host, True) for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9")],
        *[(host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "evil.example", "")],
    ],
)
def test_what_other_machines_reach_is_known(host, found):
    assert is_loopback(host) is found


def test_a_browser_without_scripts_is_sent_on(serve):
    review, address = serve()
    secret = secret_of(address)
    body = {"secret": secret, "row": 20, "kind": "label", "label": "login", "annotator": "a&b"}
    status, headers, _ = ask(address, "/answer", body)
    assert (status, headers["location"]) == (303, "/?annotator=a%26b")
    assert review.state.verdict("a&b", 20).label == "login"
    status, headers, _ = ask(address, "/undo", {"secret": secret, "annotator": "a&b"})
    assert (status, headers["location"]) == (303, "/?annotator=a%26b&row=20")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"row": "60", "kind": "none"}, 404, "row: expected a number below 60"),
        ({"row": "\u0663", "kind": "none"}, 404, "row: expected a number below 60"),
        ({"row": "9" * 5000, "kind": "none"}, 404, "row: expected a number below 60"),
        ({"row": "0" * 5000 + "1", "kind": "none"}, 404, "row: expected a number below 60"),
        ({"row": "0000000000000777", "kind": "none"}, 404, "row: expected a number below 60"),
        ({"kind": "none"}, 404, "row: expected a number below 60"),
        ({"row": "20", "kind": "undo"}, 400, "kind: expected an answer; received &#39;undo&#39;"),
        ({"row": "20", "kind": "label", "label": "x<"}, 200, "Not kept: label: expected one of"),
        ({"row": "20", "kind": "class", "class": " "}, 200, "Not kept: class: expected 1 to 200"),
        ({"row": "20", "kind": "note", "note": "x" * 10_001}, 200, "Not kept: note: expected 1 to"),
        ({"row": "20", "kind": "note", "note": "x" * 300_000}, 413, "expected at most 262,144"),
    ],
)
def test_what_cannot_be_understood_is_told_and_not_kept(serve, body, status, words):
    review, address = serve()
    answer = ask(address, "/answer", {"secret": secret_of(address), **body})
    assert answer[0] == status
    assert words in answer[2]
    assert review.journal.entries == []


def test_several_rows_that_are_not_those_shown_get_no_label(serve):
    review, address = serve()
    body = {"secret": secret_of(address), "text": "refund", "label": "other", "count": 7}
    answer = ask(address, "/several", body)
    assert "Other rows are found by now" in answer[2]
    assert review.journal.entries == []


def test_rows_left_for_later_come_last_and_the_end_is_told(serve):
    review, address = serve(made_frame(14))
    rows = review.queue.left("doubt", review.state.done("")).tolist()
    assert len(rows) == 2
    secret = {"secret": secret_of(address), "order": "doubt"}
    shown = ask(address, "/answer", {**secret, "row": rows[0], "kind": "skip"}, HX_Request="true")
    assert f"Row {rows[1] + 1} <" in shown[2]
    assert "<html" not in shown[2]
    shown = ask(address, "/answer", {**secret, "row": rows[1], "kind": "none"}, HX_Request="true")
    assert f"Row {rows[0] + 1} <" in shown[2]
    shown = ask(address, "/answer", {**secret, "row": rows[0], "kind": "none"}, HX_Request="true")
    assert "Nothing is left here" in shown[2]
    assert "2 answered, 0 to go" in shown[2]


def test_an_answer_is_on_the_disk_before_the_page_moves_on(serve):
    review, address = serve()
    ask(address, "/answer", {"secret": secret_of(address), "row": 20, "kind": "none"})
    last = review.journal.path.read_bytes().splitlines()[-1]
    entry = json.loads(last)
    assert (entry["rows"], entry["kind"]) == ([20], "none")
    assert entry["guess"] == ""  # None was shown with the row.
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+\+00:00", entry["time"])


def test_trainings_are_told_of_answers_and_shown(serve, trained):
    review, address = serve(retrainer=trained)
    secret = {"secret": secret_of(address)}
    page = " ".join(re.sub("<[^>]+>", " ", ask(address)[2]).split())
    assert "It is trained anew after 7 more answers." in page
    assert "at the start 0 400 250 150 90% \N{EN DASH} 80%" in page
    assert "2 100 300 250 50 90% 40 of 48 \N{EN DASH}" in page
    assert "they alone are a sample of the rows without label" in page
    trained.rounds = [replace(one, changed=0.004, made_safe=0.0) for one in trained.rounds]
    page = " ".join(re.sub("<[^>]+>", " ", ask(address)[2]).split())
    assert "You can stop: a hundred answers have changed the guesses of 0.8% and 0.8%" in page
    ask(address, "/answer", {**secret, "row": 20, "kind": "none"})
    ask(address, "/answer", {**secret, "row": 20, "kind": "label", "label": "no such class"})
    body = {**secret, "text": "row 3", "label": "other"}
    count = re.search(r"<h1>(\d+) rows", ask(address, "/several?text=row+3")[2])[1]
    ask(address, "/several", {**body, "count": int(count)})
    assert trained.told == 2
    assert len(review.journal.entries) == 2
    trained.running, trained.failed = True, "<b>no labels"
    page = ask(address)[2]
    assert "It is being trained on your answers; go on." in page
    assert "The last training failed: &lt;b&gt;no labels" in page
    assert trained.resumed
    assert callable(trained.on_guesses)


def test_where_people_differ_somebody_else_decides(serve):
    review, address = serve()
    assert "How far people agree" not in ask(address, "/?annotator=ann")[2]
    for who, label in (("ann", "login"), ("<b>", "other")):
        review.answer(who, "label", rows=[20], label=label)
        review.answer(who, "label", rows=[21], label="login")
    assert "How far people agree" in ask(address, "/?annotator=ann")[2]
    page = ask(address, "/agreement?annotator=eve")[2]
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    assert "2 rows were answered by two people or more; on 1 of them answers differ." in text
    assert "&lt;b&gt; ann 2 50% 0.000" in text
    assert 'href="/?annotator=eve&amp;order=disputed"' in page
    shown = ask(address, "/?annotator=eve&order=disputed")[2]
    assert "Row 21 <" in shown
    text = " ".join(re.sub("<[^>]+>", " ", shown).split())
    assert "&lt;b&gt; said other ann said login" in text
    assert "said login" not in re.sub("<[^>]+>", "", ask(address, "/?annotator=eve&row=20")[2])
    body = {"secret": secret_of(address), "annotator": "eve", "order": "disputed", "row": 20}
    ask(address, "/answer", {**body, "kind": "label", "label": "other"})
    assert "Nothing is left here" in ask(address, "/?annotator=eve&order=disputed")[2]
    assert review.state.disputed() == [20]


def test_the_server_gives_its_port_up(serve):
    _, address = serve()
    port = urlsplit(address).port
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))


def test_a_taken_port_is_told(tmp_path):
    with socket.socket() as other, Review(made_model(tmp_path)) as review:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"),
            ReviewServer(review, port=port),
        ):
            pass


@pytest.mark.slow
def test_of_100_000_rows_the_next_page_takes_a_tenth_of_a_second_and_100_kb(serve):
    _, address = serve(made_frame(100_000))
    secret = secret_of(address)
    body = {"secret": secret, "kind": "label", "label": "login"}
    split = urlsplit(address)
    with contextlib.closing(http.client.HTTPConnection(split.hostname, split.port)) as asked:
        took = []
        for row in range(20, 40):
            start = time.process_time()  # Of this process, which is the server's.
            headers = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
            asked.request("POST", "/answer", urlencode({**body, "row": row}), headers)
            content = asked.getresponse().read()
            took.append(time.process_time() - start)
    assert b"Row " in content
    assert len(content) < 100_000
    assert sorted(took)[10] < 0.1


def _shown(address, row):
    """What the form of a shown row bears."""
    page = ask(address, f"/?row={row}")[2]
    return {
        name: re.search(f'name="{name}" value="([^"]*)"', page)[1]
        for name in ("secret", "row", "shown", "seal")
    }


def test_the_guess_that_is_kept_is_the_one_that_was_shown(serve):
    review, address = serve()
    shown = _shown(address, 20)
    assert shown["shown"] == review.rows.guesses.label[20]
    others = {name: "login" for name in CLASSES} | {"login": "other"}
    later = replace(review.rows.guesses, label=[others[k] for k in review.rows.guesses.label])
    review.guess_anew(later, review.rows.model, np.arange(0))
    headers = ask(address, "/answer", {**shown, "kind": "none"})[1]
    assert headers["location"] == "/?"  # Which rows are wanted has not changed.
    assert review.journal.entries[-1]["guess"] == shown["shown"] != later.label[20]
    for changed in ({"shown": later.label[20]}, {"row": "21"}, {"seal": ""}):
        answer = ask(address, "/answer", {**shown, "kind": "none", **changed})
        assert answer[0] == 400
        assert "shown: expected the guess that was shown with the row" in answer[2]
    assert len(review.journal.entries) == 1


def test_a_class_that_people_make_at_once_is_one(serve):
    review, address = serve()
    secret = secret_of(address)

    def make(n):
        body = {"secret": secret, "row": 20 + n, "kind": "class", "class": "sales"}
        return ask(address, "/answer", {**body, "annotator": f"p{n}"}, HX_Request="true")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(make, range(24)))
    assert {status for status, _, _ in answers} == {200}
    assert not any("Not kept" in content for _, _, content in answers)
    assert review.classes() == [*CLASSES, "sales"]
    assert [e["kind"] for e in review.journal.entries].count("class") == 1
    assert {review.state.verdict(f"p{n}", 20 + n).label for n in range(24)} == {"sales"}


@pytest.mark.parametrize("name", ["Billing", "b\u0456lling", "billing\u200b", "\uff42illing"])
def test_a_class_that_looks_like_another_is_told(serve, name):
    _, address = serve()
    body = {"secret": secret_of(address), "row": 20, "kind": "class", "class": name}
    answer = ask(address, "/answer", body, HX_Request="true")[2]
    assert f"Row 21: {name}; there is a class &#39;billing&#39;, which looks alike" in answer
    body = {**body, "row": 21, "class": " other  "}
    assert "looks alike" not in ask(address, "/answer", body, HX_Request="true")[2]


def test_a_person_whose_name_looks_like_another_is_told(serve):
    review, address = serve()
    review.answer("Ann", "label", rows=[20], label="login")
    page = ask(address, "/?annotator=%D0%B0nn")[2]
    assert "has answered here, too" in page
    assert 'href="/?annotator=Ann"' in page
    for who in ("Ann", "bob", ""):
        assert "has answered here, too" not in ask(address, f"/?annotator={who}")[2]


@pytest.mark.slow
def test_very_many_rows_get_a_label_together(serve, tmp_path):
    review, address = serve(made_frame(160_000))
    count = re.search(r"<h1>([\d,]+) rows", ask(address, "/several")[2])[1].replace(",", "")
    assert int(count) == 160_000 - 12
    body = {"secret": secret_of(address), "label": "other", "count": count}
    assert ask(address, "/several", body)[0] == 303
    assert len(review.journal.entries) == 1
    assert review.state.num_answered == int(count)
    assert ask(address, "/undo", {"secret": secret_of(address)})[0] == 303
    assert review.state.num_answered == 0


def test_rows_like_one_are_asked_next(serve):
    frame = made_frame(40)
    frame.loc[[17, 33], "text"] = ["the door is blue", "is the blue door"]
    _, address = serve(frame)
    page = ask(address, "/?row=17")[2]
    assert "/?order=alike&amp;like=17&amp;row=17" in page
    page = ask(address, "/?order=alike&like=17&row=17")[2]
    assert "In the order of their likeness to row 18" in page
    body = {"secret": secret_of(address), "row": 17, "kind": "none", "order": "alike", "like": 17}
    page = ask(address, "/answer", body, HX_Request="true")[2]
    assert "Row 34 <" in page
    assert "Rows like row 18 next" not in page  # It is that order already.
    page = ask(address, "/answer", {**body, "row": 33, "order": "doubt"}, HX_Request="true")[2]
    assert 'href="/?order=alike&amp;like=33"' in page
    for like in ("40", "-1", "", "9" * 30):
        assert "likeness" not in ask(address, f"/?order=alike&like={like}")[2]
