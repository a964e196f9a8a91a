"""``torch.random``: seeds and states of the random stream, and `fork_rng`, which puts it back.

Source: https://docs.pytorch.org/docs/stable/random.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._random import (
    Generator as Generator,
    default_generator as default_generator,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    seed as seed,
    set_rng_state as set_rng_state,
)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, device_type: str = "cuda") -> Iterator[None]:
    """Put the random stream back at the end of the block, so that what was drawn in it is not missed.

    See https://docs.pytorch.org/docs/stable/random.html#torch.random.fork_rng

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> with tl.random.fork_rng():
    ...     inside = tl.rand(2)
    >>> bool((inside == tl.rand(2)).all())
    True
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
