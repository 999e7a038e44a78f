import ast
from pathlib import Path

import pytest
from tfp_dgm_apps import _progress


@pytest.fixture
def clock(monkeypatch):
    times = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: times[0])
    return times


def test_in_a_log_steps_are_lines_at_their_start_now_and_then_and_at_their_end(clock, capsys):
    with _progress.progress_bar() as progress:
        for done in range(0, 1001):
            clock[0] += 0.125
            progress("Training [x]", done, 1000)
        progress("Compiling", 0, 1)
        progress("Compiling", 1, 1)
        for done in range(1, 400):
            clock[0] += 0.125
            progress("Reading", done, None)
        progress("Nothing", 0, 0)
    assert capsys.readouterr().err.splitlines() == [
        "Training [x]: 0 of 1,000",
        "Training [x]: 240 of 1,000",
        "Training [x]: 480 of 1,000",
        "Training [x]: 720 of 1,000",
        "Training [x]: 960 of 1,000",
        "Training [x]: 1,000 of 1,000",
        "Compiling",
        "Reading",
        "Reading",
        "Nothing: 0 of 0",
    ]


def test_in_a_log_what_is_being_done_is_a_line(capsys):
    with _progress.status("Fetching r8") as tell:
        tell("downloading a wheel")
    assert capsys.readouterr().err == "Fetching r8\ndownloading a wheel\n"


def test_on_a_terminal_steps_are_bars(capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with _progress.progress_bar() as progress:
        progress("Training", 3, 10)
    assert "3/10" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", ["0", "1"])
def test_quiet_is_quiet(capsys, monkeypatch, terminal):
    monkeypatch.setenv("TTY_COMPATIBLE", terminal)
    with _progress.progress_bar(quiet=True) as progress:
        progress("Training", 3, 10)
    with _progress.status("Fetching", quiet=True) as tell:
        tell("downloading")
    assert capsys.readouterr() == ("", "")


def told(source):
    """The line of each place that tells progress, and whether it asks for quiet."""
    return [
        (node.lineno, "quiet" in {keyword.arg for keyword in node.keywords})
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("progress_bar", "status", "exporting")
    ]


def test_every_place_that_tells_progress_can_be_quiet():
    places = {
        path.name: told(path.read_text(encoding="utf-8"))
        for path in Path(_progress.__file__).parent.glob("*.py")
    }
    assert sum(map(len, places.values())) > 10
    assert [
        (name, line) for name, found in places.items() for line, asks in found if not asks
    ] == []
    assert told('with status("x"): pass') == [(1, False)]


def deaf(source):
    """Functions that take `quiet` and make nothing of it."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and "quiet" in {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
        and not any(isinstance(part, ast.Name) and part.id == "quiet" for part in ast.walk(node))
    ]


def test_a_command_that_can_be_quiet_has_something_to_be_quiet_about():
    files = Path(_progress.__file__).parent.glob("*.py")
    assert [name for path in files for name in deaf(path.read_text(encoding="utf-8"))] == []
    assert deaf("def f(a, quiet=False):\n    g(a)\n") == ["f"]
