"""Every pair of dtypes, each as a tensor with dims, a 0-d tensor and a Python number: the dtype is PyTorch's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tapeless as tl
from tests.ops.promotion import BINARY, CODES, NUMBERS, tables

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

GOLDEN = json.loads((Path(__file__).parent / "promotion_golden.json").read_text())
OURS = tables(tl)
DTYPES = list(CODES)


def differences(ours: list[str], theirs: list[str], title: str) -> list[str]:
    """Return the places where a table differs; having an operation that PyTorch lacks for a dtype is none."""
    found = []
    for i, (row, expected) in enumerate(zip(ours, theirs, strict=True)):
        for k, (a, b) in enumerate(zip(row.split(), expected.split(), strict=True)):
            if a != b and not (b == "-" and is_lenient(title, a)):
                first = DTYPES[i] if len(theirs) > 1 else ""
                second = (list(NUMBERS) if title.endswith("number") else DTYPES)[k]
                found.append(f"{title}: {first} {second}: {a}, PyTorch: {b}")
    return found


def is_lenient(title: str, code: str) -> bool:
    """Whether we may compute what PyTorch has no kernel for; what it refuses for its meaning, we refuse."""
    return code.startswith("c") or title.split(",")[0] not in {"sub", "neg", "mean", "std", "norm", "bitwise_and"}


@pytest.mark.parametrize("title", list(GOLDEN))
def test_dtypes_are_those_of_pytorch(title: str) -> None:
    assert not differences(OURS[title], GOLDEN[title], title)


def test_the_frozen_table_is_complete() -> None:
    assert list(OURS) == list(GOLDEN)


def test_the_frozen_table_is_that_of_the_pytorch_installed() -> None:
    torch = pytest.importorskip("torch")
    assert tables(torch) == GOLDEN


@pytest.mark.parametrize("op", [op for op in BINARY if op not in ("where", "cat", "atan2", "lt", "eq", "maximum")])
def test_operators_promote_as_functions_do(op: str) -> None:
    symbol = {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "floor_divide": "floordiv",
              "remainder": "mod", "pow": "pow", "bitwise_and": "and"}[op]  # fmt: skip
    for x in (tl.ones(2, dtype=tl.int32), tl.ones(2, dtype=tl.uint8)):
        for other in (2, tl.ones((), dtype=tl.int64), tl.ones(2, dtype=tl.int16)):
            assert getattr(x, f"__{symbol}__")(other).dtype == getattr(tl, op)(x, other).dtype


def test_reflected_numbers() -> None:
    x = tl.ones(2, dtype=tl.int32)
    assert (2 - x).dtype == (2 * x).dtype == (2**x).dtype == (5 // x).dtype == (5 % x).dtype == tl.int32
    assert (2.0 - x).dtype == (2 / x).dtype == tl.float32
    assert (1.5 - x.double()).dtype == tl.float64
    assert (2 - x.half()).dtype == tl.float16


def test_default_dtype_decides_what_numbers_become() -> None:
    x = tl.ones(2, dtype=tl.int64)
    tl.set_default_dtype(tl.float64)
    try:
        assert (x + 1.5).dtype == (x / x).dtype == x.exp().dtype == tl.float64
        assert (x.float() + 1.5).dtype == tl.float32
    finally:
        tl.set_default_dtype(tl.float32)
    assert (x + 1.5).dtype == tl.float32


def test_small_integers_wrap_round() -> None:
    assert (tl.tensor([200], dtype=tl.uint8) + 100).tolist() == [44]
    assert (tl.tensor([1], dtype=tl.int8) + 300).tolist() == [45]
    assert (tl.tensor([1], dtype=tl.int8) * 300).dtype == tl.int8


def test_result_type_and_promote_types() -> None:
    assert tl.result_type(tl.ones(2, dtype=tl.int8), 300) == tl.int8
    assert tl.result_type(tl.ones(2, dtype=tl.int8), tl.ones((), dtype=tl.float64)) == tl.float64
    assert tl.result_type(tl.ones(2, dtype=tl.float16), tl.ones((), dtype=tl.float64)) == tl.float16
    assert tl.promote_types(tl.uint8, tl.int8) == tl.int16
    assert tl.promote_types(tl.float16, tl.int64) == tl.float16
    with pytest.raises(TypeError, match="expected a Tensor or a number, got str"):
        tl.ones(2) + "x"
