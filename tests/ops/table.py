"""One row for each operation of the registry: sample inputs, and what the results should equal.

`test_table` runs every row through the same checks; a new operation needs a row here and nothing else::

    row("exp", unary(-2, 2), np.exp)

The float64 arrays of a sample are its data: they are what gradients are taken of, and what is converted when
other dtypes are tried. Other arrays stay what they are: integers and bools are positions and masks, and float32
is for limits and kinks, where values are compared and no gradient is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tapeless._core import registry

registry.load_all()  # the families that wait for a first use too

_random = np.random.default_rng(20250101)


@dataclass(frozen=True)
class Sample:
    """Arguments of one call."""

    args: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    smooth: bool = True  # whether the gradient here is the derivative


@dataclass(frozen=True)
class Row:
    """What the tests need to know of one operation."""

    name: str
    samples: list[Sample]
    numpy: Callable[..., Any] | None  # takes a sample's arrays, gives what the operation should
    torch: str  # PyTorch's name below `torch`; "" when it has none
    gradient: bool = True  # whether the samples are at smooth places, and results differentiable
    second: bool = True  # the same for the second derivative
    kinks: bool = True  # whether gradients agree with PyTorch also at ties and limits
    layout: bool = True  # whether any memory layout will do: not where the memory itself is looked at
    kinds: str = "fib"  # dtype kinds to compare with PyTorch
    inplace: bool = True  # whether the first argument of the samples can be written to without loss
    tolerance: float = 1e-9
    because: str = ""  # why a row has no samples
    returns: str = ""  # the result's type for the stubs, where running the samples needs SciPy

    def __str__(self) -> str:
        return self.name


ROWS: dict[str, Row] = {}


def row(name: str, samples: list[Sample], numpy: Any = None, torch: str | None = None, **traits: Any) -> None:
    """Add a row; PyTorch's function has the same name unless `torch` says otherwise."""
    assert name not in ROWS, f"two rows for {name}"
    ROWS[name] = Row(name, samples, numpy, name if torch is None else torch, **traits)


# -- Samples ---------------------------------------------------------------------------------------------


def seed(family: str) -> None:
    """Start the numbers anew, so that a family's samples stay what they are when another family changes."""
    global _random
    _random = np.random.default_rng(list(family.encode()))


def call(*args: Any, **options: Any) -> Sample:
    """Write a sample as it would be called."""
    return Sample(args, options)


def rough(*args: Any, **options: Any) -> Sample:
    """Write a sample at a kink, or one whose gradient is not the derivative: it is to equal PyTorch's, no more."""
    return Sample(args, options, smooth=False)


def f(*shape: int, lo: float = -2.0, hi: float = 2.0) -> Any:
    """Draw float64 data."""
    return np.asarray(_random.uniform(lo, hi, shape))


def ints(*shape: int, high: int) -> Any:
    """Draw positions below `high`."""
    return np.asarray(_random.integers(0, high, shape))


def mask(*shape: int) -> Any:
    """Draw a mask."""
    return np.asarray(_random.random(shape) < 0.5)


SHAPES = [(), (1,), (4,), (2, 3), (0,), (2, 0, 3), (2, 1, 3)]
PAIRS = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((3,), ()),
    ((), (2, 3)),
    ((2, 2, 3), (2, 1, 1)),
    ((0, 3), (3,)),
    ((2, 0), (1, 1)),
    ((0,), ()),
]


def unary(lo: float = -2.0, hi: float = 2.0, **options: Any) -> list[Sample]:
    """One tensor, of every shape."""
    return [call(f(*shape, lo=lo, hi=hi), **options) for shape in SHAPES]


def binary(lo: float = -2.0, hi: float = 2.0, number: Any = 1.5, **options: Any) -> list[Sample]:
    """Two tensors that broadcast, and a tensor with a number."""
    pairs = [call(f(*a, lo=lo, hi=hi), f(*b, lo=lo, hi=hi), **options) for a, b in PAIRS]
    return [*pairs, call(f(2, 3, lo=lo, hi=hi), number, **options)]


def whole(number: int = 2) -> list[Sample]:
    """Two integer tensors that broadcast, and one with a number."""
    pairs = [call(ints(*a, high=5), ints(*b, high=5)) for a, b in PAIRS]
    return [*pairs, call(ints(2, 3, high=5), number), call(mask(2, 3), mask(3))]


def reduction(several: bool = True, empty: bool = True) -> list[Sample]:
    """All elements, over one dim, over several, kept or not."""
    samples = [
        call(f()),
        call(f(4)),
        call(f(2, 3)),
        call(f(2, 3), 0),
        call(f(2, 3), dim=-1, keepdim=True),
        call(f(), 0),
    ]
    if several:
        samples += [call(f(2, 3, 2), (0, 2)), call(f(2, 3, 2), dim=[-1, 0], keepdim=True)]
    if empty:
        samples += [call(f(0)), call(f(2, 0, 3), 1), call(f(2, 0), dim=0)]
    return samples


def along() -> list[Sample]:
    """One dim, always given."""
    return [
        call(f(), 0),
        call(f(4), 0),
        call(f(2, 3), dim=0),
        call(f(2, 3, 2), dim=-1),
        call(f(2, 0), dim=1),
        call(f(0, 2), 1),
    ]


def over(function: Any) -> Any:
    """Give a NumPy reduction PyTorch's argument names."""

    def reference(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return (
            function(x, axis=tuple(dim) if isinstance(dim, list) else dim, keepdims=keepdim) if x.ndim else function(x)
        )

    return reference


def at(function: Any) -> Any:
    """Give a NumPy function of one axis PyTorch's argument names; a 0-d tensor counts as one of size 1."""

    def reference(x: Any, dim: int = -1) -> Any:
        return function(x, axis=dim) if x.ndim else function(x.reshape(1), axis=0).reshape(())

    return reference


# -- Arithmetic ------------------------------------------------------------------------------------------

row("add", [*binary(), call(f(2, 3), f(3), alpha=2), call(f(3), 2.0, alpha=-1)], lambda a, b, alpha=1: a + alpha * b)
row("sub", [*binary(), call(f(2, 3), f(3), alpha=2)], lambda a, b, alpha=1: a - alpha * b)
row("rsub", [*binary(), call(f(2, 3), f(3), alpha=2)], lambda a, b, alpha=1: b - alpha * a)
row("mul", binary(), np.multiply)
row("div", [*binary(0.5, 2), call(f(2, 3), -2.0)], np.divide)
row("floor_divide", binary(0.5, 2), np.floor_divide)
row("remainder", [*binary(0.5, 2), call(f(3), 0.7), call(f(3), -0.7)], np.remainder)
row("fmod", [*binary(0.5, 2), call(f(3), 0.7), call(f(3), -0.7)], np.fmod)
row(
    "pow",
    [
        *binary(0.5, 2),
        call(f(4), 2),
        call(f(4), 3.0),
        call(f(4), 0),
        call(f(4), 1),
        call(f(4, lo=0.5), 0.5),
        call(f(4, lo=0.5), -1),
        call(f(4, lo=0.5), -0.5),
        call(2.0, f(4)),
    ],
    np.power,
)
row("maximum", binary()[:-1], np.maximum)
row("minimum", binary()[:-1], np.minimum)
row("atan2", binary()[:-1], np.arctan2)
row("neg", unary(), np.negative)
row("abs", unary(), np.abs)
row("reciprocal", unary(0.5, 2), np.reciprocal)
row("square", unary(), np.square)
row("positive", unary(), np.positive)
row("sign", unary(), np.sign)
row(
    "lerp",
    [call(f(2, 3), f(3), 0.3), call(f(2, 3), f(2, 3), f(3)), call(f(), f(), f()), call(f(0), f(0), 0.5)],
    lambda a, b, w: a + w * (b - a),
)
TERNARY = [
    call(f(2, 3), f(3), f(2, 1)),
    call(f(), f(), f()),
    call(f(0, 2), f(2), f(1)),
    call(f(2), f(2), f(2), value=0.5),
]
row("addcmul", TERNARY, lambda a, b, c, value=1: a + value * b * c)
row(
    "addcdiv",
    [call(f(2, 3), f(3), f(2, 1, lo=0.5)), call(f(2), f(2), f(2, lo=0.5), value=-2.0)],
    lambda a, b, c, value=1: a + value * b / c,
)

# -- Functions of one tensor -----------------------------------------------------------------------------

for name, lo, hi in (
    ("exp", -2, 2),
    ("exp2", -2, 2),
    ("expm1", -2, 2),
    ("log", 0.2, 3),
    ("log2", 0.2, 3),
    ("log10", 0.2, 3),
    ("log1p", -0.5, 2),
    ("sqrt", 0.2, 3),
    ("sin", -2, 2),
    ("cos", -2, 2),
    ("tan", -1, 1),
    ("asin", -0.8, 0.8),
    ("acos", -0.8, 0.8),
    ("atan", -2, 2),
    ("sinh", -2, 2),
    ("cosh", -2, 2),
    ("tanh", -2, 2),
    ("asinh", -2, 2),
    ("acosh", 1.2, 3),
    ("atanh", -0.8, 0.8),
    ("floor", -3, 3),
    ("ceil", -3, 3),
    ("trunc", -3, 3),
    ("round", -3, 3),
    ("deg2rad", -90, 90),
    ("rad2deg", -2, 2),
):
    row(name, unary(lo, hi), getattr(np, name))
ROWS["acosh"] = replace(ROWS["acosh"], kinks=False)  # outside of its domain PyTorch has other NaNs
ROWS["round"].samples.extend([call(f(4), decimals=1), call(f(4) * 100, decimals=-1)])
row("rsqrt", unary(0.2, 3), lambda x: x**-0.5)
row("sigmoid", [*unary(), call(np.array([-800.0, 800.0, 30.0, -30.0]))], lambda x: np.exp(-np.logaddexp(0, -x)))
row("erf", [*unary(), call(np.array([-7.0, 2.5, 2.4999, 6.0]))], np.vectorize(math.erf, otypes=[float]))
row("frac", unary(), lambda x: np.modf(x)[0])
row(
    "logit",
    [*unary(0.1, 0.9), call(f(4, lo=0, hi=1), 0.3), call(f(4, lo=0, hi=1), eps=0.3)],
    lambda x, eps=None: (lambda p: np.log(p / (1 - p)))(x if eps is None else np.clip(x, eps, 1 - eps)),
)

# -- Comparisons and logic -------------------------------------------------------------------------------

for name, reference in (
    ("eq", np.equal),
    ("ne", np.not_equal),
    ("lt", np.less),
    ("le", np.less_equal),
    ("gt", np.greater),
    ("ge", np.greater_equal),
):
    row(name, [*binary(), *whole()], reference)
for name in ("logical_and", "logical_or", "logical_xor"):
    row(name, [*binary()[:-1], *whole()[:-2]], getattr(np, name))
row("logical_not", [*unary(), call(ints(3, high=2))], np.logical_not)
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    row(name, whole(), getattr(np, name))
row("bitwise_not", [call(ints(2, 3, high=5)), call(mask(3)), call(ints(high=3))], np.invert)
row("bitwise_left_shift", whole()[:-1], np.left_shift)
row("bitwise_right_shift", whole()[:-1], np.right_shift)
SPECIAL = np.array([0.0, -1.0, math.inf, -math.inf, math.nan])
for name in ("isnan", "isinf", "isfinite"):
    row(name, [*unary(), call(SPECIAL), call(ints(2, high=3))], getattr(np, name))
NEAR = [
    call(f(3), f(3)),
    call(SPECIAL, SPECIAL),
    call(SPECIAL, SPECIAL, equal_nan=True),
    call(f(2, 3), f(3), 0.5, 0.5),
    call(np.ones(2), np.array([1 + 1e-6, 1 + 1e-3])),
]
row("isclose", NEAR, np.isclose)
row("allclose", NEAR, np.allclose)
row("equal", [call(f(3), f(3)), call(np.ones(3), np.ones(3)), call(f(3), f(2)), call(f(0), f(0))], np.array_equal)

# -- Reductions ------------------------------------------------------------------------------------------

row("sum", reduction(), over(np.sum))
row("mean", reduction()[:8], over(np.mean))
row("prod", reduction(several=False), over(np.prod))
ROWS["prod"].samples.extend(
    [call(np.array([2.0, 0.0, 3.0])), call(np.array([0.0, 0.0, 3.0])), call(np.array([[0.0, 2.0], [3.0, 4.0]]), 1)]
)
row("cumsum", along(), at(np.cumsum))
row("cumprod", [*along(), call(np.array([2.0, 0.0, 3.0, 0.0, 1.0]), 0)], at(np.cumprod))
SPREAD = [
    call(f(4)),
    call(f(2, 3)),
    call(f(2, 3), 0),
    call(f(2, 3), dim=-1, keepdim=True),
    call(f(2, 3, 2), (0, 2)),
    call(f(4), unbiased=False),
    call(f(2, 3), 1, False),
    call(f(2, 3), dim=1, correction=0),
    call(f(4), correction=2),
]


def spread(function: Any) -> Any:
    """Give NumPy's variance PyTorch's arguments."""

    def reference(x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, correction: Any = None) -> Any:
        return function(x, axis=dim, ddof=int(unbiased) if correction is None else correction, keepdims=keepdim)

    return reference


row("var", SPREAD, spread(np.var))
row("std", SPREAD, spread(np.std))
for name in ("amax", "amin"):
    row(name, reduction(empty=False), over(getattr(np, name)))


def _pair(values: Any, positions: Any) -> Any:
    def reference(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            return values(x)
        x, squeeze = (x, ()) if x.ndim else (x.reshape(1), 0)
        found = values(x, axis=dim, keepdims=keepdim), positions(x, axis=dim, keepdims=keepdim)
        return tuple(np.asarray(a).reshape(()) if squeeze == 0 else a for a in found)

    return reference


EXTREME = [*reduction(several=False, empty=False), call(f(2, 0), 0)]
row("max", EXTREME, _pair(np.max, np.argmax))
row("min", EXTREME, _pair(np.min, np.argmin))
row("argmax", EXTREME, over(np.argmax))
row("argmin", EXTREME, over(np.argmin))
TRUTHS = [
    call(mask(3)),
    call(mask(2, 3), 0),
    call(mask(2, 3), dim=1, keepdim=True),
    call(f(2, 3)),
    call(f(0)),
    call(f()),
    call(mask(2, 2, 2), dim=(0, 2)),
    call(f(2, 0), 1),
]
row("all", TRUTHS, over(np.all))
row("any", TRUTHS, over(np.any))
row(
    "count_nonzero",
    [call(ints(2, 3, high=2)), call(ints(2, 3, high=2), 0), call(f(3)), call(f()), call(mask(2, 3), dim=(0, 1))],
    lambda x, dim=None: np.asarray(np.count_nonzero(x, axis=dim)),
)
row(
    "logsumexp",
    [
        *along(),
        call(f(2, 3), (0, 1)),
        call(f(2, 3), 1, keepdim=True),
        call(f(2, 3) + 1000, 0),
        call(np.full((2, 2), -math.inf), 0),
    ],
    lambda x, dim, keepdim=False: (
        np.logaddexp.reduce(x.reshape(-1) if dim == (0, 1) else x, axis=0 if dim == (0, 1) else dim, keepdims=keepdim)
        if x.ndim
        else x
    ),
    gradient=True,
)
NORMS = [
    call(f(2, 3)),
    call(f(4), 1),
    call(f(4), math.inf),
    call(f(4), -math.inf),
    call(f(4), 3),
    call(f(4), 0),
    call(f(2, 3), 2, 1),
    call(f(2, 3), dim=0, keepdim=True),
    call(f(2, 3), 2.5, dim=(0, 1)),
    call(f()),
    call(f(0)),
]


def _norm(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    if dim is None or dim == (0, 1):
        return np.linalg.norm(x.reshape(-1), p, keepdims=keepdim)
    return np.linalg.norm(x, p, axis=dim, keepdims=keepdim)


row("norm", NORMS, _norm, kinds="f")
row(
    "median",
    [call(f(5)), call(f(4)), call(f(2, 3)), call(f(2, 3), 1), call(f(3, 2), dim=0, keepdim=True), call(f())],
    lambda x, *a, **k: np.sort(x, axis=None)[(x.size - 1) // 2] if not a and not k else None,
    kinds="f",
)

# -- Indexing --------------------------------------------------------------------------------------------

row("_place", [call(f(3), np.array([0, 2, 0]), (4,)), call(f(2, 3), (slice(None), slice(0, 3)), (2, 4))], torch="")
row(
    "__getitem__",
    [
        call(f(4), 1),
        call(f(4), -1),
        call(f(2, 3), slice(0, 1)),
        call(f(4), slice(None, None, 2)),
        call(f(2, 3), (0, 1)),
        call(f(2, 3), (Ellipsis, 0)),
        call(f(2, 3), None),
        call(f(2, 3), (slice(None), None, 1)),
        call(f(4), [0, 0, 2]),
        call(f(4), ints(2, 2, high=4)),
        call(f(4, 3), (ints(2, high=4), ints(2, high=3))),
        call(f(4, 3), (ints(5, high=4), slice(1, 3))),
        call(f(3, 4), mask(3, 4)),
        call(f(3, 4), mask(3)),
        call(f(2, 3, 4), (slice(None), ints(2, high=3), 1)),
        call(f(), ()),
        call(f(), None),
        call(f(0, 3), slice(0, 0)),
        call(f(4), np.zeros(0, np.int64)),
        call(f(3, 4), (slice(None), mask(4))),
        call(f(2, 3, 4), (0, slice(None), ints(2, high=4))),
        call(f(4), np.array(2)),
        call(f(4), True),
        call(f(2, 3, 4), (Ellipsis, 0, ints(2, high=3))),
        call(f(2, 3, 4), (ints(2, high=2), 1)),
        call(f(2, 3, 4), (mask(2, 3), 1)),
        call(f(2, 3, 4), (None, 1, None, mask(3))),
        call(f(2, 3, 4), (ints(2, high=2), slice(None), ints(2, high=4))),
    ],
)  # fmt: skip  (NumPy puts a number among advanced indices elsewhere)
row("__setitem__", [], because="writes: test_interop and the in-place tests")
row(
    "gather",
    [
        call(f(3, 4), 1, ints(3, 2, high=4)),
        call(f(3, 4), 0, ints(2, 3, high=3)),
        call(f(4), 0, ints(6, high=4)),
        call(f(), 0, np.array(0)),
        call(f(2, 3), dim=-1, index=ints(2, 0, high=3)),
    ],
)
row(
    "scatter_add",
    [
        call(f(3, 4), 0, ints(2, 4, high=3), f(2, 4)),
        call(f(4), 0, ints(6, high=4), f(6)),
        call(f(3, 4), -1, ints(2, 2, high=4), f(3, 4)),
    ],
)
row("_scatter_add", [call(f(2, 3), ints(2, 3, high=4), 1, (2, 4))], torch="")
row(
    "scatter",
    [
        call(f(3, 4), 1, np.array([[0, 2], [1, 3]]), f(2, 2)),
        call(f(4), 0, np.array([3, 1]), f(4)),
        call(f(4), 0, np.array([3, 1]), 2.5),
        call(f(3, 4), -1, np.array([[0, 2], [1, 3]]), value=2.0),
    ],
)
row(
    "take_along_dim",
    [call(f(3, 4), ints(3, 2, high=4), 1), call(f(3, 4), ints(1, 4, high=3), dim=0), call(f(2, 3), ints(5, high=6))],
    lambda x, i, dim=None: x.reshape(-1)[i] if dim is None else None,
)
row(
    "index_select",
    [call(f(3, 4), 1, ints(5, high=4)), call(f(3), 0, ints(2, high=3)), call(f(3, 2), dim=-1, index=ints(0, high=2))],
    lambda x, dim, index: np.take(x, index, dim),
)
row("index_add", [call(f(3, 4), 1, ints(5, high=4), f(3, 5)), call(f(3), 0, ints(2, high=3), f(2), alpha=2)])
row(
    "where",
    [
        call(mask(2, 3), f(2, 3), f(3)),
        call(mask(2, 3), f(3), 2.0),
        call(mask(3), 1.0, f(3)),
        call(mask(), f(), f()),
        call(mask(2, 1), f(), f(1, 3)),
        call(mask(0), f(0), f(0)),
    ],
    np.where,
)
row("_where_method", [call(f(2, 3), mask(3), f(2, 1))], lambda x, c, y: np.where(c, x, y), torch="Tensor.where")
row(
    "masked_fill",
    [call(f(2, 3), mask(2, 3), 2.0), call(f(2, 3), mask(3), f()), call(f(), mask(), 1.0), call(f(0), mask(0), 0)],
    lambda x, m, v: np.where(m, v, x),
)
row(
    "masked_select",
    [call(f(2, 3), mask(2, 3)), call(f(3), mask(2, 3)), call(f(2, 3), mask(3)), call(f(0), mask(0))],
    lambda x, m: np.broadcast_to(x, np.broadcast_shapes(x.shape, m.shape))[
        np.broadcast_to(m, np.broadcast_shapes(x.shape, m.shape))
    ],
)
row(
    "clamp",
    [
        *unary(min=-0.5, max=1.0),
        call(f(4), 0.3),
        call(f(4), max=0.3),
        call(f(2, 3), f(3), None),
        call(f(2, 3), None, f(2, 1)),
        call(f(8), f(8), f(8)),
    ],
    lambda x, min=None, max=None: np.minimum(
        np.maximum(x, -math.inf if min is None else min), math.inf if max is None else max
    ),
)
row("clamp_min", [call(f(4), 0.2), call(f(2, 3), f(3))], np.maximum)
row("clamp_max", [call(f(4), 0.2), call(f(2, 3), f(3))], np.minimum)
row(
    "nonzero",
    [call(ints(2, 3, high=2)), call(ints(4, high=2)), call(f()), call(f(0)), call(mask(2, 2, 2)), call(np.zeros(()))],
    lambda x: np.argwhere(x),
)
row("narrow", [call(f(4, 3), 0, 1, 2), call(f(4, 3), -1, -2, 1), call(f(4), 0, 4, 0)])
row("select", [call(f(4, 3), 0, 1), call(f(4, 3), -1, -2)])
row("take", [call(f(2, 3), ints(2, 2, high=6)), call(f(2, 3), np.array([-1, 0]))], np.take)
row("one_hot", [call(ints(3, high=4)), call(ints(2, 2, high=3), 5)], torch="nn.functional.one_hot", kinds="f")
SORTS = [call(f(5)), call(f(3, 4), 0), call(f(3, 4), dim=-1, descending=True), call(f()), call(f(0)), call(f(2, 0), 0)]
row("sort", SORTS, kinds="fi")
row("argsort", SORTS, kinds="f")
row(
    "topk",
    [call(f(5), 2), call(f(3, 4), 2, 0), call(f(3, 4), 3, largest=False), call(f(4), 0), call(f(), 1)],
    kinds="f",
    kinks=False,
)  # which of equals is free

# -- Shapes ----------------------------------------------------------------------------------------------

row(
    "reshape",
    [
        call(f(2, 3), (3, 2)),
        call(f(2, 3), (-1,)),
        call(f(), (1, 1)),
        call(f(0, 2), (2, 0)),
        call(f(4), (2, -1)),
        call(f(1), ()),
    ],
    np.reshape,
)
row(
    "view",
    [call(f(2, 3), 3, 2), call(f(2, 3), (6,)), call(f(4), -1, 2), call(f(0, 3), 3, 0)],
    torch="Tensor.view",
    numpy=lambda x, *s: x.reshape(*s),
    layout=False,  # refuses what is not contiguous
)
row("view_as", [call(f(2, 3), f(3, 2))], lambda x, y: x.reshape(y.shape), torch="Tensor.view_as", layout=False)
row("reshape_as", [call(f(2, 3), f(6))], lambda x, y: x.reshape(y.shape), torch="Tensor.reshape_as")
row(
    "flatten",
    [
        call(f(2, 3, 2)),
        call(f(2, 3, 2), 1),
        call(f(2, 3, 2), 0, 1),
        call(f()),
        call(f(0, 2)),
        call(f(4)),
        call(f(2, 3, 2), -2, -1),
    ],
)
row("unflatten", [call(f(6, 2), 0, (2, 3)), call(f(6, 2), dim=0, sizes=(-1, 2)), call(f(2, 4), -1, (2, 2))])
row("ravel", unary(), np.ravel)
row(
    "permute",
    [call(f(2, 3, 4), (2, 0, 1)), call(f(2, 3), (1, 0)), call(f(), ()), call(f(2, 0, 3), (-1, 0, 1))],
    np.transpose,
)
row(
    "transpose",
    [call(f(2, 3, 4), 0, 2), call(f(2, 3), -1, 0), call(f(2, 0), 0, 1), call(f(), 0, -1), call(f(3), 0, 0)],
    lambda x, a, b: np.swapaxes(x, a, b) if x.ndim else x,
)
row("t", [call(f(2, 3)), call(f(3)), call(f())], np.transpose)
row("movedim", [call(f(2, 3, 4), 0, 2), call(f(2, 3, 4), (0, 1), (-1, 0)), call(f(2, 3), 1, 0)], np.moveaxis)
row(
    "squeeze",
    [
        call(f(1, 2, 1)),
        call(f(1, 2, 1), 0),
        call(f(1, 2, 1), 1),
        call(f(1, 2, 1), (0, 2)),
        call(f()),
        call(f(1)),
        call(f(1, 0)),
    ],
    lambda x, dim=None: np.squeeze(x, None if dim is None else tuple(d for d in np.atleast_1d(dim) if x.shape[d] == 1)),
)
row("unsqueeze", [call(f(2, 3), 0), call(f(2, 3), -1), call(f(2, 3), 1), call(f(), 0), call(f(0), -2)], np.expand_dims)
row(
    "expand",
    [call(f(3, 1), (3, 4)), call(f(3, 1), (2, -1, 4)), call(f(), (2, 3)), call(f(1), (0,)), call(f(3), (2, 3))],
    torch="Tensor.expand",
)
row("broadcast_to", [call(f(3, 1), (3, 4)), call(f(3), (2, 3)), call(f(), (2,))], np.broadcast_to)
row("expand_as", [call(f(3, 1), f(3, 4))], lambda x, y: np.broadcast_to(x, y.shape), torch="Tensor.expand_as")
row(
    "repeat",
    [call(f(2, 3), (2, 1)), call(f(3), (2, 2)), call(f(2), (0,)), call(f(), (3,)), call(f(2, 3), (3, 1, 2))],
    np.tile,
    torch="Tensor.repeat",
)
row("tile", [call(f(2, 3), (2,)), call(f(3), (2, 2)), call(f(2, 3), (1, 3))], np.tile)
row(
    "flip",
    [call(f(2, 3), (0,)), call(f(2, 3), (0, 1)), call(f(3), (-1,)), call(f(2, 0), (1,)), call(f(2, 3), ())],
    lambda x, d: np.flip(x, d),
)
row(
    "roll",
    [call(f(2, 3), 1), call(f(2, 3), 1, 0), call(f(2, 3), (1, -2), (0, 1)), call(f(4), -1, 0), call(f(0), 1, 0)],
    np.roll,
)
JOINED = [
    call([f(2, 3), f(1, 3)]),
    call([f(2, 1), f(2, 2)], dim=1),
    call([f(3), f(2), f(1)], -1),
    call([f(0), f(2, 3)]),
    call([f(2, 0), f(2, 1)], 1),
]
row("cat", JOINED, lambda xs, dim=0: np.concatenate([x for x in xs if x.shape != (0,)], dim))
row(
    "stack",
    [
        call([f(2, 3), f(2, 3)]),
        call([f(3), f(3), f(3)], dim=1),
        call([f(), f()]),
        call([f(2), f(2)], -2),
        call([f(0), f(0)], 0),
    ],
    lambda xs, dim=0: np.stack(xs, dim),
)
row(
    "split",
    [call(f(5, 2), 2), call(f(2, 5), [1, 4], dim=1), call(f(2, 5), 5, -1), call(f(0, 2), 1), call(f(4), [0, 4])],
)
row("chunk", [call(f(5, 2), 2), call(f(2, 5), 3, dim=1), call(f(2), 5), call(f(0, 2), 3)])
row("unbind", [call(f(3, 2)), call(f(3, 2), dim=1), call(f(2))])
for name, function in (("tril", np.tril), ("triu", np.triu)):
    row(
        name,
        [call(f(3, 4)), call(f(2, 3, 3), 1), call(f(3, 2), diagonal=-1), call(f(0, 2))],
        lambda x, diagonal=0, _f=function: _f(x, diagonal),
    )
row(
    "diagonal",
    [
        call(f(3, 4)),
        call(f(3, 4), 1),
        call(f(4, 3), -2),
        call(f(2, 3, 4), 0, 1, 2),
        call(f(2, 3, 4), offset=1, dim1=2, dim2=0),
        call(f(2, 3), 4),
        call(f(0, 3)),
    ],
    lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
)
row("diag", [call(f(3)), call(f(2), 1), call(f(2), -2), call(f(3, 4)), call(f(3, 4), 1)], np.diag)
row(
    "diag_embed",
    [
        call(f(3)),
        call(f(2, 3)),
        call(f(2), 1),
        call(f(2, 2), -1),
        call(f(2, 3), 1, 0, 2),
        call(f(2, 3), dim1=1, dim2=0),
    ],
)
row("clone", unary(), np.copy)
row("_to_copy", [call(f(2), np.dtype("float64"))], torch="", gradient=True)
row(
    "meshgrid",
    [call(f(2), f(3)), call(f(2), f(3), f(1), indexing="ij"), call(f(2), f(3), indexing="xy")],
    lambda *xs, indexing="ij": np.meshgrid(*xs, indexing=indexing),
)

# -- Matrix products -------------------------------------------------------------------------------------

row(
    "matmul",
    [
        call(f(2, 3), f(3, 4)),
        call(f(3), f(3)),
        call(f(2, 3), f(3)),
        call(f(3), f(3, 2)),
        call(f(2, 2, 3), f(3, 2)),
        call(f(2, 3), f(2, 3, 2)),
        call(f(2, 1, 2, 3), f(3, 3, 1)),
        call(f(3), f(2, 3, 2)),
        call(f(2, 2, 3), f(3)),
        call(f(0, 3), f(3, 2)),
        call(f(2, 0), f(0, 3)),
        call(f(0), f(0)),
    ],
    np.matmul,
)
row("mm", [call(f(2, 3), f(3, 4)), call(f(0, 3), f(3, 2))], np.matmul)
row("bmm", [call(f(2, 2, 3), f(2, 3, 1)), call(f(0, 2, 3), f(0, 3, 1))], np.matmul)
row("mv", [call(f(2, 3), f(3)), call(f(2, 0), f(0))], np.matmul)
row("dot", [call(f(3), f(3)), call(f(0), f(0))], np.dot)
row("outer", [call(f(2), f(3)), call(f(0), f(3))], np.outer)
row(
    "addmm",
    [call(f(2, 4), f(2, 3), f(3, 4)), call(f(4), f(2, 3), f(3, 4), beta=0.5, alpha=2.0)],
    lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
)
row(
    "baddbmm",
    [call(f(2, 2, 1), f(2, 2, 3), f(2, 3, 1)), call(f(2, 1), f(2, 2, 3), f(2, 3, 1), beta=0.5)],
    lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
)
row("trace", [call(f(3, 3)), call(f(2, 3)), call(f(0, 0))], np.trace)
row(
    "linear",
    [
        call(f(2, 3), f(4, 3), f(4)),
        call(f(3), f(4, 3), f(4)),
        call(f(2, 2, 3), f(4, 3)),
        call(f(2, 3), f(3)),
        call(f(0, 3), f(4, 3), f(4)),
        call(f(3), f(3), f()),
    ],
    lambda x, w, b=0: x @ w.T + b,
    torch="nn.functional.linear",
    kinds="f",
)
row(
    "bilinear",
    [call(f(2, 3), f(2, 4), f(5, 3, 4), f(5)), call(f(2, 2, 3), f(2, 2, 4), f(5, 3, 4))],
    lambda a, b, w, bias=0: np.einsum("...i,kij,...j->...k", a, w, b) + bias,
    torch="nn.functional.bilinear",
    kinds="f",
)

# -- Activations -----------------------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))


def softmax(x: Any, dim: int) -> Any:
    """Return softmax; the largest element is taken off so that nothing overflows."""
    x = x - x.max(dim, keepdims=True, initial=-1e300) if x.ndim else x
    return np.exp(x) / np.exp(x).sum(dim, keepdims=True) if x.ndim else np.ones(())


for name, samples, reference in (
    ("relu", unary(), lambda x: np.maximum(x, 0)),
    ("leaky_relu", [*unary(), call(f(4), 0.2)], lambda x, slope=0.01: np.where(x > 0, x, slope * x)),
    ("elu", [*unary(), call(f(4), 0.5)], lambda x, alpha=1: np.where(x > 0, x, alpha * np.expm1(x))),
    ("gelu", unary(), lambda x: x * 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2)))),
    ("silu", unary(), lambda x: x * sigmoid(x)),
    (
        "softplus",
        [*unary(), call(f(4), 2.0), call(f(4) * 10, beta=3.0, threshold=5.0)],
        lambda x, beta=1.0, threshold=20.0: np.where(x * beta > threshold, x, np.log1p(np.exp(beta * x)) / beta),
    ),
    ("logsigmoid", [*unary(), call(np.array([-800.0, 800.0]))], lambda x: -np.logaddexp(0, -x)),
    ("hardtanh", [*unary(), call(f(4), -0.5, 0.7)], lambda x, lo=-1, hi=1: np.clip(x, lo, hi)),
    ("relu6", unary(-3, 9), lambda x: np.clip(x, 0, 6)),
    ("selu", unary(), lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
    ("softsign", unary(), lambda x: x / (1 + abs(x))),
    ("mish", unary(), lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    ("hardsigmoid", unary(-5, 5), lambda x: np.clip(x + 3, 0, 6) / 6),
    ("hardswish", unary(-5, 5), lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("tanhshrink", unary(), lambda x: x - np.tanh(x)),
    (
        "threshold",
        [call(f(2, 3), 0.1, 20.0), call(f(), 0.0, -1.0), call(f(0), 0, 0)],
        lambda x, t, v: np.where(x > t, x, v),
    ),
    ("celu", [*unary(), call(f(4), 0.5)], lambda x, a=1.0: np.maximum(x, 0) + np.minimum(0, a * np.expm1(x / a))),
    ("hardshrink", [*unary(), call(f(4), 0.2)], lambda x, lambd=0.5: np.where(abs(x) > lambd, x, 0)),
    ("softshrink", [*unary(), call(f(4), 0.2)], lambda x, lambd=0.5: np.sign(x) * np.maximum(abs(x) - lambd, 0)),
    (
        "prelu",
        [call(f(4), f(1)), call(f(2, 3), f(3)), call(f(2, 3, 2), f(3)), call(f(2, 3), f(1))],
        lambda x, w: np.where(x > 0, x, x * (w.reshape((-1,) + (1,) * (x.ndim - 2)) if x.ndim > 1 else w)),
    ),
    (
        "glu",
        [call(f(4)), call(f(4, 2), 0), call(f(2, 6))],
        lambda x, dim=-1: np.split(x, 2, dim)[0] * sigmoid(np.split(x, 2, dim)[1]),
    ),
    ("softmax", along(), softmax),
    ("log_softmax", along(), lambda x, dim: np.log(softmax(x, dim))),
):
    row(name, samples, reference, torch=f"nn.functional.{name}")
ROWS["softmax"].samples.append(call(f(2, 3) * 1000, 1))
row("dropout", [call(f(3), 0.5, False), call(f(3), 0.0)], lambda x, *_: x, torch="nn.functional.dropout")

# -- Losses ----------------------------------------------------------------------------------------------

REDUCTIONS = ({}, {"reduction": "sum"}, {"reduction": "none"})


def loss(make: Callable[[], tuple[Any, ...]], *more: dict[str, Any]) -> list[Sample]:
    """One call for each reduction, and the others given."""
    return [Sample(make(), options) for options in (*REDUCTIONS, *more)]


def reduced(values: Any, reduction: str) -> Any:
    """Apply a reduction."""
    return values if reduction == "none" else getattr(np, reduction)(values)


def of_pair(formula: Callable[..., Any]) -> Any:
    """Make a loss's reference of its formula for one element."""

    def reference(x: Any, y: Any, reduction: str = "mean", **options: Any) -> Any:
        return reduced(formula(x, y, **options), reduction)

    return reference


def pair() -> Any:
    """Draw predictions and targets."""
    return f(3, 2), f(3, 2)


def huber(d: Any, delta: float = 1.0) -> Any:
    """Return the Huber loss of differences."""
    return np.where(abs(d) < delta, 0.5 * d * d, delta * (abs(d) - 0.5 * delta))


row(
    "mse_loss",
    [*loss(pair), call(f(), f())],
    of_pair(lambda x, y: (x - y) ** 2),
    torch="nn.functional.mse_loss",
    kinds="f",
)
row("l1_loss", loss(pair), of_pair(lambda x, y: abs(x - y)), torch="nn.functional.l1_loss", kinds="f")
row(
    "huber_loss",
    loss(pair, {"delta": 0.5}),
    of_pair(lambda x, y, delta=1.0: huber(x - y, delta)),
    torch="nn.functional.huber_loss",
    kinds="f",
)
row(
    "smooth_l1_loss",
    loss(pair, {"beta": 0.5}, {"beta": 0.0}),
    of_pair(lambda x, y, beta=1.0: huber(x - y, beta) / beta if beta else abs(x - y)),
    torch="nn.functional.smooth_l1_loss",
    kinds="f",
)
row(
    "binary_cross_entropy",
    [
        *loss(lambda: (f(3, 2, lo=0.1, hi=0.9), f(3, 2, lo=0.1, hi=0.9))),
        call(f(3, lo=0.1, hi=0.9), f(3, lo=0, hi=1), f(3)),
    ],
    lambda x, y, w=1, reduction="mean": reduced(-w * (y * np.log(x) + (1 - y) * np.log1p(-x)), reduction),
    torch="nn.functional.binary_cross_entropy",
    kinds="f",
)
row(
    "binary_cross_entropy_with_logits",
    [*loss(pair, {"pos_weight": f(2, lo=0.5)}), call(f(3), f(3), f(3)), call(f(2) * 500, f(2))],
    lambda x, y, w=1, reduction="mean", pos_weight=1: reduced(
        w * (pos_weight * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x)), reduction
    ),
    torch="nn.functional.binary_cross_entropy_with_logits",
    kinds="f",
)
row(
    "kl_div",
    loss(lambda: (f(3, 2), f(3, 2, lo=0.1, hi=1)), {"log_target": True, "reduction": "batchmean"}),
    torch="nn.functional.kl_div",
    kinds="f",
    kinks=False,
)  # PyTorch: NaN for a target of 0


def classes(*shape: int) -> Any:
    """Draw scores of 4 classes and class numbers, of which one is ignored in the larger ones."""
    target = ints(shape[0], *shape[2:], high=4)
    return f(*shape), target


CLASSES = [
    *loss(lambda: classes(3, 4)),
    *loss(lambda: classes(2, 4, 3)),
    call(f(4), np.array(2)),
    call(f(3, 4), np.array([1, -100, 3])),
    call(f(3, 4), np.array([1, 2, 3]), ignore_index=2),
    call(f(3, 4), ints(3, high=4), f(4, lo=0.5)),
    call(f(3, 4), np.array([1, -100, 3]), f(4, lo=0.5), reduction="sum"),
]
row("nll_loss", CLASSES, torch="nn.functional.nll_loss", kinds="f")
row(
    "cross_entropy",
    [
        *CLASSES,
        *[call(f(3, 4), ints(3, high=4), label_smoothing=0.2, **r) for r in REDUCTIONS],
        call(f(3, 4), ints(3, high=4), f(4, lo=0.5), label_smoothing=0.2),
        call(f(3, 4), f(3, 4, lo=0.1)),
        call(f(3, 4), f(3, 4, lo=0.1), label_smoothing=0.1, reduction="sum"),
        call(f(2, 4, 2), f(2, 4, 2, lo=0.1), f(4, lo=0.5)),
        call(f(4), f(4)),
    ],
    torch="nn.functional.cross_entropy",
    kinds="f",
)

# -- Random ----------------------------------------------------------------------------------------------

for name in ("uniform_", "normal_", "exponential_", "log_normal_", "cauchy_", "geometric_", "bernoulli_", "random_"):
    row(name, [], because="draws: the tests of the random stream")
