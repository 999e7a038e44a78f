"""What has been answered of sentences: the entries of a journal, one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfp_dgm.data import DataError, TagScheme, digest
from tfp_dgm.reviewing.answered_words import Change, cuts, is_whole, laid_over
from tfp_dgm.reviewing.entry_checks import OF_SENTENCES, SKIP, TAGS
from tfp_dgm.reviewing.review_state import ReviewState, Verdict


class TagState(ReviewState):
    """Answers to words, and notes on sentences.

    An entry gives neighbouring words their labels, which are whole spans: no order of entries makes
    an illegal sequence. A sentence is done when all of its words are answered, or left for later.

        {"kind": "tags", "rows": [sentence], "first": word, "tags": [...], "shown": [...],
         "tokens": digest of the sentence's words}

    Args:
      scheme: of the tags.
      tokens: N lists of words.
    """

    kinds: ClassVar[tuple[str, ...]] = OF_SENTENCES

    def __init__(self, scheme: TagScheme, tokens: Sequence[Sequence[str]]) -> None:
        super().__init__(len(tokens), scheme.names)
        self._scheme = scheme
        self._tokens = tokens
        self._told: dict[tuple[str, int], tuple[int, int]] = {}

    def check(self, entry: Mapping[str, Any]) -> None:
        """As `ReviewState.check`; refuses labels that are no whole spans, or of other words."""
        super().check(entry)
        if entry["kind"] != TAGS:
            return
        if len(entry["rows"]) != 1:
            raise DataError(f"rows: expected one sentence; received {entry['rows']!r:.60}")
        row = entry["rows"][0]
        change, shown = _change(entry), entry.get("shown")
        words = self._tokens[row]
        if not change.labels or not 0 <= change.first < change.end <= len(words):
            raise DataError(
                f"tags: expected labels of some of {len(words):,} words; received "
                f"{len(change.labels):,} from word {change.first} on"
            )
        if entry.get("tokens") != digest(list(words)):
            raise DataError(
                f"tokens: expected {digest(list(words))}, of the sentence's words; received "
                f"{entry.get('tokens')!r:.60}"
            )
        if not is_whole(self._scheme, change.labels):
            raise DataError(f"tags: expected whole spans; received {change.labels!r:.60}")
        if not isinstance(shown, list) or len(shown) != len(change.labels):
            raise DataError(f"shown: expected as many labels as tags; received {shown!r:.60}")
        if cuts(self._scheme, self.words_of(entry["annotator"], row), change):
            raise DataError(
                f"tags: expected all words of a span that was answered; received those from "
                f"{change.first} to {change.end - 1}"
            )

    def words_of(self, annotator: str, row: int) -> dict[int, str]:
        """The labels of the words of a sentence that somebody has answered."""
        return laid_over(self._scheme, map(_change, self._entries_of(annotator, row)))

    def words_of_all(self, row: int) -> dict[int, str]:
        """Those that anybody has answered; the last answer to a word counts."""
        entries = [
            (verdict.number, self.entries[verdict.number - 1])
            for who in self._answered.get(row, {})
            for verdict in self._verdicts[who, row]
            if verdict.kind == TAGS
        ]
        ordered = sorted(entries, key=lambda pair: pair[0])
        return laid_over(self._scheme, (_change(entry) for _, entry in ordered))

    def compared(self) -> dict[int, dict[str, Verdict]]:
        """What everybody says of words, by the word's place among those of all sentences."""
        starts = [0]
        for words in self._tokens:
            starts.append(starts[-1] + len(words))
        found: dict[int, dict[str, Verdict]] = defaultdict(dict)
        for row, people in self._answered.items():
            for who in people:
                for word, label in self.words_of(who, row).items():
                    found[starts[row] + word][who] = Verdict(0, "label", label)
        return dict(found)

    def disputed(self) -> list[int]:
        """The sentences of which people say different things, in the file's order."""
        found = []
        for row in sorted(row for row, people in self._answered.items() if len(people) > 1):
            said: dict[int, set[str]] = defaultdict(set)
            for who in self._answered[row]:
                for word, label in self.words_of(who, row).items():
                    said[word].add(label)
            if any(len(labels) > 1 for labels in said.values()):
                found.append(row)
        return found

    def guessed(self, annotator: str) -> tuple[int, int]:
        """How many words were answered, and of how many the guess was right."""
        told = [counts for (who, _), counts in self._told.items() if who == annotator]
        return sum(n for n, _ in told), sum(right for _, right in told)

    @property
    def people(self) -> list[str]:
        """Who has answered a word."""
        return sorted({who for people in self._answered.values() for who in people})

    def _entries_of(self, annotator: str, row: int) -> list[Mapping[str, Any]]:
        said = self._verdicts.get((annotator, row), [])
        return [self.entries[v.number - 1] for v in said if v.kind == TAGS]

    def _mark(self, annotator: str, row: int) -> None:
        said = self.verdict(annotator, row)
        words = self.words_of(annotator, row)
        whole = len(words) == len(self._tokens[row])
        later = said is not None and said.kind == SKIP and not whole
        self.done(annotator)[row] = whole or later
        self.skipped(annotator)[row] = later
        self._answered[row].pop(annotator, None)
        self._told.pop((annotator, row), None)
        if words:
            self._answered[row][annotator] = None
            self._told[annotator, row] = (len(words), self._right(annotator, row, words))
        elif not self._answered[row]:
            del self._answered[row]

    def _right(self, annotator: str, row: int, words: Mapping[int, str]) -> int:
        """Of how many words what was shown first is what is said by now."""
        first: dict[int, str] = {}
        for entry in self._entries_of(annotator, row):
            for word, label in enumerate(entry["shown"], start=entry["first"]):
                first.setdefault(word, label)
        return sum(first[word] == label for word, label in words.items())


def _change(entry: Mapping[str, Any]) -> Change:
    first, tags = entry.get("first"), entry.get("tags")
    if type(first) is not int or not isinstance(tags, list):
        raise DataError(
            f"tags: expected a list, and the first word's number; received {tags!r:.60}"
        )
    return Change(first, tags)
