import pytest
import typer
from tfp_dgm_apps._errors import clean_errors

from tfp_dgm.data import DataError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("seed: expected a number"), "--seed: expected a number"),
        (DataError("num_texts: expected 1"), "--num-captions: expected 1"),
        (ValueError("a_function: `seed` must be >= 0"), "--seed must be >= 0"),
        (ValueError("min_precision: received 2"), "--min-precision: received 2"),
        (DataError("in.csv, line 3: seed: no"), "in.csv, line 3: seed: no"),
        (DataError("units: received 0"), "units: received 0"),
        (ImportError("install it"), "install it"),
        (DataError("in.csv: read with `quoting=False`"), "in.csv: read with --no-quoting"),
    ],
    ids=str,
)
def test_the_librarys_arguments_become_options(error, said, capsys):
    with (
        pytest.raises(typer.Exit) as ended,
        clean_errors("seed", "min_precision", num_texts="--num-captions"),
    ):
        raise error
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == f"Error: {said}\n"


@pytest.mark.parametrize("message", ["shapes differ", "units: received 0"])
def test_a_fault_of_ours_is_no_error_of_the_person(message):
    with pytest.raises(ValueError, match=message), clean_errors("seed"):
        raise ValueError(message)
