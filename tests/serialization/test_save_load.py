"""`save` and `load` without other libraries: what goes in comes out, in every format and by every way."""

from __future__ import annotations

import io
import math
import os
import pathlib
import stat
import time
import zipfile
from collections import Counter, OrderedDict, namedtuple
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn, optim
from tapeless.serialization import FileError, _zip, format_of

FORMATS = ["safetensors", "pt", "npz", "legacy"]
DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 complex128".split()


def through(value: Any, form: str = "safetensors", **options: Any) -> Any:
    """Save to memory and load again."""
    buffer = io.BytesIO()
    if form == "legacy":
        tl.save(value, buffer, _use_new_zipfile_serialization=False, format="pt")
    else:
        tl.save(value, buffer, format=form)
    buffer.seek(0)
    return tl.load(buffer, **options)


VALUES = {
    "nothing": None,
    "numbers": [0, 1, -1, 255, 256, -129, 2**31, -(2**31), 2**63, -(2**63) - 1, 2**100, True, False],
    "floats": [0.0, -0.0, 0.1, 1e-320, math.inf, -math.inf, 1.7976931348623157e308],
    "complex": [1j, complex(-0.0, math.inf)],
    "text": ["", "a", "äöü\u2028\0", "$tensor", "\U0001f600", "x" * 1000],
    "bytes": [b"", b"\x00\xff" * 200, bytearray(b"ab"), bytearray()],
    "containers": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [[]], {}, {"a": {}}, set(), {1, "a"}, frozenset({2})],
    "keys": {0: 1, 1.5: 2, None: 3, True + 1: 4, b"k": 5, ("a", 1): 6, 2**80: 7, "": 8, 1j: 9},
    "odd names": {"$tensor": 1, "a/b": [2], "a": {"b": 3}, "__metadata__": 4, "format": 5, "__tapeless__": 6},
    "ordered": OrderedDict([("b", 1), ("a", OrderedDict())]),
    "counter": Counter("abracadabra"),
    "many": {"list": list(range(2500)), "dict": {str(n): n for n in range(2500)}},
    "types": [tl.Size([2, 3]), tl.Size([]), tl.float16, tl.bool, tl.complex128, tl.bfloat16, tl.device("cpu")],
    "numpy": [
        np.float32(0.1),
        np.int8(-3),
        np.bool_(True),
        np.complex128(1j),
        np.arange(6).reshape(2, 3),
        np.array(2.5),
    ],
    "other orders": [np.arange(3, dtype=">i4"), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6)[::-2]],
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_values(value: Any, form: str) -> None:
    back = through(value, form)
    assert repr(back).replace("dtype='>i4'", "") == repr(value).replace(", dtype='>i4'", ", dtype=int32").replace(
        "dtype='>i4'", ""
    )
    assert _types(back) == _types(value)


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return type(value), [(_types(key), _types(item)) for key, item in value.items()]
    return (type(value), [_types(item) for item in value]) if isinstance(value, list | tuple) else type(value)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype: str, form: str) -> None:
    if form == "legacy" and dtype in ("uint16", "uint32", "uint64"):
        with pytest.raises(ValueError, match=f"before PyTorch 1.6 has no {dtype}"):
            through(tl.ones(2, dtype=getattr(tl, dtype)), form)
        return
    values = np.array([[0, 1, 2], [120, 5, 0]]).astype(dtype)
    tensors = [tl.from_numpy(values), tl.from_numpy(values[0, 0:1].reshape(())), tl.from_numpy(values[:0].copy())]
    back = through(tensors, form)
    for before, after in zip(tensors, back):
        assert after.dtype == before.dtype and after.shape == before.shape
        assert not before.numel() or after.stride() == before.stride()
        assert np.array_equal(after.numpy(), before.numpy())


@pytest.mark.parametrize("form", FORMATS)
def test_bits_of_floats_survive(form: str) -> None:
    bits = np.array([0x7FC00001, 0xFFC12345, 0x7F800001, 0x80000000, 1], np.uint32)
    assert through(tl.from_numpy(bits.view(np.float32)), form).numpy().view(np.uint32).tolist() == bits.tolist()


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_tied_stays_tied(form: str) -> None:
    weight = tl.arange(12.0).reshape(3, 4)
    state = {
        "a": weight,
        "same": weight,
        "alias": weight.detach(),
        "T": weight.T,
        "row": weight[1],
        "part": weight[1:, 2:],
    }
    back = through(state, form)
    assert repr(back) == repr(state) and back["a"] is back["same"]
    assert {k: v.stride() for k, v in back.items()} == {k: v.stride() for k, v in state.items()}
    back["row"][2] = -1
    assert [back[name].min().item() for name in ("a", "alias", "T", "part")] == [-1] * 4
    assert weight.min() == 0, "and not with what was saved"


@pytest.mark.parametrize("form", FORMATS)
def test_overlapping_parts_without_their_whole(form: str) -> None:
    base = tl.arange(100.0)
    back = through([base[10:20], base[15:25], base[50:60]], form)
    back[0].zero_()
    assert back[1].tolist() == [0] * 5 + [20, 21, 22, 23, 24] and back[2].tolist() == list(range(50, 60))


@pytest.mark.parametrize("form", FORMATS)
def test_only_what_is_saved_is_written(form: str) -> None:
    secret = tl.full((1000, 100), 7.25)
    buffer = io.BytesIO()
    tl.save([secret[3], secret[:, 5], secret[::2, ::3]], buffer, format="pt" if form == "legacy" else form)
    kept = {100, 1000, 500 * 34}
    assert len(buffer.getvalue()) < 4 * 100 * 1000 + 5000, "overlapping columns take their span"
    buffer = io.BytesIO()
    tl.save(secret[::2, ::3], buffer, format="pt" if form == "legacy" else form)
    assert len(buffer.getvalue()) < 4 * max(kept) + 3000


@pytest.mark.parametrize("form", FORMATS)
def test_layouts(form: str) -> None:
    x = tl.arange(24.0).reshape(2, 3, 4)
    flipped = tl.from_numpy(np.arange(5.0)[::-1])
    tensors = [
        x.permute(2, 0, 1),
        tl.ones(1).expand(3, 5),
        tl.zeros(2, 0, 3),
        flipped,
        tl.from_numpy(np.arange(9.0)[::4]),
    ]
    back = through(tensors, form)
    assert repr(back) == repr(tensors)
    assert back[0].stride() == (1, 12, 4) and back[1].stride() == (0, 0)


@pytest.mark.parametrize("form", FORMATS)
def test_gradients_and_parameters(form: str) -> None:
    leaf = tl.ones(2, requires_grad=True)
    state = [
        leaf,
        leaf * 2,
        nn.Parameter(tl.zeros(2)),
        nn.Parameter(tl.arange(2), requires_grad=False),
        nn.Buffer(tl.ones(1)),
    ]
    back = through(state, form)
    assert [type(t) for t in back] == [tl.Tensor, tl.Tensor, nn.Parameter, nn.Parameter, tl.Tensor]
    assert [t.requires_grad for t in back] == [True, True, True, False, False]
    assert all(t.is_leaf and t.grad is None for t in back)


@pytest.mark.parametrize("form", FORMATS)
def test_a_whole_checkpoint(form: str) -> None:
    def make() -> Any:
        tl.manual_seed(3)
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
        optimizer = optim.AdamW(model.parameters(), lr=0.01, amsgrad=True)
        return model, optimizer, optim.lr_scheduler.MultiStepLR(optimizer, [1, 3])

    def train(model: Any, optimizer: Any, scheduler: Any, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            model(tl.randn(6, 4)).square().sum().backward()
            optimizer.step()
            scheduler.step()

    model, optimizer, scheduler = make()
    train(model, optimizer, scheduler, 2)
    state = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
        "rng": tl.get_rng_state(), "epoch": 2, "history": {"loss": [0.5, math.nan]}, "args": {"betas": (0.9, 0.99)},
    }  # fmt: skip
    back = through(state, form)
    assert repr(back) == repr(state)
    assert back["model"]._metadata == state["model"]._metadata
    train(model, optimizer, scheduler, 3)
    other, its_optimizer, its_scheduler = make()
    other.load_state_dict(back["model"])
    its_optimizer.load_state_dict(back["optimizer"])
    its_scheduler.load_state_dict(back["scheduler"])
    tl.set_rng_state(back["rng"])
    train(other, its_optimizer, its_scheduler, 3)
    assert all(bool((a == b).all()) for a, b in zip(model.state_dict().values(), other.state_dict().values()))


def test_lists_that_contain_themselves() -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    assert (back := through(endless, "pt"))[1] is back or back[1][1] is back[1]
    with pytest.raises(ValueError, match="nested hundreds of levels deep, or contains itself"):
        through(endless)
    deep: Any = ()
    for _ in range(100_000):
        deep = (deep,)
    for form in ("pt", "npz"):
        with pytest.raises(ValueError, match="nested hundreds of levels deep"):
            through(deep, form)


Point = namedtuple("Point", "x y")


class Color(IntEnum):
    RED = 1


@pytest.mark.parametrize("form", ["safetensors", "pt", "npz"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": nn.Linear(1, 1)}, r"the value at 'a': expected tensors, .* got Linear; save what its state_dict\(\)"),
        ([1, (2, object())], "the value at '1/1': expected .* got object"),
        (lambda: 0, "cannot save the state: expected .* got function"),
        ({"p": Point(1, 2)}, r"the value at 'p': .* got Point; save tuple\(...\) of it, or its _asdict"),
        ([Color.RED], "the value at '0': .* got Color; save its value or its name"),
        ({"a": np.array([None])}, "the value at 'a': arrays of Python objects"),
        ({"a": np.array(["text"])}, "the value at 'a'"),
        (Exception("x"), r"got Exception; save vars\(...\) of it"),
        ({"a": range(3)}, "the value at 'a': .* got range"),
    ],
)
def test_what_cannot_be_saved(value: Any, message: str, form: str, tmp_path: Any) -> None:
    with pytest.raises(TypeError, match=message):
        tl.save(value, tmp_path / "x", format=form)
    assert not os.listdir(tmp_path)


def test_whole_models_are_refused_with_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"whole module Linear, .* save\(model.state_dict\(\), f\)"):
        tl.save(nn.Linear(1, 1), "x.pt")


def test_two_dtypes_of_one_memory() -> None:
    memory = np.zeros(4, np.float32)
    for form in ("pt", "safetensors"):
        with pytest.raises(
            RuntimeError, match="Cannot save multiple tensors or storages that view the same data as diff"
        ):
            through([tl.from_numpy(memory), tl.from_numpy(memory.view(np.int32))], form)


# --- names, formats, file objects ------------------------------------------------------------------------------


def kind_of(path: Any) -> str:
    start = pathlib.Path(path).read_bytes()
    if start[:2] == b"PK":
        return "pt" if b"data.pkl" in start else "npz"
    return "safetensors" if start[8:9] == b"{" else "legacy"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[(f"m{end}", "pt") for end in (".pt", ".pth", ".bin", ".ckpt", ".pth.tar", ".pkl", ".PT")],
        *[("m.safetensors", "safetensors"), ("m", "safetensors"), ("m.h5", "safetensors"), ("m.npz", "npz")],
    ],
)
def test_the_name_says_the_format_and_the_content_is_read(name: str, kind: str, tmp_path: Any) -> None:
    tl.save({"a": tl.ones(2), "n": [1]}, tmp_path / name)
    assert kind_of(tmp_path / name) == kind and (format_of(name) or "safetensors") == kind
    os.rename(tmp_path / name, tmp_path / "other.txt")
    assert repr(tl.load(tmp_path / "other.txt")) == "{'a': tensor([1., 1.]), 'n': [1]}"


def test_format_and_kinds_of_paths(tmp_path: Any) -> None:
    path = str(tmp_path / "x.pt")
    tl.save(1, path, format="npz")
    assert kind_of(path) == "npz"
    tl.save(2, path.encode())
    assert tl.load(path) == tl.load(path.encode()) == tl.load(pathlib.Path(path)) == 2
    tl.save(3, path, _use_new_zipfile_serialization=False)
    assert kind_of(path) == "legacy" and tl.load(path) == 3
    with pytest.raises(ValueError, match="expected the format 'safetensors', 'npz' or 'pt', got 'h5'"):
        tl.save(1, path, format="h5")
    with pytest.raises(TypeError, match="expected a path, or a file object to write to, got int"):
        tl.save(1, 5)
    with pytest.raises(TypeError, match="expected a path, or a file object to read from, got int"):
        tl.load(5)
    with pytest.raises(FileNotFoundError):
        tl.load(tmp_path / "none")
    for kind in (RuntimeError, FileNotFoundError):
        with pytest.raises(kind, match="Parent directory .*nowhere does not exist"):
            tl.save(1, tmp_path / "nowhere" / "x.pt")
    with pytest.raises(IsADirectoryError):
        tl.save(1, tmp_path)
    with pytest.raises(TypeError, match="expected a file object of bytes .mode 'rb'., got one that reads str"):
        tl.load(io.StringIO("a"))


def test_file_objects(tmp_path: Any) -> None:
    with open(tmp_path / "x", "wb") as file:
        tl.save([tl.ones(2)], file)
    with open(tmp_path / "x", "rb") as file:
        assert repr(tl.load(file)) == "[tensor([1., 1.])]"
        with pytest.raises(FileError, match="empty, or at its end: seek.0."):
            tl.load(file)
    for form in ("pt", "npz", "safetensors"):
        buffer = io.BytesIO()
        buffer.write(b"header")
        tl.save({"a": tl.ones(2)}, buffer, format=form)
        buffer.seek(6)
        assert list(tl.load(buffer)) == ["a"], "from where the file object stands"


def test_arguments_of_pytorch(tmp_path: Any) -> None:
    import pickle

    path = tmp_path / "x.pt"
    tl.save(1, path, pickle, 4)
    assert tl.load(path, "cpu", weights_only=False, encoding="latin1") == tl.load(path, weights_only=True) == 1
    with pytest.raises(ValueError, match="expected no pickle_module"):
        tl.save(1, path, pickle_module=math)
    with pytest.raises(RuntimeError, match="Can not safely load weights when explicit pickle_module"):
        tl.load(path, pickle_module=pickle)
    with pytest.raises(TypeError, match="unexpected keyword argument 'fix_imports'"):
        tl.load(path, fix_imports=True)


def test_map_location(tmp_path: Any) -> None:
    path, seen = tmp_path / "x.pt", []
    tl.save(tl.ones(3), path)
    as_is = lambda storage, location: seen.append((len(storage), location)) or storage
    for where in (None, "cpu", tl.device("cpu"), {"cuda:0": "cpu"}, as_is):
        assert tl.load(path, map_location=where).tolist() == [1, 1, 1]
    assert seen == [(12, "cpu")]
    for where in ("cuda", tl.device("cuda:1"), "meta"):
        with pytest.raises((RuntimeError, NotImplementedError), match="CPU|cpu"):
            tl.load(path, map_location=where)
    with pytest.raises(TypeError, match="expected map_location to be a device, a dict or a function, got int"):
        tl.load(path, map_location=3)


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors", "x.npz"])
def test_mmap(name: str, tmp_path: Any) -> None:
    path = tmp_path / name
    tl.save({"a": tl.arange(1000.0), "b": tl.ones(3)}, path)
    before = path.read_bytes()
    state = tl.load(path, mmap=True)
    state["a"].mul_(2)
    assert state["a"][999] == 1998 and path.read_bytes() == before, "writes stay in memory"
    tl.save({"a": tl.zeros(2)}, path)
    assert state["b"].tolist() == [1, 1, 1] and tl.load(path)["a"].tolist() == [0, 0], "the old file stays in use"
    with pytest.raises(ValueError, match="f must be a string filename in order to use mmap argument"):
        tl.load(io.BytesIO(before), mmap=True)


def test_mmap_of_legacy_files(tmp_path: Any) -> None:
    tl.save(tl.ones(2), tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="mmap can only be used with files saved with"):
        tl.load(tmp_path / "x.pt", mmap=True)


def test_the_same_state_is_the_same_bytes(tmp_path: Any) -> None:
    state = {"b": tl.ones(2), "a": [tl.zeros(3, dtype=tl.int8), 1]}
    for name in ("x.pt", "x.npz", "x.safetensors"):
        tl.save(state, tmp_path / name)
        first = (tmp_path / name).read_bytes()
        tl.save(state, tmp_path / name)
        assert (tmp_path / name).read_bytes() == first


# --- the disk --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.pt", "x.npz", "x.safetensors"])
def test_a_failed_save_leaves_the_old_file(name: str, tmp_path: Any, monkeypatch: Any) -> None:
    path = tmp_path / name
    tl.save([1], path)
    os.chmod(path, 0o640)
    for broken in ("fsync", "replace"):
        with monkeypatch.context() as patch:

            def fails(*args: Any) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(os, broken, fails)
            with pytest.raises(OSError, match="No space left"):
                tl.save([2], path)
        assert tl.load(path) == [1] and os.listdir(tmp_path) == [name]
    tl.save([3], path)
    assert tl.load(path) == [3] and os.listdir(tmp_path) == [name]
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_killed_processes_left_goes_after_a_day(tmp_path: Any) -> None:
    names = {".x.pt.0123abcd.tmp": 90_000, ".x.pt.89abcdef.tmp": 10, ".y.pt.0123abcd.tmp": 90_000, "x.pt.tmp": 90_000}
    for name, age in names.items():
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    tl.save([1], tmp_path / "x.pt")
    assert sorted(os.listdir(tmp_path)) == sorted({*names, "x.pt"} - {".x.pt.0123abcd.tmp"})


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no devices here")
def test_devices_are_not_replaced() -> None:
    tl.save([1], "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_large_archives(monkeypatch: Any) -> None:
    """Sizes and offsets beyond 32 bits, by a limit of 50 bytes in their place."""
    monkeypatch.setattr(_zip.Writer, "limit", 50)
    buffer = io.BytesIO()
    tl.save({"a": tl.arange(100), "b": [tl.ones(2), {"c": 1}]}, buffer, format="pt")
    with zipfile.ZipFile(buffer) as archive:
        assert archive.testzip() is None and archive.getinfo("archive/data/0").file_size == 800
    buffer.seek(0)
    assert tl.load(buffer)["a"][99] == 99


def test_files_of_version_0_1(tmp_path: Any) -> None:
    """What `save_checkpoint` and `save_weights` wrote before `tapeless.save` was there."""
    tree = '{"format": 1, "state": {"w": {"$tensor": "w"}, "n": {"$dict": [[3, {"$array": "n/3"}], [null, 1]]}, "t": {"$tuple": [1, {"$scalar": "t/1"}]}, "d": {"$dtype": "<f2"}, "s": {"$state_dict": [["b", {"$tensor": "s/b"}]], "metadata": {"": {"version": 1}}}}}'  # noqa: E501
    np.savez(tmp_path / "c.npz", __tapeless__=np.array(tree), w=np.ones(2), **{"n/3": np.arange(2), "t/1": np.float32(0.5), "s/b": np.zeros(1)})  # noqa: E501  # fmt: skip
    state = tl.load(tmp_path / "c.npz")
    assert repr(state) == (
        "{'w': tensor([1., 1.], dtype=torch.float64), 'n': {3: array([0, 1]), None: 1}, 't': (1, np.float32(0.5)), "
        "'d': dtype('float16'), 's': OrderedDict({'b': tensor([0.], dtype=torch.float64)})}"
    ).replace("OrderedDict({'b': tensor([0.], dtype=torch.float64)})", repr(state["s"]))
    assert state["s"]._metadata == {"": {"version": 1}}
    extra = '{"format": 1, "extra": {"_extra_state": {"count": 5, "x": {"$tensor": "__tapeless__/x"}}}}'
    np.savez(tmp_path / "w.npz", weight=np.ones(1), __tapeless__=np.array(extra), **{"__tapeless__/x": np.zeros(1)})
    state = tl.load(tmp_path / "w.npz")
    assert list(state) == ["weight", "_extra_state"] and state["_extra_state"]["count"] == 5


def test_safe_globals_list_and_allow_nothing() -> None:
    serialization = tl.serialization
    serialization.add_safe_globals([os.system])
    with serialization.safe_globals([dict]):
        assert serialization.get_safe_globals() == [os.system, dict]
        with pytest.raises(FileError, match="asks for posix.system"):
            tl.load(io.BytesIO(b"\x80\x02cposix\nsystem\n."))
    assert serialization.get_safe_globals() == [os.system]
    serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []


def test_plain_archives_of_numpy(tmp_path: Any) -> None:
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "f": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "__tapeless__x": np.ones(1),
    }
    arrays |= {"big": np.arange(3, dtype=">f4"), "scalar": np.array(5), "none": np.zeros((0, 2), np.float16)}
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "x.npz", **arrays)
        state = tl.load(tmp_path / "x.npz")
        assert list(state) == list(arrays)
        assert all(np.array_equal(state[name].numpy(), array) for name, array in arrays.items())
        assert state["big"].dtype == tl.float32
    plain = {"layer.weight": tl.ones(2, 3).T, "n": tl.tensor(3)}
    tl.save(plain, tmp_path / "y.npz")
    with np.load(tmp_path / "y.npz", allow_pickle=False) as archive:
        assert archive.files == list(plain) and np.array_equal(archive["layer.weight"], np.ones((3, 2)))
    assert zipfile.ZipFile(tmp_path / "y.npz").testzip() is None
    assert repr(dict(tl.load(tmp_path / "y.npz"))) == repr(plain)
    for odd in ("../up", "/root", "a\\b", "__tapeless__", "", "\0"):
        tl.save({odd: tl.ones(1)}, tmp_path / "z.npz")
        assert list(tl.load(tmp_path / "z.npz")) == [odd]
