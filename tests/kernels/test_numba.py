"""Each compiled twin against the NumPy kernel that it stands in for: any size, float32 and float64, nan, inf and -0."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tapeless as tl
from tapeless._kernels import accelerated, flat_images, gelu, pooling, special
from tapeless._ops import _lstm, activation, layer_norm, loss, matmul, normalization, pointwise
from tapeless.optim import _adam, _rmsprop, _sgd

pytest.importorskip("numba")

KERNELS = {
    "adam": _adam.adam,
    "sgd": _sgd.sgd,
    "rmsprop": _rmsprop.rmsprop,
    "relu_grad": activation._relu_grad,
    "tanh_grad": pointwise._tanh_grad,
    "add_bias": matmul._add_bias,
    "squared_error": loss._squared_error,
    "scaled_error": loss._scaled_error,
    "softmax_loss": loss._softmax_loss,
    "softmax_grad": loss._softmax_grad,
    "gelu": gelu.gelu.__wrapped__,
    "expit": special.expit.__wrapped__,
    "erf": special.erf.__wrapped__,
    "layer_norm": layer_norm._layer_norm,
    "layer_norm_grad": layer_norm._layer_norm_grad,
    "batch_norm": normalization._batch_norm,
    "batch_norm_grad": normalization._batch_norm_grad,
    "lstm_gates": _lstm._step,
    "lstm_gates_back": _lstm._step_back,
    "window_argmax": pooling.window_argmax.__wrapped__,
    "flat_conv": flat_images.flat_conv,
    "flat_conv_grads": flat_images.flat_conv_grads,
    "flat_conv_input_grad": flat_images.flat_conv_input_grad,
    "flat_conv_weight_grad": flat_images.flat_conv_weight_grad,
}
FLOAT32_ONLY = ("gelu", "expit", "erf", "lstm_gates", "lstm_gates_back", "softmax_loss", "softmax_grad")
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40]
SIZES = st.integers(1, 300)
DTYPES = st.sampled_from([np.float32, np.float64])


def both(name: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    """What NumPy and the twin return for copies of the same arguments, with the copies, which they may have changed."""
    kernel, results = KERNELS[name], []
    twin = accelerated.ENGINE.load(kernel.twin)
    assert twin is not None
    for function in (inspect.unwrap(kernel), twin):
        mine = [a.copy("K") if isinstance(a, np.ndarray) else a for a in args]
        with np.errstate(all="ignore"):
            result = function(*mine, **options)
        results.append((result, mine))
    assert results[1][0] is not NotImplemented
    return results[0], results[1]


def agree(name: str, *args: Any, rtol: float = 0, atol: float = 0, skip: tuple[int, ...] = (), **options: Any) -> None:
    """Check that both ways return the same and leave the same in their arguments, those in `skip` aside."""
    (expected, left), (result, mine) = both(name, *args, **options)
    pairs = [(e, m) for i, (e, m) in enumerate(zip(left, mine)) if isinstance(e, np.ndarray) and i not in skip]
    if expected is not None:
        pairs += list(zip(expected, result)) if isinstance(expected, tuple) else [(expected, result)]
    for e, m in pairs:
        if e is None:
            assert m is None
            continue
        assert m.shape == e.shape and m.dtype == e.dtype
        eps = np.finfo(e.dtype).eps if e.dtype.kind == "f" else 0
        np.testing.assert_allclose(m, e, rtol=max(rtol, 8 * eps), atol=atol * eps)


def draw(seed: int, shape: Any, dtype: Any, special: bool = False) -> Any:
    random = np.random.default_rng(seed)
    array = random.standard_normal(shape).astype(dtype)
    if special:
        flat = array.reshape(-1)
        flat[random.integers(0, flat.size, 6)] = np.array(SPECIAL, dtype)
    return array


def box(dtype: Any, value: float | None) -> Any:
    return None if value is None else np.array(value, dtype)


# A loop is compiled for each choice of options, which takes half a second: not all choices, but each of them.
@pytest.mark.parametrize(
    ("amsgrad", "decay", "shrink", "share"),
    [(False, None, None, None), (True, 0.1, None, None), (False, None, 0.9, 0.1), (True, 0.1, 0.9, 0.1)],
)
@given(SIZES, DTYPES, st.booleans(), st.booleans())
@settings(max_examples=15)
def test_adam(amsgrad, decay, shrink, share, n, dtype, special, maximize) -> None:  # type: ignore[no-untyped-def]
    p, g, m = (draw(i, n, dtype, special) for i in range(3))
    v, largest = abs(draw(3, n, dtype)), abs(draw(4, n, dtype)) if amsgrad else None
    options = {"beta1": 0.9, "beta2": 0.99, "share1": share, "share2": share, "eps": 1e-8, "rate": -0.01}
    options |= {"decay": decay, "shrink": shrink}
    boxed = {name: box(dtype, value) for name, value in options.items()}
    agree("adam", p, g, m, v, largest, np.empty(n, dtype), skip=(5,), atol=8, maximize=maximize, **boxed)


@pytest.mark.parametrize(("buffered", "decay", "share"), [(False, None, None), (True, 0.1, None), (True, None, 0.5)])
@given(SIZES, DTYPES, st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=15)
def test_sgd(buffered, decay, share, n, dtype, special, nesterov, maximize) -> None:  # type: ignore[no-untyped-def]
    p, g, buffer = (draw(i, n, dtype, special) for i in range(3))
    options = {"rate": box(dtype, -0.1), "decay": box(dtype, decay), "momentum": box(dtype, 0.9)}
    options |= {"share": box(dtype, share), "nesterov": nesterov, "maximize": maximize}
    agree("sgd", p, g, buffer if buffered else None, np.empty(n, dtype), skip=(3,), atol=8, **options)


@pytest.mark.parametrize(
    ("buffered", "centered", "decay"), [(False, False, None), (True, False, 0.1), (True, True, None)]
)
@given(SIZES, DTYPES, st.booleans())
@settings(max_examples=15)
def test_rmsprop(buffered, centered, decay, n, dtype, maximize) -> None:  # type: ignore[no-untyped-def]
    p, g, buffer = (draw(i, n, dtype) for i in range(3))
    v, mean = 5 + abs(draw(3, n, dtype)), draw(4, n, dtype) / 8 if centered else None
    options = {"alpha": 0.9, "share": 0.1, "eps": 1e-8, "momentum": 0.9, "rate": -0.1, "decay": decay}
    boxed = {name: box(dtype, value) for name, value in options.items()}
    arrays = p, g, v, buffer if buffered else None, mean, np.empty(n, dtype)
    agree("rmsprop", *arrays, skip=(5,), atol=16, maximize=maximize, **boxed)


@given(SIZES, DTYPES)
@settings(max_examples=20)
def test_relu_grad(n, dtype) -> None:  # type: ignore[no-untyped-def]
    g, result = draw(0, n, dtype, True), draw(1, n, dtype, True)
    agree("relu_grad", g, result)
    (expected, _), (got, _) = both("relu_grad", g, result)
    assert (np.signbit(expected) == np.signbit(got))[~np.isnan(expected)].all()


@given(SIZES, DTYPES)
@settings(max_examples=20)
def test_tanh_grad(n, dtype) -> None:  # type: ignore[no-untyped-def]
    agree("tanh_grad", draw(0, n, dtype, True), np.tanh(draw(1, n, dtype, True)), atol=4)


@given(st.integers(1, 9), st.integers(2, 13), st.integers(2, 13), DTYPES)
@settings(max_examples=20)
def test_max_pooling_to_the_bit(planes, height, width, dtype) -> None:  # type: ignore[no-untyped-def]
    x = draw(0, (planes, 3, height, width), dtype, True).round(0)  # with equal ones
    sizes = (height // 2, width // 2)
    (expected, _), (result, _) = both("window_argmax", x, (2, 2), (2, 2), (0, 0), (1, 1), sizes)
    for e, r in zip(expected, result):
        np.testing.assert_array_equal(e, r)
        assert e.dtype == r.dtype


@pytest.mark.parametrize(
    ("window", "padding", "dilation", "size"), [(3, 0, 1, 4), (2, 1, 1, 5), (2, 0, 2, 4), (2, 0, 1, 5)]
)
def test_other_windows_stay_with_numpy(window: int, padding: int, dilation: int, size: int) -> None:
    twin = accelerated.ENGINE.load("pooling.window_argmax")
    assert twin is not None
    x, options = draw(0, (2, 9, 9), np.float32), (window, 2, padding, dilation, size)  # the last case reaches beyond
    assert twin(x, *[(n, n) for n in options]) is NotImplemented


@given(st.integers(1, 20), SIZES, DTYPES)
@settings(max_examples=20)
def test_add_bias_to_the_bit(rows, size, dtype) -> None:  # type: ignore[no-untyped-def]
    (expected, _), (result, _) = both("add_bias", draw(0, (rows, size), dtype, True), draw(1, size, dtype, True))
    np.testing.assert_array_equal(expected, result)


@pytest.mark.parametrize("shape", [(4096, 4), (1366, 12), (1821, 9), (8192, 2), (512, 32), (128, 128), (8, 512, 4)])
def test_a_bias_on_rows_that_are_taken_together(shape: tuple[int, ...]) -> None:
    x, bias = draw(0, shape, np.float32), draw(1, shape[-1], np.float32)
    np.testing.assert_array_equal(matmul._plus_bias(x.copy(), bias), x + bias)


@given(SIZES, DTYPES, st.booleans())
@settings(max_examples=20)
def test_squared_errors(n, dtype, special) -> None:  # type: ignore[no-untyped-def]
    x, target = draw(0, n, dtype, special), draw(1, n, dtype)
    agree("squared_error", x, target, rtol=1e-5)
    agree("scaled_error", x, target, dtype(0.3))


@given(st.integers(1, 40), SIZES, st.booleans())
@settings(max_examples=30)
def test_cross_entropy(rows, classes, special) -> None:  # type: ignore[no-untyped-def]
    x, target = draw(0, (rows, classes), np.float32), np.random.default_rng(1).integers(0, classes, rows)
    x *= np.float32(10)
    if special:  # -inf is a class that is out of the question; inf and nan make nan of their row
        x[:, 0] = -np.inf
        x[-1, -1] = np.nan
    ((expected, e, total), _), ((result, mine, my_total), _) = both("softmax_loss", x, target)
    np.testing.assert_allclose([result, *my_total], [expected, *total], rtol=1e-5, atol=1e-5)
    mine[...] = np.where(np.isnan(total), mine, e)  # of a row with nan, what is not nan differs, and does not matter
    agree("softmax_grad", mine, total, target, np.float32(0.3), atol=8)
    expected = inspect.unwrap(loss._softmax_grad)(e, total, target, np.float32(0.3))
    # The target's entry is a share less the factor: where they nearly cancel, the factor's last place is what is left.
    allowed = 2 * np.spacing(np.float32(0.3))
    compiled = accelerated.ENGINE.load("losses.softmax_grad")(mine, total, target, 0.3)
    np.testing.assert_allclose(compiled, expected, rtol=1e-5, atol=allowed)


@given(SIZES, st.sampled_from(["none", "tanh"]), st.booleans(), st.booleans())
@settings(max_examples=20)
def test_gelu(n, approximate, with_slope, special) -> None:  # type: ignore[no-untyped-def]
    x = draw(0, n, np.float32, special) * np.float32(2)
    agree("gelu", x, approximate, with_slope, atol=8)


@pytest.mark.parametrize("name", ["erf", "expit"])
def test_functions_of_every_size_of_number(name: str) -> None:
    x = np.concatenate([np.linspace(-12, 12, 20001), np.linspace(-120, 120, 3001), SPECIAL, np.logspace(-38, 1, 500)])
    agree(name, x.astype(np.float32), rtol=4e-7, atol=1e-30)


def test_exp_and_tanh_stay_within_three_units_in_the_last_place() -> None:
    from tapeless._kernels._numba import _math

    x = np.linspace(-103, 89, 20001).astype(np.float32)
    for function, exact, points in ((_math.exp, np.exp, x), (_math.tanh, np.tanh, x / 10)):
        found = np.array([function(value) for value in points])
        with np.errstate(over="ignore"):
            expected = exact(points.astype(np.float64))
            unit = np.spacing(abs(expected).astype(np.float32)).astype(np.float64)
        finite = np.isfinite(unit)
        assert (abs(found - expected)[finite] <= 3 * unit[finite]).all()
        assert np.isnan(function(np.float32(np.nan)))
    assert _math.exp(np.float32(np.inf)) == np.inf and _math.exp(np.float32(-np.inf)) == 0
    assert np.signbit(_math.tanh(np.float32(-0.0)))


@given(st.integers(1, 20), SIZES, DTYPES, st.booleans())
@settings(max_examples=20)
def test_layer_norm(rows, size, dtype, with_bias) -> None:  # type: ignore[no-untyped-def]
    x, weight, bias = draw(0, (rows, size + 1), dtype), draw(1, size + 1, dtype), draw(2, size + 1, dtype)
    agree("layer_norm", x, weight, bias if with_bias else None, 1e-1, rtol=1e-5, atol=64)
    _, normal, scale = inspect.unwrap(layer_norm._layer_norm)(x, weight, bias, 1e-1)
    agree("layer_norm_grad", draw(3, x.shape, dtype), normal, scale, weight, rtol=1e-5, atol=256)


@given(st.integers(1, 5), st.integers(1, 7), SIZES, DTYPES, st.booleans())
@settings(max_examples=20)
def test_batch_norm(batch, channels, size, dtype, affine) -> None:  # type: ignore[no-untyped-def]
    x, weight, bias = draw(0, (batch, channels, size), dtype), draw(1, channels, dtype), draw(2, channels, dtype)
    weight, bias = (weight, bias) if affine else (None, None)
    agree("batch_norm", x, weight, bias, 1e-1, rtol=1e-5, atol=64)
    _, centred, _, _, scale = inspect.unwrap(normalization._batch_norm)(x, weight, bias, 1e-1)
    agree("batch_norm_grad", draw(3, x.shape, dtype), centred, scale, weight, rtol=1e-5, atol=512)


@given(st.integers(1, 5), st.integers(1, 40))
@settings(max_examples=20)
def test_lstm_gates(batch, size) -> None:  # type: ignore[no-untyped-def]
    gate = draw(0, (4 * size, batch), np.float32) + draw(1, (4 * size, batch), np.float32)
    before, cell, tanhs, through = (draw(i, (size, batch), np.float32) for i in range(2, 6))
    agree("lstm_gates", gate, before, cell, tanhs, through, atol=8)


def convolved(dtype: Any, batch: int, channels: int, outputs: int, sizes: Any, padding: Any) -> tuple[Any, ...]:
    """An input, a weight that keeps its size, a gradient of the result, and the layout of the images."""
    out = tuple([n + 2 * p - 2 for n, p in zip(sizes, padding)])
    x, g = draw(0, (batch, channels, *sizes), dtype), draw(1, (batch, outputs, *out), dtype)
    return x, draw(2, (outputs, channels, 3, 3), dtype) / 20, g, flat_images.FlatImages(sizes, (3, 3), padding, (1, 1))


PLACES = st.tuples(st.integers(0, 2), st.integers(0, 2))


@given(st.integers(1, 7), st.integers(0, 2), st.tuples(st.integers(3, 40), st.integers(3, 40)), PLACES, DTYPES)
@settings(max_examples=30, deadline=None)
def test_convolution(batch, more, sizes, padding, dtype) -> None:  # type: ignore[no-untyped-def]
    x, w, g, layout = convolved(dtype, batch, 32, 32 + more, sizes, padding)
    out = g.shape[2:]
    agree("flat_conv", x, w, draw(3, (len(w), 1, 1), dtype), layout, 1, out, rtol=1e-5, atol=64)
    agree("flat_conv", x, w, None, layout, 1, out, rtol=1e-5, atol=64)
    agree("flat_conv_input_grad", g, w, layout, 1, rtol=1e-5, atol=64)
    agree("flat_conv_weight_grad", x, g, w.shape, layout, 1, rtol=1e-5, atol=2048)
    back = flat_images.FlatImages(out, (3, 3), [2 - p for p in padding], (1, 1))
    agree("flat_conv_grads", x, g, w.swapaxes(0, 1)[..., ::-1, ::-1], back, 1, rtol=1e-5, atol=2048)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_convolutions_of_what_is_not_finite_are_left_to_numpy(value: float) -> None:
    x, w, g, layout = convolved(np.float32, 2, 32, 32, (5, 6), (1, 1))
    x[1, 2, 3, 4], g[0, 1, 2, 3] = value, value
    calls = {
        "flat_conv": (x, w, None, layout, 1, (5, 6)),
        "flat_conv_input_grad": (g, w, layout, 1),
        "flat_conv_weight_grad": (x, g, w.shape, layout, 1),
        "flat_conv_grads": (x, g, w, layout, 1),
    }
    for name, args in calls.items():
        with np.errstate(all="ignore"):
            assert accelerated.ENGINE.load(KERNELS[name].twin)(*args) is NotImplemented  # type: ignore[misc]


@pytest.mark.parametrize("sizes", [{"window": (5, 5)}, {"groups": 2}, {"dilation": (2, 2)}, {"channels": 31}])
def test_other_convolutions_are_left_to_numpy(sizes: dict[str, Any]) -> None:
    given = {"window": (3, 3), "groups": 1, "dilation": (1, 1), "channels": 32, **sizes}
    layout = flat_images.FlatImages((9, 9), given["window"], (0, 0), given["dilation"])
    x = np.ones((2, given["channels"], 9, 9), np.float32)
    twin = accelerated.ENGINE.load("convolution.flat_conv")
    w = np.ones((32, given["channels"] // given["groups"], *given["window"]), np.float32)
    assert twin(x, w, None, layout, given["groups"], (7, 7)) is NotImplemented  # type: ignore[misc]


@given(st.integers(1, 5), st.integers(1, 40))
@settings(max_examples=20)
def test_lstm_gates_back(batch, size) -> None:  # type: ignore[no-untyped-def]
    gate, total = np.tanh(draw(0, (4 * size, batch), np.float32)), draw(1, (4 * size, batch), np.float32)
    raw, dc, before, tanh = (draw(i, (size, batch), np.float32) for i in range(2, 6))
    memory = [np.empty((k * size, batch), np.float32) for k in (1, 4)]
    agree("lstm_gates_back", gate, raw, dc, before, tanh, total, *memory, skip=(6, 7), rtol=1e-5, atol=16)


# -- The choice ------------------------------------------------------------------------------------------


def called_twins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that gets the name of each twin that is used, from now on, by kernels declared after this call."""
    names: list[str] = []
    load = accelerated.ENGINE.load

    def noting(twin: str) -> Callable[..., Any] | None:
        function = load(twin)
        return lambda *args, **kwargs: (names.append(twin), function(*args, **kwargs))[1]  # type: ignore[misc]

    monkeypatch.setattr(accelerated.ENGINE, "load", noting)
    return names


def test_what_goes_to_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    names = called_twins(monkeypatch)
    expit = accelerated.accelerated("elementwise.expit", size=100)(inspect.unwrap(special.expit))
    large = np.ones(100, np.float32)
    for x in (large[1:], large.astype("float16")[:50], tl.ones(100), large.view(np.matrix)):
        expit(x)
    assert not names
    with tl.backends.numba.flags(enabled=False):
        expit(large)
    assert not names
    expit(large)
    assert names == ["elementwise.expit"]
    for x in (large.astype(np.float64), np.ones(200, np.float32)[::2], np.ones((10, 10), np.float32).T[:, ::-1]):
        assert np.allclose(expit(x), 1 / (1 + np.exp(-1)))  # offered, and declined


def test_a_twin_that_does_not_compile_is_said_once_and_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    def broken(x: Any) -> Any:
        raise numba.core.errors.TypingError("no such type")

    monkeypatch.setattr(accelerated.ENGINE, "errors", (numba.core.errors.NumbaError,))
    monkeypatch.setattr(accelerated.ENGINE, "load", lambda twin: broken)
    double = accelerated.accelerated("nowhere.double", size=1)(lambda x: 2 * x)
    with pytest.warns(RuntimeWarning, match="could not compile nowhere.double: no such type. NumPy computes it"):
        assert double(np.ones(3)).sum() == 6
    assert double(np.ones(3)).sum() == 6


def run(code: str, **environment: str) -> str:
    """What a new process prints."""
    env = {**os.environ, "PYTHONPATH": str(Path(tl.__file__).parents[1]), **environment}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TRAIN = """
import sys, tapeless as tl
def step(width):
    model = tl.nn.Linear(width, 10)
    model(tl.ones(4, width)).sum().backward()
    tl.optim.Adam(model.parameters()).step()
    return model.weight.sum().item(), "numba" in sys.modules
"""


def test_numba_is_loaded_by_the_first_large_array_only() -> None:
    assert run(TRAIN + "print(step(10)[1], step(1000)[1])") == "False True"
    assert run(TRAIN + "print(step(1000)[1])", TAPELESS_NUMBA="0") == "False"


def test_nothing_is_said_where_numba_is_missing() -> None:
    hidden = "import sys; sys.modules['numba'] = None\n" + TRAIN
    result = run(hidden + "tl.manual_seed(0); print(step(1000)[0])")
    assert np.isclose(float(result), float(run(TRAIN + "tl.manual_seed(0); print(step(1000)[0])")), rtol=1e-4)


def test_where_no_cache_can_be_written_it_compiles_anew() -> None:
    code = "from numba.core import caching; caching.CacheImpl._locator_classes = []\n" + TRAIN
    assert run(code + "print(step(1000)[1])") == "True"


def test_compiled_loops_are_kept_on_disk(tmp_path: Path) -> None:
    run(TRAIN + "step(1000)", NUMBA_CACHE_DIR=str(tmp_path))
    kept = {path.name.split("-")[0] for path in tmp_path.rglob("*.nbc")}
    assert "optimizers._adam" in kept


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_computes_on() -> None:
    code = TRAIN + "import os; step(60000); pid = os.fork(); step(60000)\nif pid: print(os.waitpid(pid, 0)[1])"
    assert run(code) == "0"


@pytest.mark.parametrize("name", KERNELS)
def test_arrays_that_loops_are_not_for_are_declined(name: str) -> None:
    twin = accelerated.ENGINE.load(KERNELS[name].twin)
    x = np.ones((4, 4), np.float16)
    parameters = inspect.signature(twin).parameters.values()  # type: ignore[arg-type]
    positional = [x for p in parameters if p.kind is not p.KEYWORD_ONLY]
    options = {p.name: box(np.float16, 1) for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert twin(*positional, **options) is NotImplemented  # type: ignore[misc]
    if name in FLOAT32_ONLY:
        positional = [a.astype(np.float64) if isinstance(a, np.ndarray) else a for a in positional]
        assert twin(*positional, **options) is NotImplemented  # type: ignore[misc]
