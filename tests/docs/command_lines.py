"""The lines of `dgm` within a page, and whether the commands take them."""

import re
import shlex

from tests.apps.commands import COMMANDS, options

_LINE = re.compile(r"^(?:\$ |\t\$\(BIN\)/)?(dgm .*)$", re.MULTILINE)
_INLINE = re.compile(r"`(dgm [^`]*)`")


def lines(page):
    """Every whole line of a command, and whether it stands alone or within a sentence."""
    page = page.replace("\\\n", " ")
    yield from ((line, True) for line in _LINE.findall(page))
    yield from ((line, False) for line in _INLINE.findall(page))


def problems(line, *, whole):
    """What the command would refuse in a line: options, and the number of arguments."""
    words = shlex.split(line, comments=True)[1:]
    if words[:1] == ["tag"] and words[1:2] not in ([], ["predict"], ["file"]):
        words.insert(1, "file")  # As `dgm tag` reads it.
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    if name not in COMMANDS:
        groups = {command.partition(" ")[0] for command in COMMANDS}
        return [] if name in groups or name.startswith("-") else [f"no command {name}"]
    command = COMMANDS[name]
    flags = {word: option for option in options(command) for word in option.opts}
    flags |= {word: option for option in options(command) for word in option.secondary_opts}
    given, arguments = set(), 0
    rest = iter(words[len(name.split()) :])
    for word in rest:
        if not word.startswith("--"):
            arguments += 1
            continue
        flag, equals, _ = word.partition("=")
        if flag not in flags:
            return [f"{name} has no {flag}"]
        given.add(flags[flag].name)
        if not equals and not flags[flag].is_flag:
            next(rest, None)
    if not whole:
        return []
    places = [parameter for parameter in command.params if parameter not in options(command)]
    required = [option for option in options(command) if option.required]
    lacking = [f"{name} needs {one.opts[0]}" for one in required if one.name not in given]
    least = sum(place.required for place in places)
    fits = least <= arguments <= len(places)
    return lacking + ([] if fits else [f"{name} takes {len(places)} arguments, not {arguments}"])
