import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tfp_dgm import layers
from tfp_dgm.models import VAE
from tfp_dgm.networks import MLP
from tfp_dgm.training import NonFiniteGuard, NonFiniteLossError


def batches(bad_value, bad_batch):
    x = np.tile(toys.counts(4)[0], (6, 1, 1))
    x[bad_batch, 2, 1] = bad_value
    return tf.data.Dataset.from_tensor_slices(x)


class Spoil(keras.callbacks.Callback):
    """Makes a mean of the posterior NaN before one batch."""

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 3:
            self.model.posterior_layer.projection.bias.assign([np.nan, 0.0, 0.0, 0.0])


class Blind(VAE):
    """A model in which every word has one probability, whatever the latent."""

    def log_likelihood(self, z, inputs, training=False):
        return -np.log(toys.WORDS) * tf.ones_like(z[..., 0]) * tf.reduce_sum(inputs, axis=-1)


def test_names_the_first_bad_term_and_the_batch():
    """Counts of 3e38 overflow in the likelihood; the encoder does not see them."""
    model = toys.vae()
    model.encoder.activation = keras.activations.tanh
    model.compile(keras.optimizers.SGD(0.0))
    with pytest.raises(
        NonFiniteLossError, match=r"^`reconstruction` is -?(nan|inf) after batch 4 "
    ):
        model.fit(
            batches(3e38, 4), epochs=2, verbose=0, shuffle=False, callbacks=[NonFiniteGuard()]
        )


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_names_the_divergence_and_what_the_others_were():
    model = Blind(MLP([4]), None, layers.BagOfWords(toys.WORDS), latent_units=2)
    model.compile(keras.optimizers.SGD(0.0))
    with pytest.raises(NonFiniteLossError) as caught:
        model.fit(
            batches(1.0, 0),
            epochs=1,
            verbose=0,
            shuffle=False,
            callbacks=[Spoil(), NonFiniteGuard()],
        )
    message = str(caught.value)
    assert message.startswith("`kl` is ")
    assert "batch 3 of epoch 0" in message
    assert "step 4" in message
    assert "reconstruction=-" in message


def test_spoilt_weights_are_told_from_a_bad_term():
    model = toys.vae()
    model.compile(keras.optimizers.SGD(0.0))
    with pytest.raises(NonFiniteLossError, match="All terms at once: a gradient spoiled"):
        model.fit(batches(1.0, 0), verbose=0, shuffle=False, callbacks=[Spoil(), NonFiniteGuard()])


def test_sound_training_passes():
    model = toys.vae()
    model.compile(keras.optimizers.SGD(1e-3), steps_per_execution=2)
    model.fit(batches(1.0, 0), epochs=2, verbose=0, shuffle=False, callbacks=[NonFiniteGuard()])
