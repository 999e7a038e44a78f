"""All state sequences, of one chain or several, and segmentations of a row, by their parts."""

import itertools

import numpy as np

from tests.references.enumerated_structures import EnumeratedStructures


def chain(unary, transitions, initial):
    """State sequences [T] by unary [T, K], transitions [T - 1, K, K] and initial [K], in a row.

    Returns:
      EnumeratedStructures over the three one after the other, flat.
    """
    steps, states = unary.shape

    def parts(event):
        for t, state in enumerate(event):
            yield 0, (t, state)
        for t, pair in enumerate(itertools.pairwise(event)):
            yield 1, (t, *pair)
        yield 2, (event[0],)

    return _flat(
        (unary, transitions, initial), itertools.product(range(states), repeat=steps), parts
    )


def factorial_chain(unary, transitions, initial):
    """States [T, M] by unary [T, K^M], transitions [M, K, K] and initial [M, K], likewise."""
    chains, states = initial.shape
    joint = list(itertools.product(range(states), repeat=chains))

    def parts(event):
        for t, chosen in enumerate(event):
            yield 0, (t, joint.index(chosen))
        for m in range(chains):
            for before, after in itertools.pairwise(event):
                yield 1, (m, before[m], after[m])
            yield 2, (m, event[0][m])

    return _flat((unary, transitions, initial), itertools.product(joint, repeat=len(unary)), parts)


def segmentation(segments, transitions):
    """Segmentations [T] by segments [T, L, K] and transitions [T - 1, K, K], likewise.

    Events hold the label where a segment starts, and -1 elsewhere.
    """
    steps, longest, labels = segments.shape

    def events(event=()):
        if len(event) == steps:
            yield event
        for size in range(1, min(longest, steps - len(event)) + 1):
            for label in range(labels):
                yield from events((*event, label, *[-1] * (size - 1)))

    def parts(event):
        starts = [t for t, label in enumerate(event) if label >= 0]
        for start, end in zip(starts, [*starts[1:], steps], strict=True):
            yield 0, (start, end - start - 1, event[start])
        for before, start in itertools.pairwise(starts):
            yield 1, (start - 1, event[before], event[start])

    return _flat((segments, transitions), events(), parts)


def split(flat, like):
    """What is flat, as arrays of the shapes of the potentials that it is of."""
    ends = np.cumsum([part.size for part in like])
    return [
        part.reshape(shaped.shape)
        for part, shaped in zip(np.split(flat, ends[:-1]), like, strict=True)
    ]


def _flat(potentials, events, parts):
    starts = np.cumsum([0, *(part.size for part in potentials)])

    def place(kind, index):
        return (starts[kind] + np.ravel_multi_index(index, potentials[kind].shape),)

    structures = [(np.array(event), [place(*part) for part in parts(event)]) for event in events]
    return EnumeratedStructures(np.concatenate([np.ravel(p) for p in potentials]), structures)
