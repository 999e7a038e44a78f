"""`dgm review`: a page on which a person labels what a model left to them."""

import logging
import signal
import threading
from contextlib import ExitStack
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
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="The folder that `dgm label` or `dgm tag` wrote.")],
    label_column: Annotated[
        str | None,
        typer.Option(
            help="Which one is reviewed, where there are several; --export alone writes the "
            "answers to all."
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--import",
            metavar="FILE",
            help="Take up the answers in a file, of Label Studio (JSON), Doccano (JSON Lines), or "
            "a table with texts and labels, and show no page.",
        ),
    ] = None,
    annotator: Annotated[
        str, typer.Option(help="With --import: who gave the answers that bear no name.")
    ] = "",
    id_column: Annotated[
        str | None,
        typer.Option(
            help="With --import: what tells rows apart, in the table and in the file.",
            show_default="the whole text",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the source with the answers, which `dgm label` or `dgm tag` reads, and "
            "show no page.",
        ),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Show the page though there is --import or --export: the table is written when it "
            "ends, by Ctrl-C or a signal.",
        ),
    ] = False,
    host: Annotated[
        str, typer.Option(help="What the page's server listens on: this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8600,
    retrain_every: Annotated[
        int,
        typer.Option(
            min=0,
            help="Train anew, in the background, after so many rows, or sentences, answered; 0 for "
            "never.",
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
    with clean_errors("port", "host", "id_column", "label_column"):
        from tfp_dgm.reviewing import (
            Review,
            TagReview,
            export_answers,
            label_columns_of,
            open_review,
        )

        columns = label_columns_of(model)
        if export is not None:
            check_new_file(export)
        if answers is None and (annotator or id_column is not None):
            raise DataError(f"{'id_column' if id_column else '--annotator'}: only with --import")
        shown = serve or (answers is None and export is None)
        others: list[str] = []
        if columns and label_column is None and answers is None and not shown:
            label_column, *others = columns
        with ExitStack() as stack:
            found = open_review(model, label_column)
            stack.callback(found.journal.close)
            if isinstance(found, TagReview):
                _refuse(context, "answers", "guard_formulas")
            if found.journal.torn:
                typer.echo(
                    f"Warning: {found.journal.path}: the last entry was torn when the review "
                    f"ended, and had not been confirmed: {found.journal.torn[:80]!r}",
                    err=True,
                )
            if answers is not None and isinstance(found, Review):
                _import(found, answers, annotator, id_column)
            if shown:
                _serve(found, host, port, retrain_every, guard_formulas=guard_formulas, quiet=quiet)
            if export is not None:
                check_new_file(export)  # Something may have come there while the page was shown.
                more = [stack.enter_context(Review(model, column)) for column in others]
                count = export_answers(found, export, others=more, guard_formulas=guard_formulas)
                typer.echo(
                    f"{export}: {len(found.rows):,} {found.units}, {count:,} {found.parts} answered"
                )
                return
            answered = f"{len(found.state.answered_rows()):,} {found.units} answered"
    which = f" --label-column {label_column}" if columns else ""
    told = f"dgm review {model}{which} --export FILE writes the source with the answers"
    typer.echo(f"{answered}; {told}")


def _refuse(context: typer.Context, *names: str) -> None:
    """Refuses options that a review of sentences has no use for."""
    for name in names:
        given = context.get_parameter_source(name)
        if given is not None and given.name == "COMMANDLINE":
            option = "--import" if name == "answers" else f"--{name.replace('_', '-')}"
            raise DataError(f"{option}: is for rows, and the folder is one of sentences")


def _import(found: "Review", path: Path, annotator: str, id_column: str | None) -> None:
    """Takes up answers, and tells what became of them."""
    from tfp_dgm.reviewing import import_answers

    done = import_answers(found, path, annotator=annotator, id_column=id_column)
    for warning in done.warnings:
        typer.echo(f"Warning: {path}: {warning}", err=True)
    made = f", new classes: {', '.join(done.classes)}" if done.classes else ""
    there = f", {done.known:,} answers were there already" if done.known else ""
    typer.echo(f"{path}: {done.rows:,} rows got answers{there}{made}")


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
        retrainer=Retrainer(found, retrain_every) if retrain_every else None,
        guard_formulas=guard_formulas,
    ) as server:
        typer.echo(f"{len(found.rows):,} {found.units}: {server.address}")
        while not stopped.wait(1):
            pass
