"""Trees: flatten and rebuild, map, paths, one flat vector."""

import dataclasses
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygen.autodiff import tree

Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Layer:
    W: object
    b: object = None


def containers(children):
    return st.one_of(
        st.lists(children, max_size=3),
        st.lists(children, max_size=3).map(tuple),
        st.dictionaries(st.text("abc", min_size=1, max_size=2), children, max_size=3),
        st.tuples(children, children).map(lambda pair: Point(*pair)),
        st.tuples(children, children).map(lambda pair: Layer(*pair)),
    )


trees = st.recursive(st.one_of(st.none(), st.integers()), containers, max_leaves=8)


@given(trees)
def test_there_and_back(there):
    leaves, structure = tree.flatten(there)
    assert tree.unflatten(structure, leaves) == there
    assert type(tree.unflatten(structure, leaves)) is type(there)
    assert all(isinstance(leaf, int) for leaf in leaves)  # None is no leaf
    assert hash(structure) == hash(tree.flatten(there)[1])


@given(trees)
def test_map_is_leaf_by_leaf(there):
    doubled = tree.map(lambda a, b: a + b, there, there)
    assert tree.flatten(doubled)[0] == [2 * leaf for leaf in tree.flatten(there)[0]]
    assert tree.flatten(doubled)[1] == tree.flatten(there)[1]


@given(trees)
def test_each_leaf_has_its_own_path(there):
    found, leaves = tree.paths(there), tree.flatten(there)[0]
    assert len(set(found)) == len(found) == len(leaves)
    for path, leaf in zip(found, leaves):
        assert eval(f"there{path}") == leaf


def test_paths_are_python():
    there = {"W": [1, Point(2, Layer(3))], 7: (4, None)}
    assert tree.paths(there) == ["['W'][0]", "['W'][1].x", "['W'][1].y.W", "[7][0]"]


def test_what_a_leaf_is():
    for leaf in (1.0, np.ones(3), "text", {1, 2}, Layer):
        assert tree.flatten(leaf) == ([leaf], tree.LEAF) or isinstance(leaf, np.ndarray)
        assert tree.paths(leaf) == [""]
    assert tree.flatten(None)[0] == [] and tree.paths(None) == []
    assert tree.unflatten(tree.flatten(None)[1], []) is None


def test_dicts_are_matched_by_key_and_keep_their_kind():
    a, b = {"x": 1, "y": 2}, {"y": 20, "x": 10}
    assert tree.map(lambda p, q: (p, q), a, b) == {"x": (1, 10), "y": (2, 20)}
    kept = tree.map(lambda p: p, OrderedDict(b=1, a=2))
    assert type(kept) is OrderedDict and list(kept) == ["b", "a"]


@pytest.mark.parametrize(
    "a, b",
    [
        ({"x": 1}, {"y": 1}),
        ({"x": 1}, {"x": 1, "y": 2}),
        ([1, 2], [1]),
        ([1, 2], (1, 2)),
        ([1], 1),
        (Point(1, 2), (1, 2)),
        (None, 1),
        ({"x": None}, {"x": 1}),
    ],
)
def test_trees_that_differ(a, b):
    with pytest.raises(ValueError, match="trees differ"):
        tree.map(lambda p, q: p, a, b)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ravel_gives_views(dtype):
    b = [np.array(7, dtype), np.zeros((0, 2), dtype)]
    there = {"W": np.arange(6, dtype=dtype).reshape(2, 3), "b": b, "n": None}
    vector, back = tree.ravel(there)
    assert vector.dtype == dtype and np.array_equal(vector, [0, 1, 2, 3, 4, 5, 7])
    assert not np.shares_memory(vector, there["W"])
    again = back(vector)
    assert tree.flatten(again)[1] == tree.flatten(there)[1]
    assert again["W"].shape == (2, 3) and again["b"][0].shape == () and again["b"][1].shape == (0, 2)
    again["W"][1, 2] = 50
    assert vector[5] == 50
    vector[6] = 9
    assert again["b"][0] == 9
    with pytest.raises(ValueError, match=r"7 numbers.*\(8,\)"):
        back(np.zeros(8))


def test_ravel_of_nothing():
    vector, back = tree.ravel({"a": None, "b": []})
    assert vector.shape == (0,) and back(vector) == {"a": None, "b": []}


def test_ravel_with_several_dtypes_widens():
    vector, back = tree.ravel([np.ones(2, np.float32), np.ones(1)])
    assert vector.dtype == np.float64 and [leaf.shape for leaf in back(vector)] == [(2,), (1,)]
