import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tests.models.texts import make_language_model, make_vae
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

    def joint(self, inputs, *, training=False):
        def log_likelihood(z):
            return -np.log(toys.WORDS) * tf.ones_like(z[..., 0]) * tf.reduce_sum(inputs, axis=-1)

        return super().joint(inputs, training=training).replaced(log_likelihood=log_likelihood)


@pytest.mark.usefixtures("eager")
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
@pytest.mark.usefixtures("eager")
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


@pytest.mark.usefixtures("eager")
def test_spoilt_weights_are_told_from_a_bad_term():
    model = toys.vae()
    model.compile(keras.optimizers.SGD(0.0))
    with pytest.raises(NonFiniteLossError, match="All terms at once: a gradient spoiled"):
        model.fit(batches(1.0, 0), verbose=0, shuffle=False, callbacks=[Spoil(), NonFiniteGuard()])


def test_sound_training_passes():
    model = toys.vae()
    model.compile(keras.optimizers.SGD(1e-3), steps_per_execution=2)
    done = model.fit(
        batches(1.0, 0), epochs=2, verbose=0, shuffle=False, callbacks=[NonFiniteGuard()]
    )
    assert done.epoch == [0, 1]


@pytest.mark.usefixtures("eager")
def test_a_model_without_parts_is_not_judged_by_them():
    class SpoilBias(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1:
                self.model.decoder.output_bias.assign(np.full(7, np.nan))

    model = make_language_model()
    model.build()
    model.compile(keras.optimizers.SGD(0.0))
    with pytest.raises(NonFiniteLossError, match=r"^`bound` is nan after batch 1 .* has no parts"):
        model.fit(
            np.tile([[4, 5, 2]], (6, 1)),
            batch_size=2,
            verbose=0,
            callbacks=[SpoilBias(), NonFiniteGuard()],
        )


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_validation_is_looked_at_when_the_epoch_ends():
    model = toys.vae()
    model.encoder.activation = keras.activations.tanh
    model.compile(keras.optimizers.SGD(0.0))
    with pytest.raises(
        NonFiniteLossError,
        match=r"^`val_reconstruction` is -?(nan|inf) after epoch 0 .*others.*: val_kl=",
    ):
        model.fit(
            batches(1.0, 0),
            validation_data=batches(3e38, 4),
            epochs=2,
            verbose=0,
            shuffle=False,
            callbacks=[NonFiniteGuard()],
        )


@pytest.mark.usefixtures("eager")
def test_an_infinite_bag_of_words_is_not_taken_for_the_reconstruction():
    """It spoils the weights by its gradient, and no value before."""
    texts = np.tile([[4, 5, 6, 2]], (6, 1))
    model = make_vae(bag_of_words_weight=0.5)
    model.build((None, None))
    model.bag_of_words.bias.assign([np.inf, *[0.0] * 6])
    z = tf.random.stateless_normal([1, 6, 2], seed=(1, 2))
    assert not np.isfinite(model.bag_of_words_log_prob(z, texts)).any()
    plain = model.log_likelihood(z, texts)
    np.testing.assert_allclose(model.log_likelihood(z, texts, training=True), plain, rtol=1e-5)
    model.compile(keras.optimizers.SGD(0.0))
    with pytest.raises(NonFiniteLossError, match=r"after batch 1 .* All terms at once"):
        model.fit(texts, batch_size=2, verbose=0, callbacks=[NonFiniteGuard()])
