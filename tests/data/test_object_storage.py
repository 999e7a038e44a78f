"""Files told by URLs: found, read, put whole. Two of Arrow's file systems stand for a bucket."""

import errno
import json
import os

import pytest

from tfp_dgm.data import DataError
from tfp_dgm.data.object_storage import (
    find_stored,
    local_folder,
    open_stored,
    put_stored,
    read_spans,
    read_stored,
    remove_stored,
    state_of,
    stored_names,
)
from tfp_dgm.data.storage_urls import absolute, is_url


@pytest.fixture(params=["file", "fsspec+file"])
def bucket(request, tmp_path):
    """The URL of a folder, and the folder."""
    if request.param != "file":
        pytest.importorskip("fsspec")
    return f"{request.param}://{tmp_path}", tmp_path


def _files(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_a_url_is_told_from_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [is_url(place) for place in ("s3://b/k", "gs://b", "fsspec+memory://x/y")] == [True] * 3
    assert [is_url(place) for place in ("a/b", "C:\\x", "s3:/b", "/a://b", tmp_path)] == [False] * 5
    assert absolute("s3://b/k") == "s3://b/k"
    assert absolute("k") == str(tmp_path / "k")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in", ["0.csv", "1.csv"]),
        ("in/", ["0.csv", "1.csv"]),
        ("in/1.csv", ["1.csv"]),
        ("in/[1-9].csv", ["1.csv"]),
        ("in/**/*.csv", ["0.csv", "1.csv", "a/2.csv", "a/b/3.csv"]),
        ("in/**", ["0.csv", "1.csv", "a/2.csv", "a/b/3.csv"]),
        ("in/?/*.csv", ["a/2.csv"]),
        ("in/*/*/*.csv", ["a/b/3.csv"]),
        ("in/_temporary/*", ["_temporary/4.csv"]),
        ("none/*.csv", []),
        ("none", []),
    ],
)
def test_files_are_found_by_patterns(bucket, pattern, expected):
    url, folder = bucket
    names = ("1.csv", "0.csv", "a/2.csv", "a/b/3.csv", "_temporary/4.csv", ".5.csv", "a/_6.csv")
    _files(folder, *(f"in/{name}" for name in names))
    assert find_stored(f"{url}/{pattern}") == [f"{url}/in/{name}" for name in expected]


def test_names_below_a_folder_and_their_bytes(bucket):
    url, folder = bucket
    _files(folder, "m/a", "m/b/c d", "other/e")
    assert stored_names(f"{url}/m") == ["a", "b/c d"]
    assert stored_names(f"{url}/none") == []
    assert read_stored(f"{url}/m/b/c d") == b"m/b/c d"
    assert read_stored(f"{url}/m/none") is None
    assert state_of(f"{url}/m/a")[0] == 3
    assert state_of(f"{url}/m/a") != state_of(f"{url}/m/b/c d")
    with open_stored(f"{url}/m/a") as file:
        assert file.peek(1)[:1] == b"m"
        file.seek(2)
        assert file.read() == b"a"
    assert b"".join(read_spans(f"{url}/m/b/c d", [(0, 1), (3, 6)])) == b"m" + b"/c "
    copy = local_folder(f"{url}/m")
    assert (copy / "b/c d").read_text() == "m/b/c d"
    assert local_folder(str(folder)) == folder


def test_what_is_put_replaces_what_was_there_and_leaves_nothing_beside(bucket):
    url, folder = bucket
    given = folder / "given"
    for content in ("one", "two"):
        given.write_text(content)
        put_stored(given, f"{url}/deep/er/x.csv")
        assert [path.name for path in (folder / "deep/er").iterdir()] == ["x.csv"]
        assert (folder / "deep/er/x.csv").read_text() == content
    remove_stored(f"{url}/deep/er/x.csv")
    remove_stored(f"{url}/deep/er/x.csv")
    assert not (folder / "deep/er/x.csv").exists()


def test_what_fails_on_the_way_leaves_what_was_there(bucket, monkeypatch):
    url, folder = bucket
    _files(folder, "x.csv", "given")
    monkeypatch.setattr("shutil.copyfileobj", _fail)
    with pytest.raises(DataError, match=r"x\.csv: the storage says: the line is dead"):
        put_stored(folder / "given", f"{url}/x.csv")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "x.csv": "x.csv",
        "given": "given",
    }


def _fail(given, taken, size):
    taken.write(given.read(2))
    raise OSError("the line is dead\nand more")


def test_what_is_not_there_is_named(bucket):
    url, _ = bucket
    for ask in (state_of, lambda place: open_stored(place).__enter__(), local_folder):
        with pytest.raises(DataError, match=r"none: no such f"):
            ask(f"{url}/none")
    with pytest.raises(DataError, match=r"^ftps://x: the storage says: "):
        find_stored("ftps://x/*.csv")


def test_json_of_a_state_is_what_a_record_keeps(bucket):
    url, folder = bucket
    _files(folder, "x")
    state = list(state_of(f"{url}/x"))
    assert json.loads(json.dumps(state)) == state


@pytest.mark.parametrize(
    "start", ["s3://AKIA:SECRET@b", "fsspec+sftp://me:SECRET@host", "abfs://c:SECRET@a.net"]
)
@pytest.mark.parametrize(
    "ask", [find_stored, stored_names, state_of, read_stored, remove_stored, local_folder]
)
def test_a_password_in_a_url_is_refused_and_told_to_nobody(start, ask):
    with pytest.raises(DataError, match="expected a URL without a password") as caught:
        ask(f"{start}/in/x.csv")
    error = caught.value
    while error is not None:
        assert "SECRET" not in str(error)
        error = error.__cause__ or error.__context__


def test_what_storage_cannot_be_is_a_sentence():
    for url, said in (
        ("fsspec+nobody://x/*.csv", "fsspec+nobody://x: the storage says: "),
        ("file:///tmp/\udcff/x", "the storage says: "),
        ("s3://b?region=x/y.csv", "s3://b: expected a URL without options; the environment has"),
    ):
        with pytest.raises(DataError) as caught:
            find_stored(url)
        assert said in str(caught.value)


def test_a_folder_whose_name_has_brackets_is_no_pattern(bucket):
    url, folder = bucket
    _files(folder, "in[1]/x.csv", "in1/y.csv")
    assert find_stored(f"{url}/in[1]") == [f"{url}/in[1]/x.csv"]
    assert find_stored(f"{url}/in[1]/*.csv") == [f"{url}/in1/y.csv"]


def test_what_is_no_fault_of_the_storage_passes(bucket):
    url, folder = bucket
    _files(folder, "x")
    with pytest.raises(KeyError), open_stored(f"{url}/x"):
        raise KeyError("of the reader")


def test_a_disk_that_is_full_is_not_the_storage(bucket, monkeypatch):
    url, folder = bucket
    _files(folder, "m/a")

    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def write(self, piece):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pathlib.Path.open", lambda path, mode: Full())
    with pytest.raises(DataError, match=r"/a: cannot be written: No space left on device"):
        local_folder(f"{url}/m")
