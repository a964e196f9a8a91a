"""The special functions against Python's own, to a few units in the last place."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tapeless._kernels.special import erf, expit


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_erf_is_within_three_units_in_the_last_place(dtype: str) -> None:
    x = np.concatenate([np.linspace(-7, 7, 20001), np.geomspace(1e-30, 1, 500)]).astype(dtype)
    expected = np.array([math.erf(float(v)) for v in x])
    error = np.abs(erf(x).astype("float64") - expected)
    assert erf(x).dtype == dtype
    assert (error <= 3 * np.spacing(np.abs(expected).astype(dtype)).astype("float64")).all()


def test_erf_at_its_ends() -> None:
    ends = erf(np.array([-np.inf, -0.0, 0.0, np.inf, np.nan]))
    assert ends[:4].tolist() == [-1.0, -0.0, 0.0, 1.0]
    assert np.signbit(ends[1])
    assert np.isnan(ends[4])


def test_expit_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert expit(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
