"""Tensors print as PyTorch prints them: against a frozen golden file, and live where PyTorch is installed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tapeless import _printing
from tapeless._printing import (
    PARAMETER_PREFIX,
    PrintOptions,
    format_array,
    format_with_spec,
    get_printoptions,
    printoptions,
    set_printoptions,
)

GOLDEN = json.loads(Path(__file__).with_name("printing_golden.json").read_text(encoding="utf-8"))
FLOAT32 = np.dtype("float32")


def text_of(array: Any, **options: Any) -> str:
    """Format with float32 as the default dtype."""
    return format_array(np.asarray(array), default_dtype=FLOAT32, **options)


@pytest.fixture(autouse=True)
def same_options_afterwards() -> Iterator[None]:
    """Put the print options back that a test changes."""
    saved = _printing._current
    yield
    _printing._current = saved


@pytest.mark.parametrize("number", range(len(GOLDEN["cases"])))
def test_frozen_pytorch_output(number: int) -> None:
    """What PyTorch printed when the golden file was made."""
    case = GOLDEN["cases"][number]
    array = np.resize(np.frombuffer(base64.b64decode(case["data"]), case["dtype"]), case["shape"])
    set_printoptions(profile="default")
    set_printoptions(**case["options"])
    made_by = re.search(r"grad_fn=<(\w+)>", case["text"])
    text = format_array(
        array,
        default_dtype=np.dtype(case["default_dtype"]),
        requires_grad=case["grad"] != "",
        grad_fn_name=made_by[1] if made_by else None,
    )
    assert text == case["text"]


# --- live comparison ---------------------------------------------------------------------------------------

FLOATS = ["float32", "float64", "float16", "complex64", "complex128"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"]
DTYPES = [*FLOATS, *INTEGERS, "bool"]
SHAPES = st.one_of(
    st.lists(st.integers(0, 5), max_size=4),
    st.lists(st.integers(1, 60), min_size=1, max_size=1),
    st.lists(st.integers(1, 40), min_size=2, max_size=3),
    st.lists(st.integers(990, 1010), min_size=1, max_size=1),
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 9),
        "threshold": st.one_of(st.integers(0, 60), st.just(float("inf"))),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(0, 130),
        "sci_mode": st.sampled_from([None, True, False]),
    },
)


@st.composite
def floats(draw: st.DrawFn) -> np.ndarray:
    """Draw a few floats: of one magnitude or any, integral, or at the limits where the notation changes."""
    scale = 10.0 ** draw(st.integers(-10, 10))
    limits = (1e-4, 0.99e-4, 1.0, 999.0, 1000.0, 1001.0, 1e5, 1e8, 1.01e8)
    element = draw(
        st.sampled_from(
            [
                st.floats(-10, 10).map(lambda x: x * scale),
                st.integers(-2000, 2000).map(float),
                st.integers(-2000, 2000).map(lambda x: x * scale),
                st.floats(width=16),
                st.floats(),
                st.sampled_from([*limits, *(-limit for limit in limits)]),
            ]
        )
    )
    special = st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.0, -0.0])
    element = st.one_of(element, element, special) if draw(st.booleans()) else element
    return np.array(draw(st.lists(element, min_size=1, max_size=12)))


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """Draw an array of any shape and dtype, made of a few different values, sometimes not contiguous."""
    dtype, shape = np.dtype(draw(st.sampled_from(DTYPES))), draw(SHAPES)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        bound = 10 ** draw(st.integers(0, 20))
        element = st.integers(max(info.min, -bound), min(info.max, bound))
        values = np.array(draw(st.lists(element, min_size=1, max_size=12)), dtype)
    elif dtype.kind == "b":
        values = np.array(draw(st.lists(st.booleans(), min_size=1, max_size=12)))
    else:
        values = draw(floats())
        if dtype.kind == "c":
            pair = np.stack([values, np.resize(draw(floats()), values.shape)], axis=1)
            values = pair.view(np.complex128)[:, 0]
    with np.errstate(over="ignore"):
        array = np.resize(values, shape).astype(dtype)
    return array.T if draw(st.booleans()) else array


@pytest.fixture
def torch() -> Iterator[ModuleType]:
    """PyTorch, with its print options and default dtype put back afterwards."""
    module = pytest.importorskip("torch")
    yield module
    module.set_printoptions(profile="default")
    module.set_default_dtype(module.float32)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrays(), OPTIONS, st.sampled_from(["float32", "float32", "float64", "float16"]), st.integers(0, 2))
def test_live_pytorch_output(
    torch: ModuleType, array: np.ndarray, options: dict[str, Any], default: str, grad: int
) -> None:
    """What the installed PyTorch prints."""
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**options)
    torch.set_default_dtype(getattr(torch, default))
    tensor, name = torch.from_numpy(array.copy(order="K")), None
    if array.dtype.kind in "fc" and grad:
        tensor.requires_grad_()
        if grad == 2:
            tensor = tensor.clone()
            name = "CloneBackward0"
    text = format_array(
        array,
        default_dtype=np.dtype(default),
        requires_grad=tensor.requires_grad,
        grad_fn_name=name,
        options=PrintOptions(**options),
    )
    assert text == repr(tensor)


def test_live_parameter(torch: ModuleType) -> None:
    """A parameter's rows are indented as a tensor's."""
    values = np.ones((2, 3), np.float32)
    expected = repr(torch.nn.Parameter(torch.from_numpy(values)))
    assert text_of(values, requires_grad=True, prefix=PARAMETER_PREFIX) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "short"},
        {"profile": "full"},
        {"profile": "default", "precision": 7},
        {"sci_mode": True},
        {"linewidth": 120, "edgeitems": 1, "threshold": 5},
        {},
    ],
)
def test_live_printoptions(torch: ModuleType, change: dict[str, Any]) -> None:
    """`set_printoptions` leaves the same options behind, also those that it resets."""
    for module in (torch, _printing):
        module.set_printoptions(precision=3, threshold=77, sci_mode=False)
        module.set_printoptions(**change)
    assert get_printoptions() == torch._tensor_str.get_printoptions()


@pytest.mark.parametrize("spec", ["", ".3f", ">10", "e", "+.1f"])
@pytest.mark.parametrize("value", [0.1, -2.5, 3, True, 1 + 2j])
def test_live_format_of_a_number(torch: ModuleType, value: Any, spec: str) -> None:
    """A 0-d tensor formats as the Python number that it holds."""
    tensor = torch.tensor(value)
    assert format_with_spec(tensor.numpy(), spec, type_name="Tensor", text=str) == format(tensor, spec)


# --- without PyTorch ---------------------------------------------------------------------------------------


def test_parameter() -> None:
    """The prefix's first line does not indent the rows."""
    text = text_of(np.ones((2, 1), np.float32), requires_grad=True, prefix=PARAMETER_PREFIX)
    assert text == "Parameter containing:\ntensor([[1.],\n        [1.]], requires_grad=True)"


def test_other_prefix_and_extra() -> None:
    """Subclasses may open differently and say more."""
    text = text_of(np.zeros((2, 1), np.float32), prefix="Batched(", extra=["size=9", "x"])
    assert text == "Batched([[0.],\n         [0.]], size=9, x)"


def test_grad_fn_hides_requires_grad() -> None:
    """Only one of the two is printed."""
    assert text_of(np.float32(1), requires_grad=True, grad_fn_name="F") == "tensor(1., grad_fn=<F>)"


def test_only_shown_elements_are_looked_at() -> None:
    """A huge (here: broadcast) array prints at once, and its hidden values do not change the notation."""
    huge = np.broadcast_to(np.float32(1.5), (10**6, 10**6))
    assert text_of(huge).count("1.5000") == 36
    hidden = np.full(2000, 1.5, np.float32)
    hidden[1000] = 1e20
    assert text_of(hidden) == "tensor([1.5000, 1.5000, 1.5000,  ..., 1.5000, 1.5000, 1.5000])"


def test_printing_leaves_the_array_alone() -> None:
    """Read-only, byte-swapped and strided arrays print, and nothing is written."""
    values = np.arange(6, dtype=">f8")[::-2]
    values.flags.writeable = False
    assert text_of(values) == "tensor([5., 3., 1.], dtype=torch.float64)"


def test_signalling_nan_is_silent() -> None:
    """A NaN of any bit pattern prints without a warning (warnings are errors here)."""
    signalling = np.array([0x7FA00000, 0x3F800000], np.uint32).view(np.float32)
    assert text_of(signalling) == "tensor([nan, 1.])"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": -1}, "precision must be a non-negative integer, but got -1"),
        ({"precision": 2.5}, "precision must be a non-negative integer, but got 2.5"),
        ({"edgeitems": -1}, "edgeitems must be a non-negative integer, but got -1"),
        ({"linewidth": "wide"}, "linewidth must be an integer, but got 'wide'"),
        ({"threshold": "all"}, r"threshold must be a number \(float\('inf'\) .*\), but got 'all'"),
        ({"threshold": float("nan")}, "threshold must be a number .*, but got nan"),
        ({"profile": "long"}, "profile must be 'default', 'short' or 'full', but got 'long'"),
        ({"profile": "FULL"}, "profile must be 'default', 'short' or 'full', but got 'FULL'"),
        ({"profile": 3}, "profile must be 'default', 'short' or 'full', but got 3"),
    ],
)
def test_unusable_options_are_refused(options: dict[str, Any], message: str) -> None:
    """PyTorch takes these and fails (or ignores them) later; the options in force stay as they were."""
    before = get_printoptions()
    with pytest.raises(ValueError, match=f"^set_printoptions: {message}$"):
        set_printoptions(**options)
    assert get_printoptions() == before


def test_printoptions_block() -> None:
    """The old options come back after the block, also after an error in it."""
    before = get_printoptions()
    with pytest.raises(KeyError), printoptions(precision=1, sci_mode=True):
        assert text_of(np.float32(25)) == "tensor(2.5e+01)"
        raise KeyError
    assert get_printoptions() == before


def test_format_spec() -> None:
    """Numbers take a spec, tensors with a shape do not, and an empty spec gives the whole text."""
    kept = {"type_name": "Tensor", "text": lambda: "whole text"}
    assert format_with_spec(np.float32(3.14159), ".3f", **kept) == "3.142"
    assert format_with_spec(np.float32(3), "", **kept) == "3.0"
    assert format_with_spec(np.ones(2), "", **kept) == "whole text"
    parameter = {**kept, "type_name": "Parameter"}
    assert format_with_spec(np.float32(3), "", **parameter) == "whole text"
    refusal = r"^unsupported format string passed to {}\.__format__\n.*{}"
    with pytest.raises(TypeError, match=refusal.format("Tensor", r"shape \(2,\)")):
        format_with_spec(np.ones(2), ".3f", **kept)
    with pytest.raises(TypeError, match=refusal.format("Tensor", r"t\.item\(\)")):
        format_with_spec(np.ones((1, 1)), ".3f", **kept)
    with pytest.raises(TypeError, match=refusal.format("Parameter", r":\.3f")):
        format_with_spec(np.float32(3), ".3f", **parameter)
