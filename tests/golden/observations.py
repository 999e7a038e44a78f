"""What is seen of a model from outside: its answers, and the losses of two further steps."""

import keras
import numpy as np


def observations(model, inputs, targets=None):
    """Arrays by name, of a model that has just been loaded or saved.

    Args:
      model: a Keras model; where it is compiled, it is trained further.
      inputs: what it is called on, an array or a dict of arrays.
      targets: what it is trained on besides, an array or a dict of arrays, or None.
    """
    answers = keras.tree.flatten(model(inputs))
    found = {f"answer/{n}": np.asarray(answer) for n, answer in enumerate(answers)}
    if not model.compiled:
        return found
    model.run_eagerly = True  # Two steps are sooner taken than traced.
    for step in range(2):
        logs = model.train_on_batch(inputs, targets, return_dict=True)
        found |= {f"step_{step}/{name}": np.asarray(value) for name, value in logs.items()}
    found["optimizer/iterations"] = np.asarray(model.optimizer.iterations)
    return found


def packed(name, value):
    """A nested input as arrays under flat names, as an `.npz` file holds them without a pickle."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return {f"{name}/{key}": np.asarray(part) for key, part in value.items()}
    return {name: np.asarray(value)}


def unpacked(name, arrays):
    """The inverse of `packed`."""
    if name in arrays:
        return arrays[name]
    return {
        key.removeprefix(f"{name}/"): value
        for key, value in arrays.items()
        if key.startswith(f"{name}/")
    } or None
