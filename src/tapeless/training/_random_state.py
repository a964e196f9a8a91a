"""Where all random streams stand that data and layers may draw from."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import numpy as np

from tapeless import _random

from ._data import generators_of


def random_state(loaders: Iterable[Any]) -> dict[str, Any]:
    """The state of the default generator, those of `loaders` (Nones are skipped), NumPy's and Python's own."""
    version, words, gauss = random.getstate()
    return {
        "generators": [generator.get_state() for generator in _generators(loaders)],
        "numpy": np.random.get_state(legacy=False),
        "python": (version, np.array(words, dtype=np.uint64), gauss),
    }


def check_generators(state: dict[str, Any], loaders: Iterable[Any]) -> None:
    """Raise `ValueError` when `state` is from other loaders than these."""
    generators = _generators(loaders)
    if len(generators) != len(state["generators"]):
        raise ValueError(
            f"cannot resume: the data loaders have {len(generators) - 1} generators of their own, "
            f"in the checkpoint they had {len(state['generators']) - 1}"
        )


def set_random_state(state: dict[str, Any], loaders: Iterable[Any]) -> None:
    """Continue from what `random_state` returned."""
    for generator, position in zip(_generators(loaders), state["generators"], strict=True):
        generator.set_state(position)
    np.random.set_state(state["numpy"])
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))


def _generators(loaders: Iterable[Any]) -> list[_random.Generator]:
    found = [g for loader in loaders if loader is not None for g in generators_of(loader)]
    return [_random.default_generator, *(g for g in found if g is not _random.default_generator)]
