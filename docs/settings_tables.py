"""Writes the tables of settings into the pages beside this file; `make tables` runs it.

They are of the kind `settings_table`, and have the names of jobs' classes.
"""

import marked_tables
from marked_tables import DOCS

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


def table(name: str) -> str:
    """The settings of a class, as Markdown."""
    return settings_table(getattr(CLASSES[name], name))


def with_tables(page: str) -> str:
    """The text of a page, its tables as the classes have them now."""
    return marked_tables.with_tables(page, "settings_table", table)


if __name__ == "__main__":
    marked_tables.rewrite(DOCS.glob("*.md"), with_tables)
