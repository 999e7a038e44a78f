"""The ids that every vocabulary gives to the same four tokens.

PAD fills rows up to the longest, START is what a decoder reads first and never writes, END closes
every text, and UNKNOWN stands for whatever the vocabulary lacks.
"""

PAD = 0
START = 1
END = 2
UNKNOWN = 3
NUM_SPECIAL = 4
