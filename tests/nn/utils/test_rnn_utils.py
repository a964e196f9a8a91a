"""Padding and packing of sequences against PyTorch."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.nn.utils import rnn

torch = pytest.importorskip("torch")

from torch.nn.utils import rnn as torch_rnn  # noqa: E402

BOTH = [(tl, rnn), (torch, torch_rnn)]


def plain(value: Any) -> Any:
    """Return tensors as (shape, dtype, values), also in tuples and lists."""
    if isinstance(value, (tl.Tensor, torch.Tensor)):
        return tuple(value.shape), str(value.dtype).removeprefix("torch."), value.tolist()
    return [plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def numbers(lib: Any, *shape: int, dtype: str = "float64", **options: Any) -> Any:
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    return lib.tensor(values, dtype=getattr(lib, dtype), **options)


def sequences(lib: Any, *lengths: int, trailing: tuple[int, ...] = (2,), **options: Any) -> list[Any]:
    return [numbers(lib, n, *trailing, **options) * (k + 1) for k, n in enumerate(lengths)]


def same(call: Any) -> Any:
    """Run on both libraries; the results are equal, or the errors' kinds and first lines. Return ours."""
    results: list[Any] = []
    for lib, module in BOTH:
        try:
            results.append(call(lib, module))
        except Exception as error:
            results.append((type(error), str(error).split("\n")[0]))
    assert plain(results[0]) == plain(results[1])
    return results[0]


LENGTHS = [[4, 2, 1], [2, 4, 1], [4, 4, 4], [1, 1, 1], [3, 2, 1], [5, 2, 1], [4, 2, 0], [4, 2, -1], [4, 2], []]


@pytest.mark.parametrize("enforce_sorted", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_pack_padded_sequence(lengths: list[int], batch_first: bool, enforce_sorted: bool) -> None:
    shape = (3, 4, 2) if batch_first else (4, 3, 2)
    if not lengths:
        shape = (0, 4, 2) if batch_first else (4, 0, 2)
        if not enforce_sorted:
            pytest.skip("no lengths have no order")
    same(lambda lib, m: m.pack_padded_sequence(numbers(lib, *shape), lengths, batch_first, enforce_sorted))
    if lengths:
        same(lambda lib, m: m.pack_padded_sequence(numbers(lib, *shape), lib.tensor(lengths), batch_first,
            enforce_sorted=enforce_sorted))  # fmt: skip


PACKING = [
    lambda lib, m: m.pack_padded_sequence(numbers(lib, 4, 3), [4, 2, 1]),
    lambda lib, m: m.pack_padded_sequence(numbers(lib, 4, 3, 2, 2, dtype="float32"), [3, 3, 1]),
    lambda lib, m: m.pack_padded_sequence(numbers(lib, 4, 3, dtype="int64"), [4, 1, 3], enforce_sorted=False),
    lambda lib, m: m.pack_padded_sequence(numbers(lib, 4, 3), lib.tensor([4.0, 2.0, 1.0])),
    lambda lib, m: m.pack_padded_sequence(numbers(lib, 4, 3), lib.tensor([[4, 2, 1]])),
    lambda lib, m: m.pack_padded_sequence(numbers(lib, 0, 3), [1, 1, 1]),
    lambda lib, m: m.pack_padded_sequence(numbers(lib, 4, 3), (4, 2, 1)),
    lambda lib, m: m.pack_sequence(sequences(lib, 3, 2, 2, 1)),
    lambda lib, m: m.pack_sequence(sequences(lib, 1, 3, 2), enforce_sorted=False),
    lambda lib, m: m.pack_sequence(sequences(lib, 1, 3)),
    lambda lib, m: m.pack_sequence([]),
    lambda lib, m: m.pack_sequence(sequences(lib, 3, 1, trailing=())),
    lambda lib, m: m.PackedSequence(numbers(lib, 3), lib.tensor([2, 1])),
    lambda lib, m: m.PackedSequence((numbers(lib, 3), lib.tensor([2, 1])), sorted_indices=lib.tensor([1, 0])),
    lambda lib, m: m.PackedSequence(numbers(lib, 3)),
    lambda lib, m: m.invert_permutation(lib.tensor([2, 0, 3, 1])),
    lambda lib, m: m.invert_permutation(lib.tensor([1, 0], dtype=lib.int32)) if lib is tl else lib.tensor([1, 0]).int(),
    lambda lib, m: m.invert_permutation(None),
]


@pytest.mark.parametrize("call", PACKING)
def test_packing(call: Any) -> None:
    same(call)


PADDING = [
    lambda lib, m: m.pad_sequence(sequences(lib, 3, 1, 2)),
    lambda lib, m: m.pad_sequence(sequences(lib, 3, 1, 2), batch_first=True, padding_value=9),
    lambda lib, m: m.pad_sequence(sequences(lib, 3, 1, 2), True, -1.5, "left"),
    lambda lib, m: m.pad_sequence(sequences(lib, 3, 1), padding_side="left"),
    lambda lib, m: m.pad_sequence(sequences(lib, 3, 1), padding_side="top"),
    lambda lib, m: m.pad_sequence(sequences(lib, 3, 0, 2, trailing=())),
    lambda lib, m: m.pad_sequence(sequences(lib, 2, 1, dtype="int64"), padding_value=7),
    lambda lib, m: m.pad_sequence(iter(sequences(lib, 2, 1))),
    lambda lib, m: m.pad_sequence(numbers(lib, 2, 3)),
    lambda lib, m: m.pad_sequence([]),
    lambda lib, m: m.pad_sequence(3),
    lambda lib, m: m.pad_sequence([1, 2]),
    lambda lib, m: m.pad_sequence([numbers(lib, 2), numbers(lib, 3, dtype="float32")]),
    lambda lib, m: m.pad_sequence([numbers(lib, 2, dtype="float32"), numbers(lib, 3)]),
    lambda lib, m: m.pad_sequence([numbers(lib, 2, 2), numbers(lib, 3, 1)]),
    lambda lib, m: m.unpad_sequence(numbers(lib, 3, 4, 2), lib.tensor([2, 4, 1]), batch_first=True),
    lambda lib, m: m.unpad_sequence(numbers(lib, 4, 3, 2), lib.tensor([2, 4, 1])),
    lambda lib, m: m.unpad_sequence(numbers(lib, 4, 3, 2), lib.tensor([2, 4])),
    lambda lib, m: m.unpad_sequence(numbers(lib, 3, 4), lib.tensor([9, 0, 1]), batch_first=True),
    lambda lib, m: m.unpad_sequence(numbers(lib, 4, 3, 2), lib.tensor([2, 4, 1, 1])),
]


@pytest.mark.parametrize("call", PADDING)
def test_padding(call: Any) -> None:
    same(call)


def test_unpad_sequence_leaves_its_input_alone() -> None:
    padded = tl.zeros(4, 3, 2)
    rnn.unpad_sequence(padded, tl.tensor([2, 4, 1]))
    assert padded.shape == (4, 3, 2)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"batch_first": True},
    {"padding_value": -1.0},
    {"total_length": 6},
    {"batch_first": True, "total_length": 5, "padding_value": 2.0},
    {"total_length": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("lengths", [(3, 2, 1), (1, 3, 3), (2,)], ids=str)
def test_pad_packed_sequence(lengths: tuple[int, ...], options: dict[str, Any]) -> None:
    def call(lib: Any, m: Any) -> Any:
        return m.pad_packed_sequence(m.pack_sequence(sequences(lib, *lengths), enforce_sorted=False), **options)

    same(call)


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_unpack_sequence(dtype: str) -> None:
    same(lambda lib, m: m.unpack_sequence(m.pack_sequence(
        [x.to(getattr(lib, dtype)) for x in sequences(lib, 2, 3, 1)], enforce_sorted=False)))  # fmt: skip


def test_gradients() -> None:
    found: list[Any] = []
    for lib, m in BOTH:
        leaves = [numbers(lib, n, 2, requires_grad=True) for n in (1, 3, 2)]
        packed = m.pack_sequence(leaves, enforce_sorted=False)
        padded, _ = m.pad_packed_sequence(packed, batch_first=True, total_length=4)
        left = m.pad_sequence(leaves, padding_side="left")
        parts = m.unpad_sequence(padded, lib.tensor([1, 2, 2]), batch_first=True)
        weighted = [(x * numbers(lib, *x.shape)).sum() for x in (packed.data**2, padded**3, left**2, *parts)]
        grads = lib.autograd.grad(sum(weighted), leaves, create_graph=True)
        seconds = lib.autograd.grad(sum((g * g).sum() for g in grads), leaves)
        found.append([*grads, *seconds])
    assert plain(found[0]) == plain(found[1])


def test_packed_sequences_convert_and_compare() -> None:
    packed = rnn.pack_sequence([tl.tensor([1.5, 2.0]), tl.tensor([3.0])])
    theirs = torch_rnn.pack_sequence([torch.tensor([1.5, 2.0]), torch.tensor([3.0])])
    for name in "double float half long int short char byte cpu".split():
        assert plain(getattr(packed, name)()) == plain(getattr(theirs, name)()), name
    assert packed.float() is packed and packed.cpu() is packed and packed.to(tl.float32) is packed
    assert packed.to(tl.float64).batch_sizes is packed.batch_sizes
    assert not packed.is_cuda and not packed.is_pinned()
    assert packed._fields == theirs._fields and isinstance(packed, tuple) and len(packed) == 4
    assert repr(packed).splitlines()[0] == repr(theirs).splitlines()[0]
    with pytest.raises(RuntimeError, match="tapeless runs on the CPU only"):
        packed.cuda()
    same(lambda lib, m: m.pack_sequence([lib.ones(2)]).pin_memory())


def test_packed_sequences_are_copied() -> None:
    packed = rnn.pack_sequence([tl.tensor([1.5]), tl.tensor([3.0, 2.0])], enforce_sorted=False)
    for other in (copy.deepcopy(packed), pickle.loads(pickle.dumps(packed))):
        assert type(other) is rnn.PackedSequence
        assert plain(other) == plain(packed)
