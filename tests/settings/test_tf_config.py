"""TF_CONFIG: who trains together, and what is wrong with it."""

import json

import pytest

from tfp_dgm.data import DataError
from tfp_dgm.settings import read_cluster

TWO = ["a:2222", "b:2222"]


def told(cluster, task):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_workers_in_order():
    cluster = read_cluster(told({"worker": TWO}, {"type": "worker", "index": 1}))
    assert (cluster.addresses, cluster.index) == (("a:2222", "b:2222"), 1)
    assert (cluster.own_address, cluster.is_chief) == ("b:2222", False)
    assert read_cluster(told({"worker": TWO}, {"type": "worker", "index": 0})).is_chief


@pytest.mark.parametrize(("job", "index", "place"), [("chief", 0, 0), ("worker", 0, 1)])
def test_a_chief_comes_first(job, index, place):
    jobs = {"worker": TWO, "chief": ["[::1]:80"]}
    cluster = read_cluster(told(jobs, {"type": job, "index": index}))
    assert (cluster.addresses, cluster.index) == (("[::1]:80", *TWO), place)


FIRST = {"type": "worker", "index": 0}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "TF_CONFIG: expected .*; the variable is not set"),
        ({"TF_CONFIG": "{'cluster': 1}"}, "expected JSON, .*; received \"{'cluster': 1}\""),
        ({"TF_CONFIG": "[]"}, r"expected `cluster`, as in .*; received \[\]"),
        (told({}, FIRST), "expected `cluster`"),
        (told({"worker": TWO}, {}), "expected `task`, as in"),
        (told({"worker": TWO, "ps": TWO}, FIRST), "jobs 'worker' and 'chief' .*; received 'ps'"),
        (told({"worker": []}, FIRST), r"a list of addresses of 'worker'; received \[\]"),
        (told({"worker": "a:1"}, FIRST), "a list of addresses of 'worker'; received 'a:1'"),
        (told({"worker": ["a"]}, FIRST), "expected HOST:PORT as an address of 'worker'; rec.* 'a'"),
        (told({"worker": ["a:99999"]}, FIRST), "HOST:PORT .*; received 'a:99999'"),
        (told({"worker": ["http://a:22"]}, FIRST), "HOST:PORT .*; received 'http://a:22'"),
        (told({"worker": [3]}, FIRST), "HOST:PORT .*; received 3"),
        (told({"worker": [*TWO, "a:2222"]}, FIRST), "each address once; received 'a:2222' twice"),
        (told({"worker": TWO, "chief": ["c:1", "d:1"]}, FIRST), "expected one address of 'chief'"),
        (told({"worker": TWO}, {"type": "chief", "index": 0}), "one of 'worker'; received 'chief'"),
        (told({"worker": TWO}, {"type": ["worker"], "index": 0}), r"received \['worker'\]"),
        (told({"worker": TWO}, {"type": "worker", "index": 2}), "from 0 to 1, .* 2 of 'worker'; "),
        (told({"worker": TWO}, {"type": "worker", "index": -1}), "from 0 to 1, .*received -1"),
        (told({"worker": TWO}, {"type": "worker", "index": True}), "received True"),
        (told({"worker": TWO}, {"type": "worker"}), "received None"),
    ],
)
def test_what_is_wrong_is_named(environment, message):
    with pytest.raises(DataError, match=message):
        read_cluster(environment)
