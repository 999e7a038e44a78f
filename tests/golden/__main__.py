"""Writes the golden files that are missing: `python -m tests.golden`, from the repository's root.

A file that is there stays as it is: it was written by the version whose users it stands for.
"""

import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from tests.golden.functional_models import FUNCTIONAL_MODELS
from tests.golden.labelling_models import LABELLING_MODELS
from tests.golden.latent_variable_models import LATENT_VARIABLE_MODELS
from tests.golden.observations import observations, packed
from tests.golden.tagging_models import TAGGING_MODELS
from tests.golden.text_models import TEXT_MODELS
from tests.golden.topic_tellers import TOPIC_TELLERS
from tfp_dgm.data import atomic_write
from tfp_dgm.models import load_model
from tfp_dgm.serving import export
from tfp_dgm.serving.signatures.signatures_of import signatures_of

FOLDER = Path(__file__).parent
# Name -> a function that gives the model, its inputs and its targets or None.
EVERY_MODEL = {
    **LATENT_VARIABLE_MODELS,
    **TEXT_MODELS,
    **LABELLING_MODELS,
    **TAGGING_MODELS,
    **TOPIC_TELLERS,
    **FUNCTIONAL_MODELS,
}
EXPORTED = ("hierarchical_vae", "m2", "text_classifier")


def write_model(name, folder=FOLDER / "models"):
    """Writes `<name>.keras`, and then `<name>.npz` with what was seen of it.

    Raises:
      FileExistsError: if either is there already.
    """
    file, record = folder / f"{name}.keras", folder / f"{name}.npz"
    for path in (file, record):
        if path.exists():
            raise FileExistsError(f"{path} is there already, and golden files are never rewritten")
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    model, inputs, targets = EVERY_MODEL[name]()
    if model.compiled:  # A state to come back: moments, averages, seeds that have moved on.
        model.run_eagerly = True
        model.train_on_batch(inputs, targets)
    folder.mkdir(exist_ok=True)
    model.save(file)
    found = observations(load_model(file), inputs, targets)
    with atomic_write(record) as part:
        np.savez_compressed(part, **packed("inputs", inputs), **packed("targets", targets), **found)


def write_saved_model(name, folder=FOLDER / "saved_models"):
    """Writes `<name>/1/` with the signature `serving_default`, of the golden model of that name.

    Raises:
      ValueError: if it is there already.
    """
    model = load_model(FOLDER / "models" / f"{name}.keras")
    signature = replace(signatures_of(model)["serving_default"], xla=False)
    export(
        model,
        folder / name,
        version=1,
        signatures={"serving_default": signature},
        batch_sizes=[1, 4],
    )


def main():
    for name in EVERY_MODEL:
        if not (FOLDER / "models" / f"{name}.npz").exists():
            write_model(name)
            print(f"{name}.keras: written", file=sys.stderr)
    for name in EXPORTED:
        if not (FOLDER / "saved_models" / name / "1").exists():
            write_saved_model(name)
            print(f"{name}/1: written", file=sys.stderr)


if __name__ == "__main__":
    main()
