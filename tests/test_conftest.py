"""The guard in conftest.py notices what a test leaves behind, and puts it back."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tapeless import _dtypes, _random
from tapeless._core import modes
from tests.conftest import FLAGS, no_leaks


@pytest.mark.parametrize("flag", FLAGS)
def test_a_mode_that_stays_changed_is_reported_and_put_back(flag: str) -> None:
    before = getattr(modes.state, flag)
    with pytest.raises(AssertionError, match=re.escape(f"{flag} was {before}, is {not before}")):
        with no_leaks():
            setattr(modes.state, flag, not before)
    assert getattr(modes.state, flag) is before


def test_a_changed_default_dtype_is_reported_and_put_back() -> None:
    with pytest.raises(AssertionError, match="default dtype was float32, is float64"):
        with no_leaks():
            _dtypes.set_default_dtype(np.dtype("float64"))
    assert _dtypes.get_default_dtype() == np.dtype("float32")


def test_the_seed_is_put_back() -> None:
    before = np.asarray(_random.get_rng_state())
    with no_leaks():
        _random.manual_seed(123)
        assert not np.array_equal(_random.get_rng_state(), before)
    assert np.array_equal(_random.get_rng_state(), before)
