import keras
import pytest
import tensorflow as tf

from tfp_dgm.serving import Signature, export


class Doubler(keras.Model):
    def __init__(self):
        super().__init__()
        self.factor = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.0))
        self.built = True

    def double(self, x):
        return {"y": x * self.factor}

    def serving_signatures(self):
        return {
            "serving_default": Signature(
                inputs={"x": tf.TensorSpec([None], tf.float32)},
                body=self.double,
                examples={"x": [1.5, -2.0]},
            )
        }


def _answer(folder):
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return signature(x=tf.constant([1.5]))["y"].numpy().tolist()


def test_versions_count_up_and_answer(tmp_path):
    first = export(Doubler(), tmp_path / "doubler")
    second = export(Doubler(), tmp_path / "doubler")
    assert [first.name, second.name] == ["1", "2"]
    assert _answer(first) == [3.0]
    assert _answer(second) == [3.0]


@pytest.mark.parametrize("version", [0, -1, 1])
def test_a_version_is_positive_and_never_overwritten(tmp_path, version):
    export(Doubler(), tmp_path / "doubler", version=1)
    before = (tmp_path / "doubler/1/saved_model.pb").read_bytes()
    with pytest.raises(ValueError, match=f"new positive integer.*received {version}"):
        export(Doubler(), tmp_path / "doubler", version=version)
    assert (tmp_path / "doubler/1/saved_model.pb").read_bytes() == before


def test_a_failed_export_leaves_nothing(tmp_path):
    class Broken(Doubler):
        def double(self, x):
            raise RuntimeError("no such graph")

    with pytest.raises(RuntimeError, match="no such graph"):
        export(Broken(), tmp_path / "broken")
    assert list((tmp_path / "broken").iterdir()) == []
