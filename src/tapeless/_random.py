"""The random generators: PyTorch's CPU stream behind PyTorch's names."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ._core.tensor_base import unwrap, wrap
from ._device import CPU, Device, check_device

if TYPE_CHECKING:
    from ._kernels.random_stream import RandomStream

DEFAULT_SEED = 67280421310721
"""The seed PyTorch starts with when none is set."""


class Generator:
    """A stream of random numbers of its own; the same seed gives PyTorch's numbers.

    See https://docs.pytorch.org/docs/stable/generated/torch.Generator.html

    >>> import tapeless as tl
    >>> g = tl.Generator().manual_seed(0)
    >>> tl.rand(2, generator=g)
    tensor([0.4963, 0.7682])
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self._stream: RandomStream | None = None

    @property
    def stream(self) -> RandomStream:
        """The stream itself, made when it is first used: `numpy.random` takes 10 ms to import."""
        if self._stream is None:
            module = importlib.import_module("._kernels.random_stream", __package__)
            self._stream = module.RandomStream(DEFAULT_SEED)
        return self._stream

    @property
    def device(self) -> Device:
        """The CPU."""
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream anew from `seed`; returns the generator."""
        self.stream.seed(int(seed))
        return self

    def seed(self) -> int:
        """Start the stream from a seed that the operating system makes up, and return it."""
        seed = int.from_bytes(os.urandom(8), "little") >> 1
        self.stream.seed(seed)
        return seed

    def initial_seed(self) -> int:
        """Return the seed the stream was started with."""
        return self.stream.initial_seed()

    def get_state(self) -> Any:
        """Return the state of the stream as a uint8 tensor."""
        return wrap(self.stream.get_state())

    def set_state(self, state: Any) -> Generator:
        """Continue from a state that `get_state` returned."""
        self.stream.set_state(np.asarray(unwrap(state)))
        return self

    def clone_state(self) -> Generator:
        """Return another generator at the same point of the same stream."""
        twin = Generator()
        twin.stream.set_state(self.stream.get_state())
        return twin


default_generator = Generator()
"""The generator that functions use when none is given."""


def manual_seed(seed: int) -> Generator:
    """Start the default stream anew; the same seed gives the numbers that PyTorch gives on the CPU.

    See https://docs.pytorch.org/docs/stable/generated/torch.manual_seed.html

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.rand(3)
    tensor([0.4963, 0.7682, 0.0885])
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default stream from a seed made up by the operating system, and return it.

    >>> import tapeless as tl
    >>> seed = tl.seed()  # another one each time
    >>> tl.initial_seed() == seed
    True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed that the default stream was started with.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(42)
    >>> tl.initial_seed()
    42
    """
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """Return the state of the default stream as a uint8 tensor.

    >>> import tapeless as tl
    >>> state = tl.get_rng_state()
    >>> a = tl.rand(3)
    >>> tl.set_rng_state(state)
    >>> tl.equal(a, tl.rand(3))
    True
    """
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue the default stream from a state that `get_rng_state` returned.

    >>> import tapeless as tl
    >>> state = tl.get_rng_state()
    >>> a = tl.rand(3)
    >>> tl.set_rng_state(state)
    >>> tl.equal(a, tl.rand(3))
    True
    """
    default_generator.set_state(new_state)


def stream_of(generator: Generator | None) -> RandomStream:
    """Return the stream to draw from: that of `generator`, or the default one."""
    return (default_generator if generator is None else generator).stream
