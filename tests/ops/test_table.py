"""Every operation of the registry, checked alike; what to check it with is in `table`."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless._core.function import Function
from tapeless._core.registry import FUNCTIONS, TABLE
from tapeless._core.tensor_base import TensorBase
from tapeless.autograd import gradcheck, gradgradcheck
from tests.ops import rows  # noqa: F401  the families' rows
from tests.ops.table import ROWS, Row, Sample

try:
    import torch
except ImportError:
    torch = None

# log(0) and its like are part of the samples; PyTorch computes them in silence.
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

USED = [row for row in ROWS.values() if row.samples]
SMOOTH = [row for row in USED if row.gradient and TABLE[row.name].differentiable]
every_row = pytest.mark.parametrize("row", USED, ids=str)
every_smooth_row = pytest.mark.parametrize("row", SMOOTH, ids=str)


def test_every_operation_has_a_row():
    missing = sorted(set(TABLE) - set(ROWS))
    assert not missing, f"operations without a row in tests/ops/table.py or tests/ops/rows: {', '.join(missing)}"
    assert not set(ROWS) - set(TABLE), "rows of operations that are gone"
    assert all(row.samples or row.because for row in ROWS.values())


def test_registered_names_are_public():
    for op in TABLE.values():
        assert all(FUNCTIONS[name] is op.function for name in op.names if not name.startswith("_"))
        for name in op.methods:
            assert hasattr(tl.Tensor, name), f"Tensor.{name}"
            assert not op.inplace or hasattr(tl.Tensor, f"{name}_"), f"Tensor.{name}_"
        assert op.doc.strip(), f"{op.name} has no docstring"


# -- Samples as calls ------------------------------------------------------------------------------------


def is_data(value: Any) -> bool:
    """Whether gradients are taken of this argument."""
    return isinstance(value, np.ndarray) and value.dtype == np.float64


def convert(value: Any, make: Any) -> Any:
    """Apply `make` to the arrays in (nested) arguments."""
    if isinstance(value, np.ndarray):
        return make(value)
    if isinstance(value, (tuple, list)):
        return type(value)(convert(item, make) for item in value)
    return value


def arguments(sample: Sample, make: Any) -> tuple[Any, dict[str, Any]]:
    """Return the sample's arguments with `make` applied to its arrays."""
    return convert(sample.args, make), {name: convert(value, make) for name, value in sample.options.items()}


def run(row: Row, args: Any, options: Any) -> Any:
    """Call the operation; the raw kernels of the registry take plain index arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if row.torch == "":
            args = (args[0], *convert_tensors(args[1:]))
        return TABLE[row.name].function(*args, **options)


def convert_tensors(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(convert_tensors(item) for item in value)
    return value._array if isinstance(value, TensorBase) else value


class Case:
    """One sample as tensors: `leaves` are those that require grad, in the order of the arguments."""

    def __init__(self, sample: Sample, layout: Any = np.array) -> None:
        self.leaves: list[Any] = []
        self.tensors: list[Any] = []
        self.args, self.options = arguments(sample, lambda array: self._tensor(array, layout))

    def _tensor(self, array: Any, layout: Any) -> Any:
        tensor = tl.from_numpy(layout(array))
        self.tensors.append(tensor)
        if is_data(array):
            self.leaves.append(tensor.requires_grad_())
        return tensor


def askew(array: Any) -> Any:
    """Copy an array to memory with gaps, in Fortran order."""
    if array.ndim == 0:
        return array.copy()
    wide = np.zeros([2 * n for n in reversed(array.shape)], array.dtype)
    view = wide[tuple(slice(0, n, 2) for n in wide.shape)].T
    view[...] = array
    return view


def flat(result: Any) -> list[Any]:
    """Return the results of an operation as a list, those in a list among them too; None is no result."""
    if isinstance(result, (tuple, list)):
        return [part for item in result if item is not None for part in flat(item)]
    return [result]


def differentiable(result: Any) -> list[Any]:
    return [r for r in flat(result) if isinstance(r, TensorBase) and r.requires_grad]


def array_of(value: Any) -> Any:
    return value._array if isinstance(value, TensorBase) else np.asarray(value)


def close(a: Any, b: Any, tolerance: float, message: str = "") -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"shape {a.shape}, expected {b.shape} {message}"
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=message)


# -- Values ----------------------------------------------------------------------------------------------


@every_row
def test_values_equal_numpy(row: Row) -> None:
    if row.numpy is None:
        pytest.skip("compared with PyTorch only")
    for sample in row.samples:
        with np.errstate(all="ignore"):
            expected = row.numpy(*sample.args, **sample.options)
        if expected is None:
            continue
        case = Case(sample)
        result = run(row, case.args, case.options)
        expected = flat(expected) if isinstance(result, (tuple, list)) else [expected]
        for a, b in zip(flat(result), expected, strict=True):
            close(array_of(a), b, row.tolerance, f"{row.name}{sample.args}{sample.options}")


def as_kind(array: Any, dtype: Any) -> Any:
    """Convert a sample's data to another dtype; integers keep some spread."""
    if not is_data(array):
        return array
    if dtype.kind == "b":
        return array > 0.3
    if dtype.kind == "i" and np.isfinite(array).all():
        return np.round(array * 3).astype(dtype)
    return array.astype(dtype)


def torch_function(name: str) -> Any:
    function: Any = torch
    for part in (name if "." in name or hasattr(torch, name) else f"Tensor.{name}").split("."):
        function = getattr(function, part)
    return function


def is_missing(error: Any) -> bool:
    """Whether PyTorch merely has no kernel for a dtype: having one is no difference in meaning."""
    if not isinstance(error, Exception):
        return False
    reasons = ("not implemented for", "does not support bool", "inputs not supported for", "is not differentiable")
    return isinstance(error, NotImplementedError) or any(reason in str(error) for reason in reasons)


def outcome(function: Any, args: Any, options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args, **options)
        except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError) as error:
            return error


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@every_row
def test_values_dtypes_and_refusals_equal_torch(row: Row, dtype: str) -> None:
    kind = np.dtype(dtype)
    if not row.torch or kind.kind not in row.kinds:
        pytest.skip("not compared with PyTorch")
    for sample in row.samples:

        def to_torch(a):
            return torch.from_numpy(np.array(as_kind(a, kind)))

        def to_ours(a):
            return tl.from_numpy(np.array(as_kind(a, kind)))

        expected = outcome(torch_function(row.torch), *arguments(sample, to_torch))
        result = outcome(TABLE[row.name].function, *arguments(sample, to_ours))
        if is_missing(expected) or (is_missing(result) and expected.numel() == 0):
            continue
        what = f"{row.name}{sample.args}{sample.options} in {dtype}: ours {result!r}, PyTorch's {expected!r}"
        assert isinstance(result, Exception) == isinstance(expected, Exception), what
        if isinstance(expected, Exception):
            continue
        ours, theirs = flat(result), flat(expected)
        assert len(ours) == len(theirs), what
        for a, b in zip(ours, theirs, strict=True):
            if not isinstance(b, torch.Tensor):
                assert a == b, what
                continue
            assert str(b.dtype) == f"torch.{a.dtype}", what
            loose = a.dtype in (tl.float32, tl.complex64)
            close(a._array, b.detach().resolve_conj().resolve_neg().numpy(), 1e-5 if loose else 1e-8, what)


@every_row
def test_layout_makes_no_difference(row: Row) -> None:
    if not row.layout:
        pytest.skip("looks at the memory itself")
    for sample in row.samples:
        straight, skewed = Case(sample), Case(sample, askew)
        results = run(row, straight.args, straight.options), run(row, skewed.args, skewed.options)
        for a, b in zip(*map(flat, results), strict=True):
            close(array_of(a), array_of(b), 1e-12)
        for a, b in zip(*map(differentiable, results), strict=True):
            g = np.linspace(-1, 1, a._array.size).reshape(a._array.shape)
            g = g.astype(np.result_type(g, a._array))  # complex where the result is
            a.backward(tl.from_numpy(g), retain_graph=True)
            b.backward(tl.from_numpy(askew(g)), retain_graph=True)
        for x, y in zip(straight.leaves, skewed.leaves, strict=True):
            assert (x.grad is None) == (y.grad is None)
            if x.grad is not None:
                close(x.grad._array, y.grad._array, 1e-12, row.name)


# -- Gradients -------------------------------------------------------------------------------------------


def as_function(row: Row, sample: Sample, case: Case) -> Any:
    """Return the operation as a function of the case's leaves."""

    def function(*leaves: Any) -> Any:
        at = {id(old): new for old, new in zip(case.leaves, leaves, strict=True)}
        swap = lambda value: (
            type(value)(swap(v) for v in value) if isinstance(value, (tuple, list)) else at.get(id(value), value)
        )
        return run(row, swap(case.args), {name: swap(value) for name, value in case.options.items()})

    return function


def checkable(row: Row) -> Iterator[tuple[Any, Any]]:
    """Yield function and inputs for each sample that has a gradient and finite values."""
    for sample in row.samples:
        case = Case(sample)
        if not sample.smooth or not case.leaves or any(not np.isfinite(leaf._array).all() for leaf in case.leaves):
            continue
        function = as_function(row, sample, case)
        if differentiable(function(*case.leaves)):
            yield function, tuple(case.leaves)


@every_smooth_row
def test_gradients(row: Row) -> None:
    for function, leaves in checkable(row):
        assert gradcheck(function, leaves, rtol=1e-5, atol=1e-6, check_grad_dtypes=True)


@every_smooth_row
def test_gradients_of_gradients(row: Row) -> None:
    if not row.second:
        pytest.skip("no second derivative")
    for function, leaves in checkable(row):
        assert gradgradcheck(function, leaves, rtol=1e-4, atol=1e-5, fast_mode=True)


class Collected:
    """Makes float32 tensors of data rounded to halves, and remembers them."""

    def __init__(self, make: Any) -> None:
        self.make, self.tensors = make, []

    def __call__(self, array: Any) -> Any:
        smooth = is_data(array) and np.isfinite(array).all()
        rough = np.round(array * 2).astype(np.float32) / 2 if smooth else np.array(array)
        tensor = self.make(np.array(rough)).requires_grad_(is_data(array))
        self.tensors.append(tensor)
        return tensor


def no_derivative(result: Any) -> bool:
    """Whether PyTorch lacks the gradient: of floor division, of scattering a part of the source."""
    try:
        torch.autograd.grad(result.sum(), leaves_of(result.grad_fn), retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        return "is not implemented" in str(error) or "returned an invalid gradient" in str(error)
    return False


def leaves_of(node: Any) -> list[Any]:
    """Return the leaves that a PyTorch graph leads to."""
    if hasattr(node, "variable"):
        return [node.variable]
    return [leaf for below, _ in node.next_functions if below is not None for leaf in leaves_of(below)]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@every_smooth_row
def test_gradients_equal_torch_in_float32_and_at_awkward_points(row: Row) -> None:
    """Ties, zeros and limits: data rounded to halves, so that operations meet their kinks."""
    if not row.torch or not row.kinks:
        pytest.skip("not compared with PyTorch")
    for sample in row.samples:
        theirs, ours = Collected(torch.from_numpy), Collected(tl.from_numpy)
        expected = outcome(torch_function(row.torch), *arguments(sample, theirs))
        result = outcome(TABLE[row.name].function, *arguments(sample, ours))
        what = f"{row.name}{sample.args}{sample.options}: ours {result!r}, PyTorch's {expected!r}"
        if is_missing(expected):
            continue
        assert isinstance(result, Exception) == isinstance(expected, Exception), what
        if isinstance(expected, Exception):
            continue
        if any(isinstance(b, torch.Tensor) and b.grad_fn and no_derivative(b) for b in flat(expected)):
            continue
        for a, b in zip(flat(result), flat(expected), strict=True):
            if not (isinstance(b, torch.Tensor) and b.is_floating_point()):
                continue
            assert a.requires_grad == b.requires_grad, what
            if a.requires_grad:
                g = np.linspace(1, 2, b.numel()).reshape(tuple(b.shape)).astype(np.float32)
                b.backward(torch.from_numpy(g), retain_graph=True)
                a.backward(tl.from_numpy(g), retain_graph=True)
        for k, (x, y) in enumerate(zip(ours.tensors, theirs.tensors, strict=True)):
            if y.grad is None and (x.grad is None or not x.grad._array.any()):
                continue
            assert x.grad is not None, f"{what}: no gradient for input {k}"
            assert x.grad.dtype == x.dtype
            close(x.grad._array, y.grad.numpy(force=True), 2e-5, f"gradient of input {k} of {what}")


@every_smooth_row
def test_nothing_is_changed_or_shared(row: Row) -> None:
    """Inputs and seed stay as they were; gradients share memory with nothing."""
    for sample in row.samples:
        case = Case(sample)
        before = [t._array.copy() for t in case.tensors]
        for out in differentiable(run(row, case.args, case.options)):
            seed = tl.from_numpy(np.full(out._array.shape, 0.5, np.result_type(0.5, out._array)))
            out.backward(seed, retain_graph=True)
            nodes = list(graph([out]))
            kept = [a for node in nodes for a in (node.kept or ()) if isinstance(a, np.ndarray)]
            assert (seed._array == 0.5).all(), "the seed was written to"
            grads = [leaf.grad._array for leaf in case.leaves if leaf.grad is not None]
            others = [seed._array, *kept, *(t._array for t in case.tensors)]
            for i, g in enumerate(grads):
                for other in (*grads[:i], *others):
                    assert not np.shares_memory(g, other), f"{row.name}: a gradient shares memory"
                assert g.flags.writeable
            again = tl.autograd.grad(out, case.leaves, seed, retain_graph=True, allow_unused=True)
            for g in again:
                assert g is None or not any(np.shares_memory(g._array, other) for other in others)
        for tensor, values in zip(case.tensors, before, strict=True):
            np.testing.assert_array_equal(tensor._array, values, f"{row.name} wrote to an input")


def graph(outputs: Any) -> Iterator[Function]:
    """Yield the nodes behind some results, each once."""
    stack, seen = [out._node for out in outputs], set()
    while stack:
        node = stack.pop()
        if node is None or isinstance(node, TensorBase) or node in seen:
            continue
        seen.add(node)
        yield node
        stack.extend(node.edges)


@contextmanager
def no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@every_smooth_row
def test_the_graph_is_freed_with_its_results(row: Row) -> None:
    """Reference counting alone must do it, before a backward pass and after one."""
    with no_collector():
        for sample in row.samples:
            for backward in (False, True):
                case = Case(sample)
                result = run(row, case.args, case.options)
                outs = differentiable(result)
                nodes = [weakref.ref(node) for node in graph(outs)]
                if backward and outs:
                    sum(out.sum().real for out in outs).backward()
                del outs, result, case
                assert not [ref() for ref in nodes if ref() is not None], f"{row.name}: nodes outlive the results"


INPLACE = [row for row in USED if row.inplace and TABLE[row.name].inplace]


@pytest.mark.parametrize("row", INPLACE, ids=str)
def test_in_place_twins(row: Row) -> None:
    """`x.op_()` gives the value and the gradients of `x.op()`."""
    for sample in row.samples:
        if not isinstance(sample.args[0], np.ndarray):
            continue
        plain, twin = Case(sample), Case(sample)
        expected = run(row, plain.args, plain.options)
        target = twin.args[0].clone()
        function = getattr(target, f"{TABLE[row.name].methods[0] if TABLE[row.name].methods else row.name}_", None)
        if function is None:
            function = lambda *a, _t=target, **k: TABLE[row.name].cls.apply_inplace(_t, *a, **k)
        if expected.shape != target.shape:
            with pytest.raises(RuntimeError, match=r"output with shape .* doesn't match the broadcast shape"):
                function(*twin.args[1:], **twin.options)
            continue
        if expected.dtype.kind == "b" and target.requires_grad:
            continue  # a comparison written into floats: no gradient to compare
        result = function(*twin.args[1:], **twin.options)
        assert result is target
        close(result._array, expected._array.astype(result.dtype), 1e-12, row.name)
        if not expected.requires_grad:
            continue
        g = np.linspace(1, 2, expected.numel()).reshape(expected._array.shape)
        expected.backward(tl.from_numpy(g))
        result.backward(tl.from_numpy(g))
        for x, y in zip(plain.leaves, twin.leaves, strict=True):
            assert (x.grad is None) == (y.grad is None), row.name
            if x.grad is not None:
                close(x.grad._array, y.grad._array, 1e-12, row.name)
