"""Collections of short texts, of which nobody need say what they are about."""

import gzip
from pathlib import Path

NAMES = ("sms", "emotions", "polarity")
_FILES = {
    "sms": ("sms_spam/SMSSpamCollection",),
    "emotions": ("go_emotions/train.tsv.gz",),
    "polarity": tuple(
        f"pang_lee/sentence_polarity/rt-polarity.{part}.txt.gz" for part in ("neg", "pos")
    ),
}


def read_short_texts(name: str, data: Path) -> list[str]:
    """Distinct texts: SMS messages, comments of GoEmotions, or sentences on films.

    Args:
      name: one of `NAMES`.
      data: the folder of data sets.
    """
    lines: list[str] = []
    for part in _FILES[name]:
        raw = (data / part).read_bytes()
        raw = gzip.decompress(raw) if part.endswith(".gz") else raw
        lines += raw.decode("latin-1" if name == "polarity" else "utf-8").splitlines()
    column = {"sms": 1, "emotions": 0, "polarity": 0}[name]
    texts = (line.split("\t")[column].strip() for line in lines if line.strip())
    return [text for text in dict.fromkeys(texts) if text]
