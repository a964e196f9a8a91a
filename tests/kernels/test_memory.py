"""The C library keeps freed memory, where it is glibc's, unless the user says otherwise; seen in page faults."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from tapeless._kernels import memory

CODE = """
import resource, sys
import numpy as np
from tapeless._kernels import memory
print(memory.keep_freed_memory())
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    arrays = [np.ones(1 << 20, np.float32) for _ in range(8)]  # 32 MB in all, as a forward pass keeps them
use()
before = faults()
for _ in range(5):
    use()
print((faults() - before) // 5)
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is told to keep memory")


def run(**variables: str) -> tuple[str, int]:
    """Return what `keep_freed_memory` says in a new process, and how many new pages each round of arrays takes."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_") and k != "GLIBC_TUNABLES"}
    env["NUMPY_MADVISE_HUGEPAGE"] = "0"  # else a fault may bring 2 MB
    done = subprocess.run([sys.executable, "-c", CODE], env=env | variables, capture_output=True, text=True, timeout=60)
    assert not done.returncode, done.stderr
    answer, count = done.stdout.split()
    return answer, int(count)


@glibc
def test_freed_memory_is_used_again() -> None:
    answer, faults = run()
    assert answer == "True"
    assert faults < 100


@glibc
@pytest.mark.parametrize("variable", [{"TAPELESS_KEEP_MEMORY": "0"}, {"MALLOC_MMAP_THRESHOLD_": "131072"}])
def test_the_user_decides(variable: dict[str, str]) -> None:
    answer, faults = run(**variable)
    assert answer == "False"
    assert faults > 5000  # 8192 pages


def test_another_malloc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(name: None) -> object:
        raise error

    for name in [n for n in os.environ if n.startswith("MALLOC_") or n == "GLIBC_TUNABLES"]:
        monkeypatch.delenv(name)
    for library in (object(), type("Musl", (), {"mallopt": None})()):  # macOS and musl: no gnu_get_libc_version
        monkeypatch.setattr(memory.ctypes, "CDLL", lambda name, library=library: library)
        assert not memory.keep_freed_memory()
    error = TypeError("Windows")
    monkeypatch.setattr(memory.ctypes, "CDLL", no_library)
    assert not memory.keep_freed_memory()
