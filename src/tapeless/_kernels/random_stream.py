"""The random stream of PyTorch's CPU generator: same seed, same numbers, in NumPy.

Both libraries hold the same Mersenne Twister (MT19937; Matsumoto and Nishimura, 1998) and seed it alike, so
NumPy delivers the 32-bit words at C speed. What is PyTorch's own is how many words a draw takes and what it
makes of them; each method below states that. Found by comparing with PyTorch 2.13 on an x86 CPU with AVX2.

- float32 uses one word, of which it keeps the low 24 bits; float64 two, the first one being the high half.
- Below 16 values (and for `log_normal`) normal samples come in pairs; the second one waits in the stream for
  the next such call, whatever is drawn in between.
- `a * b + c` is rounded once (a fused multiply-add), which `_scale_and_shift` repeats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import DTypeLike, NDArray

Shape = int | Sequence[int]

# Words are turned into samples in pieces that stay in the cache. A multiple of 16, the block of `normal`.
_CHUNK = 16384
_MASK_24, _MASK_53 = np.int32(2**24 - 1), np.uint64(2**53 - 1)
_MASK_53_INT = 2**53 - 1
_UNIT_24, _UNIT_53 = np.float32(2.0**-24), 2.0**-53
_TWO_PI = 2.0 * math.pi
# Overflow happens in silence, as in PyTorch.
_QUIET = np.errstate(all="ignore")
# From here on a random choice between 2**28 or more integers takes two words.
_WIDE_RANGE = 2**28
# Below this length a plain loop makes a permutation faster than array arithmetic does.
_SHORT_PERMUTATION = 500

# `random`: how many values each dtype chooses from. For floats: all integers up to the mantissa's end.
_FULL_RANGE = {
    "?": 2, "B": 2**8, "b": 2**7, "h": 2**15, "i": 2**31, "q": 2**63,
    "e": 2**11 + 1, "f": 2**24 + 1, "d": 2**53 + 1,
}  # fmt: skip
_DIGITS = {"e": 11, "f": 24, "d": 53}
# How PyTorch's messages call the dtypes.
_NAMES = {
    "float16": "c10::Half", "float32": "float", "float64": "double", "bool": "bool", "uint8": "unsigned char",
    "int8": "signed char", "int16": "short int", "int32": "int", "int64": "long int",
    "uint16": "short unsigned int", "uint32": "unsigned int", "uint64": "long unsigned int",
}  # fmt: skip
_LIMIT_NAMES = {"e": "Half", "f": "Float", "d": "Double"}
_LARGEST = {char: float(np.finfo(char).max) for char in _DIGITS}

# The bytes of `torch.get_rng_state()`; the gaps are unused by the CPU and zero.
_STATE_SIZE = 5056
_STATE_LAYOUT = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "key", "cached_normal", "has_cached_normal"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", 624), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040],
        "itemsize": _STATE_SIZE,
    }
)


class RandomStream:
    """A stream of random numbers that equals that of ``torch.Generator()`` on the CPU.

    Methods return fresh arrays in C order and move the stream on exactly as far as PyTorch's do. Not safe to
    share between threads that draw at the same time: give each its own (`clone`).

    >>> from tapeless._kernels.random_stream import RandomStream
    >>> RandomStream(0).uniform(3).round(4).tolist()  # torch.manual_seed(0); torch.rand(3)
    [0.49630001187324524, 0.7681999802589417, 0.0885000005364418]
    """

    __slots__ = ("_bits", "_cached_normal", "_raw", "_seed")

    def __init__(self, seed: int = 0) -> None:
        """Start the stream at `seed`, as `RandomStream.seed` does."""
        self._open()
        self.seed(seed)

    def _open(self) -> None:
        self._bits = np.random.MT19937(0)
        self._raw = self._bits.random_raw

    # -- where the stream stands ------------------------------------------------------------------------

    def seed(self, seed: int) -> None:
        """Start again at `seed`, an integer in ``[-2**63, 2**64)``; the twister uses its low 32 bits.

        Negative seeds count down from 2**64, as in torch.manual_seed. Raises ValueError outside the range.
        """
        if not -(2**63) <= seed < 2**64:
            raise ValueError(
                "Overflow when unpacking long long\n"
                f"Expected a seed from -2**63 to 2**64 - 1, got {seed}. Take it modulo 2**64."
            )
        self._seed = int(seed) % 2**64
        self._cached_normal: float | None = None
        # RandomState is only the public door to the twister's classic seeding; it draws nothing here.
        np.random.RandomState(self._bits).seed(self._seed & 0xFFFFFFFF)

    def initial_seed(self) -> int:
        """Return the last seed, as a number in ``[0, 2**64)``."""
        return self._seed

    def get_state(self) -> NDArray[np.uint8]:
        """Return the state as 5056 bytes, the same ones as ``torch.get_rng_state()`` returns."""
        twister = self._bits.state["state"]
        key, position = twister["key"], int(twister["pos"])
        state = np.zeros((), _STATE_LAYOUT)
        state["seed"], state["seeded"], state["key"] = self._seed, 1, key
        # A block of 624 words that is used up and one just seeded both need new words next; PyTorch tells
        # them apart by `next`, and the seed itself is the first word of the seeded one.
        untouched = position == 624 and int(key[0]) == self._seed & 0xFFFFFFFF
        state["next"], state["left"] = (0, 1) if untouched else (position, 625 - position)
        if self._cached_normal is not None:
            state["cached_normal"], state["has_cached_normal"] = self._cached_normal, 1
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, state: NDArray[np.uint8]) -> None:
        """Continue from `state`, made by `get_state` or by ``torch.get_rng_state().numpy()``.

        Raises TypeError when it is not a uint8 array, RuntimeError when it is not such a state.
        """
        dtype = getattr(state, "dtype", type(state).__name__)
        if dtype != np.uint8:
            raise TypeError(
                f"RNG state must be a torch.ByteTensor\nExpected uint8 bytes from get_state(), got {dtype}."
            )
        if state.size != _STATE_SIZE:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {_STATE_SIZE} but found the input RNG state size "
                f"to be {state.size}\nPass the whole array that get_state() returned."
            )
        fields = np.frombuffer(np.ascontiguousarray(state).tobytes(), _STATE_LAYOUT)[0]
        left, position = int(fields["left"]), int(fields["next"])
        if fields["seeded"] != 1 or not 0 < left <= 624 or position > 624:
            raise RuntimeError(
                "Invalid mt19937 state\nExpected the bytes that get_state() returned, got others "
                f"(left={left}, next={position}). Save the state again."
            )
        twister = {"key": fields["key"].astype(np.uint32), "pos": 624 if left == 1 else position}
        self._bits.state = {"bit_generator": "MT19937", "state": twister}  # type: ignore[typeddict-item]
        self._seed = int(fields["seed"])
        self._cached_normal = float(fields["cached_normal"]) if fields["has_cached_normal"] else None

    def clone(self) -> RandomStream:
        """Return an independent stream that continues as this one would."""
        copy = object.__new__(RandomStream)
        copy.__setstate__(self.get_state())
        return copy

    __getstate__ = get_state

    def __setstate__(self, state: NDArray[np.uint8]) -> None:
        self._open()
        self.set_state(state)

    # -- words ------------------------------------------------------------------------------------------

    def raw32(self, n: int) -> NDArray[np.uint32]:
        """Return the next `n` words of the twister, uint32."""
        return self._raw(n).astype(np.uint32)

    def _words64(self, n: int) -> NDArray[np.uint64]:
        """Return `n` numbers of 64 bits, two words each, the high half first."""
        words = self._raw(2 * n)
        high = words[0::2] << np.uint64(32)
        high |= words[1::2]
        return high

    def _unit32(self, out: NDArray[np.floating]) -> None:
        """Fill a flat float array with multiples of 2**-24 in [0, 1): one word each."""
        words = self._raw(out.size).astype(np.int32)
        words &= _MASK_24
        np.multiply(words, _UNIT_24, out=out, dtype=out.dtype)

    def _unit64(self, n: int) -> NDArray[np.float64]:
        """Return `n` multiples of 2**-53 in [0, 1): two words each."""
        words = self._words64(n)
        words &= _MASK_53
        return np.multiply(words, _UNIT_53)

    # -- real numbers -----------------------------------------------------------------------------------

    def uniform(
        self, shape: Shape, dtype: DTypeLike = np.float32, low: float = 0.0, high: float = 1.0
    ) -> NDArray[np.floating]:
        """Return samples from ``[low, high)``: torch.rand, Tensor.uniform_.

        Raises RuntimeError unless `low` <= `high` and their distance is representable.

        >>> RandomStream(0).uniform(2, np.float64, -1, 1).round(4).tolist()
        [0.9401, 0.4156]
        """
        dtype = _floating(dtype, "check_uniform_bounds")
        out = np.empty(shape, dtype)
        if low != 0.0 or high != 1.0 or dtype.char == "e":
            self._fill_between(out, float(low), float(high))
        elif dtype.char == "f":
            for part in _chunks(out):
                self._unit32(part)
        else:
            for part in _chunks(out):
                part[...] = self._unit64(part.size)
        return out

    @_QUIET
    def _fill_between(self, out: NDArray[np.floating], low: float, high: float) -> None:
        largest = _LARGEST[out.dtype.char]
        if not (-largest <= low <= high <= largest and high - low <= largest):
            raise RuntimeError(_bounds_error(low, high, out.dtype))
        double = out.dtype.char == "d"
        # float16 too is computed in float32, and rounded at the end.
        bottom, top = (low, high) if double else (float(np.float32(low)), float(np.float32(high)))
        width = top - bottom if double else float(np.float32(top - bottom))
        # Rounding can reach the upper bound, which the interval excludes; in most intervals it cannot.
        highest = math.nextafter(width * (1.0 - (2.0**-53 if double else 2.0**-24)) + bottom, math.inf)
        reachable = out.dtype.type(highest) >= out.dtype.type(high)
        for part in _chunks(out):
            if double:
                part[...] = _scale_and_shift(self._unit64(part.size), width, bottom)
            else:
                # A float64 holds the product of two float32 exactly, so this is rounded once, by the cast.
                wide = np.empty(part.size)
                self._unit32(wide)
                wide *= width
                wide += bottom
                part[...] = wide if out.dtype.char == "f" else wide.astype(np.float32)
            if reachable:
                part[part == out.dtype.type(high)] = low

    def normal(
        self,
        shape: Shape,
        dtype: DTypeLike = np.float32,
        mean: float = 0.0,
        std: float = 1.0,
        contiguous: bool = True,
    ) -> NDArray[np.floating]:
        """Return normal samples: torch.randn, Tensor.normal_.

        `contiguous=False` gives the samples that PyTorch writes into a tensor that is not contiguous: pairs
        at any size. float32 agrees with PyTorch to about 1e-6, since that approximates log, sin and cos in
        its own way; below 16 values and in float64 to the last bits. Raises RuntimeError if std < 0.

        >>> RandomStream(0).normal(2).round(4).tolist()  # torch.manual_seed(0); torch.randn(2)
        [1.5410000085830688, -0.29339998960494995]
        """
        dtype = _floating(dtype, "normal_kernel_cpu")
        if not std >= 0.0:
            raise RuntimeError(
                f"normal expects std >= 0.0, but found std {std:g}\n"
                "The standard deviation cannot be negative; pass exp() or softplus() of it if it is learned."
            )
        out = np.empty(shape, dtype)
        if out.size < 16 or not contiguous:
            out.reshape(-1)[...] = self._normal_pairs(out.size, mean, std)
            return out
        flat = out.reshape(-1)
        tail = flat.size % 16
        for part in _chunks(flat[: flat.size - tail]):
            self._normal_blocks(part, mean, std)
        if tail:
            # The end that does not fill a block: PyTorch draws for it, then draws the last 16 values anew.
            if dtype.char != "e":
                self._raw(2 * tail if dtype.char == "d" else tail, output=False)
            self._normal_blocks(flat[-16:], mean, std)
        return out

    def _normal_blocks(self, out: NDArray[np.floating], mean: float, std: float) -> None:
        """Fill a flat array of whole blocks of 16: Box and Muller (1958) on the two halves of each."""
        if out.dtype.char == "d":
            unit = self._unit64(out.size)
        else:
            unit = np.empty(out.size, np.float32)
            self._unit32(unit)
        # Eight values as one item: NumPy copies such items far faster than it strides over rows of eight.
        halves = unit.view(f"V{8 * unit.itemsize}")
        radius = halves[0::2].copy().view(unit.dtype)
        np.subtract(1.0, radius, out=radius)
        np.log(radius, out=radius)
        radius *= -2.0
        np.sqrt(radius, out=radius)
        angle = halves[1::2].copy().view(unit.dtype)
        angle *= _TWO_PI
        cosine = np.cos(angle)
        cosine *= radius
        np.sin(angle, out=angle)
        angle *= radius
        item = f"V{8 * out.itemsize}"
        results = out.view(item)
        results[0::2] = _scale_and_shift(cosine, std, mean).astype(out.dtype, copy=False).view(item)
        results[1::2] = _scale_and_shift(angle, std, mean).astype(out.dtype, copy=False).view(item)

    def _normal_pairs(self, n: int, mean: float, std: float) -> NDArray[np.float64]:
        """Return `n` float64 samples made in pairs, beginning with the one that waits, if any."""
        samples = np.empty(n)
        start = 0
        if n and self._cached_normal is not None:
            samples[0], self._cached_normal, start = self._cached_normal, None, 1
        pairs = (n - start + 1) // 2
        if pairs:
            made = _few_normals(self._raw(4 * pairs)) if n < 16 else _normals(self._unit64(2 * pairs))
            samples[start:] = made[: n - start]
            if (n - start) % 2:
                self._cached_normal = float(made[-1])
        return _scale_and_shift(samples, std, mean)

    @_QUIET
    def log_normal(
        self, shape: Shape, dtype: DTypeLike = np.float32, mean: float = 1.0, std: float = 2.0
    ) -> NDArray[np.floating]:
        """Return the exponential of normal samples: Tensor.log_normal_.

        Made in pairs at any size. Raises RuntimeError unless std > 0.
        """
        dtype = _floating(dtype, "log_normal_cpu")
        _check(std > 0.0, f"log_normal_ expects std > 0.0, but found std={std:g}")
        out = np.empty(shape, dtype)
        for part in _chunks(out):
            part[...] = np.exp(self._normal_pairs(part.size, mean, std))
        return out

    @_QUIET
    def exponential(self, shape: Shape, dtype: DTypeLike = np.float32, rate: float = 1.0) -> NDArray[np.floating]:
        """Return exponential samples with density ``rate * exp(-rate * x)``: Tensor.exponential_.

        Raises RuntimeError unless rate > 0.
        """
        dtype = _continuous(dtype, "Exponential")
        _check(rate > 0.0, f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
        out = np.empty(shape, dtype)
        for part in _chunks(out):
            # The same as log1p(-unit), since the difference is exact, and twice as fast.
            part[...] = -1.0 / rate * np.log(1.0 - self._unit64(part.size))
        return out

    @_QUIET
    def cauchy(
        self, shape: Shape, dtype: DTypeLike = np.float32, median: float = 0.0, sigma: float = 1.0
    ) -> NDArray[np.floating]:
        """Return Cauchy samples: Tensor.cauchy_. Raises RuntimeError unless sigma > 0."""
        dtype = _continuous(dtype, "Cauchy")
        _check(sigma > 0.0, f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
        out = np.empty(shape, dtype)
        for part in _chunks(out):
            angle = np.pi * (self._unit64(part.size) - 0.5)
            part[...] = _scale_and_shift(np.tan(angle), sigma, median)
        return out

    # -- integers ---------------------------------------------------------------------------------------

    def _residues(self, n: int, modulus: int, wide: bool) -> NDArray[np.uint64]:
        """Return `n` numbers below `modulus`: words of 32 or 64 bits modulo it, uint64."""
        words = self._words64(n) if wide else self._raw(n)
        if modulus < 2**64:
            # NumPy divides by a scalar several times faster than it takes the remainder.
            divisor = np.uint64(modulus)
            quotient = words // divisor
            quotient *= divisor
            words -= quotient
        return words

    def integers(self, low: int, high: int, shape: Shape, dtype: DTypeLike = np.int64) -> NDArray:
        """Return integers from ``[low, high)``: torch.randint, Tensor.random_(low, high).

        One word modulo the range, or two from 2**28 values on. In a floating dtype the bounds move inwards
        to where they are exact. ``integers(-2**63, 2**63, ...)`` is ``random_(-2**63, None)``. Raises
        RuntimeError for an empty range or one beyond the dtype.

        >>> RandomStream(0).integers(0, 10, (2, 3)).tolist()  # torch.randint(10, (2, 3))
        [[4, 9, 3], [0, 3, 9]]
        """
        dtype, low, high = np.dtype(dtype), int(low), int(high)
        if low >= high:
            raise RuntimeError(
                f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}\n"
                "The upper bound is excluded, so it has to be at least one more than the lower."
            )
        if dtype.kind == "f" and high - low < 2**64:
            low, high = _exact_bounds(low, high, _DIGITS[dtype.char])
        _check_in_dtype(low, high - 1, dtype)
        return self._fill_integers(shape, dtype, low, high - low, high - low >= _WIDE_RANGE)

    def random(self, shape: Shape, dtype: DTypeLike = np.float32) -> NDArray:
        """Return integers from 0 to the largest of the dtype: Tensor.random_().

        In a floating dtype to the last integer before gaps begin (2**24 in float32). int64 and float64 take
        two words, the others one. Raises NotImplementedError for other dtypes.
        """
        dtype = np.dtype(dtype)
        modulus = _FULL_RANGE.get("q" if dtype == np.int64 else dtype.char)
        if modulus is None:
            raise NotImplementedError(
                f'"random_kernel_cpu" not implemented for {dtype.name!r}\n'
                f"random_() without bounds draws {', '.join(np.dtype(c).name for c in _FULL_RANGE)}; "
                "for others pass bounds."
            )
        return self._fill_integers(shape, dtype, 0, modulus, dtype.itemsize == 8)

    def _fill_integers(self, shape: Shape, dtype: np.dtype, low: int, modulus: int, wide: bool) -> NDArray:
        out = np.empty(shape, dtype)
        offset = np.uint64(low % 2**64)
        for part in _chunks(out):
            values = self._residues(part.size, modulus, wide)
            if low:
                values += offset  # wraps around, which is how negative bounds work
            signed = values.view(np.int64)
            np.copyto(part, signed.astype(np.float32) if dtype.char == "e" else signed, casting="unsafe")
        return out

    def permutation(self, n: int) -> NDArray[np.int64]:
        """Return ``0 .. n-1`` in random order, int64: torch.randperm, with one word for each but the last.

        PyTorch does it otherwise from 214,748,364 on; this does not. Raises RuntimeError for negative `n`.

        >>> RandomStream(0).permutation(5).tolist()  # torch.manual_seed(0); torch.randperm(5)
        [4, 0, 1, 3, 2]
        """
        _check(n >= 0, f"Trying to create tensor with negative dimension {n}: [{n}]")
        if n < 2:
            return np.arange(n, dtype=np.int64)
        # Fisher and Yates: step i swaps place i with place i + word % (n - i).
        targets = np.zeros(n, np.int64)
        steps = np.arange(n, dtype=np.int64)
        choices = np.arange(n, 1, -1, dtype=np.uint64)
        np.remainder(self._raw(n - 1), choices, out=targets[:-1], casting="unsafe")
        targets += steps
        if n >= _SHORT_PERMUTATION:
            return _apply_swaps(targets, steps)
        order = steps.tolist()
        for i, j in enumerate(targets.tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)

    # -- yes or no --------------------------------------------------------------------------------------

    def bernoulli(self, shape: Shape, p: float = 0.5, dtype: DTypeLike = np.bool_) -> NDArray:
        """Return True (or 1) with probability `p`, else False: Tensor.bernoulli_(p), the masks of dropout.

        Two words each. (On Intel CPUs PyTorch once asked MKL for another stream, which it gave up as faulty:
        https://github.com/pytorch/pytorch/issues/132395.) Raises RuntimeError unless 0 <= p <= 1.

        >>> RandomStream(0).bernoulli(6, 0.5).tolist()
        [False, False, True, False, False, False]
        """
        _check(0.0 <= p <= 1.0, f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        out = np.empty(shape, dtype)
        # A sample k * 2**-53 is below p just when the integer k is below the ceiling of p * 2**53.
        bound = np.uint64(math.ceil(p * 2.0**53))
        for part in _chunks(out):
            words = self._words64(part.size)
            words &= _MASK_53
            if part.dtype.char == "?":
                np.less(words, bound, out=part)
            else:
                part[...] = words < bound
        return out

    def bernoulli_tensor(self, p: NDArray[np.floating], dtype: DTypeLike | None = None) -> NDArray:
        """Return 1 with the probability in each place of `p`, in the dtype of `p`: torch.bernoulli(p).

        A float64 probability takes two words, any other one. Raises RuntimeError unless all are in [0, 1].
        """
        p = np.asarray(p)
        inside = bool(np.all((p >= 0) & (p <= 1)))  # written so that nan fails too
        _check(inside, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
        flat = p.reshape(-1)
        if p.dtype.char == "d":
            unit = self._unit64(p.size)
        else:
            unit = np.empty(p.size, np.float32)
            self._unit32(unit)
        return (unit < flat).reshape(p.shape).astype(p.dtype if dtype is None else dtype)

    @_QUIET
    def geometric(self, shape: Shape, p: float, dtype: DTypeLike = np.float32) -> NDArray:
        """Return the number of trials up to the first success, from 1 on: Tensor.geometric_(p).

        Raises RuntimeError unless 0 < p < 1.
        """
        _check(0.0 < p < 1.0, f"geometric_ expects p to be in (0, 1), but got p={p:g}")
        out = np.empty(shape, dtype)
        for part in _chunks(out):
            trials = np.ceil(np.log(self._unit64(part.size)) / np.log1p(-p))
            np.copyto(part, trials, casting="unsafe")
        return out


# -- checks ---------------------------------------------------------------------------------------------


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise RuntimeError(message)


def _floating(dtype: DTypeLike, kernel: str) -> np.dtype:
    dtype = np.dtype(dtype)
    if dtype.char not in _DIGITS:
        raise NotImplementedError(
            f'"{kernel}" not implemented for {dtype.name!r}\nExpected float16, float32 or float64, '
            f"got {dtype.name}. Draw in float32 and convert."
        )
    return dtype


def _continuous(dtype: DTypeLike, name: str) -> np.dtype:
    dtype = np.dtype(dtype)
    _check(
        dtype.char in _DIGITS,
        f"{name} distribution is a continuous probability distribution. dtype must be a floating point but "
        f"you specified {dtype.name}",
    )
    return dtype


def _bounds_error(low: float, high: float, dtype: np.dtype) -> str:
    largest, limit = _LARGEST[dtype.char], _LIMIT_NAMES[dtype.char]
    for name, value in (("from", low), ("to", high)):
        if not -largest <= value <= largest:
            return (
                f"{name} is out of bounds for {_NAMES[dtype.name]}\n"
                f"Expected a finite number of at most {largest:g} in size, got {value:g}."
            )
    if low > high:
        return (
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}\n"
            "The lower bound comes first; swap them."
        )
    return (
        f"uniform_ expects to-from <= std::numeric_limits<{limit}>::max(), but found to={high:g} and "
        f"from={low:g} which result in to-from to exceed the limit\nChoose bounds nearer to each other."
    )


def _check_in_dtype(low: int, last: int, dtype: np.dtype) -> None:
    smallest, largest = _limits(dtype)
    if low < smallest or last > largest:
        name = "from" if not smallest <= low <= largest else "to - 1"
        raise RuntimeError(
            f"{name} is out of bounds for {_NAMES.get(dtype.name, dtype.name)}\n"
            f"Expected bounds within {smallest:g} and {largest:g}, got integers from {low} to {last}."
        )


@cache
def _limits(dtype: np.dtype) -> tuple[float, float]:
    if dtype.kind == "f":
        return -_LARGEST[dtype.char], _LARGEST[dtype.char]
    return (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


def _exact_bounds(low: int, high: int, digits: int) -> tuple[int, int]:
    """Move the bounds of a range inwards so that rounding to a float of so many digits keeps inside it."""
    to_float = np.dtype({11: "e", 24: "f", 53: "d"}[digits]).type

    def rounded(value: int) -> int:
        with np.errstate(over="ignore"):
            nearest = float(to_float(value))
        return int(nearest) if math.isfinite(nearest) else -(2**63)  # what C makes of an infinity

    after, before = rounded(low + 1), rounded(high - 1)
    exact_low, exact_high = low, high
    if after < low:
        exact_low = after + (1 << max(abs(low + 1).bit_length() - digits, 0))
    if before >= high:
        exact_high = before - (1 << max(abs(high - 1).bit_length() - digits, 0))
    _check(
        exact_low < exact_high,
        "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
        f"but got from={exact_low} >= to={exact_high}",
    )
    return exact_low, exact_high


# -- arithmetic -----------------------------------------------------------------------------------------


def _chunks(out: NDArray) -> Sequence[NDArray]:
    """Return the flat array behind `out`, C-contiguous, in pieces."""
    flat = out.reshape(-1)
    if flat.size <= _CHUNK:
        return (flat,)
    return [flat[start : start + _CHUNK] for start in range(0, flat.size, _CHUNK)]


def _scale_and_shift(x: NDArray, scale: float, shift: float) -> NDArray:
    """Return ``x * scale + shift`` rounded once, as a fused multiply-add does, in the dtype of `x`.

    In float64 by error-free transformations: Dekker's product and Knuth's sum (Ogita, Rump and Oishi 2005).
    """
    if shift == 0.0:
        return x if scale == 1.0 else x * scale
    if x.dtype.char != "d" or not 2.0**-500 < abs(scale) < 2.0**500 or not abs(shift) < 2.0**500:
        return x * scale + shift
    product = x * scale
    split = 134217729.0 * scale  # 2**27 + 1 cuts 53 bits into halves whose products are exact
    scale_high = split - (split - scale)
    scale_low = scale - scale_high
    cut = 134217729.0 * x
    x_high = cut - (cut - x)
    x_low = x - x_high
    lost = x_low * scale_low - (product - x_high * scale_high - x_low * scale_high - x_high * scale_low)
    total = product + shift
    part = total - product
    lost += (product - (total - part)) + (shift - part)
    return total + lost


def _few_normals(words: NDArray[np.uint64]) -> list[float]:
    """Turn each four words into a pair of normal samples.

    By the C library's own functions: on few values faster than arrays, and equal to PyTorch to the last bit.
    """
    samples: list[float] = []
    quads = iter(words.tolist())
    for high, low, next_high, next_low in zip(quads, quads, quads, quads):
        angle = _TWO_PI * ((high << 32 | low) & _MASK_53_INT) * _UNIT_53
        radius = math.sqrt(-2.0 * math.log1p(-((next_high << 32 | next_low) & _MASK_53_INT) * _UNIT_53))
        samples += (radius * math.cos(angle), radius * math.sin(angle))
    return samples


def _normals(unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn pairs of uniform samples into pairs of normal ones (Box and Muller, 1958)."""
    angle = _TWO_PI * unit[0::2]
    radius = np.sqrt(-2.0 * np.log(1.0 - unit[1::2]))  # 1 - unit is exact
    samples = np.empty_like(unit)
    np.multiply(radius, np.cos(angle), out=samples[0::2])
    np.multiply(radius, np.sin(angle), out=samples[1::2])
    return samples


def _apply_swaps(targets: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the outcome of swapping places i and targets[i] >= i of 0 .. n-1, for i = 0, 1, ... in turn.

    Step i puts into place i for good what lies in place targets[i], and what lay in place i goes there. So
    what a step finds was left by the latest earlier step with the same target, else it is the place's own
    number; and what a step leaves follows from such links too, back to a step that found its own number in
    place. All links at once, then a few rounds of pointer jumping, do what a loop over the steps would.

    Choices are made by arithmetic, not by `where`: they are random, and a processor can't guess branches then.
    """
    n = targets.size
    step = _stable_order(targets)
    target = targets.take(step)
    # Where what a step finds comes from: below n, a step that left it; else n + the place's own number.
    found = target + n
    link = step[:-1] - found[1:]
    link *= target[1:] == target[:-1]
    found[1:] += link
    source = np.empty_like(steps)
    source[step] = found
    # What was in place i before step i read it came from: the latest step with the target i, else i itself.
    origin = steps.copy()
    origin[target] = step  # of repeated indices the last one counts
    own = np.flatnonzero(targets == steps)  # a step that swaps a place with itself is not earlier than itself
    origin[own] = np.where(source[own] < n, source[own], own)
    while True:
        further = origin.take(origin)
        if np.array_equal(further, origin):
            break
        origin = further
    return np.concatenate((origin, steps)).take(source)


def _stable_order(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the stable argsort of values below their number, by digits of 16 bits: those NumPy sorts by counting."""
    order = values.astype(np.uint16).argsort(kind="stable")
    for shift in range(16, (values.size - 1).bit_length(), 16):
        digit = (values >> shift).astype(np.uint16)
        order = order.take(digit.take(order).argsort(kind="stable"))
    return order
