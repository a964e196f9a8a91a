"""Matrix products, and the fused `linear` that most layers are made of."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from .._core.function import LARGE, Function, Plan
from .._core.modes import state
from .._core.registry import FUNCTIONS, NUMPY, composite
from .._core.tensor_base import TensorBase, wrap
from .._dtypes import promote_types, scalar_name
from .._kernels.accelerated import accelerated
from ._common import ones, rows_of, short_binary
from .arithmetic import factor


def _same_dtype(a: Any, b: Any, what: str) -> None:
    """Refuse factors of different dtypes, in PyTorch's words, and say what to do."""
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {_c_name(a.dtype)} != {_c_name(b.dtype)}\n"
            f"{what} does not promote. Arrays made by NumPy are float64 unless told otherwise: use x.float(), or "
            f"bring both to {promote_types(a.dtype, b.dtype)}."
        )


def _check_bias(bias: Any, weight: Any) -> None:
    """Refuse a layer's bias of another dtype than its weight, in PyTorch's words, and say what to do."""
    if bias.dtype != weight.dtype:
        ours, other = scalar_name(bias.dtype), scalar_name(weight.dtype)
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {ours} and {other}\n"
            "linear does not promote: bring its bias (self) and its weight (mat2) to one dtype."
        )


def _c_name(dtype: Any) -> str:
    """Return the C type that PyTorch's message names."""
    return {"float32": "float", "float64": "double", "int64": "long", "int32": "int"}.get(dtype.name, dtype.name)


class Matmul(Function):
    """Matrix product over the last two dims, the others broadcast; vectors count as a row or a column.

    See https://docs.pytorch.org/docs/stable/generated/torch.matmul.html

    >>> import tapeless as tl
    >>> tl.matmul(tl.ones(2, 3), tl.ones(3))
    tensor([3., 3.])
    """

    names = "matmul linalg.matmul"
    operator = "matmul"
    numpy = np.matmul

    def forward(self, input: Any, other: Any) -> Any:
        if input.ndim == 0 or other.ndim == 0:
            raise RuntimeError(
                f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D"
            )
        _same_dtype(input, other, "matmul")
        if input.shape[-1] != other.shape[-2 if other.ndim > 1 else 0]:
            raise RuntimeError(_mismatch(input.shape, other.shape))
        self.ndims = input.ndim, other.ndim
        return np.matmul(input, other)

    def grad_input(self, g, other):
        first, second = self.ndims
        if second == 1:
            # (..., n, k) @ (k,) -> (..., n): an outer product; (k,) @ (k,) -> (): a multiple of the other.
            return g * other if first == 1 else np.expand_dims(g, -1) * other
        if first == 1:
            return np.matmul(np.expand_dims(g, -2), other.swapaxes(-1, -2)).squeeze(-2)
        return np.matmul(g, other.swapaxes(-1, -2))

    def grad_other(self, g, input):
        first, second = self.ndims
        if first == 1:
            return g * input if second == 1 else input[:, None] * g[..., None, :]
        if second == 1:
            return np.matmul(input.swapaxes(-1, -2), np.expand_dims(g, -1)).squeeze(-1)
        return np.matmul(input.swapaxes(-1, -2), g)

    @classmethod
    def public_function(cls):
        return short_binary(cls)


class TransposedProduct(Function):
    """``input.T @ other`` of two matrices: the gradient of a layer's weight, where that is recorded.

    One node, where a view and a product are two; and views are what takes longest to record.
    """

    def forward(self, input: Any, other: Any) -> Any:
        return np.dot(input.T, other)

    def grad_input(self, g, other):
        return np.dot(other, g.T)

    def grad_other(self, g, input):
        return np.dot(input, g)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of a product of matrices."""
        return "MmBackward0"


class Product(Function):
    """``input @ other`` of two matrices: the gradient of a layer's input, where that is recorded."""

    def forward(self, input: Any, other: Any) -> Any:
        return np.dot(input, other)

    def grad_input(self, g, other):
        return np.dot(g, other.T)

    def grad_other(self, g, input):
        if isinstance(g, TensorBase):
            return TransposedProduct.apply_in_rule(input, g)
        return np.dot(input.T, g)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of a product of matrices."""
        return "MmBackward0"


class SumOfRows(Function):
    """The sum of a matrix over its rows: the gradient of a layer's bias, where that is recorded."""

    def forward(self, input: Any) -> Any:
        self.rows = input.shape[0]
        return np.dot(ones(self.rows, input.dtype), input)

    def grad_input(self, g):
        return rows_of(g, self.rows)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of a sum."""
        return "SumBackward1"


def _mismatch(a: Any, b: Any) -> str:
    """Say which sizes of two factors do not meet, in PyTorch's words for their numbers of dims."""
    if len(a) == len(b) == 1:
        return (
            f"inconsistent tensor size, expected tensor {list(a)} and src {list(b)} to have the same number of "
            f"elements, but got {a[0]} and {b[0]} elements respectively"
        )
    if len(a) <= 2 and len(b) == 1:
        return f"size mismatch, got input ({a[0] if a else 1}), mat ({'x'.join(map(str, a))}), vec ({b[0]})"
    if len(b) > 2 and len(a) > 2:
        return (
            f"Expected size for first two dimensions of batch2 tensor to be: [{a[0]}, {a[-1]}] but got: "
            f"[{b[0]}, {b[-2]}]."
        )
    rows = int(np.prod(a[:-1])) if len(a) > 1 else 1
    return (
        f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1]} and {b[-2]}x{b[-1]})\n"
        f"The last dim of the first ({a[-1]}, shape {list(a)}) must equal the first dim of the matrix ({b[-2]})."
    )


NUMPY[np.dot] = FUNCTIONS["matmul"]


def _checked(name: str, dims: tuple[int, int], complain: Any) -> Any:
    """Return a matrix product that insists on the number of dims of its factors."""

    def function(input: Any, other: Any, *, out: Any = None) -> Any:
        if (input.ndim, other.ndim) != dims:
            line = complain(input.ndim, other.ndim)
            raise RuntimeError(f"{line}\nThe shapes are {list(input.shape)} and {list(other.shape)}; see matmul.")
        result = Matmul.apply(input, other)
        return result if out is None else out.copy_(result)

    function.__name__ = function.__qualname__ = name
    return function


# Name, numbers of dims, PyTorch's complaint about other numbers, docstring, shapes for its example.
for _name, _dims, _complain, _doc, _shapes in (
    (
        "mm",
        (2, 2),
        lambda a, b: f"{'self' if a != 2 else 'mat2'} must be a matrix",
        "Product of two matrices.",
        ("2, 3", "3, 4", "2, 4"),
    ),
    (
        "bmm",
        (3, 3),
        lambda a, b: f"{'batch1' if a != 3 else 'batch2'} must be a 3D tensor",
        "Batched matrix product.",
        ("10, 2, 3", "10, 3, 4", "10, 2, 4"),
    ),
    (
        "mv",
        (2, 1),
        lambda a, b: f"vector + matrix @ vector expected, got 1, {a}, {b}",
        "Product of matrix and vector.",
        ("2, 3", "3", "2"),
    ),
    (
        "dot",
        (1, 1),
        lambda a, b: f"1D tensors expected, but got {a}D and {b}D tensors",
        "Inner product of vectors.",
        ("3", "3", ""),
    ),
):
    _function = _checked(_name, _dims, _complain)
    _function.__doc__ = f"""{_doc}

    >>> import tapeless as tl
    >>> tl.{_name}(tl.ones({_shapes[0]}), tl.ones({_shapes[1]})).shape
    torch.Size([{_shapes[2]}])
    """
    composite(_name)(_function)


@composite("outer ger", numpy=np.outer)
def outer(input: Any, vec2: Any) -> Any:
    """Return the outer product of two vectors.

    >>> import tapeless as tl
    >>> tl.outer(tl.tensor([1.0, 2.0]), tl.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    if input.ndim != 1 or vec2.ndim != 1:
        name, ndim = ("self", input.ndim) if input.ndim != 1 else ("vec2", vec2.ndim)
        raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {ndim}-D")
    return input.unsqueeze(1) * vec2


@composite("addmm", inplace=True)
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """Return ``beta * input + alpha * (mat1 @ mat2)``.

    >>> import tapeless as tl
    >>> tl.addmm(tl.ones(2), tl.ones(2, 3), tl.ones(3, 2), beta=10)
    tensor([[13., 13.],
            [13., 13.]])
    """
    product = Matmul.apply(mat1, mat2)
    beta, alpha = factor(beta, input.dtype), factor(alpha, product.dtype)
    return (input if beta == 1 else input * beta) + (product if alpha == 1 else product * alpha)


@composite("baddbmm", inplace=True)
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """Return ``beta * input + alpha * (batch1 @ batch2)`` for batches of matrices.

    >>> import tapeless as tl
    >>> tl.baddbmm(tl.ones(1, 1, 2), tl.ones(1, 1, 3), tl.ones(1, 3, 2))
    tensor([[[4., 4.]]])
    """
    return addmm(input, batch1, batch2, beta=beta, alpha=alpha)


@composite("trace")
def trace(input: Any) -> Any:
    """Return the sum of the diagonal of a matrix.

    >>> import tapeless as tl
    >>> tl.trace(tl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return input.diagonal().sum()


class Linear(Function):
    """``input @ weight.T + bias``: one GEMM, and the bias added in place.

    Shapes: `input` (..., in), `weight` (out, in) or (in,), `bias` (out,).
    Fused because the pair of a product and a broadcast sum costs two nodes and one more pass over the result.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear.html

    >>> import tapeless as tl
    >>> tl.nn.functional.linear(tl.tensor([[1.0, 2.0]]), tl.tensor([[3.0, 4.0], [5.0, 6.0]]), tl.tensor([0.5, 0.5]))
    tensor([[11.5000, 17.5000]])
    """

    names = "linear"
    methods = ""

    def forward(self, input: Any, weight: Any, bias: Any = None) -> Any:
        if input.ndim == 0 or weight.ndim > 2 or input.shape[-1] != weight.shape[-1]:
            raise RuntimeError(_linear_mismatch(input, weight))
        if input.dtype is not weight.dtype:
            _same_dtype(input, weight, "linear")
        if input.ndim == 2:
            out = np.dot(input, weight.T)  # does the same as @ for matrices, and starts sooner
        else:  # one GEMM over all leading dims, where NumPy would run one for each
            out = (input.reshape(-1, weight.shape[1]) @ weight.T).reshape(*input.shape[:-1], weight.shape[0])
        if bias is None:
            return out
        if bias.dtype is not weight.dtype:
            _check_bias(bias, weight)
        if out.size >= 16384 and bias.shape == out.shape[-1:]:
            return _plus_bias(out, bias)
        out += bias
        return out

    def grad_input(self, g, weight):
        if len(g.shape) == 2:
            return Product.apply_in_rule(g, weight) if isinstance(g, TensorBase) else np.dot(g, weight)
        return (g.reshape((-1, weight.shape[0])) @ weight).reshape((*g.shape[:-1], weight.shape[1]))

    def grad_weight(self, g, input):
        if len(input.shape) != 2:
            input = input.reshape((-1, input.shape[-1]))
            g = g.reshape((-1, g.shape[-1]))
        if isinstance(g, TensorBase):
            return TransposedProduct.apply_in_rule(g, input)
        home = self.borrow_home(1) if g.shape[1] * input.shape[1] >= LARGE else None
        return _weight_gradient(g, input) if home is None else np.dot(g.T, input, out=home)

    def grad_bias(self, g):
        if isinstance(g, TensorBase):  # a sum, whose gradient is a view, where that of a product is a product
            return SumOfRows.apply_in_rule(g) if len(g._array.shape) == 2 else g
        return np.dot(ones(g.shape[0], g.dtype), g) if len(g.shape) == 2 else g  # else the engine sums

    activate: ClassVar[Any] = None  # for `linear_activation`: what is applied to the new result

    @classmethod
    def apply_to_matrix(cls, input: Any, weight: Any, bias: Any) -> Any:
        """Do what `apply` does where all are tensors of plain float arrays; None where not, or if something is wrong.

        All in one place, since it is what a small network consists of: 110 bytecodes where `apply_plain` takes 200.
        """
        try:
            x, w, b = input._array, weight._array, bias._array
            if (
                not (type(x) is type(w) is type(b) is ndarray and x.ndim == w.ndim == 2)
                or input._view is not None
                or weight._view is not None
                or bias._view is not None
                or not (x.dtype is w.dtype is b.dtype)
                or b.ndim > 1
                or w.dtype.kind != "f"
            ):
                return None
            out = x.dot(w.T)  # np.dot goes through a function of Python's
            if out.size >= 16384 and b.shape == out.shape[1:]:
                out = _plus_bias(out, b)
            else:
                out += b
        except (AttributeError, TypeError, ValueError, MemoryError):
            return None  # `apply` finds the words
        if cls.activate is not None:
            out = cls.activate(out)
        result = wrap(out)
        mask = input._requires_grad | weight._requires_grad << 1 | bias._requires_grad << 2
        if mask and state.grad_enabled:
            result._node = node = _new(cls)
            result._requires_grad = True
            node.saved = None
            node.record(mask, (input, weight, bias), (x, w, b), out)
        return result

    @classmethod
    def make_plan(cls, mask, count):
        plan = super().make_plan(mask, count)
        if mask in (6, 7) and count == 3:
            plan.run = _run_for_matrices(plan, cls.outer)
        return plan

    @classmethod
    def public_function(cls):
        def linear(input: Any, weight: Any, bias: Any = None) -> Any:
            if bias is not None:
                result = cls.apply_to_matrix(input, weight, bias)
                if result is not None:
                    return result
            if weight._array.ndim == 1:
                out = Matmul.apply(input, weight)
                return out if bias is None else out + bias
            if bias is not None and len(bias.shape) > 1:  # not one number for each output: a sum of its own
                _check_bias(bias, weight)
                return cls.apply(input, weight, None) + bias
            return cls.apply(input, weight, bias)

        return linear

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name: a linear layer is an addmm there."""
        return "AddmmBackward0"


_new = object.__new__


def _run_for_matrices(plan: Plan, outer: Any) -> Any:
    """Return what runs the rules of a `Linear` whose weight and bias need gradients, and maybe its input.

    Of matrices it does so in one call, with ndarray's own `dot`: 2 us a layer less than by the rules (`np.dot` goes
    through a function of Python's).
    """
    rules, place = plan.run, plan.names.index("input")

    def run(node: Any, g: Any, kept: Any) -> Any:
        input = kept[place]
        if not (type(g) is type(input) is ndarray and g.ndim == 2):
            return rules(node, g, kept)
        if outer is not None:
            g = outer(node, g, kept[-1])
        rows, columns = g.shape
        home = node.borrow_home(1) if columns * input.shape[1] >= LARGE else None
        weight_gradient = _weight_gradient(g, input) if home is None else g.T.dot(input, home)
        bias_gradient = ones(rows, g.dtype).dot(g)
        if place:
            return g.dot(kept[0]), weight_gradient, bias_gradient
        return weight_gradient, bias_gradient

    return run


def _weight_gradient(g: Any, input: Any) -> Any:
    """Return ``g.T @ input``, of many rows as the transpose of ``input.T @ g`` where that is quicker.

    OpenBLAS is quicker with the longer side of the result first: of 10,000 rows, 16 outputs and 32 inputs take 104 us
    in place of 170, 32 and 64 take 306 in place of 425. With other than multiples of 16 it may be slower.
    """
    if type(g) is not ndarray:
        return np.dot(g.T, input)
    rows, columns = g.shape
    if rows >= 4096 and columns < input.shape[1] and columns % 16 == 0:
        return np.ascontiguousarray(np.dot(input.T, g).T)
    return g.T.dot(input)


def _plus_bias(out: Any, bias: Any) -> Any:
    """Return a large result with the bias added, in place.

    For each row NumPy takes 5 ns besides adding. So narrow rows are seen as fewer wide ones, with the bias repeated:
    10,000 rows of 16 take 38 us in place of 80, of 4, 9 in place of 46.
    """
    size = bias.shape[0]
    together = math.gcd(math.prod(out.shape[:-1]), max(1, 64 // size))
    if together > 1:
        bias = np.concatenate([bias] * together)
    return _add_bias(out.reshape((-1, together * size)), bias).reshape(out.shape)


@accelerated("elementwise.add_bias", size=16384)
def _add_bias(rows: Any, bias: Any) -> Any:
    rows += bias
    return rows


def _linear_mismatch(input: Any, weight: Any) -> str:
    a, b = input.shape, weight.shape
    rows = int(np.prod(a[:-1])) if len(a) > 1 else 1
    return (
        f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1] if a else 1} and {b[-1]}x{b[0]})\n"
        f"The layer takes {b[-1]} features in its last dim; the input has shape {list(a)}, "
        f"so {a[-1] if a else 'none'}."
    )


@composite("bilinear", methods="")
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """Return ``input1 @ weight[k] @ input2 + bias[k]`` for each k; `weight` has shape (out, in1, in2).

    >>> import tapeless as tl
    >>> tl.nn.functional.bilinear(tl.ones(2, 3), tl.ones(2, 4), tl.ones(5, 3, 4)).shape
    torch.Size([2, 5])
    """
    left = Matmul.apply(input1.unsqueeze(-2).unsqueeze(-2), weight).squeeze(-2)  # (..., out, in2)
    products = left * input2.unsqueeze(-2)
    out = products.sum(-1, dtype=products.dtype)
    return out if bias is None else out + bias
