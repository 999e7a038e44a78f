"""`dgm review`: a page on which a person labels what a model left to them."""

import logging
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfp_dgm.data import DataError, check_new_file

from ._errors import clean_errors
from ._progress import status
from ._quiet import quiet_start
from ._shared_options import Quiet
from ._table_options import GuardFormulas

if TYPE_CHECKING:
    from tfp_dgm.reviewing import Review, TagReview


def review(
    model: Annotated[Path, typer.Argument(help="The folder that `dgm label` or `dgm tag` wrote.")],
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the source with the answers, which `dgm label` or `dgm tag` reads, and "
            "show no page.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="What the page's server listens on: this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8600,
    retrain_every: Annotated[
        int,
        typer.Option(
            min=0, help="Train anew, in the background, after so many rows answered; 0 for never."
        ),
    ] = 50,
    guard_formulas: GuardFormulas = False,
    quiet: Quiet = False,
) -> None:
    """Shows rows, or sentences, one by one in the browser, and keeps what a person answers.

    A key labels a row, or tags words, and shows the next; the page tells the keys. Answers are kept
    beside the model, in NAME.review/journal.jsonl: each is on the disk before the next row is
    shown. Several people add ?annotator=NAME to the address. Ctrl-C ends it; the next start goes
    on.

    An address that other machines reach is served to those only who have the printed address, with
    the token in it; there is no encryption.
    """
    with clean_errors("port", "host"):
        if export is not None:
            check_new_file(export)
        from tfp_dgm.reviewing import export_answers, open_review

        with open_review(model) as found:
            if found.journal.torn:
                typer.echo(
                    f"Warning: {found.journal.path}: the last entry was torn when the review "
                    f"ended, and had not been confirmed: {found.journal.torn[:80]!r}",
                    err=True,
                )
            if export is not None:
                count = export_answers(found, export, guard_formulas=guard_formulas)
                typer.echo(
                    f"{export}: {len(found.rows):,} {found.units}, {count:,} {found.parts} answered"
                )
                return
            _serve(found, host, port, retrain_every, guard_formulas=guard_formulas, quiet=quiet)
            answered = f"{len(found.state.answered_rows()):,} {found.units} answered"
    typer.echo(f"{answered}; dgm review {model} --export FILE writes the source with the answers")


def _serve(
    found: "Review | TagReview",
    host: str,
    port: int,
    retrain_every: int,
    *,
    guard_formulas: bool,
    quiet: bool,
) -> None:
    """Serves the page until the process is told to end."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with status("Loading TensorFlow", quiet=quiet), quiet_start():
        try:
            from tfp_dgm.reviewing import (
                Retrainer,
                ReviewServer,
                TagReview,
                teaching_rows,
                teaching_sentences,
            )
        except ImportError as error:
            raise DataError(f"the page needs the extra `review` of tfp-dgm: {error}") from error

    def prepare() -> None:
        if isinstance(found, TagReview):
            found.teach(teaching_sentences(found.rows))
        else:
            found.teach(teaching_rows(found.rows))

    with ReviewServer(
        found,
        host=host,
        port=port,
        prepare=prepare,
        retrainer=None
        if isinstance(found, TagReview) or not retrain_every
        else Retrainer(found, retrain_every),
        guard_formulas=guard_formulas,
    ) as server:
        typer.echo(f"{len(found.rows):,} {found.units}: {server.address}")
        while not stopped.wait(1):
            pass
