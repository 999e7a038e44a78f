"""The export of a model, for the commands that do it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfp_dgm.data import DataError

from ._progress import status


@contextmanager
def exporting(model: Path, *, quiet: bool = False) -> Iterator[None]:
    """Says that a model is exported, and of its file what stands in the way.

    Raises:
      DataError: for what the export refuses, and where the model does not compute: its file
        loads with any numbers and parts that were written into it.
    """
    with status(f"Exporting {model}", quiet=quiet):
        try:
            yield
        except OSError:
            raise
        except ValueError as error:
            raise DataError(str(error)) from error
        except Exception as error:
            said = str(error).strip().splitlines() or [""]  # The last line is TensorFlow's own.
            raise DataError.at(
                model, f"cannot be exported: {type(error).__name__}: {said[-1].strip()}"
            ) from error
