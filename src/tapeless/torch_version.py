"""``torch.__version__``: the version of PyTorch whose behaviour Tapeless has, with a tag that says who has it.

Source: https://docs.pytorch.org/docs/stable/torch.html (``torch.__version__`` is a `TorchVersion`).
"""

from __future__ import annotations

import re
from typing import Any

PYTORCH = "2.13.0+tapeless"


class TorchVersion(str):
    """A string that compares as a version, with strings and with tuples.

    >>> version = TorchVersion("2.13.0+tapeless")
    >>> version >= "2.2", version > (2, 9), version < (3,), version == "2.13.0+tapeless"
    (True, True, True, True)
    """

    __slots__ = ()

    def _sides(self, other: Any) -> tuple[list[int], list[int]]:
        """Return the numbers of both versions, filled with zeros to the same length."""
        a, b = _numbers(self), _numbers(other)
        length = max(len(a), len(b))
        return a + [0] * (length - len(a)), b + [0] * (length - len(b))

    def __lt__(self, other: Any) -> bool:
        a, b = self._sides(other)
        return a < b

    def __le__(self, other: Any) -> bool:
        a, b = self._sides(other)
        return a <= b

    def __gt__(self, other: Any) -> bool:
        a, b = self._sides(other)
        return a > b

    def __ge__(self, other: Any) -> bool:
        a, b = self._sides(other)
        return a >= b


def _numbers(version: Any) -> list[int]:
    """Return the numbers of a version before its first tag: "2.13.0+cpu" is [2, 13, 0]."""
    if isinstance(version, str):
        plain = re.match(r"v?(\d+(?:\.\d+)*)", version.strip())
        if plain is None:
            raise TypeError(f"expected a version such as '2.13.0', got {str(version)!r}")
        return [int(part) for part in plain[1].split(".")]
    return [int(part) for part in version]


__version__ = TorchVersion(PYTORCH)
