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
    # No `preexec_fn`: it is not safe beside threads, and TensorFlow has them.
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _waits_for_work(process):
    said = process.stdout.readline()
    assert said == "at work\n", process.communicate(timeout=20)


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "Interrupted: removing what is unfinished; Ctrl-C again ends at once"),
        (signal.SIGTERM, 143, "Terminated: removing what is unfinished"),
    ],
)
def test_a_command_that_is_interrupted_says_so_and_leaves_nothing(tmp_path, number, code, said):
    with _command(tmp_path) as process:
        _waits_for_work(process)
        assert len(os.listdir(tmp_path)) == 2
        process.send_signal(number)
        assert process.communicate(timeout=20) == ("", f"{said}\n")
    assert process.returncode == code
    assert os.listdir(tmp_path) == []


def test_a_second_interrupt_ends_a_command_that_swallowed_the_first(tmp_path):
    with _command(tmp_path, "deaf") as process:
        killer = threading.Timer(20, process.kill)
        killer.start()
        _waits_for_work(process)
        process.send_signal(signal.SIGINT)
        _waits_for_work(process)  # Still.
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        killer.cancel()
