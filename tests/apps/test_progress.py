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
