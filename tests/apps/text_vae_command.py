"""Runs `dgm text-vae`."""

from tfp_dgm_apps.cli import app
from typer.testing import CliRunner


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["text-vae", *map(str, arguments)])
    assert result.exit_code == code, result.output + str(result.exception)
    return result
