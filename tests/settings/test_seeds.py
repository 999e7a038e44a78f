"""Seeds: what is one, and that each job says so by the argument's name before any work."""

import re

import numpy as np
import pytest

from tfp_dgm.data import DataError, TagScheme
from tfp_dgm.labelling import fit_classifier
from tfp_dgm.labelling.labelled_file import label_file
from tfp_dgm.labelling.multi_label.multi_label_file import label_multi_label_file
from tfp_dgm.sentence_modelling.generation import generate
from tfp_dgm.sentence_modelling.interpolation import draw_pairs
from tfp_dgm.settings import LARGEST_SEED, check_seed
from tfp_dgm.tagging import fit_tagger, tag_file, tag_sentences

ODD = [1.5, "a", 2**70, 2**31, -1, None, True, [1], float("nan")]


@pytest.mark.parametrize("seed", [0, 7, LARGEST_SEED, np.int64(3), np.uint8(2)])
def test_a_seed(seed):
    check_seed(seed)
    np.random.default_rng(seed)


@pytest.mark.parametrize("seed", ODD)
def test_what_is_no_seed_is_refused_by_the_arguments_name(seed):
    message = f"random_state: expected a whole number from 0 to 2147483647; received {seed!r}"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        check_seed(seed, "random_state")


_TOKENS, _GIVEN = [["a", "b"]], [[("X",), ("Y",)]]
_SCHEME = TagScheme("none", ("X", "Y"))
_LEGAL = (_SCHEME.initial, _SCHEME.transitions, _SCHEME.final)


@pytest.mark.parametrize(
    "job",
    [
        lambda seed, path: tag_sentences(_TOKENS, _GIVEN, _SCHEME, seed=seed),
        lambda seed, path: fit_tagger(_TOKENS, [np.eye(2) > 0], ["X", "Y"], _LEGAL, seed=seed),
        lambda seed, path: tag_file(path / "a.conll", path / "b.conll", seed=seed),
        lambda seed, path: label_file(
            path / "a.csv", path / "b.csv", text_columns=["a"], label_column="b", seed=seed
        ),
        lambda seed, path: label_multi_label_file(
            path / "a.csv", path / "b.csv", text_columns=["a"], label_columns=["b"], seed=seed
        ),
        lambda seed, path: fit_classifier(["a", "b"], np.eye(2) > 0, ["X", "Y"], seed=seed),
        lambda seed, path: draw_pairs(["a", "b"], 1, seed=seed),
        lambda seed, path: generate(None, count=1, seed=seed),
    ],
)
@pytest.mark.parametrize("seed", [1.5, "a", -1])
def test_jobs_refuse_what_is_no_seed(job, seed, tmp_path):
    with pytest.raises(DataError, match=r"^seed: expected a whole number from 0 to"):
        job(seed, tmp_path)
    assert not list(tmp_path.iterdir())
