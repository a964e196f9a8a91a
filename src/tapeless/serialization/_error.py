"""`FileError`: what every file that cannot be trusted ends in."""

from __future__ import annotations

import pickle
from typing import Any, NoReturn

from tapeless._errors import TapelessError


class FileError(TapelessError, pickle.UnpicklingError, ValueError):
    """A file is damaged, hostile, or of a kind that is not read; the message names what is wrong with it.

    It is a `RuntimeError` and a `pickle.UnpicklingError`, as what PyTorch raises, and a `ValueError`.

    >>> import io
    >>> import tapeless as tl
    >>> tl.load(io.BytesIO(b"no weights"))
    Traceback (most recent call last):
        ...
    tapeless.serialization._error.FileError: cannot read the file object: it is neither safetensors, ...
    """


def damaged(what: str) -> NoReturn:
    """Raise `FileError`; `load` puts the name of the file before it."""
    raise FileError(what)


def check(fine: Any, what: str) -> None:
    """Raise `FileError` unless `fine`."""
    if not fine:
        raise FileError(what)


def is_count(value: Any) -> bool:
    """Is `value` a whole number that could be a size, and no bool?

    >>> is_count(3), is_count(-1), is_count(True)
    (True, False, False)
    """
    return type(value) is int and 0 <= value < 2**63
