"""In which order rows are shown, and which of them a search leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.reviewing.review_rows import ReviewRows

TEACH, DOUBT, SUSPECT, BY_CLASS, RANDOM = "teach", "doubt", "suspect", "class", "random"
DISPUTED, ALIKE = "disputed", "alike"
ORDERS = {
    TEACH: "what teaches most",
    DOUBT: "the most doubtful",
    SUSPECT: "labels that look wrong",
    BY_CLASS: "by class",
    RANDOM: "at random",
    DISPUTED: "where people differ",
    ALIKE: "like one row",
}


@dataclass(frozen=True)
class Search:
    """Which rows are wanted.

    Attributes:
      text: what a row's text holds, in whatever case; "" for any.
      guess: the class that was guessed; "" for any.
    """

    text: str = ""
    guess: str = ""


class ItemQueue:
    """N items in several orders.

    Args:
      texts: [N].
      orders: items by the order's name; what is not among them follows the first where it is
        searched for, but for `SUSPECT`.
      unlabelled: bool [N]; the items of which the source does not say all.
      guessed: bool [N]; the items of which a class is guessed.
    """

    def __init__(
        self,
        texts: Sequence[str],
        orders: Mapping[str, NDArray[np.int64]],
        unlabelled: NDArray[np.bool_],
        guessed: Callable[[str], NDArray[np.bool_]],
    ) -> None:
        self.unlabelled = unlabelled
        self._orders, self._guessed = orders, guessed
        self._folded = [text.casefold() for text in texts]
        self._all = np.arange(len(texts))
        self._matches = lru_cache(maxsize=8)(self._found)

    def next(self, order: str, done: NDArray[np.bool_], search: Search | None = None) -> int | None:
        """The first row that is not done; None where all are.

        Args:
          order: one of `ORDERS`, but for disputed rows and those like one, which `ItemReview.left`
            knows.
          done: bool [N].
          search: which rows are wanted; rows with labels are among them then, after the others.
        """
        left = self.left(order, done, search)
        return int(left[0]) if len(left) else None

    def left(
        self, order: str, done: NDArray[np.bool_], search: Search | None = None
    ) -> NDArray[np.int64]:
        """All rows that are not done, in an order."""
        places = self._orders.get(order, self._orders[TEACH])
        if search is not None and search != Search():
            wanted = self.matching(search)
            rest = self._all[~np.isin(self._all, places)] if order != SUSPECT else places[:0]
            places = np.concatenate([places, rest])
            return places[~done[places] & wanted[places]]
        return places[~done[places]]

    def matching(self, search: Search) -> NDArray[np.bool_]:
        """bool [N]; which rows a search finds, done or not."""
        return self._matches(search)

    def _found(self, search: Search) -> NDArray[np.bool_]:
        found = np.ones(len(self._all), bool)
        if search.guess:
            found &= self._guessed(search.guess)
        wanted = search.text.casefold().strip()
        if wanted:
            found &= np.array([wanted in text for text in self._folded], bool)
        return found


class RowQueue(ItemQueue):
    """The rows in several orders.

    Args:
      rows: what is reviewed.
      teaching: int [n]; the rows that teach most, best first; the others follow by their doubt.
        Every second row of that order is one drawn at random: what is known of doubtful rows alone
        tells little of the others, neither how many guesses are right nor which are safe.
      answered: bool [N]; rows that somebody has answered, which come last; None for none.
      seed: of the random order.

    Attributes:
      unlabelled: bool [N]; the rows without a label.
    """

    def __init__(
        self,
        rows: ReviewRows,
        teaching: NDArray[np.int64] | None = None,
        answered: NDArray[np.bool_] | None = None,
        *,
        seed: int = 0,
    ) -> None:
        guesses = rows.guesses
        blank = np.array([not label for label in rows.given], bool)
        unlabelled = np.flatnonzero(blank)
        doubt = unlabelled[np.argsort(guesses.probability[unlabelled], kind="stable")]
        names = {name: place for place, name in enumerate(sorted(set(guesses.label)))}
        kinds = np.array([names[name] for name in guesses.label], np.int64)
        first = np.zeros(0, np.int64) if teaching is None else teaching
        drawn = np.random.default_rng(seed).permutation(unlabelled)
        suspect = np.flatnonzero(guesses.suspect)
        self._answered = np.zeros(len(rows), bool) if answered is None else answered.copy()
        orders = {
            TEACH: self._mixed(np.concatenate([first, doubt[~np.isin(doubt, first)]]), drawn),
            DOUBT: doubt,
            SUSPECT: suspect[np.argsort(guesses.given_probability[suspect], kind="stable")],
            BY_CLASS: doubt[np.argsort(kinds[doubt], kind="stable")],
            RANDOM: drawn,
        }
        super().__init__(rows.texts, orders, blank, lambda guess: kinds == names.get(guess, -1))

    def sample(self, done: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows that were answered since the queue was made, and are a sample of those then open.

        They are the first of the random order, up to the first that is not done; rows that were
        shown for what they teach are among them where they stand there. Whoever answers in another
        order gets few of them or none.

        Args:
          done: bool [N]; the rows that are answered now.
        """
        places = self._orders[RANDOM]
        places = places[~self._answered[places]]
        missing = np.flatnonzero(~done[places])
        return places[: missing[0]] if len(missing) else places

    def _mixed(self, teaching: NDArray[np.int64], drawn: NDArray[np.int64]) -> NDArray[np.int64]:
        """One order and another of the same rows by turns; what was answered comes last."""
        turn = np.full(len(self._answered), 2 * len(self._answered))
        for first, places in enumerate((teaching, drawn)):
            left = places[~self._answered[places]]
            turn[left] = np.minimum(turn[left], 2 * np.arange(len(left)) + first)
        return teaching[np.argsort(turn[teaching], kind="stable")]
