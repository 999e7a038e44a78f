"""What the library advises, in the command line's words."""

# What the library's messages name, by its names in Python -> what is typed.
SPELLED = {
    "`quoting=False`": "--no-quoting",
    "`multi_label`": "--multi-label",
    "`build=True`": "--build",
    "`answer_columns`": "--answer-column",
    "`label_column`": "--label-column",
    "`classes`": "--class",
    "`definitions`": "--classes",
    "`token_column`": "--token-column",
    "`tag_column`": "--tag-column",
    "`scheme`": "--scheme",
    "`EmbeddedServer`": "the embedded one (--embedded)",
    "`train_text_model`": "`dgm text-vae train`",
}


def as_typed(said: str) -> str:
    """A message of the library, with options where it advises arguments."""
    for name, typed in SPELLED.items():
        said = said.replace(name, typed)
    return said
