"""Table and model written together, or what was learned kept where there is room."""

import os
import shlex
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tfp_dgm.data.atomic_directories import atomic_directory
from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.write_errors import writing


def write_or_keep(
    output: Path,
    model_directory: Path,
    source: Path,
    write_table: Callable[[Path], None],
    write_model: Callable[[Path], None],
    *,
    predict: Sequence[str],
    seal: Callable[[Path, Path], None] = lambda table, folder: None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Writes table and model folder; the old ones stay where that fails.

    The table takes its place first, the folder an instant later. Where the table cannot be written
    (the disk has become full), the model is kept beside it; where the model cannot, both are tried
    in the folder for temporary files.

    Args:
      output: where the table is to stand.
      model_directory: where the model's folder is to stand.
      source: the file that was labelled, for the message.
      write_table: writes the table to a path.
      write_model: fills a folder.
      predict: the words of the command that writes the table with a model, for the message.
      seal: told where table and model's folder are once both are written: what the folder is to
        say of the table takes the place of as many bytes there, which a full disk allows.
      check: raises a DataError where what is there by now may not be replaced; both are then tried
        in the folder for temporary files.
    Raises:
      DataError: where something could not be written; says what was kept, and how to go on.
    """
    kept = None
    try:
        with atomic_directory(model_directory) as folder:
            write_model(folder)
            check()
            try:
                write_table(output)
            except DataError:
                kept = _unused(model_directory)
                os.rename(folder, kept)
                raise
            seal(output, folder)
    except DataError as error:
        if kept is not None:
            hints = [_how_to_go_on(predict, kept, source, output)]
        else:
            hints = _kept_elsewhere(
                output, model_directory, source, write_table, write_model, predict, seal
            )
        raise DataError(f"{error}; {'; '.join(hints)}") from error


def fill_or_keep(
    folder: Path, fill: Callable[[Path], None], *, check: Callable[[], None] = lambda: None
) -> None:
    """Fills a folder, the old one of which stays where that fails; then the new one is kept in the
    folder for temporary files, if it can be.

    Args:
      folder: where it is to stand.
      fill: fills a folder with all that there is to be.
      check: raises a DataError where what is there by now may not be replaced.
    Raises:
      DataError: where something could not be written; says where it was kept.
    """
    try:
        _fill(folder, fill, check)
    except DataError as error:
        there = Path(tempfile.gettempdir())
        hint = f"nothing could be kept in {there} either"
        try:
            there = Path(tempfile.mkdtemp(prefix=f"{folder.name}-")) / folder.name
            if _written(there, lambda path: _fill(path, fill)):
                hint = f"all of it is kept in {there}"
        except OSError:
            pass  # What the disk refuses is no news here.
        raise DataError(f"{error}; {hint}") from error


def _kept_elsewhere(
    output: Path,
    model_directory: Path,
    source: Path,
    write_table: Callable[[Path], None],
    write_model: Callable[[Path], None],
    predict: Sequence[str],
    seal: Callable[[Path, Path], None],
) -> list[str]:
    """Writes what can be written to a new temporary folder, and says so."""
    folder = Path(tempfile.gettempdir())
    hints = []
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{model_directory.name}-"))
        table, model = folder / output.name, folder / model_directory.name
        if _written(table, write_table):
            hints.append(f"the labelled table is kept as {table}")
        if _written(model, lambda path: _fill(path, write_model)):
            if hints:
                seal(table, model)
            kept = f"the model is kept in {model}"
            hints.append(kept if hints else _how_to_go_on(predict, model, source, output))
    except OSError:
        pass  # What the disk refuses is no news here.
    return hints or [f"nothing could be kept in {folder} either"]


def _how_to_go_on(predict: Sequence[str], model: Path, source: Path, output: Path) -> str:
    command = shlex.join([*predict, str(model), str(source), "--output", str(output)])
    return f"the model is kept in {model}; once the table can be written, `{command}` does it"


def _unused(directory: Path) -> Path:
    """The folder itself where nothing is, else the same name with an ending that is not taken."""
    if not directory.exists() or not any(directory.iterdir()):
        return directory
    names = (directory.with_name(f"{directory.name}.kept{n or ''}") for n in range(10**6))
    return next(path for path in names if not path.exists())


def _fill(
    path: Path, write_model: Callable[[Path], None], check: Callable[[], None] = lambda: None
) -> None:
    with atomic_directory(path) as folder:
        write_model(folder)
        check()


def _written(path: Path, write: Callable[[Path], None]) -> bool:
    try:
        with writing(path):
            write(path)
    except DataError:
        return False
    return True
