"""How much of a file is taken at once, whatever a few packed bytes may unfold to."""

MAX_CELL_CHARACTERS = 20_000_000
# Of a row: a line, or what stands between the quotes of its cells.
MAX_ROW_CHARACTERS = 100_000_000
# A chunk of rows is closed early where it holds so many.
CHUNK_CHARACTERS = 50_000_000
