"""Writes the tables of settings into the pages beside this file; `make tables` runs it.

A table stands between `<!-- settings_table(NAME) -->` and `<!-- end -->`, NAME being a job's class.
"""

import re
from pathlib import Path

from tfp_dgm import captioning, image_modelling, induction, sentence_modelling
from tfp_dgm.settings import settings_table

CLASSES = {
    "CaptionSettings": captioning,
    "ImageModelSettings": image_modelling,
    "ConstituentSettings": induction,
    "DependencySettings": induction,
    "TagSettings": induction,
    "TextModelSettings": sentence_modelling,
}
_TABLE = re.compile(r"(<!-- settings_table\((\w+)\) -->\n).*?(\n<!-- end -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """The text of a page, its tables as the classes have them now."""
    return _TABLE.sub(lambda m: m[1] + settings_table(getattr(CLASSES[m[2]], m[2])) + m[3], page)


if __name__ == "__main__":
    for path in Path(__file__).parent.glob("*.md"):
        page = path.read_text(encoding="utf-8")
        if with_tables(page) != page:
            path.write_text(with_tables(page), encoding="utf-8")
            print(path)
