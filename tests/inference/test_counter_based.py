import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfp_dgm.inference import counter_based
from tfp_dgm.inference.counter_based import gumbel, normal, random_bits, threefry_2x32, uniform

SEEDS = np.array([[0, 0], [7, -3], [-(2**31), 2**31 - 1]], np.int32)


# Counter, key and result: the known answers published with Random123, 20 rounds.
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_gives_the_published_words(counter, key, expected):
    words = threefry_2x32(
        tuple(tf.constant(word, tf.uint32) for word in key),
        tuple(tf.constant(word, tf.uint32) for word in counter),
    )
    assert tuple(int(word) for word in words) == expected


def _threefry_in_python(key, counter):
    """Python's own integers, as in Salmon et al., figure 2."""
    keys = [*key, key[0] ^ key[1] ^ 0x1BD11BDA]
    x, y = ((word + k) % 2**32 for word, k in zip(counter, key, strict=True))
    for turn in range(20):
        x = (x + y) % 2**32
        distance = [13, 15, 26, 6, 17, 29, 16, 24][turn % 8]
        y = ((y << distance) % 2**32 | y >> (32 - distance)) ^ x
        if turn % 4 == 3:
            number = turn // 4 + 1
            x = (x + keys[number % 3]) % 2**32
            y = (y + keys[(number + 1) % 3] + number) % 2**32
    return x, y


def test_words_lie_in_their_places():
    bits = random_bits(tf.constant(SEEDS), tf.constant([5, -1, 9]), [3, 3]).numpy()
    for row, (seed, counter) in enumerate(zip(SEEDS, [5, -1, 9], strict=True)):
        key = [int(word) % 2**32 for word in seed]
        words = [word for j in range(5) for word in _threefry_in_python(key, (j, counter % 2**32))]
        assert bits[row].ravel().tolist() == words[:9]


def test_uniform_is_the_odd_multiple_of_its_word_and_open(monkeypatch):
    words = np.array([[0, 511, 512, 2**32 - 1]], np.uint32)
    monkeypatch.setattr(counter_based, "random_bits", lambda *arguments: tf.constant(words))
    expected = np.array([1, 1, 3, 2**24 - 1]) / 2**24
    assert uniform(tf.zeros([1, 2], tf.int32), 0, [4])[0].numpy().tolist() == expected.tolist()


@pytest.mark.parametrize(("draw", "tolerance"), [(uniform, 0), (gumbel, 2e-6), (normal, 3e-6)])
def test_eager_graph_and_xla_agree(draw, tolerance):
    def both(seeds, counter):
        return draw(seeds, counter, [10_001])

    seeds, counter = tf.constant(SEEDS), tf.constant(3)
    eager = both(seeds, counter).numpy()
    for compiled in (False, True):
        graph = tf.function(both, jit_compile=compiled, reduce_retracing=True)
        answer = graph(seeds, counter).numpy()
        np.testing.assert_allclose(answer, eager, rtol=0, atol=tolerance)


def test_normal_is_the_inverse_distribution_function():
    seeds = tf.constant(SEEDS)
    expected = stats.norm.ppf(uniform(seeds, 8, [10_000]).numpy().astype(np.float64))
    np.testing.assert_allclose(normal(seeds, 8, [10_000]).numpy(), expected, rtol=0, atol=4e-6)


def test_a_row_is_independent_of_its_batch_and_its_length():
    together = uniform(tf.constant(SEEDS), 4, [7]).numpy()
    for row in range(3):
        alone = uniform(tf.constant(SEEDS[row : row + 1]), 4, [12]).numpy()
        assert alone[0, :7].tolist() == together[row].tolist()


def test_counters_and_seeds_give_other_numbers():
    seeds = tf.constant([[1, 2], [2, 1]])
    draws = [uniform(seeds, counter, [50]).numpy() for counter in (0, 1)]
    values = np.stack(draws).reshape(4, 50)
    # 23 bits, 200 numbers: a chance agreement has probability 200^2 / 2 / 2^23 = 0.24 %.
    assert len(np.unique(values)) == 200


# Each fails with probability 1e-4 for a seed drawn at random; the seed is fixed.
@pytest.mark.parametrize(
    ("draw", "cdf"),
    [(uniform, stats.uniform.cdf), (gumbel, stats.gumbel_r.cdf), (normal, stats.norm.cdf)],
)
def test_draws_follow_their_law(draw, cdf):
    along_a_row = draw(tf.constant([[11, 12]]), 0, [20_000]).numpy().ravel()
    seeds = tf.stack([tf.range(20_000), tf.zeros([20_000], tf.int32)], axis=1)
    along_the_seeds = draw(seeds, 0, [1]).numpy().ravel()
    counters = tf.range(20_000)
    along_the_counters = draw(tf.zeros([20_000, 2], tf.int32), counters, [1]).numpy().ravel()
    for sample in (along_a_row, along_the_seeds, along_the_counters):
        assert stats.kstest(sample, cdf).pvalue > 1e-4 / 3


@pytest.mark.parametrize(
    "seeds", [tf.zeros([2], tf.int32), tf.zeros([3, 2], tf.int64), tf.zeros([3, 4], tf.int32)]
)
def test_seeds_of_another_kind_are_named(seeds):
    with pytest.raises(ValueError, match=r"seeds: expected int32 \[B, 2\]; received"):
        uniform(seeds, 0, [1])
