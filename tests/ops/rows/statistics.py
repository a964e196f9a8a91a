"""Order statistics, running extremes, differences and integrals, histograms, searching and counting."""

from __future__ import annotations

import numpy as np

from tests.ops.table import along, at, call, f, ints, mask, over, reduction, row

NAN = np.array([[1.0, np.nan, -2.0], [np.nan, 0.5, 3.0]])
GAPS = [call(NAN), call(NAN, 0), call(NAN, 1, True)]

# -- Running ---------------------------------------------------------------------------------------------


def running(ufunc):
    """Accumulate, and find the last place of what is the extreme so far."""

    def reference(x, dim):
        values = ufunc.accumulate(x, axis=dim)
        places = np.arange(x.shape[dim]).reshape([-1 if i == dim % x.ndim else 1 for i in range(x.ndim)])
        return values, np.maximum.accumulate(np.where(x == values, places, 0), axis=dim)

    return lambda x, dim: running_of_number(x) if x.ndim == 0 else reference(x, dim)


def running_of_number(x):
    """Return a number and the place 0."""
    return x, np.zeros((), np.int64)


row("cummax", along(), running(np.maximum))
row("cummin", along(), running(np.minimum))
row("logcumsumexp", [*along(), call(f(2, 3) * 300, 1)], at(np.logaddexp.accumulate), kinds="f")
EXTREMES = [call(f(2, 3)), call(f(2, 3), dim=0), call(f(2, 3), dim=-1, keepdim=True), call(f()), call(f(4), dim=0)]
row("aminmax", EXTREMES, lambda x, **k: (over(np.min)(x, **k), over(np.max)(x, **k)))
SPREADS = [call(f(4)), call(f(2, 3), 0), call(f(2, 3), (0, 1), keepdim=True), call(f(2, 3), dim=1, correction=0)]
for name, deviation in (("var_mean", np.var), ("std_mean", np.std)):
    row(name, [*SPREADS, call(f(2, 3), -1, False)], lambda x, dim=None, unbiased=True, keepdim=False, correction=None,
        _f=deviation: (_f(x, dim, ddof=unbiased if correction is None else correction, keepdims=keepdim),
                       np.mean(x, dim, keepdims=keepdim)), kinds="f")  # fmt: skip

# -- Order -----------------------------------------------------------------------------------------------

# Which of equal elements is named, and so gets the gradient, is not said.
row("kthvalue", [call(f(5), 2), call(f(2, 4), 3, 1), call(f(4, 2), 1, dim=0, keepdim=True), call(f(), 1)],
    lambda x, k, dim=-1, keepdim=False: None if x.ndim == 0 or keepdim else (
        np.sort(x, dim).take(k - 1, dim), np.argsort(x, dim).take(k - 1, dim)), kinds="f", kinks=False)  # fmt: skip
REPEATED = np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 1.0]])
row("mode", [call(f(5)), call(f(3, 2), 0), call(f(2, 3), 1, True), call(f()), call(REPEATED)], kinds="", kinks=False,
    gradient=False)  # fmt: skip
row("nanmedian", [call(f(5)), call(f(2, 4), 1), call(f(3, 2), dim=0, keepdim=True), call(f()), *GAPS], kinds="f")
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
QUANTILES = [
    call(f(5), 0.3),
    call(f(2, 4), 0.6, 1),
    call(f(4, 2), 0.25, dim=0, keepdim=True),
    call(f(2, 3), np.array([0.1, 0.4, 0.9]), 1),
    call(f(2, 3), 1.0, keepdim=True),
    call(f(), 0.5),
    *[call(f(6), 0.35, interpolation=method) for method in METHODS],
]


def quantile(function):
    """Give NumPy's quantiles PyTorch's argument names."""
    return lambda x, q, dim=None, keepdim=False, interpolation="linear": function(
        x, q, axis=dim, keepdims=keepdim, method=interpolation
    )


row("quantile", QUANTILES, quantile(np.quantile), kinds="f")
row("nanquantile", [*QUANTILES, call(NAN, 0.4, 1), call(NAN, 0.5)], quantile(np.nanquantile), kinds="f")
row("msort", [call(f(5)), call(f(4, 2)), call(f(0, 2))], lambda x: np.sort(x, 0))
row("nansum", [*reduction(), *GAPS], over(np.nansum))
row("nanmean", [*reduction(empty=False), *GAPS], over(np.nanmean), kinds="f")

# -- Differences and integrals ---------------------------------------------------------------------------

COVARIANCES = [call(f(5)), call(f(2, 4)), call(f(3, 4), correction=0), call(f(2, 3), fweights=np.array([1, 2, 3]))]
WEIGHED = [call(f(2, 3), aweights=f(3, lo=0.5)), call(f(2, 3), fweights=np.array([1, 2, 1]), aweights=f(3, lo=0.5))]
row("cov", [*COVARIANCES, *WEIGHED], lambda x, correction=1, **k: np.cov(x, ddof=correction, **k), kinds="f")
row("corrcoef", [call(f(5)), call(f(2, 4)), call(f(3, 5))], np.corrcoef, kinds="f")
STEPS = [call(f(5)), call(f(2, 4), 2), call(f(3, 2), 1, 0), call(f(2, 2), prepend=f(2, 1), append=f(2, 2))]
STEPS += [call(f(3), 0), call(f(2), 3), call(f(0))]
row("diff", STEPS, lambda x, n=1, dim=-1, **k: np.diff(x, min(n, x.shape[dim]), dim, **k))
AREAS = [
    call(f(5)),
    call(f(2, 4), dx=0.5),
    call(f(4, 2), dim=0),
    call(f(2, 4), np.sort(f(4))),
    call(f(2, 3), f(2, 3)),
    call(f(3, 2), f(3), dim=0),
]
trapezoid = getattr(np, "trapezoid", None) or np.trapz
row("trapezoid", AREAS, lambda y, x=None, dx=1, dim=-1: trapezoid(y, x, dx, dim), kinds="f")
row("cumulative_trapezoid", AREAS, kinds="f")
row(
    "gradient",
    [
        call(f(5)),
        call(f(3, 4)),
        call(f(3, 4), dim=1),
        call(f(3, 4), spacing=0.5, edge_order=2),
        call(f(3, 4), spacing=(0.5, 2.0)),
        call(f(4), spacing=(np.array([0.0, 1.0, 1.5, 3.0]),)),
        call(f(4), spacing=(np.array([0.0, 1.0, 1.5, 3.0]),), edge_order=2),
    ],
    kinds="f",
)

# -- Counting and searching ------------------------------------------------------------------------------

BINS = [call(f(9), 4), call(f(2, 5), 3, range=(-1.0, 1.0)), call(f(6), np.array([-2.0, 0.0, 0.5, 2.0]))]
DENSE = [call(f(6), 3, density=True), call(f(6), 3, weight=f(6, lo=0)), call(np.array([1.0, 1.0]), 2)]
row("histogram", [*BINS, *DENSE], lambda x, b, range=None, weight=None, density=False: np.histogram(
    x, b, range, density, weight), kinds="f", gradient=False)  # fmt: skip
row("histogramdd", [call(f(8, 2), [2, 3]), call(f(8, 2), [2, 2], range=(-1.0, 1.0, -2.0, 2.0)), call(f(4, 1), 3)],
    kinds="f", gradient=False)  # fmt: skip
COUNTS = [call(f(9), 4), call(f(9), 5, -1, 1), call(f(2, 3), bins=3, min=0, max=2), call(np.ones(3), 2), call(f(0), 2)]
row("histc", COUNTS, lambda x, bins, min=0, max=0: None if min == max else np.histogram(x, bins, (min, max))[0],
    kinds="f", gradient=False)  # fmt: skip
NUMBERS = ints(4, high=3)
row("bincount", [call(NUMBERS), call(NUMBERS, f(4)), call(NUMBERS, minlength=7), call(ints(0, high=1))], np.bincount,
    kinds="f", gradient=False)  # fmt: skip
SORTED = np.sort(f(5))
SEARCHES = [call(SORTED, f(4)), call(SORTED, f(2, 3), right=True), call(np.sort(f(2, 4)), f(2, 3)), call(SORTED, 0.5)]
SEARCHES += [call(SORTED, SORTED, side="right"), call(SORTED, SORTED, out_int32=True), call(f(0), f(2))]
ORDER = np.array([2, 0, 1])
row("searchsorted", [*SEARCHES, call(np.array([1.0, 2.0, 0.0]), f(3), sorter=ORDER)], kinds="fi", gradient=False)
BUCKETS = [call(f(2, 3), SORTED), call(SORTED, SORTED, right=True), call(0.5, SORTED)]
row("bucketize", BUCKETS, kinds="fi", gradient=False)
WANTED = np.array([1.0, 3.0])
AMONG = [call(np.arange(5.0), WANTED), call(np.arange(4.0), WANTED, invert=True), call(WANTED, 3.0), call(1.0, WANTED)]
row("isin", AMONG, lambda a, b, invert=False: np.isin(a, b, invert=invert), kinds="fi", gradient=False)
row("argwhere", [call(ints(2, 3, high=2)), call(f()), call(f(0)), call(mask(2, 2))], np.argwhere)
row("nonzero_static", [call(ints(2, 3, high=2), size=3), call(f(2), size=4, fill_value=-7), call(np.zeros(2), size=0)])
FLAT = [call(ints(4, high=6), (2, 3)), call(np.array(5), (2, 3)), call(ints(3, high=4), 4)]
row("unravel_index", FLAT, np.unravel_index)
FEW = ints(2, 5, high=3)
UNIQUES = [call(FEW), call(FEW, return_inverse=True), call(FEW, return_counts=True), call(FEW[0], True, True, True)]
UNIQUES += [call(np.array([[1.0, 2.0], [0.5, 1.0], [1.0, 2.0]]), dim=0, return_inverse=True, return_counts=True)]
row("unique", [*UNIQUES, call(FEW, dim=1, return_counts=True), call(f(0)), call(f())], gradient=False)
RUNS = np.array([[1, 1, 2], [2, 1, 1], [2, 1, 1]])
row("unique_consecutive", [call(RUNS), call(RUNS, True, True), call(RUNS, dim=0, return_counts=True), call(f(0))],
    gradient=False)  # fmt: skip
