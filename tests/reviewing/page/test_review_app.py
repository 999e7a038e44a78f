"""Who may ask for the page and what it answers, by plain requests."""

import contextlib
import csv
import http.client
import json
import re
import socket
import time
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import pytest

from tests.reviewing.made_review import made_frame, made_model
from tfp_dgm.reviewing import Review, ReviewServer
from tfp_dgm.reviewing.page.page_guard import PageGuard, is_loopback


def _ask(address, path="/", body=None, **headers):
    split = urlsplit(address)
    with contextlib.closing(http.client.HTTPConnection(split.hostname, split.port)) as asked:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
            asked.request("POST", path, urlencode(body), headers)
        else:
            asked.request("GET", path, headers=headers)
        answer = asked.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


def _secret(address):
    return re.search('name="secret" value="([^"]+)"', _ask(address)[2])[1]


def test_every_answer_has_a_policy_without_inline_code(serve):
    _, address = serve()
    for path in ("/", "/text?row=3", "/several", "/static/review.css", "/none", "/?row=777"):
        _, headers, content = _ask(address, path)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<style|style=|<script(?! src=)|\son\w+=", content) or "css" in path


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "", "127.0.0.1", "localhost:1"]
)
def test_another_host_is_refused(serve, host):
    review, address = serve()
    assert _ask(address, Host=host)[0] == 421
    body = {"row": 20, "kind": "none", "secret": _secret(address)}
    assert _ask(address, "/answer", body, Host=host)[0] == 421
    assert review.journal.entries == []


def test_a_name_of_this_machine_is_none_other(serve):
    _, address = serve()
    port = urlsplit(address).port
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert _ask(address, Host=host)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}],
)
def test_a_form_of_another_origin_is_refused(serve, headers):
    review, address = serve()
    body = {"row": 20, "kind": "none", "secret": _secret(address)}
    assert _ask(address, "/answer", body, **headers)[0] == 403
    assert review.journal.entries == []


@pytest.mark.parametrize("path", ["/answer", "/undo", "/several"])
def test_a_form_without_the_secret_is_refused(serve, path):
    review, address = serve()
    for secret in ({}, {"secret": "x"}, {"secret": ""}):
        body = {"row": 20, "kind": "none", "label": "login", "count": 48, **secret}
        status, _, content = _ask(address, path, body)
        assert status == 403
        assert "the page is of another start; load it again" in content
    assert review.journal.entries == []


def test_a_proxy_before_it_may_add_the_encryption(serve):
    review, address = serve()
    host = urlsplit(address).netloc
    body = {"row": 20, "kind": "none", "secret": _secret(address)}
    assert _ask(address, "/answer", body, Origin=f"https://{host}0")[0] == 403
    assert _ask(address, "/answer", body, Origin=f"https://{host}")[0] == 303
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
    body = {"row": 20, "kind": "none", "secret": _secret(address), "annotator": given}
    _, headers, _ = _ask(address, "/answer", body)
    following = _ask(address, headers["location"])[2]
    again = re.search('name="annotator" value="([^"]+)"', following)[1]
    _ask(address, "/answer", {**body, "row": 21, "annotator": again})
    assert [entry["annotator"] for entry in review.journal.entries] == [kept, kept]
    _ask(address, "/answer", {**body, "row": 22, "kind": "class", "class": f"of {given}"})
    assert review.state.classes[-1] in (f"of {kept}", f"of {kept} b")


@pytest.mark.parametrize(("guarded", "note"), [(False, "=1+1"), (True, "'=1+1")])
def test_the_table_of_the_page_is_guarded_where_that_is_asked(serve, guarded, note):
    review, address = serve(guard_formulas=guarded)
    review.answer("", "note", rows=[20], note="=1+1")
    rows = list(csv.DictReader(_ask(address, "/export")[2].splitlines()))
    assert rows[20]["review_notes"] == note


def test_nothing_is_changed_by_an_address_that_is_opened(serve):
    review, address = serve()
    for path in ("/answer?row=20&kind=none", "/undo", "/several?label=login&count=48"):
        _ask(address, path)
    assert _ask(address, "/answer?row=20&kind=none")[0] == 405
    assert review.journal.entries == []


def test_other_machines_need_the_token(tmp_path):
    with (
        Review(made_model(tmp_path)) as review,
        ReviewServer(review, host="0.0.0.0", explain=lambda: lambda *_: []) as server,
    ):
        split = urlsplit(server.address)
        local = f"http://127.0.0.1:{split.port}/"
        host = {"Host": f"some.name:{split.port}"}  # Whatever the machine is called there.
        assert _ask(local, **host)[0] == 401
        assert _ask(local, "/?token=wrong", **host)[0] == 401
        assert _ask(local, "/export", Cookie=f"dgm_review_{split.port}=wrong", **host)[0] == 401
        status, headers, _ = _ask(local, f"/?{split.query}", **host)
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"]
        assert cookie.startswith(f"dgm_review_{split.port}=")  # Browsers send it to all ports.
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert _ask(local, Cookie=cookie.partition(";")[0], **host)[0] == 200


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
    secret = _secret(address)
    body = {"secret": secret, "row": 20, "kind": "label", "label": "login", "annotator": "a&b"}
    status, headers, _ = _ask(address, "/answer", body)
    assert (status, headers["location"]) == (303, "/?annotator=a%26b")
    assert review.state.verdict("a&b", 20).label == "login"
    status, headers, _ = _ask(address, "/undo", {"secret": secret, "annotator": "a&b"})
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
    answer = _ask(address, "/answer", {"secret": _secret(address), **body})
    assert answer[0] == status
    assert words in answer[2]
    assert review.journal.entries == []


def test_several_rows_that_are_not_those_shown_get_no_label(serve):
    review, address = serve()
    body = {"secret": _secret(address), "text": "refund", "label": "other", "count": 7}
    answer = _ask(address, "/several", body)
    assert "Other rows are found by now" in answer[2]
    assert review.journal.entries == []


def test_rows_left_for_later_come_last_and_the_end_is_told(serve):
    review, address = serve(made_frame(14))
    rows = review.queue.left("doubt", review.state.done("")).tolist()
    assert len(rows) == 2
    secret = {"secret": _secret(address), "order": "doubt"}
    shown = _ask(address, "/answer", {**secret, "row": rows[0], "kind": "skip"}, HX_Request="true")
    assert f"Row {rows[1] + 1} <" in shown[2]
    assert "<html" not in shown[2]
    shown = _ask(address, "/answer", {**secret, "row": rows[1], "kind": "none"}, HX_Request="true")
    assert f"Row {rows[0] + 1} <" in shown[2]
    shown = _ask(address, "/answer", {**secret, "row": rows[0], "kind": "none"}, HX_Request="true")
    assert "Nothing is left here" in shown[2]
    assert "2 answered, 0 to go" in shown[2]


def test_an_answer_is_on_the_disk_before_the_page_moves_on(serve):
    review, address = serve()
    _ask(address, "/answer", {"secret": _secret(address), "row": 20, "kind": "none"})
    last = review.journal.path.read_bytes().splitlines()[-1]
    entry = json.loads(last)
    assert (entry["rows"], entry["kind"]) == ([20], "none")
    assert entry["guess"] == review.rows.guesses.label[20]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+\+00:00", entry["time"])


def test_trainings_are_told_of_answers_and_shown(serve, trained):
    review, address = serve(retrainer=trained)
    secret = {"secret": _secret(address)}
    page = " ".join(re.sub("<[^>]+>", " ", _ask(address)[2]).split())
    assert "It is trained anew after 7 more answers." in page
    assert "at the start 0 400 250 150 90% \N{EN DASH} 80%" in page
    assert "2 100 300 250 50 90% 40 of 48 \N{EN DASH}" in page
    assert "they alone are a sample of the rows without label" in page
    trained.rounds = [replace(one, changed=0.004, made_safe=0.0) for one in trained.rounds]
    page = " ".join(re.sub("<[^>]+>", " ", _ask(address)[2]).split())
    assert "You can stop: a hundred answers have changed the guesses of 0.8% and 0.8%" in page
    _ask(address, "/answer", {**secret, "row": 20, "kind": "none"})
    _ask(address, "/answer", {**secret, "row": 20, "kind": "label", "label": "no such class"})
    body = {**secret, "text": "row 3", "label": "other"}
    count = re.search(r"<h1>(\d+) rows", _ask(address, "/several?text=row+3")[2])[1]
    _ask(address, "/several", {**body, "count": int(count)})
    assert trained.told == 2
    assert len(review.journal.entries) == 2
    trained.running, trained.failed = True, "<b>no labels"
    page = _ask(address)[2]
    assert "It is being trained on your answers; go on." in page
    assert "The last training failed: &lt;b&gt;no labels" in page
    assert trained.resumed
    assert callable(trained.on_guesses)


def test_where_people_differ_somebody_else_decides(serve):
    review, address = serve()
    assert "How far people agree" not in _ask(address, "/?annotator=ann")[2]
    for who, label in (("ann", "login"), ("<b>", "other")):
        review.answer(who, "label", rows=[20], label=label)
        review.answer(who, "label", rows=[21], label="login")
    assert "How far people agree" in _ask(address, "/?annotator=ann")[2]
    page = _ask(address, "/agreement?annotator=eve")[2]
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    assert "2 rows were answered by two people or more; on 1 of them answers differ." in text
    assert "&lt;b&gt; ann 2 50% 0.000" in text
    assert 'href="/?annotator=eve&amp;order=disputed"' in page
    shown = _ask(address, "/?annotator=eve&order=disputed")[2]
    assert "Row 21 <" in shown
    text = " ".join(re.sub("<[^>]+>", " ", shown).split())
    assert "&lt;b&gt; said other ann said login" in text
    assert "said login" not in re.sub("<[^>]+>", "", _ask(address, "/?annotator=eve&row=20")[2])
    body = {"secret": _secret(address), "annotator": "eve", "order": "disputed", "row": 20}
    _ask(address, "/answer", {**body, "kind": "label", "label": "other"})
    assert "Nothing is left here" in _ask(address, "/?annotator=eve&order=disputed")[2]
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


def test_of_100_000_rows_the_next_page_takes_a_tenth_of_a_second_and_100_kb(serve):
    _, address = serve(made_frame(100_000))
    secret = _secret(address)
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
