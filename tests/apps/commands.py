"""The commands of `dgm`, walked."""

import typer
from tfp_dgm_apps.cli import app


def _walk(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _walk(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(_walk(typer.main.get_command(app)))


def options(command):
    """Every option of a command, its arguments left out."""
    return [parameter for parameter in command.params if parameter.param_type_name == "option"]
