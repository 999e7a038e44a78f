import pytest
import tensorflow as tf


class _Doubler(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def double(self, x):
        return {"y": 2 * x}


@pytest.fixture(scope="package")
def doubler(tmp_path_factory):
    """A model's folder that takes no time to write; its name must be quoted in a path."""
    folder = tmp_path_factory.mktemp("models") / "100% really? #1 für 2:predict"
    module = _Doubler()
    tf.saved_model.save(module, str(folder / "1"), signatures=module.double)
    return folder
