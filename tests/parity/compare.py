"""One OpInfo entry, sample by sample: values, dtypes, gradients, second gradients, twins, aliases, errors."""

from __future__ import annotations

import functools
import signal
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import tapeless

from .scope import AMBIGUOUS, NOT_COMPARED, UNSTABLE, VALUES_UNDEFINED
from .translate import DTYPES, ToOurs, Untranslatable, array_of, function, lookup

KINDS = ("value", "dtype", "grad", "gradgrad", "inplace", "alias", "error")
# float64, as `torch.testing.assert_close` compares; the others by the precision of the result.
TOLERANCE = {"float16": 1e-2, "float32": 2e-5, "complex64": 2e-5, "float64": 1e-7, "complex128": 1e-7}
DTYPE_SAMPLES = (torch.float32, torch.int64, torch.bool, torch.complex128, torch.complex64, torch.int32, torch.uint8)
SECONDS = 150  # for one entry


@dataclass
class Score:
    """How many samples of one kind passed, and the first failures."""

    passed: int = 0
    failed: int = 0
    notes: list[str] = field(default_factory=list)

    def fail(self, note: str) -> None:
        self.failed += 1
        if len(self.notes) < 4:
            self.notes.append(note)


class Mismatch(Exception):
    """A difference from PyTorch."""


def full_name(op: Any) -> str:
    """Return ``name`` or ``name/variant``."""
    return f"{op.name}/{op.variant_test_name}" if op.variant_test_name else op.name


def our_function(op: Any) -> Any:
    """Return Tapeless's function for an entry; None when there is none."""
    python = isinstance(op.op, types.FunctionType) and op.op.__module__.startswith("torch.testing")
    if python:
        return function(op.op)
    if op.name.startswith("__"):
        return lookup(f"Tensor.{op.name}")
    found = lookup(op.name)
    return lookup(f"Tensor.{op.name}") if found is None or isinstance(found, np.dtype) else found


def flat(value: Any) -> list[Any]:
    """Return the tensors and numbers in a nest of tuples, lists and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)) and not isinstance(value, (torch.Size, tapeless.Size)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def same(ours: Any, theirs: Any, what: str, values: bool = True, loose: float = 1.0) -> None:
    """Raise `Mismatch` unless two results agree in kind, shape, dtype and values."""
    a, b = flat(ours), flat(theirs)
    if len(a) != len(b):
        raise Mismatch(f"{what}: {len(a)} results, expected {len(b)}")
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        _same_one(x, y, f"{what}[{i}]" if len(b) > 1 else what, values, loose)


def _same_one(x: Any, y: Any, what: str, values: bool, loose: float) -> None:
    if not isinstance(y, torch.Tensor):
        if isinstance(y, torch.dtype):
            y = DTYPES.get(y)
        if isinstance(x, tapeless.Tensor):
            raise Mismatch(f"{what}: a Tensor, expected {type(y).__name__}")
        if not (x == y or x is y or (x != x and y != y)) and not np.allclose(x, y, rtol=1e-7, equal_nan=True):
            raise Mismatch(f"{what}: {x!r}, expected {y!r}")
        return
    if not isinstance(x, tapeless.Tensor):
        raise Mismatch(f"{what}: {type(x).__name__}, expected a Tensor")
    if tuple(x.shape) != tuple(y.shape):
        raise Mismatch(f"{what}: shape {tuple(x.shape)}, expected {tuple(y.shape)}")
    if x.dtype != DTYPES.get(y.dtype):
        raise Mismatch(f"{what}: dtype {x.dtype}, expected {y.dtype}")
    if not values:
        return
    p, q = np.asarray(x.detach().numpy()), array_of(y)
    if q.dtype.kind in "fc":
        tolerance = TOLERANCE[q.dtype.name] * loose
        close = np.isclose(p, q, rtol=tolerance, atol=tolerance, equal_nan=True)
        if q.dtype.kind == "c":  # nan and inf part by part
            close |= _close_parts(p.real, q.real, tolerance) & _close_parts(p.imag, q.imag, tolerance)
    else:
        close = p == q
    if not np.all(close):
        bad = np.argwhere(~np.atleast_1d(close))[0]
        at = tuple(int(i) for i in bad)
        raise Mismatch(
            f"{what}: {np.atleast_1d(p)[at]!r} at {at}, expected {np.atleast_1d(q)[at]!r} "
            f"({int(np.sum(~close))} of {close.size} differ)"
        )


def _close_parts(p: Any, q: Any, tolerance: float) -> Any:
    return np.isclose(p, q, rtol=tolerance, atol=tolerance, equal_nan=True)


SEED = 1234
_seed = SEED


def set_seed(number: int) -> None:
    """Choose where `seed` starts: other numbers make other samples."""
    global _seed
    _seed = number


def seed() -> None:
    """Start both random streams alike."""
    torch.manual_seed(_seed)
    tapeless.manual_seed(_seed)


def describe(sample: Any) -> str:
    """Return a sample in one short line."""

    def short(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return f"{str(value.dtype)[6:]}{list(value.shape)}"
        if isinstance(value, (list, tuple)):
            return f"({', '.join(map(short, value))})"
        return repr(value)[:40]

    options = "".join(f", {k}={short(v)}" for k, v in sample.kwargs.items())
    return f"({', '.join(map(short, (sample.input, *sample.args)))}{options})"


class Entry:
    """Runs one OpInfo entry and keeps its scores."""

    def __init__(self, op: Any) -> None:
        self.op = op
        self.name = full_name(op)
        self.ours = our_function(op)
        self.scores: dict[str, Score] = {}
        self.values = op.name not in VALUES_UNDEFINED

    def score(self, kind: str) -> Score:
        return self.scores.setdefault(kind, Score())

    def check(self, kind: str, what: str, run: Callable[[], Any]) -> Any:
        """Run one comparison and count it; returns what it returned, None when it failed."""
        if (self.name, kind) in NOT_COMPARED:
            return None
        score = self.score(kind)
        try:
            result = run()
        except Untranslatable:
            return None
        except TimeoutError:
            raise
        except Exception as error:
            text = str(error) if isinstance(error, Mismatch) else f"{type(error).__name__}: {str(error)[:200]}"
            score.fail(f"{what}: {text}")
            return None
        score.passed += 1
        return result

    def run(self, seconds: int = SECONDS) -> dict[str, Score]:
        """Compare everything; an entry that takes too long fails where it stopped."""
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(seconds)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._run()
        except TimeoutError:
            self.score("value").fail(f"took longer than {seconds} s")
        finally:
            signal.alarm(0)
        return self.scores

    def _run(self) -> None:
        if self.ours is None:
            self.score("value").fail("missing")
            return
        self.names()
        main = next((d for d in (torch.float64, torch.int64, torch.bool) if d in self.op.dtypes), torch.float64)
        for i, sample in enumerate(self.samples(main, False)):
            self.value("value", sample)
            self.twins(sample, first=i == 0)
        for dtype in DTYPE_SAMPLES:
            if dtype in self.op.dtypes and dtype is not main:
                for sample in self.samples(dtype, False):
                    self.value("dtype", sample)
        if self.op.supports_autograd:
            for dtype in (torch.float64, torch.complex128):
                if dtype in self.op.supported_backward_dtypes("cpu"):
                    for sample in self.samples(dtype, True):
                        self.gradients(sample)
        self.errors()

    def samples(self, dtype: Any, requires_grad: bool) -> Iterator[Any]:
        """Yield the samples of a dtype; PyTorch's makers of samples may themselves refuse one."""
        seed()
        np.random.seed((_seed - SEED) % 2**32)
        try:
            yield from self.op.sample_inputs("cpu", dtype, requires_grad=requires_grad)
        except TimeoutError:
            raise
        except Exception:
            return

    def names(self) -> None:
        """Every name of the entry must exist: function, method, in-place method, aliases."""
        for kind, variant in (("alias", self.op.method_variant), ("inplace", self.op.inplace_variant)):
            name = getattr(variant, "__name__", "<lambda>") if variant is not None else "<lambda>"
            if name != "<lambda>" and hasattr(torch.Tensor, name):
                self.check(kind, f"Tensor.{name}", lambda name=name: getattr(tapeless.Tensor, name))
        for alias in self.op.aliases:
            if hasattr(torch, alias.name.split(".")[0]):
                self.check(
                    "alias", f"tapeless.{alias.name}", functools.partial(_require, alias.name.removeprefix("torch."))
                )

    def call(self, function: Any, input: Any, args: Any, kwargs: Any) -> Any:
        """Call through the wrapper that PyTorch's own tests use, which makes inputs symmetric and the like."""
        return function(input, *args, **kwargs)

    def value(self, kind: str, sample: Any) -> None:
        """Compare results."""
        seed()
        try:
            expected = self.op.op(_clone(sample.input), *_clone(sample.args), **_clone(sample.kwargs))
        except TimeoutError:
            raise
        except Exception:
            return  # not a valid sample

        def run() -> None:
            to = ToOurs()
            input, args, kwargs = to(_clone(sample.input)), to(_clone(sample.args)), to(_clone(sample.kwargs))
            seed()
            result = self.ours(input, *args, **kwargs)
            if self.name in AMBIGUOUS:
                process = sample.output_process_fn_grad
                return same(function(process)(result), process(expected), "result", self.values)
            if self.op.name in UNSTABLE and not sample.kwargs.get("stable"):
                return same_positions(result, expected, input, sample, UNSTABLE[self.op.name])
            try:
                same(result, expected, "result", self.values)
            except Mismatch:
                if kind != "dtype" or not self.as_exact(sample, result, expected):
                    raise

        self.check(kind, describe(sample), run)

    def as_exact(self, sample: Any, result: Any, expected: Any) -> bool:
        """Whether single precision results are as close to those in double precision as PyTorch's are.

        Sums in another order round otherwise; up to four times PyTorch's own error counts as equal.
        """
        ours, theirs = flat(result), flat(expected)
        if len(ours) != len(theirs) or not all(_is_single(a, b) for a, b in zip(ours, theirs, strict=True)):
            return False
        seed()
        args = _double(_clone((sample.input, *sample.args)))
        try:
            exact = flat(self.op.op(*args, **_double(_clone(sample.kwargs))))
        except TimeoutError:
            raise
        except Exception:
            return False
        for a, b, e in zip(ours, theirs, exact, strict=True):
            e = array_of(e)
            mine, other = np.abs(array_of_ours(a) - e).max(initial=0), np.abs(array_of(b) - e).max(initial=0)
            if not mine <= 4 * other:
                return False
        return True

    def twins(self, sample: Any, first: bool) -> None:
        """Compare the method, the in-place method and the aliases with PyTorch's."""
        if self.name in AMBIGUOUS or self.op.name in UNSTABLE:
            return
        for kind, variant in (("alias", self.op.method_variant), ("inplace", self.op.inplace_variant)):
            name = getattr(variant, "__name__", "<lambda>") if variant is not None else "<lambda>"
            if isinstance(sample.input, torch.Tensor) and name != "<lambda>" and hasattr(torch.Tensor, name):
                self.twin(kind, f"Tensor.{name}", getattr(torch.Tensor, name), sample)
        for alias in self.op.aliases if first else ():
            theirs = _torch_lookup(alias.name)
            if theirs is not None:
                self.twin("alias", alias.name, theirs, sample, lookup(alias.name.removeprefix("torch.")))

    def twin(self, kind: str, what: str, theirs: Any, sample: Any, ours: Any = None) -> None:
        """Compare one such form, and what it left in its first argument."""
        target = _clone(sample.input)
        seed()
        try:
            expected = theirs(target, *_clone(sample.args), **_clone(sample.kwargs))
        except TimeoutError:
            raise
        except Exception:
            return

        def run() -> None:
            to = ToOurs()
            input, args, kwargs = to(_clone(sample.input)), to(sample.args), to(sample.kwargs)
            form = ours if ours is not None else getattr(tapeless.Tensor, what.removeprefix("Tensor."))
            seed()
            result = form(input, *args, **kwargs)
            same(result, expected, "result", self.values)
            if isinstance(target, torch.Tensor):
                same(input, target, "input afterwards", self.values)

        self.check(kind, f"{what}{describe(sample)}", run)

    def gradients(self, sample: Any) -> None:
        """Compare first gradients of random cotangents, and second ones through them."""
        to = ToOurs()
        try:
            input, args, kwargs = to(sample.input), to(sample.args), to(sample.kwargs)
        except Exception:
            return  # counted where values are compared
        pairs = to.differentiable()
        if not pairs:
            return
        wrapper, process = self.op.gradcheck_wrapper, sample.output_process_fn_grad
        theirs = [t for t, _ in pairs]
        try:
            seed()
            outs = [o for o in flat(process(wrapper(self.op.op, sample.input, *sample.args, **sample.kwargs)))]
            outs = [o for o in outs if isinstance(o, torch.Tensor) and o.requires_grad]
            if not outs:
                return
            seeds = cotangents(outs)
            first = torch.autograd.grad(outs, theirs, seeds, create_graph=True, allow_unused=True)
        except TimeoutError:
            raise
        except Exception:
            return

        def run() -> Any:
            seed()
            result = self.wrapped(wrapper, sample)(self.ours, input, *args, **kwargs)
            mine = flat(function(process)(result))
            mine = [o for o in mine if isinstance(o, tapeless.Tensor) and o.requires_grad]
            if len(mine) != len(outs):
                raise Mismatch(f"{len(mine)} results require grad, expected {len(outs)}")
            our_seeds = [tapeless.from_numpy(array_of(s)).requires_grad_() for s in seeds]
            ours = [t for _, t in pairs]
            grads = tapeless.autograd.grad(mine, ours, our_seeds, create_graph=True, allow_unused=True)
            for i, (a, b) in enumerate(zip(grads, first, strict=True)):
                _same_gradient(a, b, f"gradient of input {i}")
            return grads, ours, our_seeds

        done = self.check("grad", describe(sample), run)
        if done is not None and self.op.supports_gradgrad:
            self.second(sample, first, theirs, seeds, *done)

    def wrapped(self, wrapper: Any, sample: Any) -> Any:
        """Return PyTorch's wrapper with Tapeless inside; masks of outputs are PyTorch's."""
        kwargs = sample.kwargs
        if wrapper.__name__ == "gradcheck_wrapper_masked_operation" and kwargs.get("mask") is not None:
            shown = torch.masked._output_mask(self.op.op, sample.input, *sample.args, **kwargs)
        elif (
            wrapper.__name__ == "gradcheck_wrapper_masked_pointwise_operation" and kwargs.get("input_mask") is not None
        ):
            input_mask = torch.masked._input_mask(sample.input, mask=kwargs["input_mask"])
            shown = input_mask & torch.masked._input_mask(sample.args[0], mask=kwargs["other_mask"])
        else:
            return function(wrapper)

        def masked(op: Any, *args: Any, **kwargs: Any) -> Any:
            result = op(*args, **kwargs)
            return tapeless.where(tapeless.from_numpy(array_of(shown)), result, result.new_zeros([]))

        return masked

    def second(self, sample: Any, first: Any, theirs: Any, seeds: Any, grads: Any, ours: Any, our_seeds: Any) -> None:
        """Compare the gradients of the gradients, with respect to inputs and cotangents."""
        chosen = [i for i, g in enumerate(first) if g is not None and g.requires_grad]
        if not chosen:
            return
        below = [first[i] for i in chosen]
        try:
            again = cotangents(below)
            expected = torch.autograd.grad(below, [*theirs, *seeds], again, allow_unused=True)
        except TimeoutError:
            raise
        except Exception:
            return

        def run() -> None:
            mine = [grads[i] for i in chosen]
            if not all(g is not None for g in mine):
                raise Mismatch("a first gradient is None")
            tracked = [i for i, g in enumerate(mine) if g.requires_grad]
            weights = [tapeless.from_numpy(array_of(s)) for s in again]
            if not tracked:
                found: Any = [None] * len(expected)
            else:
                found = tapeless.autograd.grad(
                    [mine[i] for i in tracked], [*ours, *our_seeds], [weights[i] for i in tracked], allow_unused=True
                )
            for i, (a, b) in enumerate(zip(found, expected, strict=True)):
                _same_gradient(a, b, f"second gradient {i}", loose=10)

        self.check("gradgrad", describe(sample), run)

    def errors(self) -> None:
        """Every input that PyTorch refuses must be refused, with the same kind of exception."""
        if self.op.error_inputs_func is None:
            return
        try:
            cases = list(self.op.error_inputs("cpu"))
        except TimeoutError:
            raise
        except Exception:
            return
        for case in cases:
            sample = case.sample_input
            try:
                self.op.op(sample.input, *sample.args, **sample.kwargs)
            except Exception as error:
                expected = error
            else:
                continue
            self.check("error", describe(sample), lambda s=sample, e=expected: self.refuses(s, e))

    def refuses(self, sample: Any, expected: Exception) -> None:
        """Run a wrong call; anything but PyTorch's kind of exception is a mismatch."""
        to = ToOurs()
        input, args, kwargs = to(sample.input), to(sample.args), to(sample.kwargs)
        try:
            self.ours(input, *args, **kwargs)
        except TimeoutError:
            raise
        except Exception as error:
            kinds = (type(expected), RuntimeError) if isinstance(expected, NotImplementedError) else type(expected)
            if isinstance(error, kinds):
                return
            raise Mismatch(
                f"raised {type(error).__name__}({str(error)[:80]!r}), expected {type(expected).__name__}"
                f"({str(expected)[:100]!r})"
            ) from None
        raise Mismatch(f"raised nothing, expected {type(expected).__name__}({str(expected)[:120]!r})")


def same_positions(ours: Any, theirs: Any, input: Any, sample: Any, place: int) -> None:
    """Compare the values exactly, and positions by the values that they lead to."""
    if isinstance(theirs, torch.Tensor):
        ours, theirs = [ours], [theirs]
    numbers = [a for a in sample.args if isinstance(a, int) and not isinstance(a, bool)]
    dim = sample.kwargs.get(
        "dim",
        (
            numbers[1:]
            if len(theirs) > 1 and any(name in str(type(theirs)) for name in ("topk", "kthvalue"))
            else numbers
        )[:1],
    )
    dim = (dim[0] if dim else -1) if isinstance(dim, list) else dim
    a, b = np.asarray(ours[place].numpy()), theirs[place].numpy()
    same(ours[place], theirs[place], "positions", values=False)
    if sample.input.ndim:
        values = array_of(sample.input)
        if a.ndim < values.ndim:  # one position for each row
            a, b = np.expand_dims(a, dim), np.expand_dims(b, dim)
        x, y = np.take_along_axis(values, a, dim), np.take_along_axis(values, b, dim)
        if not np.array_equal(x, y, equal_nan=x.dtype.kind in "fc"):
            raise Mismatch("positions lead to other values")
        if np.any(np.diff(np.sort(a, dim), axis=dim) == 0):
            raise Mismatch("a position occurs twice")
    same([x for i, x in enumerate(ours) if i != place], [y for i, y in enumerate(theirs) if i != place], "values")


def cotangents(outs: list[Any]) -> list[Any]:
    """Draw a gradient for each output, that requires grad itself."""
    random = np.random.default_rng(7)
    made = []
    for out in outs:
        value = random.uniform(0.5, 1.5, tuple(out.shape))
        if out.is_complex():
            value = value + 1j * random.uniform(-1, 1, tuple(out.shape))
        made.append(torch.as_tensor(np.asarray(value)).to(out.dtype).requires_grad_())
    return made


def _same_gradient(a: Any, b: Any, what: str, loose: float = 1.0) -> None:
    """Compare two gradients, of which None and zeros are one."""
    if b is None and a is None:
        return
    if b is None:
        if np.any(np.asarray(a.detach().numpy())):
            raise Mismatch(f"{what}: not zero, expected None")
        return
    if a is None:
        if torch.any(b != 0):
            raise Mismatch(f"{what}: None, expected values")
        return
    same(a, b, what, loose=loose)


def _clone(value: Any) -> Any:
    """Copy the tensors in a nest of arguments."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone(memory_format=torch.preserve_format) if value.layout is torch.strided else value
    if isinstance(value, tuple) and not hasattr(value, "_fields") and not isinstance(value, torch.Size):
        return tuple(map(_clone, value))
    if isinstance(value, list):
        return list(map(_clone, value))
    if isinstance(value, dict):
        return {k: _clone(v) for k, v in value.items()}
    return value


def _is_single(ours: Any, theirs: Any) -> bool:
    single = isinstance(theirs, torch.Tensor) and theirs.dtype in (torch.float32, torch.complex64)
    return single and DTYPES[theirs.dtype] == ours.dtype and tuple(ours.shape) == tuple(theirs.shape)


def array_of_ours(tensor: Any) -> Any:
    """Return the array of one of our tensors."""
    return tensor.detach().numpy()


def _double(value: Any) -> Any:
    """Convert single precision tensors in a nest of arguments to double."""
    if isinstance(value, torch.Tensor):
        wide = {torch.float32: torch.float64, torch.complex64: torch.complex128}.get(value.dtype)
        return value if wide is None else value.to(wide)
    if isinstance(value, torch.dtype):
        return {torch.float32: torch.float64, torch.complex64: torch.complex128}.get(value, value)
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return type(value)(map(_double, value)) if not isinstance(value, torch.Size) else value
    if isinstance(value, dict):
        return {k: _double(v) for k, v in value.items()}
    return value


def _require(name: str) -> Any:
    found = lookup(name)
    if found is None:
        raise Mismatch("missing")
    return found


def _torch_lookup(path: str) -> Any:
    found: Any = torch
    for part in path.removeprefix("torch.").split("."):
        found = getattr(found, part, None)
    return found


def _too_long(*_: Any) -> None:
    raise TimeoutError
