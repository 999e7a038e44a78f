"""Which scheme of spans the tags of a file follow, told by looking at all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tfp_dgm.data.tag_scheme import (
    LETTERS,
    OUTSIDE,
    PLAIN,
    SPAN_LETTERS,
    Tags,
    TagScheme,
    split_tag,
)


class TagError(ValueError):
    """A tag that does not fit the others, or the scheme that was asked for.

    Args:
      tag: as the file has it.
      problem: what is wrong with it.
    """

    def __init__(self, tag: str, problem: str) -> None:
        super().__init__(problem)
        self.tag = tag


def find_scheme(sentences: Sequence[Tags], kind: str | None = None) -> tuple[TagScheme, list[str]]:
    """Finds the scheme that the tags of some sentences follow.

    Args:
      sentences: the tags of each, () where nothing is known of a word.
      kind: the scheme, where it is known; None to find it by looking.
    Returns:
      The scheme, and a sentence about what was decided where the tags leave it open.
    Raises:
      TagError: where a tag fits none of the schemes though most others do, or not `kind`.
    """
    counts = Counter(tag for tags in sentences for options in tags for tag in options)
    if kind == PLAIN or not counts:
        return TagScheme(kind or PLAIN, tuple(sorted(counts))), []
    lower = _typed(counts, lower=True) > _typed(counts, lower=False)
    letters = {tag: split_tag(tag, lower=lower) for tag in counts}
    if kind is None and not _are_spans(letters):
        return TagScheme(PLAIN, tuple(sorted(counts))), _maybe_spans(letters)
    names = _names(letters)
    used = {letter for letter, _ in letters.values()} - {OUTSIDE}
    notes: list[str] = []
    if kind is None:
        fitting = [known for known in LETTERS if used <= {*LETTERS[known], "B"}]
        if not fitting:
            rare = min(
                (tag for tag in counts if letters[tag][0] != OUTSIDE), key=counts.__getitem__
            )
            raise TagError(
                rare,
                f"expected letters of one scheme ({_schemes()}); received "
                f"{', '.join(sorted(used))}",
            )
        kind = fitting[0]
        if kind == "BIO":
            kind, notes = _bio_or_iob1(sentences, lower)
        elif fitting[1:]:
            notes = [_taken(kind, used, f"{', '.join(fitting)} have such tags")]
    elif stranger := next(
        (tag for tag in counts if letters[tag][0] not in {*LETTERS[kind], "B", OUTSIDE}), None
    ):
        raise TagError(stranger, f"expected a tag of {kind} ({_schemes([kind])})")
    return TagScheme(kind, names, lower), notes


def _typed(tags: Iterable[str], *, lower: bool) -> int:
    """How many tags are of a span with a type, if letters are lower-case or not."""
    split = (split_tag(tag, lower=lower) for tag in tags)
    return sum(letter in SPAN_LETTERS and bool(name) for letter, name in split)


def _are_spans(letters: dict[str, tuple[str, str]]) -> bool:
    """Whether tags are those of spans.

    Tags of parts of speech may be single letters: without types, it takes O, B and I to be spans.
    """
    fitting = [
        tag
        for tag, (letter, name) in letters.items()
        if letter in SPAN_LETTERS or (letter == OUTSIDE and not name)
    ]
    typed = [tag for tag in fitting if letters[tag][1]]
    others = [tag for tag in letters if tag not in fitting]
    if not typed:
        return not others and {letter for letter, _ in letters.values()} >= {*"OBI"}
    return not others or len(typed) >= len(others)


def _names(letters: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    """The types of spans.

    Raises:
      TagError: if a tag is not one of a span, or some have types and some have none.
    """
    for tag, (letter, name) in letters.items():
        if letter not in SPAN_LETTERS and not (letter == OUTSIDE and not name):
            raise TagError(
                tag,
                "expected O, or a letter, a hyphen and a type, such as B-PER, as most tags are",
            )
    names = {name for letter, name in letters.values() if letter != OUTSIDE}
    if "" in names and len(names) > 1:
        bare = next(
            tag for tag, (letter, name) in letters.items() if letter != OUTSIDE and not name
        )
        raise TagError(bare, "expected a type after the letter, as other tags have one")
    return tuple(sorted(names))


def _maybe_spans(letters: dict[str, tuple[str, str]]) -> list[str]:
    """What is said where plain tags might be those of spans without types."""
    used = {letter for letter, name in letters.values() if not name}
    if OUTSIDE in used and used & SPAN_LETTERS and used <= SPAN_LETTERS | {OUTSIDE}:
        return [
            f"the tags {', '.join(sorted(letters))} are taken for plain tags, not for spans "
            "without types; `scheme` says otherwise"
        ]
    return []


def _bio_or_iob1(sentences: Sequence[Tags], lower: bool) -> tuple[str, list[str]]:
    """Tells the two schemes of B and I apart by how spans begin where none goes on."""
    begun: Counter[str] = Counter()
    used: set[str] = set()
    for tags in sentences:
        before: tuple[str, str] | None = (OUTSIDE, "")
        for options in tags:
            used.update(split_tag(tag, lower=lower)[0] for tag in options)
            now = split_tag(options[0], lower=lower) if len(options) == 1 else None
            begins = before and (before[0] == OUTSIDE or before[1:] != (now or before)[1:])
            if now and begins and now[0] != OUTSIDE:
                begun[now[0]] += 1
            before = now
    kind = "IOB1" if begun["I"] > begun["B"] else "BIO"
    if begun["I"] and begun["B"]:
        return kind, [
            _taken(
                kind,
                used,
                f"where no span of their type goes before, spans begin with B {begun['B']:,} times "
                f"and with I {begun['I']:,} times",
            )
        ]
    if missing := {"B", "I"} - used:
        return kind, [_taken(kind, used, f"no tag has the letter {' or '.join(sorted(missing))}")]
    return kind, []


def _taken(kind: str, used: set[str], reason: str) -> str:
    letters = ", ".join(sorted(used - {OUTSIDE}))
    return f"tags with {letters} are taken for {kind}: {reason}; `scheme` says otherwise"


def _schemes(kinds: Iterable[str] = LETTERS) -> str:
    return ", ".join(
        f"{kind}: {', '.join(sorted({*LETTERS[kind], 'B', OUTSIDE}))}" for kind in kinds
    )
