"""`Tensor.untyped_storage`, beside PyTorch."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import tapeless as tl


def facts(library: Any) -> list[Any]:
    x = library.arange(10, dtype=library.float32)
    tensors = (x, x[3:5], x.reshape(2, 5).t(), library.zeros(0), library.tensor(2, dtype=library.int64))
    answers = []
    for tensor in tensors:
        storage = tensor.untyped_storage()
        answers.append((storage.nbytes(), storage.size(), len(storage), list(storage.tolist()), str(storage.device)))
        answers.append(storage.data_ptr() == x.data_ptr())
    return answers


def test_storage_is_the_memory_of_all_views() -> None:
    torch = pytest.importorskip("torch")
    assert facts(tl) == facts(torch)


def test_size_in_bytes_is_what_getsizeof_adds() -> None:
    sizes = [sys.getsizeof(tl.zeros(n).untyped_storage()) for n in (1, 101)]
    assert sizes[1] - sizes[0] == 400
