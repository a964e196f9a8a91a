"""Collation and conversion for every kind of sample, and PyTorch's messages for the others."""

from __future__ import annotations

from collections import OrderedDict, UserList, defaultdict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

import tapeless as tl
from tapeless.utils.data import default_collate, default_convert
from tapeless.utils.data._collate import default_collate_fn_map

Point = namedtuple("Point", "x y")


def same(tensor, values, dtype):
    assert isinstance(tensor, tl.Tensor)
    assert tensor.dtype == dtype
    assert tensor.tolist() == values


@pytest.mark.parametrize(
    ("batch", "values", "dtype"),
    [
        ([1, 2], [1, 2], tl.int64),
        ([True, False], [True, False], tl.bool),
        ([1.5, 2.5], [1.5, 2.5], tl.float64),
        ([np.float32(1), np.float32(2)], [1.0, 2.0], tl.float32),
        ([np.float64(1), np.float64(2)], [1.0, 2.0], tl.float64),
        ([np.bool_(True), np.bool_(False)], [True, False], tl.bool),
        ([np.arange(2), np.arange(2)], [[0, 1], [0, 1]], tl.int64),
        ([np.array(1.0), np.array(2.0)], [1.0, 2.0], tl.float64),
    ],
)
def test_numbers_and_arrays_become_one_tensor(batch, values, dtype):
    same(default_collate(batch), values, dtype)


def test_tensors_are_stacked_into_fresh_memory():
    x = tl.tensor([1.0, 2.0])
    batch = default_collate([x, x])
    same(batch, [[1.0, 2.0], [1.0, 2.0]], tl.float32)
    batch.mul_(0)
    assert x.tolist() == [1.0, 2.0]


def test_stacking_tensors_that_need_gradients_keeps_their_history():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    default_collate([x, x * 3]).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_text_stays_as_it_is():
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a", b"b"]) == [b"a", b"b"]


def test_tuples_become_a_list_of_columns_and_lists_stay_lists():
    for batch in ([(1, "a"), (2, "b")], [[1, "a"], [2, "b"]]):
        numbers, words = columns = default_collate(batch)
        assert type(columns) is list
        same(numbers, [1, 2], tl.int64)
        assert words == ("a", "b")


def test_named_tuples_and_other_sequences_keep_their_type():
    point = default_collate([Point(1, 2.0), Point(3, 4.0)])
    assert type(point) is Point
    same(point.x, [1, 3], tl.int64)
    same(point.y, [2.0, 4.0], tl.float64)
    assert type(default_collate([UserList([1]), UserList([2])])) is UserList
    columns = default_collate([range(2), range(2)])
    same(columns[1], [1, 1], tl.int64)


@pytest.mark.parametrize("make", [dict, OrderedDict, MappingProxyType, lambda d: defaultdict(int, d)])
def test_mappings_keep_their_type(make):
    samples = [make({"a": 1, "b": "x"}), make({"a": 2, "b": "y"})]
    batch = default_collate(samples)
    assert type(batch) is type(samples[0])
    same(batch["a"], [1, 2], tl.int64)
    assert batch["b"] == ["x", "y"]
    assert samples[0]["a"] == 1
    if isinstance(batch, defaultdict):
        assert batch.default_factory is int


def test_nesting():
    batch = default_collate([{"p": Point(1, [2])}, {"p": Point(3, [4])}])
    same(batch["p"].y[0], [2, 4], tl.int64)


def test_collate_errors():
    message = "^default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
    with pytest.raises(TypeError, match=message + r"<class 'object'>\nReturn one of these"):
        default_collate([object()])
    with pytest.raises(TypeError, match=message + "<class 'NoneType'>"):
        default_collate([{"a": None}])
    with pytest.raises(TypeError, match=message + "<U1"):
        default_collate([np.array(["a"])])
    with pytest.raises(RuntimeError, match=r"^each element in list of batch should be of equal size\n.*\[1, 2\]"):
        default_collate([[1], [1, 2]])
    with pytest.raises(
        RuntimeError,
        match=r"^stack expects each tensor to be equal size, but got \[2\] at entry 0 and \[3\] at entry 1\n",
    ):
        default_collate([tl.tensor([1, 2]), tl.tensor([1, 2, 3])])


def test_a_type_can_be_added_to_the_map(monkeypatch):
    class Word(str):
        pass

    def count(batch, *, collate_fn_map=None):
        return len(batch)

    monkeypatch.setitem(default_collate_fn_map, Word, count)
    assert default_collate([Word("a"), Word("b")]) == 2


def test_convert_leaves_all_but_arrays_alone():
    array = np.array([1, 2])
    tensor = default_convert(array)
    same(tensor, [1, 2], tl.int64)
    array[0] = 5
    assert tensor.tolist() == [5, 2]  # shared memory, as in PyTorch
    same(default_convert(np.float32(2)), 2.0, tl.float32)
    same(default_convert((array, 1))[0], [5, 2], tl.int64)
    same(default_convert(Point(array, 1)).x, [5, 2], tl.int64)
    same(default_convert({"a": [array]})["a"][0], [5, 2], tl.int64)
    for plain in (1, 1.5, "a", b"a", None, tensor):
        assert default_convert(plain) is plain
    text = np.array(["a"])
    assert default_convert(text) is text
    assert default_convert(range(2)) == [0, 1]
