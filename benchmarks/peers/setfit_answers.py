"""What SetFit answers: run by the Python of an environment that has it, without TensorFlow.

TensorFlow and PyTorch in one process have been seen to crash. Reads JSON from standard input: the
folder `model` of a sentence transformer, `texts` with their `labels` (a class each, or a list of 0
and 1 for whether each class applies), what is `asked`, a `seed` and the `file` that the
probabilities [asked, K] go to.
"""

import json
import os
import sys
import tempfile

os.environ |= {"USE_TF": "0", "HF_HUB_OFFLINE": "1"}

import numpy as np
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments


def main() -> None:
    given = json.load(sys.stdin)
    several = isinstance(given["labels"][0], list)
    model = SetFitModel.from_pretrained(
        given["model"], multi_target_strategy="one-vs-rest" if several else None
    )
    model.model_body.max_seq_length = 128
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_iterations=20,  # Pairs of each text; the paper's R.
        num_epochs=1,
        seed=given["seed"],
        report_to="none",
        save_strategy="no",
    )
    labelled = Dataset.from_dict({"text": given["texts"], "label": given["labels"]})
    Trainer(model=model, args=arguments, train_dataset=labelled).train()
    np.save(given["file"], np.asarray(model.predict_proba(given["asked"])))


if __name__ == "__main__":
    main()
