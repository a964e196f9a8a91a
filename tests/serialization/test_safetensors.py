"""The format to the letter, beside the `safetensors` package where it is installed; single tensors of large files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless.serialization import FileError, load_file, safe_open, save_file
from tapeless.serialization._kinds import KINDS, float8_table
from tests.serialization.hostile import limits, safetensors

DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64".split()
# Headers on which both readers must agree: the entry of "a" (float32, 4 elements), the data, and whether it is fine.
ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
HEADERS: dict[str, tuple[bytes, bool]] = {
    "fine": (safetensors({"a": ENTRY}, bytes(16)), True),
    "padded with spaces": (safetensors(json.dumps({"a": ENTRY}).encode() + b"   ", bytes(16)), True),
    "unaligned": (safetensors(json.dumps({"a": ENTRY}).encode().ljust(67), bytes(16)), True),
    "empty": (safetensors({}), True),
    "scalar": (safetensors({"a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}, bytes(4)), True),
    "no elements": (safetensors({"a": {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}}), True),
    "metadata": (safetensors({"__metadata__": {"x": "y"}, "a": ENTRY}, bytes(16)), True),
    "odd names": (safetensors({"": ENTRY, "ä\u2028": ENTRY | {"data_offsets": [16, 32]}}, bytes(32)), True),
    "metadata of numbers": (safetensors({"__metadata__": {"x": 1}, "a": ENTRY}, bytes(16)), False),
    "tabs after": (safetensors(json.dumps({"a": ENTRY}).encode() + b"x", bytes(16)), False),
    "list": (safetensors(b"[1]"), False),
    "hole": (safetensors({"a": ENTRY | {"data_offsets": [4, 20]}}, bytes(20)), False),
    "too long": (safetensors({"a": ENTRY}, bytes(17)), False),
    "too short": (safetensors({"a": ENTRY}, bytes(15)), False),
    "overlap": (safetensors({"a": ENTRY, "b": ENTRY}, bytes(16)), False),
    "wrong size": (safetensors({"a": ENTRY | {"shape": [5]}}, bytes(16)), False),
    "negative": (safetensors({"a": ENTRY | {"shape": [-4]}}, bytes(16)), False),
    "overflow": (safetensors({"a": ENTRY | {"shape": [2**32, 2**32]}}, bytes(16)), False),
    "dtype": (safetensors({"a": ENTRY | {"dtype": "f32"}}, bytes(16)), False),
    "length": (safetensors({"a": ENTRY}, bytes(16), 2**40), False),
}


@pytest.mark.parametrize(("data", "fine"), HEADERS.values(), ids=HEADERS)
def test_headers(data: bytes, fine: bool, tmp_path: Any) -> None:
    (tmp_path / "x.safetensors").write_bytes(data)
    for read in (load_file, tl.load, lambda path: safe_open(path).keys()):
        if fine:
            read(tmp_path / "x.safetensors")
        else:
            with pytest.raises(FileError, match="cannot read '.*x.safetensors': "):
                read(tmp_path / "x.safetensors")
    package = pytest.importorskip("safetensors.numpy")
    try:
        package.load_file(tmp_path / "x.safetensors")
    except Exception as error:
        assert not fine, error
    else:
        assert fine, "the reference reads it"


def test_the_header_begins_with_a_brace(tmp_path: Any) -> None:
    """So the format says; the package does not mind a space."""
    (tmp_path / "x.safetensors").write_bytes(safetensors(b" " + json.dumps({"a": ENTRY}).encode(), bytes(16)))
    with pytest.raises(FileError, match="its header does not begin with '{'"):
        tl.load(tmp_path / "x.safetensors")


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_package_reads_and_writes_the_same(dtype: str, tmp_path: Any) -> None:
    package = pytest.importorskip("safetensors.numpy")
    arrays = {
        "a": np.arange(6).reshape(2, 3).astype(dtype),
        "scalar": np.array(1).astype(dtype),
        "none": np.zeros((0, 3), dtype),
        "layers.0.weight": np.ones((2, 2, 1)).astype(dtype),
    }
    tensors = {name: tl.from_numpy(array) for name, array in arrays.items()}
    save_file(tensors, tmp_path / "ours", {"format": "pt"})
    package.save_file(arrays, tmp_path / "theirs", {"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    tl.save({"nested": tensors}, tmp_path / "nested")
    for path, prefix in (("ours", ""), ("nested", "nested/")):
        back = package.load_file(tmp_path / path)
        assert len(back) == len(arrays)
        for name, array in arrays.items():
            read = back[prefix + name]
            assert read.dtype == array.dtype and read.shape == array.shape and np.array_equal(read, array)
    for read in (load_file(tmp_path / "theirs"), tl.load(tmp_path / "theirs")):
        assert {name: (t.dtype, t.tolist()) for name, t in read.items()} == {
            name: (array.dtype, array.tolist()) for name, array in arrays.items()
        }


def test_many_dtypes_in_the_packages_order(tmp_path: Any) -> None:
    package = pytest.importorskip("safetensors.numpy")
    arrays = {f"t{number}": np.ones(number + 1).astype(dtype) for number, dtype in enumerate(DTYPES)}
    package.save_file(arrays, tmp_path / "theirs")
    save_file({name: tl.from_numpy(array) for name, array in arrays.items()}, tmp_path / "ours")
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_kinds_that_numpy_lacks(tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("safetensors.torch")
    bits = torch.arange(256).to(torch.uint8)
    names = ["float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float8_e4m3fnuz", "float8_e5m2fnuz"]
    tensors = {name: bits.clone().view(getattr(torch, name)) for name in names}
    tensors["bfloat16"] = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16).reshape(256, -1)
    package.save_file(tensors, tmp_path / "x")
    with safe_open(tmp_path / "x") as file:
        for name, tensor in tensors.items():
            wanted = tensor.float().numpy()
            for read in (load_file(tmp_path / "x")[name], file.get_tensor(name), file.get_slice(name)[:]):
                assert read.dtype == tl.float32 and np.array_equal(read.numpy(), wanted, equal_nan=True), name
        assert file.get_slice("bfloat16").get_dtype() == "BF16"
        part = file.get_slice("bfloat16")[3:200:7, 5]
        assert np.array_equal(part.numpy(), tensors["bfloat16"].float().numpy()[3:200:7, 5], equal_nan=True)


def test_kinds_by_their_definition() -> None:
    """Without other libraries: the values that the papers name."""
    largest = {"float8_e4m3fn": 448, "float8_e5m2": 57344, "float8_e4m3fnuz": 240, "float8_e5m2fnuz": 57344}
    smallest = {"float8_e4m3fn": -9, "float8_e5m2": -16, "float8_e4m3fnuz": -10, "float8_e5m2fnuz": -17}
    for name, value in largest.items():
        table = KINDS[name].read(np.arange(256, dtype=np.uint8))
        finite = table[np.isfinite(table)]
        assert finite.max() == value and np.abs(finite[finite != 0]).min() == 2.0 ** smallest[name]
        assert np.isnan(table).sum() == {"float8_e4m3fn": 2, "float8_e5m2": 6}.get(name, 1)
        assert np.isinf(table).sum() == (2 if name == "float8_e5m2" else 0)
    assert float8_table(4, 3, 7, "fn")[0x38] == 1
    assert KINDS["float8_e8m0fnu"].read(np.array([0, 127, 254], np.uint8)).tolist() == [2.0**-127, 1, 2.0**127]
    assert KINDS["bfloat16"].read(np.array([0x3F80, 0xC049], "<u2").view(np.uint8)).tolist() == [1, -3.140625]


@pytest.mark.parametrize("code", ["F4", "F6_E2M3", "F6_E3M2"])
def test_smaller_kinds_are_named_and_refused(code: str, tmp_path: Any) -> None:
    bits = {"F4": 4}.get(code, 6)
    entry = {"dtype": code, "shape": [8], "data_offsets": [0, bits]}
    (tmp_path / "x").write_bytes(safetensors({"a": entry}, bytes(bits)))
    with safe_open(tmp_path / "x") as file:
        assert file.keys() == ["a"]
        with pytest.raises(FileError, match=rf"elements of {bits} bits .{code}. are not read"):
            file.get_tensor("a")


# --- safe_open -------------------------------------------------------------------------------------------------


def test_opening_reads_no_tensors(tmp_path: Any) -> None:
    save_file({f"t{number}": tl.zeros(250_000) for number in range(100)}, tmp_path / "large")
    with limits(2, 3), safe_open(tmp_path / "large") as file:
        assert len(file.keys()) == 100
        assert file.get_slice("t7").get_shape() == [250_000]
        assert file.get_slice("t7")[10:13].tolist() == [0, 0, 0]
        tensor = file.get_tensor("t99")
        assert tensor[249_999] == 0


def test_the_interface_of_the_package(tmp_path: Any) -> None:
    package = pytest.importorskip("safetensors")
    tensors = {"b": tl.arange(12.0).reshape(3, 4), "a": tl.ones(2, dtype=tl.int8), "c": tl.tensor(5.0)}
    save_file(tensors, tmp_path / "x", {"k": "v"})
    with (
        package.safe_open(tmp_path / "x", "np") as theirs,
        safe_open(tmp_path / "x", framework="pt", device="cpu") as ours,
    ):
        assert ours.metadata() == theirs.metadata() and ours.offset_keys() == theirs.offset_keys()
        assert ours.keys() == sorted(theirs.keys())
        for name in tensors:
            assert np.array_equal(ours.get_tensor(name).numpy(), theirs.get_tensor(name))
            one, other = ours.get_slice(name), theirs.get_slice(name)
            assert one.get_shape() == other.get_shape() and one.get_dtype() == other.get_dtype()
        for index in (slice(None), 1, (slice(1, 3), 2), (..., slice(0, 2)), slice(0, 0)):
            assert np.array_equal(ours.get_slice("b")[index].numpy(), theirs.get_slice("b")[index])
    save_file(tensors, tmp_path / "y")
    with safe_open(tmp_path / "y") as ours:
        assert ours.metadata() is None


def test_tensors_outlive_the_file_and_keep_to_themselves(tmp_path: Any) -> None:
    save_file({"a": tl.ones(3)}, tmp_path / "x")
    before = (tmp_path / "x").read_bytes()
    with safe_open(tmp_path / "x") as file:
        tensor = file.get_tensor("a")
        with pytest.raises(FileError, match="has no tensor 'b'; keys.. lists"):
            file.get_tensor("b")
    tensor.mul_(5)
    assert tensor.tolist() == [5, 5, 5] and (tmp_path / "x").read_bytes() == before
    with pytest.raises(FileError, match="is closed: ask for tensors inside the with statement"):
        file.get_tensor("a")
    with pytest.raises((RuntimeError, AssertionError), match="CPU"):
        safe_open(tmp_path / "x", device="cuda")


def test_what_save_file_refuses(tmp_path: Any) -> None:
    weight = tl.ones(4, 4)
    refused: list[tuple[Any, Any, str]] = [
        ({"a": weight, "b": weight[1]}, ValueError, "'a' and 'b' share memory: leave one out, or use save"),
        ({"a": tl.ones(2, dtype=tl.complex128)}, ValueError, "safetensors has no complex128, which the tensor 'a' is"),
        ({"__metadata__": weight}, ValueError, "a tensor cannot have the name '__metadata__'"),
        ({"a": [1]}, TypeError, "expected names and tensors, got 'a': list"),
        ({1: weight}, TypeError, "expected names and tensors, got 1: Tensor"),
    ]
    for tensors, kind, message in refused:
        with pytest.raises(kind, match=message):
            save_file(tensors, tmp_path / "x")
    with pytest.raises(TypeError, match="expected metadata of strings"):
        save_file({}, tmp_path / "x", {"a": 1})
    assert not list(tmp_path.iterdir())


# --- what `save` adds ------------------------------------------------------------------------------------------


def damage(path: Any, change: Callable[[bytearray], None]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def test_damage_is_noticed(tmp_path: Any) -> None:
    path = tmp_path / "x.safetensors"

    def last_byte(data: bytearray) -> None:
        data[-1] ^= 1

    def dtype(data: bytearray) -> None:
        data[data.index(b'"F32"') + 1] = ord("I")

    def epoch(data: bytearray) -> None:
        data[data.index(b"epoch") + 9] ^= 1  # its digit

    def name(data: bytearray) -> None:
        data[data.index(b'"tapeless":') + 2] ^= 1

    for change, message in (
        (last_byte, "the tensor 'w' is damaged"),
        (dtype, "the tensor 'w' is damaged"),
        (epoch, "__metadata__ is damaged"),
        (name, "__metadata__ is damaged"),
    ):
        tl.save({"w": tl.ones(3), "epoch": 7}, path)
        damage(path, change)
        with pytest.raises(FileError, match=message):
            tl.load(path)
    tl.save({"w": tl.ones(3)}, path)
    damage(path, last_byte)
    assert tl.load(path, mmap=True)["w"].tolist()[:2] == [1, 1], "mapped files are not read to be checked"
    save_file({"w": tl.ones(3)}, path)
    damage(path, last_byte)
    assert tl.load(path)["w"].tolist()[2] != 1, "the format itself has no checksum"


def test_a_state_dict_is_under_its_own_names(tmp_path: Any) -> None:
    package = pytest.importorskip("safetensors.numpy")
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    tl.save(model.state_dict(), tmp_path / "x")
    assert sorted(package.load_file(tmp_path / "x")) == sorted(model.state_dict())
    back = tl.load(tmp_path / "x")
    assert list(back) == list(model.state_dict()) and back._metadata == model.state_dict()._metadata


def test_what_is_no_tensor_must_fit_into_the_header(tmp_path: Any) -> None:
    with pytest.raises(ValueError, match="all that is no tensor takes .* bytes, and safetensors allows 100000000"):
        tl.save("x" * 100_000_001, tmp_path / "x")
