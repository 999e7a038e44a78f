"""Captions in their three formats, matched with images in folders and zip files."""

import gzip
import json
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tfp_dgm.data import (
    CaptionedImages,
    DataError,
    ImageFiles,
    caption_files,
    read_captions,
    read_image_list,
)


def write_images(folder, names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((5, 4, 3), 90, np.uint8)).save(folder / name)
    return folder


COCO = {
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 7, "caption": "A  dog .\n"},
        {"id": 2, "image_id": 7, "caption": " "},
        {"id": 3, "image_id": 9, "caption": "Lost"},
    ],
}


def test_coco(tmp_path):
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(COCO))
    read = read_captions(path)
    assert read.captions == {"a.jpg": ["A dog ."]}
    assert read.warnings == [
        "1 blank caption left out",
        "1 image without a caption: b.jpg",
        "1 image with captions, by their id, not listed under `images`: 9",
    ]


def test_flickr_tokens_gzipped(tmp_path):
    path = tmp_path / "tokens.txt.gz"
    path.write_bytes(gzip.compress(b"a.jpg#0\tA dog .\nb#1.jpg#0\tTwo\n\na.jpg#1\tA cat\n"))
    read = read_captions(path)
    assert read.captions == {"a.jpg": ["A dog .", "A cat"], "b#1.jpg": ["Two"]}
    assert read.num_captions == 3
    assert list(read.pairs()) == [(0, "A dog ."), (0, "A cat"), (1, "Two")]


def test_table(tmp_path):
    path = tmp_path / "captions.csv"
    path.write_text('file,text\na.jpg,"A dog, running"\nb.jpg,\na.jpg,A cat\n')
    read = read_captions(path, image_column="file", caption_column="text")
    assert read.captions == {"a.jpg": ["A dog, running", "A cat"]}
    assert read.warnings == ["1 blank caption left out"]


def coco(images, annotations=()):
    rows = {
        "images": [{"id": number, "file_name": name} for number, name in images],
        "annotations": [{"image_id": image, "caption": text} for image, text in annotations],
    }
    return json.dumps(rows)


COMPOSED, DECOMPOSED = "caf\u00e9.jpg", "cafe\u0301.jpg"


def test_ids_and_names_meet_however_they_are_written(tmp_path):
    """A number is its text; a name is the same in composed and in decomposed characters."""
    path = tmp_path / "captions.json"
    images = [(1, COMPOSED), ("1", DECOMPOSED), (2.0, "b.jpg"), ("3", "b.jpg")]
    path.write_text(coco(images, [("1", "x"), (1.0, "y"), ("2", "z"), (3, ["v", "w"])]))
    read = read_captions(path)
    assert read.captions == {COMPOSED: ["x", "y"], "b.jpg": ["z", "v", "w"]}
    together = "listed under several ids, whose captions are taken together"
    assert read.warnings == [f"1 image {together}: b.jpg (2, 3)"]
    table = tmp_path / "captions.jsonl"
    rows = [(12, "x"), (12.0, "y"), ("12", "z"), (DECOMPOSED, "v"), (COMPOSED, "w")]
    table.write_text("\n".join(json.dumps({"image": i, "caption": c}) for i, c in rows))
    read = read_captions(table)
    assert read.captions == {"12": ["x", "y", "z"], DECOMPOSED: ["v", "w"]}
    assert read.within(["12.0", COMPOSED, DECOMPOSED], "a list").names == ["12", DECOMPOSED]
    assert read.warnings == [
        f"1 name taken for another spelling of one: {COMPOSED} as {DECOMPOSED}"
    ]
    table = tmp_path / "captions.csv"
    table.write_text("image,caption\n12,x\n12.0,y\n12.5,z\n")
    assert read_captions(table).captions == {"12": ["x", "y"], "12.5": ["z"]}


def test_texts_are_no_names(tmp_path):
    """A source text stays as it stands, and is no other one."""
    table = tmp_path / "pairs.csv"
    table.write_text(f"image,caption\n12,x\n12.0,y\n{DECOMPOSED},v\n{COMPOSED},w\n")
    read = read_captions(table, texts=True)
    assert read.captions == {"12": ["x"], "12.0": ["y"], DECOMPOSED: ["v"], COMPOSED: ["w"]}
    assert read.within([COMPOSED], "a list").captions == {COMPOSED: ["w"]}


def test_rows_far_down_may_lack_a_caption(tmp_path, monkeypatch):
    monkeypatch.setattr(caption_files, "_ROWS_PER_CHUNK", 1)
    table = tmp_path / "captions.jsonl"
    table.write_text('{"image": 1, "caption": "x"}\n{"image": 2}\n')
    assert read_captions(table).warnings == ["1 blank caption left out"]
    table.write_text('{"image": 1, "caption": "x"}\n{"caption": "y"}\n')
    with pytest.raises(DataError, match="line 2, column 'image': expected an image's name"):
        read_captions(table)


LISTS = {
    "jsonl": '{"image": "a", "caption": ["it\'s \\"x\\"", null, "y"]}',
    "json in csv": 'image,caption\na,"[""it\'s \\""x\\"""", null, ""y""]"\n',
    "python in csv": 'image,caption\na,"[\'it\\\'s ""x""\', None, \'y\']"\n',
    "numpy in csv": 'image,caption\na,"[\'it\\\'s ""x""\' None\n \'y\']"\n',
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_in_a_cell_is_as_many_captions(tmp_path, case):
    path = tmp_path / ("captions.jsonl" if case == "jsonl" else "captions.csv")
    path.write_text(LISTS[case])
    read = read_captions(path)
    assert read.captions == {"a": ['it\'s "x"', "y"]}
    assert read.warnings == ["1 blank caption left out"]


def test_lists_in_parquet_and_texts_that_only_look_like_lists(tmp_path):
    frame = pd.DataFrame({"image": [1, 1, 2], "caption": [["x", "y"], [], ["z"]]})
    frame.to_parquet(tmp_path / "captions.parquet")
    read = read_captions(tmp_path / "captions.parquet")
    assert read.captions == {"1": ["x", "y"], "2": ["z"]}
    texts = ["[1, 2]", "[sic]", "['tis]", "['a'b']", "[]x", r"['C:\users']", r"['\N{none}']"]
    table = pd.DataFrame({"image": range(len(texts)), "caption": texts})
    table.to_csv(tmp_path / "captions.csv", index=False)
    assert list(read_captions(tmp_path / "captions.csv").captions.values()) == [[t] for t in texts]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", "a.jpg#0\tfine\na.jpg 1\tA dog\n", "t.txt, line 2: expected `image.jpg#0<TAB>"),
        ("t.txt", "a.jpg#x\tA dog\n", "line 1: expected"),
        ("t.txt", "\n", "there is no caption"),
        ("c.json", "{", "expected COCO's JSON"),
        ("c.json", "[]", "a list 'images'"),
        ("c.json", '{"images": [{"id": 1}]}', r"images\[0\]: expected an object with 'file_name'"),
        ("c.json", '{"images": [], "images": []}', "duplicate key 'images'"),
        ("c.json", '{"images": [{"id": true, "file_name": "a.jpg"}]}', r"images\[0\]: .* 'id'"),
        (
            "c.json",
            coco([(1, "a.jpg"), ("1", "b.jpg")]),
            r"images\[1\]: .*'a.jpg' and 'b.jpg' for 1",
        ),
        (
            "c.json",
            coco([(1, "a.jpg")], [(1, 3)]),
            r"annotations\[0\]: expected a caption, .*received 3",
        ),
        ("c.jsonl", '{"image": 1, "caption": true}', "line 1, column 'caption': .* received True"),
        ("c.jsonl", '\n{"image": 1, "caption": 2.5}', "line 2, column 'caption': .* received 2.5"),
        ("c.jsonl", '{"image": 1, "caption": ["x", 3]}', r"line 1, .* received \['x', 3\]"),
        ("c.jsonl", '{"image": true, "caption": "x"}', "line 1, column 'image': .* received True"),
        ("c.jsonl", '{"image": 1.5, "caption": "x"}', "line 1, column 'image': .* received 1.5"),
        ("c.csv", 'image,caption\na,"[""x"", 3]"\n', r"line 2, column 'caption': .*a list of"),
        ("c.json", '{"images": [], "annotations": [5]}', r"annotations\[0\]: .* received 5"),
        ("c.csv", "image,text\na.jpg,x\n", "no such column 'caption'; the columns are"),
        ("c.csv", "image,caption\n,x\n", "line 2, column 'image': expected an image's name"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_captions(tmp_path / name)


def test_splits(tmp_path):
    captions = CaptionedImages({"a.jpg": ["x"], "b.jpg": ["y"], "c.jpg": ["z"]})
    (tmp_path / "train.txt").write_text("c.jpg\na.jpg\nd.jpg\n\n")
    names = read_image_list(tmp_path / "train.txt")
    train = captions.within(names, "train.txt")
    assert train.names == ["c.jpg", "a.jpg"]
    assert train.warnings == ["1 image of train.txt without a caption: d.jpg"]
    with pytest.raises(DataError, match=r"none of the 1 images has a caption, such as 'e.jpg'"):
        captions.within(["e.jpg"], "dev")
    with pytest.raises(DataError, match="the training images: there are none"):
        captions.within([], "the training images")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(DataError, match="the file is empty"):
        read_image_list(tmp_path / "empty.txt")


@pytest.mark.parametrize("zipped", [False, True])
def test_images_and_captions_that_do_not_meet_are_reported(tmp_path, zipped):
    path = write_images(tmp_path / "images", ["a.jpg", "sub/b.png", "alone.jpg"])
    (path / "notes.txt").write_text("no image")
    if zipped:
        with zipfile.ZipFile(tmp_path / "images.zip", "w") as file:
            for name in ("a.jpg", "sub/b.png", "alone.jpg", "notes.txt"):
                file.write(path / name, name)
        path = tmp_path / "images.zip"
    images = ImageFiles(path)
    assert len(images) == 3
    assert "b.png" in images
    assert "sub/b.png" in images
    assert "notes.txt" not in images
    assert images.read("b.png") == images.read("sub/b.png") != images.read("a.jpg")
    captions = CaptionedImages({"a.jpg": ["x"], "gone.jpg": ["y"], "b.png": ["z"]})
    matched = captions.matched(images)
    assert matched.captions == {"a.jpg": ["x"], "b.png": ["z"]}
    assert matched.warnings == [
        "1 image with captions missing: gone.jpg",
        "1 file left out, of other endings than .jpg, .jpeg, .png, .bmp, .gif: notes.txt",
        "1 image without a caption: alone.jpg",
    ]
    with pytest.raises(DataError, match=r"1 images with captions missing: gone.jpg"):
        captions.matched(images, strict=True)
    with pytest.raises(DataError, match="no image is left: 1 with captions missing"):
        CaptionedImages({"gone.jpg": ["y"]}).matched(images)


def test_names_that_two_folders_share_need_their_folder(tmp_path):
    images = ImageFiles(write_images(tmp_path / "images", ["one/a.png", "two/a.png"]))
    assert "one/a.png" in images
    assert "a.png" not in images


@pytest.mark.parametrize("zipped", [False, True])
def test_hidden_files_and_those_of_systems_are_left_out_and_counted(tmp_path, zipped):
    path = write_images(tmp_path / "images", ["a.jpg"])
    for name in ("._a.jpg", ".cache/b.jpg", "__MACOSX/a.jpg", "Thumbs.db", "c.webp"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(b"no image")
    if zipped:
        shutil.make_archive(str(path), "zip", path)
        path = tmp_path / "images.zip"
    images = ImageFiles(path)
    assert images.others([]) == ["a.jpg"]
    assert images.warnings == [
        "1 file left out, of other endings than .jpg, .jpeg, .png, .bmp, .gif: c.webp",
        "4 files left out, hidden or a system's own: ._a.jpg, .cache/b.jpg, "
        "Thumbs.db, __MACOSX/a.jpg",
    ]


def test_files_and_names_meet_however_they_are_spelled(tmp_path):
    images = ImageFiles(write_images(tmp_path / "images", [f"sub/{DECOMPOSED}"]))
    assert COMPOSED in images
    assert images.others([COMPOSED]) == []
    assert images.read(COMPOSED) == images.read(f"sub/{DECOMPOSED}")
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as file:
        file.writestr(COMPOSED, b"x")
        file.writestr(DECOMPOSED, b"y")
    with pytest.raises(
        DataError, match=f"expected distinct names; received more than one {COMPOSED}"
    ):
        ImageFiles(tmp_path / "images.zip")


def test_a_locked_member_of_a_zip_is_named(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.jpg", b"0123456789")
    content = bytearray(path.read_bytes())
    for head, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        content[content.index(head) + flags] |= 1  # "Encrypted".
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images.zip, a.jpg: cannot be unpacked: .* encrypted"):
        ImageFiles(path).read("a.jpg")


def test_a_damaged_member_of_a_zip_reads_as_nothing(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.jpg", b"0123456789" * 9)
    content = bytearray(path.read_bytes())
    content[content.index(b"0123456789")] ^= 1
    path.write_bytes(content)
    assert ImageFiles(path).read("a.jpg") == b""


def test_places_without_images(tmp_path):
    with pytest.raises(DataError, match="no such folder or zip file"):
        ImageFiles(tmp_path / "none")
    with pytest.raises(DataError, match="expected images"):
        ImageFiles(tmp_path)
    (tmp_path / "file").write_text("text")
    with pytest.raises(DataError, match="expected a folder or a zip file"):
        ImageFiles(tmp_path / "file")
