"""Captions in their three formats, matched with images in folders and zip files."""

import gzip
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from tfp_dgm.data import CaptionedImages, DataError, ImageFiles, read_captions, read_image_list


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


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", "a.jpg#0\tfine\na.jpg 1\tA dog\n", "t.txt, line 2: expected `image.jpg#0<TAB>"),
        ("t.txt", "a.jpg#x\tA dog\n", "line 1: expected"),
        ("t.txt", "\n", "there is no caption"),
        ("c.json", "{", "expected COCO's JSON"),
        ("c.json", "[]", "a list 'images'"),
        ("c.json", '{"images": [{"id": 1}]}', r"images\[0\]: expected an object with 'file_name'"),
        ("c.json", '{"images": [], "annotations": [5]}', r"annotations\[0\]: .* got 5"),
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
