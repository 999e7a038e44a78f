"""Files that are not what their names say are named for what they are."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pandas as pd
import pytest

from tfp_dgm.data import DataError, read_image_list, read_labelled_table, read_sentences

PLAIN = b"text,label\na,x\nb,y\n"


def _zip(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "content " * 200)
    return file.getvalue()


def _tar():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("in.csv"))
    return file.getvalue()


def _parquet():
    file = io.BytesIO()
    pd.DataFrame({"text": ["a"], "label": ["x"]}).to_parquet(file)
    return file.getvalue()


WORKBOOK = _zip("docProps/app.xml", "xl/workbook.xml", "[Content_Types].xml")
FOREIGN = {
    "gzip": ("in.csv", gzip.compress(PLAIN), "received gzip; .*add .gz to its name"),
    "gzip twice": ("in.csv.gz", gzip.compress(gzip.compress(PLAIN)), "received gzip; unpack it"),
    "zip": ("in.csv", _zip("in.csv"), r"received zip \(of 'in.csv'\); unpack it"),
    "workbook": ("in.tsv", WORKBOOK, "received an Excel workbook; save it as CSV"),
    "workbook, gzipped": ("in.jsonl.gz", gzip.compress(WORKBOOK), "received an Excel workbook"),
    "workbook as gzip": ("in.csv.gz", WORKBOOK, "expected gzip, received an Excel workbook"),
    "workbook as Parquet": ("in.parquet", WORKBOOK, "expected Parquet, received an Excel workb"),
    "calc": ("in.csv", _zip("mimetype", "content.xml"), "received an OpenDocument file"),
    "cut zip": ("in.csv", WORKBOOK[:700], "received zip; unpack it"),
    "old workbook": ("in.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "received an old Excel"),
    "Parquet": ("in.csv", _parquet(), r"received Parquet; give its name the ending \.parquet"),
    "bzip2": ("in.csv", bz2.compress(PLAIN), "received bzip2"),
    "xz": ("in.csv", lzma.compress(PLAIN), "received xz"),
    "tar": ("in.csv.gz", gzip.compress(_tar()), "received a tar archive"),
    "PNG": ("in.csv", b"\x89PNG\r\n\x1a\n\0\0", "binary data, such as byte 0x89 at"),
    "UTF-16 unmarked": (
        "in.csv",
        PLAIN.decode().encode("utf-16-be"),
        "received UTF-16BE text; convert",
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_table_that_is_none_is_named(tmp_path, case):
    name, content, message = FOREIGN[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_labelled_table(tmp_path / name, text_columns=["text"], label_column="label")
    assert "iconv" not in str(error.value) or "UTF-16" in case


@pytest.mark.parametrize("read", [read_sentences, read_image_list])
def test_files_of_lines_say_it_too(tmp_path, read):
    (tmp_path / "in.txt").write_bytes(WORKBOOK)
    with pytest.raises(DataError, match=r"in\.txt: expected UTF-8 text, received an Excel workb"):
        read(tmp_path / "in.txt")


def test_plain_text_under_a_name_of_gzip(tmp_path):
    (tmp_path / "in.csv.gz").write_bytes(PLAIN)
    with pytest.raises(DataError, match=r"the gzip file is damaged: .*take \.gz off its name"):
        read_labelled_table(tmp_path / "in.csv.gz", text_columns=["text"], label_column="label")


@pytest.mark.parametrize("start", ["PAR1", "BZh", "%PDF", "PK", "Rar!", "7z", "ARROW1"])
def test_letters_alone_are_no_other_kind(tmp_path, start):
    (tmp_path / "in.csv").write_text(f"{start},text,label\n1,a,x\n2,b,y\n")
    table = read_labelled_table(tmp_path / "in.csv", text_columns=["text"], label_column="label")
    assert table.frame[start].tolist() == ["1", "2"]


@pytest.mark.parametrize("mark", [";", "|", "\t"])
@pytest.mark.parametrize("text", ["hello, you", "hello"])
def test_another_delimiter_is_named_wherever_commas_stand(tmp_path, mark, text):
    (tmp_path / "in.csv").write_text(f"id;text;label\n1;{text};x\n2;b;y\n".replace(";", mark))
    with pytest.raises(DataError, match="several columns with another delimiter") as error:
        read_labelled_table(tmp_path / "in.csv", text_columns=["text"], label_column="label")
    assert f"delimiter, {mark!r}: .csv is read with commas" in str(error.value)
    (tmp_path / "in.csv").write_text(f"id;te, xt;label\n1;{text}, a;x\n".replace(";", mark))
    with pytest.raises(DataError, match="several columns with another delimiter"):
        read_labelled_table(tmp_path / "in.csv", text_columns=["te, xt"], label_column="label")
