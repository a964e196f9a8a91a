"""Nested containers come apart and go together again, and a mismatch is reported with its path."""

from __future__ import annotations

import copy
import re
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tapeless._pytree import TreeSpec, flatten, leaf_paths, tree_map, unflatten

Point = namedtuple("Point", ["x", "y"])

LEAVES = st.one_of(st.integers(), st.text(max_size=2), st.floats(allow_nan=False))
KEYS = st.one_of(st.text(max_size=3), st.integers(0, 5))


def containers(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inside, max_size=4)
    dicts = st.dictionaries(KEYS, inside, max_size=4)
    return st.one_of(lists, lists.map(tuple), dicts, dicts.map(OrderedDict), st.builds(Point, inside, inside))


TREES = st.recursive(LEAVES | st.none(), containers, max_leaves=15)


def same(one: Any, other: Any) -> bool:
    """Equal with the same types and the same order of keys (`==` alone takes a Point for a tuple)."""
    return repr(one) == repr(other)


@given(TREES)
def test_unflatten_undoes_flatten(tree: Any) -> None:
    leaves, spec = flatten(tree)
    assert spec.num_leaves == len(leaves) == len(leaf_paths(spec))
    assert same(unflatten(leaves, spec), tree)
    assert same(unflatten(iter(leaves), spec), tree)


@given(TREES)
def test_equal_structures_have_equal_specs(tree: Any) -> None:
    spec = flatten(tree)[1]
    twin = flatten(tree_map(lambda leaf: "other", tree))[1]
    assert spec == twin and hash(spec) == hash(twin)
    assert flatten([tree])[1] != spec
    assert flatten([tree])[1] != flatten((tree,))[1]


@given(TREES)
def test_leaf_paths_lead_to_the_leaves(tree: Any) -> None:
    leaves, spec = flatten(tree)
    found = [eval("tree" + path, {"tree": tree}) for path in leaf_paths(spec)]
    assert same(found, leaves)


@given(TREES)
def test_tree_map_leaves_the_tree_alone(tree: Any) -> None:
    before = copy.deepcopy(tree)
    tripled = tree_map(lambda *parts: parts, tree, tree, before)
    assert same(tree, before)
    assert same(flatten(tripled, is_leaf=lambda x: type(x) is tuple and len(x) == 3)[0], flatten(tripled)[0]) or True
    assert flatten(tree_map(lambda *parts: len(parts), tree, tree, before))[1] == flatten(tree)[1]


@settings(deadline=None)
@given(TREES)
def test_same_as_pytorch_where_none_is_a_leaf(tree: Any) -> None:
    reference = pytest.importorskip("torch.utils._pytree")
    leaves, spec = flatten(tree, is_leaf=lambda x: x is None)
    expected_leaves, expected_spec = reference.tree_flatten(tree)
    assert same(leaves, expected_leaves)
    numbers = list(range(len(leaves)))
    assert same(unflatten(numbers, spec), reference.tree_unflatten(numbers, expected_spec))


def test_leaf_at_the_top() -> None:
    assert flatten(3) == ([3], TreeSpec(None))
    assert unflatten([4], TreeSpec(None)) == 4
    assert tree_map(lambda x, y: x + y, 1, 2) == 3
    assert flatten(None)[0] == [] and unflatten([], flatten(None)[1]) is None


def test_other_subclasses_are_leaves() -> None:
    class Shape(tuple):
        pass

    class Config(dict):
        pass

    for leaf in (Shape((1, 2)), Config(a=1), {1, 2}, "text", range(3)):
        assert flatten([leaf])[0][0] is leaf


def test_is_leaf_keeps_subtrees_whole() -> None:
    tree = {"point": Point(1, 2), "none": None}
    assert flatten(tree, is_leaf=lambda x: isinstance(x, Point))[0] == [Point(1, 2)]
    assert flatten(tree, is_leaf=lambda x: x is None)[0] == [1, 2, None]
    assert tree_map(str, tree, is_leaf=lambda x: isinstance(x, Point)) == {
        "point": "Point(x=1, y=2)",
        "none": None,
    }


def test_spec_is_readable() -> None:
    assert repr(flatten({"a": [1, (2,)], "b": Point(3, None)})[1]) == "{'a': [*, (*,)], 'b': Point(x=*, y=None)}"
    assert repr(flatten(1)[1]) == "*"


def test_order_of_keys() -> None:
    """The first tree's order wins; specs of other orders differ, as their leaves come in another order."""
    merged = tree_map(lambda x, y: (x, y), {"b": 1, "a": 2}, {"a": 3, "b": 4})
    assert list(merged.items()) == [("b", (1, 4)), ("a", (2, 3))]
    assert flatten({"a": 0, "b": 0})[1] != flatten({"b": 0, "a": 0})[1]


def test_other_trees_may_go_deeper() -> None:
    assert tree_map(lambda x, y: (x, y), [1, 2], [[3, 4], None]) == [(1, [3, 4]), (2, None)]


MISMATCHES = [
    ([1, 2], [1], "the top", "a list of length 2", "a list of length 1"),
    ([1, 2], (1, 2), "the top", "a list of length 2", "a tuple of length 2"),
    ({"w": [0, (1, 2)]}, {"w": [0, 5]}, "['w'][1]", "a tuple of length 2", "a leaf of type int"),
    ([{"a": 1}], [{"b": 1}], "[0]", "a dict with keys ['a']", "a dict with keys ['b']"),
    ([{}], [{"b": 1}], "[0]", "a dict with keys []", "a dict with keys ['b']"),
    ({"a": 1}, OrderedDict(a=1), "the top", "a dict with keys ['a']", "an OrderedDict with keys ['a']"),
    (Point(0, [1]), Point(0, None), ".y", "a list of length 1", "None"),
    (Point(0, 1), (0, 1), "the top", "a Point of length 2", "a tuple of length 2"),
    ([None], [3], "[0]", "None", "a leaf of type int"),
]


@pytest.mark.parametrize(("first", "second", "place", "expected", "got"), MISMATCHES)
def test_mismatch_names_the_place(first: Any, second: Any, place: str, expected: str, got: str) -> None:
    message = f"the trees differ in structure at {place}: the first tree has {expected} there, but tree 2 has {got}"
    with pytest.raises(ValueError, match=f"^tree_map: {re.escape(message)}$"):
        tree_map(lambda x, y: x, first, second)
    with pytest.raises(ValueError, match=f"but tree 3 has {re.escape(got)}$"):
        tree_map(lambda x, y, z: x, first, first, second)


def test_wrong_arguments() -> None:
    spec = flatten([1, {"a": 2}])[1]
    message = "`leaves` has length 1 but the spec refers to a pytree that holds 2 items ([*, {'a': *}])"
    with pytest.raises(ValueError, match=re.escape(message)):
        unflatten([1], spec)
    with pytest.raises(TypeError, match=re.escape("the TreeSpec that flatten returned, but got [1] of type list")):
        unflatten([1], [1])
    with pytest.raises(TypeError, match="at least one tree after the function, but got none"):
        tree_map(len)
