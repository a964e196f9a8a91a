"""Thousands of damaged files: each gives the right state, or the one error; no crash, no hang, no memory.

Where a format has checksums (.pt, .npz, and safetensors of `save`), what loads must be what was saved.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tapeless as tl
from tapeless import nn
from tapeless.serialization import FileError, save_file
from tests.serialization.hostile import archive, limits, named, number, pickled, plain_zip, storage, text

FILES_OF_EACH = 3000


def state() -> dict[str, Any]:
    with_fixed_seed = tl.Generator().manual_seed(0)
    weight = tl.rand(4, 6, generator=with_fixed_seed)
    model = {"weight": weight, "tied": weight.T[:3], "bias": tl.arange(3), "half": tl.ones(2, dtype=tl.float16)}
    groups = [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0, 1]}]
    extra = {
        "none": None,
        "bytes": b"\x00\xff",
        "complex": 1j,
        "set": {1},
        "array": np.arange(3),
        "scalar": np.float32(1),
    }
    return {
        "model": model,
        "optimizer": {"state": {0: {"step": tl.tensor(3.0)}}, "groups": groups},
        "epoch": 7,
        **extra,
    }


def saved(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tl.save(value, buffer, **options)
    return buffer.getvalue()


def foreign(folder: Any) -> bytes:
    """A safetensors file without our checksums."""
    save_file({"a": tl.ones(3, 2), "b": tl.arange(4)}, folder / "a.safetensors", {"format": "pt"})
    return (folder / "a.safetensors").read_bytes()


def compressed() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros((20, 20)), b=np.arange(5))
    return buffer.getvalue()


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Damage `data` once or a few times."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        if not damaged:
            break
        place = chance.randrange(len(damaged))
        end = min(len(damaged), place + chance.choice((1, 2, 4, 8, 60)))
        kind = chance.randrange(7)
        if kind == 0:
            damaged[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            damaged[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 2:
            damaged[place:end] = chance.choice((b"\xff", b"\0", b"\x80")) * (end - place)
        elif kind == 3:
            del damaged[place:end]
        elif kind == 4:
            damaged[place:place] = damaged[place:end]
        elif kind == 5:
            other = chance.randrange(len(damaged))
            damaged[other : other + end - place] = damaged[place:end]
        else:
            del damaged[place:]
    return bytes(damaged)


def try_all(
    data: bytes, seed: int, wrap: Callable[[bytes], bytes] = lambda damaged: damaged, exact: bool = False
) -> None:
    chance = random.Random(seed)
    right = repr(tl.load(io.BytesIO(wrap(data))))
    refused = 0
    with limits(60, 64):
        for _ in range(FILES_OF_EACH):
            damaged = wrap(mutated(data, chance))
            try:
                loaded = tl.load(io.BytesIO(damaged))
            except FileError as error:
                refused += 1
                assert 20 < len(str(error)) < 2000
            else:
                assert not exact or repr(loaded) == right, "a wrong state in silence"
    assert refused > FILES_OF_EACH // 10, "the damage reaches what is checked"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pt", "npz", "safetensors"])
def test_damaged_files_with_checksums(name: str) -> None:
    try_all(saved(state(), format=name), 1, exact=True)


@pytest.mark.slow
def test_damaged_plain_archives() -> None:
    try_all(saved({"a": tl.ones(3), "b": tl.arange(7)}, format="npz"), 2, exact=True)
    try_all(compressed(), 3, exact=True)


@pytest.mark.slow
def test_damaged_files_without_checksums(tmp_path: Any) -> None:
    legacy = saved(state(), format="pt", _use_new_zipfile_serialization=False)
    try_all(legacy, 4)
    try_all(foreign(tmp_path), 5)


@pytest.mark.slow
def test_damaged_pickles_in_sound_archives() -> None:
    with zipfile.ZipFile(io.BytesIO(saved(state(), format="pt"))) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    pickle = entries.pop("archive/data.pkl")
    try_all(pickle, 6, lambda damaged: plain_zip({"archive/data.pkl": damaged, **entries}))


@pytest.mark.slow
def test_damaged_tables_in_sound_archives() -> None:
    with np.load(io.BytesIO(saved(state(), format="npz"))) as file:
        arrays = dict(file)
    table = str(arrays.pop("__tapeless__")).encode()

    def wrap(damaged: bytes) -> bytes:
        buffer = io.BytesIO()
        np.savez(buffer, __tapeless__=np.array(damaged.decode("latin1").replace("\0", " ")), **arrays)
        return buffer.getvalue()

    try_all(table, 7, wrap)


# --- programs for the pickle machine ---------------------------------------------------------------------------

HOOKS = named("collections", "OrderedDict") + b")R"
PIECES = [
    *[b"(", b")", b"]", b"}", b"N", b"0", b"\x88", b"\x85", b"\x86", b"\x87", b"t", b"a", b"e", b"s", b"u", b"R", b"b"],
    *[b"q\x00", b"h\x00", b"q\x01", b"h\x01", b"\x94", b"\x8f", b"\x90", b"\x91", b"\x93", b"Q", b"l", b"d", b"\x81"],
    *[number(n) for n in (0, 1, 4, -1, 2**63, 2**40)],
    *[text(name) for name in ("", "a", "0", "cpu", "latin1", "storage", "_metadata", "conj")],
    *[storage(), storage(2**40), HOOKS, number(0) + number(4) + b"\x85" + number(1) + b"\x85\x89" + HOOKS],
    *[named("torch._utils", name) for name in ("_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter")],
    *[named("torch", name) for name in ("Tensor", "Size", "device", "float32", "bfloat16", "FloatStorage")],
    *[named("collections", name) for name in ("OrderedDict", "Counter")],
    *[named("builtins", name) for name in ("set", "bytearray", "complex", "eval")],
    *[named("numpy", name) for name in ("dtype", "ndarray")],
    *[named("numpy._core.multiarray", name) for name in ("scalar", "_reconstruct")],
    *[named("_codecs", "encode"), named("torch._tensor", "_rebuild_from_type_v2")],
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_program(pieces: list[bytes]) -> None:
    try:
        tl.load(io.BytesIO(archive(pickled(b"".join(pieces)), {"0": bytes(16)})))
    except FileError as error:
        assert "pickle" in str(error) or "storage" in str(error)


@pytest.mark.slow
def test_thousands_of_programs() -> None:
    chance = random.Random(8)
    with limits(60, 64):
        for _ in range(3000):
            body = b"".join(chance.choice(PIECES) for _ in range(chance.randrange(40)))
            try:
                tl.load(io.BytesIO(archive(pickled(body), {"0": bytes(16)})))
            except FileError:
                continue


def test_a_few_damaged_files_of_each_kind(monkeypatch: Any) -> None:
    """The quick part of the above, for every run of the tests."""
    monkeypatch.setattr(f"{__name__}.FILES_OF_EACH", 60)
    for name in ("pt", "npz", "safetensors"):
        try_all(saved(state(), format=name), 9, exact=True)
    model = nn.Linear(2, 2)
    try_all(saved(model.state_dict(), format="pt", _use_new_zipfile_serialization=False), 10)
