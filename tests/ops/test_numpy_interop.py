"""NumPy in and out: shared memory, NumPy's functions on tensors, and operators that mix both."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tapeless as tl


def leaf(*values):
    return tl.tensor(values, dtype=tl.float64, requires_grad=True)


# -- Memory ----------------------------------------------------------------------------------------------


def test_asarray_shares_memory() -> None:
    x = tl.zeros(3)
    a = np.asarray(x)
    assert type(a) is np.ndarray and np.shares_memory(a, x.numpy())
    a[0] = 5
    x[1] = 6
    assert x.tolist() == [5, 6, 0] and a.tolist() == [5, 6, 0]


def test_array_copies() -> None:
    x = tl.zeros(3)
    assert not np.shares_memory(np.array(x), x.numpy())
    assert not np.shares_memory(np.asarray(x, dtype=np.float64), x.numpy())
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.asarray(x, copy=False) is x.numpy()
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.float64, copy=False)


def test_asarray_of_what_requires_grad() -> None:
    with pytest.raises(RuntimeError, match="Can't call numpy\\(\\) on Tensor that requires grad"):
        np.asarray(leaf(1.0))
    assert leaf(1.0).numpy(force=True).tolist() == [1.0]


@pytest.mark.parametrize("make", [tl.from_numpy, tl.as_tensor, tl.asarray])
def test_tensors_on_an_array_share_its_memory(make) -> None:
    a = np.arange(6.0).reshape(2, 3).T
    x = make(a)
    assert x.dtype == tl.float64 and x.stride() == (1, 3)
    x.mul_(2)
    assert a.tolist() == [[0, 6], [2, 8], [4, 10]]


def test_tensor_copies() -> None:
    a = np.zeros(2)
    assert not np.shares_memory(tl.tensor(a).numpy(), a)
    assert tl.tensor(a).dtype == tl.float64
    assert tl.tensor(np.float32(2.5)).dtype == tl.float32
    assert tl.tensor([np.float32(1.5), 2.0]).tolist() == [1.5, 2.0]


def test_from_numpy_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(TypeError, match=r"expected np.ndarray \(got list\)"):
        tl.from_numpy([1.0])
    with pytest.raises(TypeError, match="can't convert np.ndarray of type numpy"):
        tl.from_numpy(np.array(["a"]))
    with pytest.raises(ValueError, match="byte order"):
        tl.from_numpy(np.zeros(2, dtype=np.dtype(np.float32).newbyteorder()))


def test_dlpack_both_ways() -> None:
    x = tl.arange(4.0)
    a = np.from_dlpack(x)
    assert np.shares_memory(a, x.numpy())
    y = tl.from_dlpack(a)
    assert y.tolist() == x.tolist()
    assert np.shares_memory(y.numpy(), x.numpy())
    with pytest.raises(BufferError, match="Can't export tensors that require gradient"):
        np.from_dlpack(leaf(1.0))


def test_dlpack_with_torch() -> None:
    torch = pytest.importorskip("torch")
    x = tl.arange(4.0)
    t = torch.from_dlpack(x)
    t[0] = 7
    assert x.tolist() == [7, 1, 2, 3]
    y = tl.from_dlpack(torch.ones(2, 3))
    assert y.shape == (2, 3) and y.dtype == tl.float32


def test_copies_and_pickles() -> None:
    x = leaf(1.0, 2.0)
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y.requires_grad and y.is_leaf and y.tolist() == x.tolist()
        assert not np.shares_memory(y.detach().numpy(), x.detach().numpy())


# -- NumPy's functions on tensors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (np.exp, np.exp),
        (np.sin, np.cos),
        (np.log, lambda x: 1 / x),
        (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
        (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
        (np.square, lambda x: 2 * x),
        (np.negative, lambda x: -np.ones_like(x)),
        (np.abs, np.sign),
        (np.expm1, np.exp),
        (np.arctan, lambda x: 1 / (1 + x * x)),
    ],
)
def test_ufuncs_are_operations_with_gradients(function, derivative) -> None:
    x = leaf(0.5, 1.5)
    y = function(x)
    assert isinstance(y, tl.Tensor) and y.requires_grad
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), function(x.detach().numpy()))
    np.testing.assert_allclose(x.grad.numpy(), derivative(x.detach().numpy()))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.sum(x, axis=0),
        lambda x: np.mean(x, axis=1, keepdims=True),
        lambda x: np.prod(x, axis=1),
        lambda x: np.max(x, axis=0),
        lambda x: np.min(x),
        lambda x: np.var(x, axis=0),
        lambda x: np.std(x, axis=1, ddof=1),
        lambda x: np.cumsum(x, axis=1),
        lambda x: np.cumprod(x, axis=0),
        lambda x: np.cumsum(x),
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.transpose(x),
        lambda x: np.swapaxes(x, 0, 1),
        lambda x: np.moveaxis(x, 0, 1),
        lambda x: np.expand_dims(x, (0, 2)),
        lambda x: np.squeeze(x[:1], 0),
        lambda x: np.concatenate([x, x], axis=1),
        lambda x: np.stack([x, x], axis=-1),
        lambda x: np.where(x > 1, x, 0),
        lambda x: np.clip(x, 0.6, 1.2),
        lambda x: np.flip(x),
        lambda x: np.flip(x, 0),
        lambda x: np.roll(x, 1, 0),
        lambda x: np.tile(x, (2, 1)),
        lambda x: np.tril(x),
        lambda x: np.triu(x, 1),
        lambda x: np.matmul(x, x.T),
        lambda x: np.dot(x, x.T),
        lambda x: np.outer(x[0], x[1]),
        lambda x: np.broadcast_to(x, (2, 2, 3)),
        lambda x: np.ravel(x),
        lambda x: np.maximum(x, 1.0),
        lambda x: np.power(x, 2),
        lambda x: np.add.reduce(x, axis=1),
        lambda x: np.multiply.reduce(x, axis=0),
        lambda x: np.maximum.reduce(x),
        lambda x: np.argmax(x, axis=1),
        lambda x: np.all(x > 0),
        lambda x: np.round(x, 1),
        lambda x: np.arctan2(x, 2.0),
        lambda x: np.copy(x),
    ],
)
def test_array_functions_are_operations(call) -> None:
    a = np.array([[0.5, 1.0, 1.5], [0.7, 1.1, 2.0]])
    x = tl.tensor(a, requires_grad=True)
    result = call(x)
    assert isinstance(result, tl.Tensor)
    np.testing.assert_allclose(result.numpy(force=True), call(a), err_msg="value")
    if result.is_floating_point():
        assert result.requires_grad, "the gradient is lost"


def test_functions_without_an_operation_run_on_plain_tensors() -> None:
    x = tl.tensor([3.0, 1.0, 2.0])
    assert isinstance(np.cbrt(x), tl.Tensor) and np.cbrt(x).tolist() == np.cbrt(x.numpy()).tolist()
    assert np.median(x).item() == 2.0
    assert np.unique(tl.tensor([1, 1, 2])).tolist() == [1, 2]
    values, exponents = np.frexp(x)
    assert values.tolist() == np.frexp(x.numpy())[0].tolist() and exponents.dtype == tl.int32


@pytest.mark.parametrize("call", [np.cbrt, np.unique, lambda x: np.convolve(x, x), lambda x: np.add.accumulate(x)])
def test_functions_without_an_operation_lose_no_gradient_silently(call) -> None:
    with pytest.raises(TypeError, match=r"is no operation of tapeless, so its gradient is unknown"):
        call(leaf(1.0, 2.0))
    assert call(leaf(1.0, 2.0).detach()) is not None


# -- Operators that mix ----------------------------------------------------------------------------------


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(
    "symbol", ["add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod", "lt", "ge", "eq", "ne"]
)
def test_array_and_tensor_give_a_tensor(symbol: str, swap: bool) -> None:
    import operator

    function = getattr(operator, symbol)
    a, x = np.array([1.0, 2.0]), leaf(3.0, 4.0)
    result = function(a, x) if swap else function(x, a)
    assert isinstance(result, tl.Tensor)
    plain = x.detach().numpy()
    np.testing.assert_allclose(result.numpy(force=True), function(a, plain) if swap else function(plain, a))
    assert result.requires_grad == (symbol not in ("lt", "ge", "eq", "ne"))


def test_numpy_scalars_are_operands() -> None:
    x = tl.ones(2)
    for number in (np.float32(2), np.float64(2), np.int64(2)):
        assert isinstance(number * x, tl.Tensor) and isinstance(x * number, tl.Tensor)
        assert (number * x).dtype == (x * number).dtype == tl.float32


def test_in_place_on_arrays() -> None:
    a = np.ones(2)
    a += tl.tensor([1.0, 2.0])
    assert type(a) is np.ndarray and a.tolist() == [2, 3]
    with pytest.raises(RuntimeError, match="it cannot carry the gradient"):
        a += leaf(1.0, 2.0)
    assert a.tolist() == [2, 3]


def test_out_arguments() -> None:
    x, out, array = tl.tensor([1.0, 2.0]), tl.zeros(2), np.zeros(2, np.float32)
    assert np.multiply(x, 3, out=out) is out and out.tolist() == [3, 6]
    assert np.exp(x, out=array) is array and array.tolist() == np.exp(x.numpy()).tolist()
    assert tl.add(x, 1, out=out) is out and out.tolist() == [2, 3]
    assert tl.sum(x, dim=0, out=tl.zeros(())).item() == 3


def test_arrays_as_arguments_of_operations() -> None:
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    x = leaf(1.0, 1.0)
    assert (x @ a).tolist() == [4, 6]
    assert tl.where(np.array([True, False]), x, 0.0).tolist() == [1, 0]
    assert x[np.array([1, 1, 0])].shape == (3,)
    x[np.array([True, False])].sum().backward()
    assert x.grad.tolist() == [1, 0]


def test_tensors_index_arrays() -> None:
    a = np.arange(5)
    assert a[tl.tensor([1, 3])].tolist() == [1, 3]
    assert a[tl.tensor(2)] == 2
    assert [10, 20, 30][tl.tensor(1)] == 20


def test_axis_and_keepdims_are_understood() -> None:
    x = tl.ones(2, 3)
    assert x.sum(axis=0).shape == (3,)
    assert x.mean(axis=1, keepdims=True).shape == (2, 1)
    assert x.max(axis=0).tolist() == [1, 1, 1]
    assert x.std(axis=0, ddof=0).tolist() == [0, 0, 0]
    assert tl.cat([x, x], axis=1).shape == (2, 6)


def test_iteration_unpacking_and_conversion() -> None:
    a, b = tl.tensor([1, 2])
    assert isinstance(a, tl.Tensor) and int(a) == 1 and float(b) == 2.0
    assert list(map(int, tl.arange(3))) == [0, 1, 2]
    assert range(5)[tl.tensor(3)] == 3
    assert np.array([tl.tensor(1.0), tl.tensor(2.0)]).tolist() == [1, 2]
    assert 2 in tl.arange(3) and 7 not in tl.arange(3)
