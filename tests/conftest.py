"""For every test: no global state leaks out, and hypothesis behaves alike everywhere.

A test that leaves grad mode, inference mode, anomaly mode or the default dtype changed fails, since the next
test would fail in its place. The random state may change: it is put back, so the order of tests matters not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
from hypothesis import HealthCheck, settings

# Deadlines measure the machine, not the code.
settings.register_profile("default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
# CI repeats the same examples on each run; `HYPOTHESIS_PROFILE=thorough make test` looks further.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))


FLAGS = ("grad_enabled", "inference", "anomaly", "saved_hooks", "saved_hooks_refused", "passes")
# These tests never touch the package in this process, and have to run also when it cannot be imported.
STATELESS = {"test_layers.py", "test_packaging.py"}


@contextmanager
def no_leaks() -> Iterator[None]:
    """Put the package's global state back; raise AssertionError when more of it than the seed had changed."""
    from tapeless import _dtypes, _random
    from tapeless._core import modes

    def snapshot() -> dict[str, object]:
        flags = {name: getattr(modes.state, name) for name in FLAGS}
        return {**flags, "default dtype": _dtypes.get_default_dtype()}

    before, random_state = snapshot(), _random.get_rng_state()
    try:
        yield
    finally:
        after = snapshot()
        _random.set_rng_state(random_state)
        _dtypes.set_default_dtype(before["default dtype"])
        for name in FLAGS:
            setattr(modes.state, name, before[name])
    leaks = [f"{name} was {before[name]}, is {after[name]}" for name in before if before[name] != after[name]]
    assert not leaks, f"this test leaks global state: {'; '.join(leaks)}. Use a `with` block or a fixture"


@pytest.fixture(autouse=True)
def _no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    with nullcontext() if request.path.name in STATELESS else no_leaks():
        yield
