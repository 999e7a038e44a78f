"""Ctrl-C and SIGTERM, sent to a command that is at work."""

import os
import signal
import subprocess
import sys
import threading

import pytest

# `dgm`, with a command that has written half of something.
COMMAND = """
import sys, time
from pathlib import Path
from tfp_dgm.data import atomic_directory, atomic_write
from tfp_dgm_apps import cli
from tfp_dgm_apps._errors import clean_errors
from tfp_dgm_apps._quiet import quiet_start

def work():
    folder = Path(sys.argv[1])
    with clean_errors(), atomic_directory(folder / "a"), atomic_write(folder / "b"), quiet_start():
        while True:
            try:
                print("at work", flush=True)
                time.sleep(60)
            except KeyboardInterrupt:
                if "deaf" not in sys.argv:
                    raise

cli.app = work
cli.main()
"""


def _command(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Else it may be ignored, as shells have it for what runs in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "Interrupted: removing what is unfinished; Ctrl-C again ends at once"),
        (signal.SIGTERM, 143, "Terminated: removing what is unfinished"),
    ],
)
def test_a_command_that_is_interrupted_says_so_and_leaves_nothing(tmp_path, number, code, said):
    with _command(tmp_path) as process:
        assert process.stdout.readline() == "at work\n"
        assert len(os.listdir(tmp_path)) == 2
        process.send_signal(number)
        assert process.communicate(timeout=20) == ("", f"{said}\n")
    assert process.returncode == code
    assert os.listdir(tmp_path) == []


def test_a_second_interrupt_ends_a_command_that_swallowed_the_first(tmp_path):
    with _command(tmp_path, "deaf") as process:
        killer = threading.Timer(20, process.kill)
        killer.start()
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "at work\n"  # Still.
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        killer.cancel()
