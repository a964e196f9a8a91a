"""The checker is checked: right rules pass; rules wrong by 0.1 % in one place or everywhere do not."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless.autograd import Function, gradcheck, gradgradcheck
from tapeless.autograd._gradcheck import GradcheckError

MODES = pytest.mark.parametrize("fast", [False, True], ids=["jacobian", "direction"])


def double(*shape):
    generator = np.random.default_rng(0)
    return tl.from_numpy(np.asarray(generator.uniform(0.5, 2, shape))).requires_grad_()


class Scaled(Function):
    """Twice the input, with a gradient that is off by `factor` at `second` order or first."""

    @staticmethod
    def forward(ctx, x, factor, second):
        ctx.save_for_backward(x)
        ctx.factor, ctx.second = factor, second
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return (Slope.apply(g, x, ctx.factor) if ctx.second else g * x * (2 * ctx.factor)), None, None


class Slope(Function):
    """``2 * g * x``, whose own gradient is off by `factor`."""

    @staticmethod
    def forward(ctx, g, x, factor):
        ctx.save_for_backward(g, x)
        ctx.factor = factor
        return g * x * 2

    @staticmethod
    def backward(ctx, h):
        g, x = ctx.saved_tensors
        return h * x * 2, h * g * (2 * ctx.factor), None


def scaled(factor, second=False):
    return lambda x: Scaled.apply(x, factor, second)


@MODES
def test_right_rules_pass(fast):
    x, y = double(3, 2), double(2)
    assert gradcheck(lambda a, b: (a * b, a.sum() + b.exp()), (x, y), fast_mode=fast, rtol=1e-6)
    assert gradgradcheck(lambda a, b: (a * b).exp(), (x, y), fast_mode=fast, rtol=1e-5)
    assert gradcheck(scaled(1.0), x, fast_mode=fast)
    assert gradgradcheck(scaled(1.0, True), x, fast_mode=fast)


@MODES
@pytest.mark.parametrize("factor", [1.001, 0.999])
def test_rules_wrong_by_a_thousandth_fail(fast, factor):
    x = double(2, 3)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradcheck(scaled(factor), x, rtol=5e-4, fast_mode=fast)
    assert gradcheck(scaled(factor, second=True), x, rtol=5e-4, fast_mode=fast)
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(scaled(factor, second=True), x, rtol=5e-4, fast_mode=fast)


class OneWrong(Function):
    """Sine, with a gradient that is wrong by 0.1 % in a single element."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        slope = x.cos()
        slope[1, 2] *= 1.001
        return g * slope


def test_the_error_says_where_and_how_much():
    x = double(2, 3)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda a, b: (b * 2, OneWrong.apply(a)), (x, double(1)), rtol=1e-4)
    text = str(caught.value)
    assert "for output 1 with respect to input 0" in text
    assert "numerical:" in text and "analytical:" in text
    assert "1 of 36 derivatives" in text
    assert "element [1, 2] of the output and element [1, 2] of the input" in text


@MODES
def test_false_instead_of_an_exception(fast):
    assert gradcheck(scaled(1.01), double(2), raise_exception=False, fast_mode=fast) is False
    assert gradgradcheck(scaled(1.01, True), double(2), raise_exception=False, fast_mode=fast) is False
    # Errors of the function itself are no verdict on its gradient.
    with pytest.raises(ValueError, match="not mine"):
        gradcheck(_raise, double(2), raise_exception=False)


def _raise(x):
    raise ValueError("not mine")


def test_no_input_requires_grad():
    with pytest.raises(ValueError, match="gradcheck expects at least one input tensor to require gradient"):
        gradcheck(tl.exp, tl.ones(2, dtype=tl.float64))


def test_float32_is_warned_of():
    with pytest.warns(UserWarning, match=r"Input #1 requires gradient and is not a double precision"):
        gradcheck(lambda a, b: a * b, (double(1), tl.ones(1, requires_grad=True)), atol=0.1)


def test_inputs_that_cannot_be_moved():
    with pytest.raises(GradcheckError, match="The 0th input has a dimension with stride 0"):
        gradcheck(tl.exp, double(1).expand(3))
    array = np.ones(2)
    array.flags.writeable = False
    with pytest.raises(GradcheckError, match="The 0th input is read-only"):
        gradcheck(tl.exp, tl.from_numpy(array).requires_grad_())


@MODES
def test_a_cut_graph_is_noticed(fast):
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, double(2), fast_mode=fast)
    assert gradcheck(lambda x: x > 0.1, double(2), fast_mode=fast)
    assert gradcheck(lambda x: x.detach() * 0 + 1, double(2), fast_mode=fast)


class Careless(Function):
    """A gradient that is there even when none arrives."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g + 1e-9


class Moody(Function):
    """A gradient that is another one each time."""

    calls = 0

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        Moody.calls += 1
        return g * (1 + 1e-7 * Moody.calls)


@MODES
def test_zero_gradients_and_repeated_passes(fast):
    with pytest.raises(GradcheckError, match="Expected all input grads to be undefined or zero"):
        gradcheck(Careless.apply, double(2), fast_mode=fast)
    assert gradcheck(Careless.apply, double(2), fast_mode=fast, check_undefined_grad=False)
    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(Moody.apply, double(2), fast_mode=fast)
    assert gradcheck(Moody.apply, double(2), fast_mode=fast, nondet_tol=1e-5)


@MODES
def test_inputs_are_left_as_they_were(fast):
    x = double(3, 2)
    before = x.detach().clone()
    y = x.t()  # a view, not contiguous, no leaf
    assert gradcheck(lambda a: a.exp() * a, y, fast_mode=fast)
    assert tl.equal(x.detach(), before) and x.grad is None
    assert x._version == 0


@MODES
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,)])
def test_small_shapes(fast, shape):
    x = double(*shape)
    assert gradcheck(lambda a: a * a, x, fast_mode=fast)
    assert gradgradcheck(lambda a: a * a * a, x, fast_mode=fast)


def test_given_and_non_contiguous_gradients():
    x = double(2, 3)
    g = tl.ones(2, 3, dtype=tl.float64, requires_grad=True)
    assert gradgradcheck(tl.exp, x, g)
    assert gradgradcheck(lambda a: a.reshape(-1)[::2] * a.sum(), x, gen_non_contig_grad_outputs=True)


def test_inputs_may_be_no_tensors():
    assert gradcheck(lambda a, n, flags: a**n if flags["on"] else a, (double(2), 3, {"on": True}))


def test_a_wrong_dtype_of_gradients_is_repaired_by_the_engine():
    assert gradcheck(lambda x: x.float().double() * 0 + x, double(2), check_grad_dtypes=True)


@pytest.mark.parametrize("option", ["check_forward_ad", "check_batched_grad", "check_batched_forward_grad"])
def test_what_is_not_there_yet_says_so(option):
    with pytest.raises(NotImplementedError, match="reverse mode only"):
        gradcheck(tl.exp, double(1), **{option: True})
    with pytest.raises(NotImplementedError, match="reverse over reverse only"):
        gradgradcheck(tl.exp, double(1), check_fwd_over_rev=True)
