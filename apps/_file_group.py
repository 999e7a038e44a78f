"""Commands whose first word is a file: `dgm tag FILE`, beside `dgm tag predict`."""

from typing import Any

from typer.core import TyperGroup

FILE = "file"


class FileGroup(TyperGroup):
    """What is none of the commands' names is a file, for the command `file`.

    A file that is called `predict` is written `./predict`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and args[0] in self.commands
        asked = set(args) & set(ctx.help_option_names)
        if args and not named and not (asked and len(args) == 1):
            args = [FILE, *args]
        return super().parse_args(ctx, args)
