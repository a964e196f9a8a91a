"""`testing.assert_close`, beside PyTorch's: the same verdicts, and the same first lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl

torch = pytest.importorskip("torch")

CASES = {
    "equal": lambda t: (t.tensor([1.0, 2.0]), t.tensor([1.0, 2.0]), {}),
    "close": lambda t: (t.tensor([1.0, 2.0]), t.tensor([1.0, 2.000001]), {}),
    "far": lambda t: (t.tensor([[1.0, 2.0], [3.0, 4.0]]), t.tensor([[1.0, 2.0], [3.0, 5.0]]), {}),
    "shape": lambda t: (t.ones(2), t.ones(3), {}),
    "dtype": lambda t: (t.ones(2), t.ones(2, dtype=t.float64), {}),
    "dtype unchecked": lambda t: (t.ones(2), t.ones(2, dtype=t.float64), {"check_dtype": False}),
    "integers": lambda t: (t.tensor([1, 2]), t.tensor([1, 3]), {}),
    "numbers": lambda t: (1.0, 1.5, {}),
    "number kinds": lambda t: (1, 1.0, {}),
    "nan": lambda t: (t.tensor(float("nan")), t.tensor(float("nan")), {}),
    "equal nan": lambda t: (t.tensor(float("nan")), t.tensor(float("nan")), {"equal_nan": True}),
    "infinite": lambda t: (t.tensor(float("inf")), t.tensor(float("inf")), {}),
    "list": lambda t: ([t.ones(2), 1.0], [t.ones(2), 2.0], {}),
    "lengths": lambda t: ([1.0], [1.0, 2.0], {}),
    "mapping": lambda t: ({"a": t.ones(1)}, {"a": t.zeros(1)}, {}),
    "keys": lambda t: ({"a": 1.0}, {"b": 1.0}, {}),
    "tolerances": lambda t: (t.tensor(1.0), t.tensor(1.1), {"rtol": 0, "atol": 0.2}),
    "one tolerance": lambda t: (t.tensor(1.0), t.tensor(1.1), {"rtol": 0.2}),
    "arrays": lambda t: (np.ones(2), np.ones(2) + 1e-9, {}),
    "array and tensor": lambda t: (np.ones(2, "float32"), t.ones(2), {}),
    "none": lambda t: (None, t.ones(1), {}),
    "bool": lambda t: (t.tensor([True]), t.tensor([False]), {}),
    "half": lambda t: (t.tensor([1.0], dtype=t.float16), t.tensor([1.002], dtype=t.float16), {}),
    "stride": lambda t: (t.ones(2, 3), t.ones(3, 2).t(), {"check_stride": True}),
    "message": lambda t: (1.0, 2.0, {"msg": "mine"}),
    "message made": lambda t: (1.0, 2.0, {"msg": lambda text: "mine: " + text}),
}


def verdict(lib: Any, case: str) -> Any:
    actual, expected, options = CASES[case](lib)
    try:
        lib.testing.assert_close(actual, expected, **options)
    except (AssertionError, ValueError, TypeError) as error:
        return error
    return None


@pytest.mark.parametrize("case", CASES)
def test_verdicts_are_those_of_pytorch(case: str) -> None:
    ours, theirs = verdict(tl, case), verdict(torch, case)
    assert (ours is None) == (theirs is None), (ours, theirs)
    if theirs is not None and case != "array and tensor":  # an error of another kind in PyTorch's own machinery
        assert isinstance(ours, type(theirs))
        assert str(ours).splitlines()[:3] == str(theirs).splitlines()[:3]
