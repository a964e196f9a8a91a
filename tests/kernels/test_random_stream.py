"""The random stream against values frozen from PyTorch, and against PyTorch itself where it is installed."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tapeless._kernels import random_stream
from tapeless._kernels.random_stream import RandomStream
from tests.kernels.make_random_stream_golden import FOLLOWING, GOLDEN, KEPT, PROGRAMS, SEEDS, on_torch

# How far a method may be from PyTorch (absolute and relative); the others have to be equal.
TOLERANCE = {
    "float16": 1e-3,
    "float32": 1e-6,
    "float64": 1e-14,
}
APPROXIMATE = {"normal", "log_normal", "exponential", "cauchy"}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


def assert_agree(method: str, ours: np.ndarray, theirs: np.ndarray, scale: float = 1.0) -> None:
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    if method in APPROXIMATE:
        tolerance = TOLERANCE[ours.dtype.name]
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale)
    else:
        np.testing.assert_array_equal(ours, theirs)


# -- against the frozen values --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_equals_frozen_values(name: str, seed: int, golden: dict[str, np.ndarray]) -> None:
    stream, frozen, begin = RandomStream(seed), golden[name][SEEDS.index(seed)], 0
    for method, arguments in (*PROGRAMS[name], FOLLOWING):
        ours = getattr(stream, method)(**arguments).reshape(-1)[-KEPT:]
        assert_agree(method, ours, frozen[begin : begin + ours.nbytes].view(ours.dtype))
        begin += ours.nbytes
    assert begin == frozen.size


def test_first_numbers_of_seed_zero_are_the_well_known_ones() -> None:
    assert RandomStream(0).uniform(3).round(4).tolist() == pytest.approx([0.4963, 0.7682, 0.0885])
    assert RandomStream(0).normal(3).round(4).tolist() == pytest.approx([1.5410, -0.2934, -2.1788])
    assert RandomStream(0).integers(0, 10, 5).tolist() == [4, 9, 3, 0, 3]


# -- shapes and dtypes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), 0, (0,), (3, 0, 2), 5, (2, 3), [4, 1]])
def test_results_are_fresh_arrays_of_the_shape(shape: Any) -> None:
    stream = RandomStream(0)
    wanted = (shape,) if isinstance(shape, int) else tuple(shape)
    for result in (
        stream.uniform(shape),
        stream.uniform(shape, np.float64, -1, 1),
        stream.normal(shape),
        stream.integers(0, 9, shape),
        stream.random(shape, np.uint8),
        stream.bernoulli(shape, 0.5),
        stream.bernoulli_tensor(np.full(wanted, 0.5)),
        stream.exponential(shape),
        stream.log_normal(shape),
        stream.cauchy(shape),
        stream.geometric(shape, 0.5),
    ):
        assert isinstance(result, np.ndarray)
        assert result.shape == wanted
        assert result.flags.c_contiguous and result.flags.writeable


def test_an_empty_draw_moves_nothing() -> None:
    stream = RandomStream(3)
    stream.normal(1)
    before = stream.get_state()
    stream.uniform(0), stream.normal((0, 4)), stream.integers(0, 5, 0), stream.bernoulli(0)
    stream.permutation(0), stream.permutation(1), stream.raw32(0), stream.log_normal(0)
    np.testing.assert_array_equal(stream.get_state(), before)


def test_words_are_the_twisters() -> None:
    twister = np.random.RandomState(123)
    words = twister.randint(0, 2**32, 2000, dtype=np.uint32)
    stream = RandomStream(123)
    drawn = np.concatenate([stream.raw32(n) for n in (0, 1, 2, 3, 618, 1, 1375)])
    assert drawn.dtype == np.uint32
    np.testing.assert_array_equal(drawn, words)


def test_pieces_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [call for name in ("mixed", "exponential", "log_normal", "moments float64") for call in PROGRAMS[name]]
    whole, pieces = RandomStream(5), RandomStream(5)
    expected = [getattr(whole, method)(**arguments) for method, arguments in calls]
    monkeypatch.setattr(random_stream, "_CHUNK", 32)
    for (method, arguments), result in zip(calls, expected):
        np.testing.assert_allclose(getattr(pieces, method)(**arguments), result, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_uniform_never_returns_its_upper_bound(dtype: Any) -> None:
    sample = RandomStream(0).uniform(20_000, dtype, 1.0, 1.0 + 3 * np.finfo(dtype).eps)
    assert sample.min() >= 1.0
    assert sample.max() < 1.0 + 3 * np.finfo(dtype).eps
    assert (RandomStream(0).uniform(5, dtype, 2.0, 2.0) == 2.0).all()


def test_scale_and_shift_rounds_once() -> None:
    from fractions import Fraction

    x = RandomStream(1).uniform(2000, np.float64)
    for scale, shift in ((0.2, -0.1), (1 / 3, 1e-3), (-7.7, 2.0**40), (1e-200, 1e-190)):
        exact = [float(Fraction(v) * Fraction(scale) + Fraction(shift)) for v in x.tolist()]
        np.testing.assert_array_equal(random_stream._scale_and_shift(x, scale, shift), exact)


# -- permutations ---------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 60))
def test_array_permutation_equals_the_loop(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(np.arange(n), n)
    order = list(range(n))
    for i, j in enumerate(targets.tolist()):
        order[i], order[j] = order[j], order[i]
    assert random_stream._apply_swaps(targets, np.arange(n)).tolist() == order


@pytest.mark.parametrize("n", [65_535, 65_536, 65_537, 200_000])
def test_permutation_where_numbers_have_more_than_16_bits(n: int) -> None:
    words = RandomStream(4).raw32(n - 1).tolist()
    order = list(range(n))
    for i, word in enumerate(words):
        j = i + word % (n - i)
        order[i], order[j] = order[j], order[i]
    assert RandomStream(4).permutation(n).tolist() == order


@pytest.mark.parametrize("n", [0, 1, 2, 1499, 1500, 60_000])
def test_permutation_holds_each_number_once(n: int) -> None:
    order = RandomStream(9).permutation(n)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(n))


# -- state ----------------------------------------------------------------------------------------------


def test_state_resumes_with_the_waiting_normal() -> None:
    stream = RandomStream(11)
    stream.normal(3), stream.uniform(700)
    state, copies = (
        stream.get_state(),
        [stream.clone(), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))],
    )
    assert state.shape == (5056,) and state.dtype == np.uint8
    expected = [stream.normal(2), stream.uniform(5), stream.permutation(9)]
    stream.set_state(state)
    for continued in (stream, *copies):
        assert continued.initial_seed() == 11
        for ours, wanted in zip((continued.normal(2), continued.uniform(5), continued.permutation(9)), expected):
            np.testing.assert_array_equal(ours, wanted)


def test_clone_is_independent() -> None:
    stream = RandomStream(1)
    other = stream.clone()
    other.uniform(10)
    np.testing.assert_array_equal(stream.uniform(4), RandomStream(1).uniform(4))


def test_seeding_forgets_the_waiting_normal() -> None:
    stream = RandomStream(4)
    first = stream.normal(1)
    stream.seed(4)
    np.testing.assert_array_equal(stream.normal(1), first)


@pytest.mark.parametrize(
    ("seed", "initial", "alike"),
    [(2**32 + 5, 2**32 + 5, 5), (-1, 2**64 - 1, 2**32 - 1), (-(2**63), 2**63, 0), (np.int64(7), 7, 7)],
)
def test_seeds_beyond_32_bits(seed: int, initial: int, alike: int) -> None:
    assert RandomStream(seed).initial_seed() == initial
    np.testing.assert_array_equal(RandomStream(seed).raw32(5), RandomStream(alike).raw32(5))


# -- errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda s: s.seed(2**64), ValueError, "Overflow when unpacking long long\nExpected a seed from"),
        (lambda s: s.normal(3, std=-1), RuntimeError, r"normal expects std >= 0.0, but found std -1"),
        (lambda s: s.normal(3, np.int64), NotImplementedError, '"normal_kernel_cpu" not implemented for'),
        (
            lambda s: s.uniform(3, low=2, high=1),
            RuntimeError,
            r"uniform_ expects to return a \[from, to\) range, but found from=2 > to=1",
        ),
        (lambda s: s.uniform(3, high=1e39), RuntimeError, "to is out of bounds for float"),
        (lambda s: s.uniform(3, low=float("nan")), RuntimeError, "from is out of bounds for float"),
        (lambda s: s.uniform(3, low=-3e38, high=3e38), RuntimeError, "in to-from to exceed the limit"),
        (
            lambda s: s.integers(3, 3, 2),
            RuntimeError,
            "random_ expects 'from' to be less than 'to', but got from=3 >= to=3",
        ),
        (
            lambda s: s.integers(0, 300, 2, np.uint8),
            RuntimeError,
            "to - 1 is out of bounds for unsigned char",
        ),
        (lambda s: s.integers(-1, 3, 2, np.uint8), RuntimeError, "from is out of bounds for unsigned char"),
        (lambda s: s.integers(0, 3, 2, np.bool_), RuntimeError, "to - 1 is out of bounds for bool"),
        (
            lambda s: s.integers(0, 10**5, 2, np.float16),
            RuntimeError,
            "to - 1 is out of bounds for c10::Half",
        ),
        (lambda s: s.random(2, np.uint16), NotImplementedError, '"random_kernel_cpu" not implemented for'),
        (
            lambda s: s.bernoulli(3, 1.5),
            RuntimeError,
            r"bernoulli_ expects p to be in \[0, 1\], but got p=1.5",
        ),
        (lambda s: s.bernoulli_tensor(np.array([np.nan])), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
        (lambda s: s.exponential(3, rate=-1), RuntimeError, "expects lambda > 0.0, but found lambda=-1"),
        (lambda s: s.exponential(3, np.int32), RuntimeError, "Exponential distribution is a continuous"),
        (lambda s: s.log_normal(3, std=0), RuntimeError, "log_normal_ expects std > 0.0, but found std=0"),
        (lambda s: s.cauchy(3, sigma=0), RuntimeError, "cauchy_ expects sigma > 0.0, but found sigma=0"),
        (lambda s: s.geometric(3, 1), RuntimeError, r"geometric_ expects p to be in \(0, 1\), but got p=1"),
        (lambda s: s.permutation(-1), RuntimeError, "Trying to create tensor with negative dimension -1"),
        (lambda s: s.set_state([1]), TypeError, "RNG state must be a torch.ByteTensor"),
        (lambda s: s.set_state(np.zeros(9, np.uint8)), RuntimeError, "input RNG state size to be 9"),
        (lambda s: s.set_state(np.zeros(5056, np.uint8)), RuntimeError, "Invalid mt19937 state"),
    ],
)
def test_errors_say_what_was_expected_and_leave_the_stream(call: Any, kind: type, message: str) -> None:
    stream = RandomStream(0)
    before = stream.get_state()
    with pytest.raises(kind, match=message):
        call(stream)
    np.testing.assert_array_equal(stream.get_state(), before)


# -- against PyTorch itself -----------------------------------------------------------------------------


sizes = st.one_of(st.integers(0, 40), st.sampled_from([623, 624, 625, 1248, 2000, 16384, 16385, 40_000]))
floats = st.sampled_from(["float16", "float32", "float64"])
bounds = st.floats(-1e4, 1e4, width=32)
seeds = st.integers(-(2**63), 2**64 - 1)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """One call of a method with arguments that it accepts."""
    method = draw(
        st.sampled_from(
            ["uniform", "normal", "integers", "random", "permutation", "bernoulli", "bernoulli_tensor"]
            + ["log_normal", "exponential", "cauchy", "geometric"]
        )
    )
    shape = draw(sizes)
    if method == "permutation":
        return method, {"n": shape}
    if method == "bernoulli_tensor":
        return method, {"p": np.linspace(0, 1, shape).astype(draw(floats))}
    arguments: dict[str, Any] = {"shape": shape}
    if method == "integers":
        low, high = sorted(draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2, unique=True)))
        bits = draw(st.integers(0, 62))
        low, high = low >> bits, high >> bits
        arguments |= {"low": low, "high": max(high, low + 1)}
        if bits > 10:
            arguments["dtype"] = draw(st.sampled_from(["int64", "float32", "float64"]))
    elif method == "random":
        kinds = "int64 int32 int16 int8 uint8 bool float16 float32 float64"
        arguments["dtype"] = draw(st.sampled_from(kinds.split()))
    elif method == "bernoulli":
        arguments["p"] = draw(st.floats(0, 1))
    else:
        arguments["dtype"] = draw(floats)
        positive = st.floats(0.1, 4.0)
        if method == "uniform":
            low, high = sorted((draw(bounds), draw(bounds)))
            arguments |= draw(st.sampled_from([{}, {"low": low, "high": high}]))
        elif method == "normal":
            arguments |= {"mean": draw(st.floats(-3, 3)), "std": draw(positive)}
            arguments["contiguous"] = draw(st.booleans())
        else:
            names = {"log_normal": "std", "exponential": "rate", "cauchy": "sigma", "geometric": "p"}
            value = draw(st.floats(0.01, 0.99) if method == "geometric" else positive)
            arguments[names[method]] = value
    return method, arguments


def skip_where_mkl_draws(torch: Any) -> None:
    """Skip where PyTorch is built to take the streams of `bernoulli` and `exponential` from MKL."""
    generator = torch.Generator()
    torch.empty(100).bernoulli_(0.5, generator=generator)
    if int(generator.get_state().numpy()[16:24].view("<u8")[0]) != 200:
        pytest.skip("PyTorch draws bernoulli and exponential samples from MKL on this CPU")


@given(seed=seeds, program=st.lists(calls(), max_size=8))
@pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")
def test_random_programs_draw_what_torch_draws(seed: int, program: list[tuple[str, dict[str, Any]]]) -> None:
    torch = pytest.importorskip("torch")
    skip_where_mkl_draws(torch)
    stream, generator = RandomStream(seed), torch.Generator()
    generator.manual_seed(seed)
    for method, arguments in program:
        ours = getattr(stream, method)(**arguments)
        scale = abs(arguments.get("mean", 0.0)) + max(arguments.get("std", 1.0), arguments.get("sigma", 1.0))
        assert_agree(method, ours, on_torch(generator, method, arguments), scale)
        assert_same_state(stream, generator)
    assert stream.initial_seed() == generator.initial_seed()


def assert_same_state(stream: RandomStream, generator: Any) -> None:
    """All bytes equal, but for the last bits of the normal sample that waits."""
    ours, theirs = stream.get_state(), generator.get_state().numpy()
    waits = slice(5024, 5032)
    np.testing.assert_allclose(ours[waits].view("<f8"), theirs[waits].view("<f8"), rtol=1e-14)
    ours[waits] = theirs[waits]
    np.testing.assert_array_equal(ours, theirs)


@given(seed=seeds, words=st.integers(0, 2000), normals=st.integers(0, 3))
def test_states_are_exchanged_with_torch(seed: int, words: int, normals: int) -> None:
    torch = pytest.importorskip("torch")
    stream, generator = RandomStream(seed), torch.Generator()
    stream.uniform(words), stream.normal(normals)
    generator.set_state(torch.from_numpy(stream.get_state()))
    np.testing.assert_array_equal(
        stream.uniform(700, np.float64), torch.rand(700, dtype=torch.float64, generator=generator)
    )
    other = RandomStream()
    other.set_state(generator.get_state().numpy())
    np.testing.assert_array_equal(other.get_state(), generator.get_state().numpy())
    np.testing.assert_array_equal(other.normal(3), torch.randn(3, generator=generator).numpy())


@pytest.mark.parametrize("n", [60_000, 300_001])
def test_long_draws_equal_torchs(n: int) -> None:
    torch = pytest.importorskip("torch")
    stream, generator = RandomStream(n), torch.Generator()
    generator.manual_seed(n)
    for method, arguments in (
        ("permutation", {"n": n}),
        ("uniform", {"shape": n, "low": -0.0361, "high": 0.0361}),
        ("normal", {"shape": n}),
        ("normal", {"shape": n, "dtype": "float64"}),
        ("integers", {"shape": n, "low": 0, "high": 10}),
    ):
        assert_agree(method, getattr(stream, method)(**arguments), on_torch(generator, method, arguments))
