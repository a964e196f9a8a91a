"""Files that mean harm end in one error that says what is wrong; nothing runs, hangs, or fills the memory."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.serialization import FileError, _unpickler
from tests.serialization.hostile import (
    archive,
    deflated,
    legacy,
    limits,
    named,
    npy,
    number,
    numbers,
    pickled,
    plain_zip,
    safetensors,
    storage,
    tensor,
    text,
)

DATA = np.arange(4, dtype="<f4").tobytes()
ARGS = text("touch harm") + b"\x85R"


def refused(data: bytes, message: str) -> None:
    with limits(), pytest.raises(FileError, match=message):
        tl.load(io.BytesIO(data))


class Gadget:
    """What pickle itself makes of an object with a harmful recipe."""

    def __init__(self, *recipe: Any) -> None:
        self.recipe = recipe

    def __reduce__(self) -> Any:
        return self.recipe


def by_pickle(*recipe: Any, protocol: int = 2) -> bytes:
    return pickle.dumps({"weight": Gadget(*recipe)}, protocol)


PAIR = named("collections", "OrderedDict")
GADGETS = {
    "os.system": (by_pickle(os.system, ("touch harm",)), "asks for (posix|nt).system, which Tapeless does not run"),
    "eval": (by_pickle(eval, ("1/0",)), "asks for builtins.eval"),
    "exec": (pickled(named("builtins", "exec") + ARGS), "asks for builtins.exec"),
    "getattr": (pickled(named("__builtin__", "getattr") + ARGS), "asks for builtins.getattr"),
    "import": (pickled(named("builtins", "__import__") + ARGS), "asks for builtins.__import__"),
    "subprocess": (pickled(named("subprocess", "Popen") + ARGS), "asks for subprocess.Popen"),
    "open": (by_pickle(open, ("harm", "w")), "asks for (io|_io).open"),
    "protocol 4": (by_pickle(os.system, ("touch harm",), protocol=4), "asks for (posix|nt).system"),
    "through a module of ours": (
        pickled(named("torch._utils", "_rebuild_tensor_v2.__globals__") + ARGS),
        "asks for torch._utils._rebuild_tensor_v2.__globals__",
    ),
    "os through torch": (
        pickled(named("torch.serialization", "os.system") + ARGS),
        "asks for torch.serialization.os.system",
    ),
    "os below torch": (pickled(named("torch", "os") + b"."), "asks for torch.os"),
    "collections by another name": (
        pickled(named("collections", "namedtuple") + ARGS),
        "asks for collections.namedtuple",
    ),
    "a model": (
        pickled(named("torch.nn.modules.linear", "Linear") + b")\x81}b"),
        "looks like a whole model; .*state_dict",
    ),
    "an own model": (pickled(named("__main__", "Net") + b")\x81}b"), "asks for __main__.Net, .*whole model"),
    "inst": (pickled(b"(" + text("touch harm") + b"ios\nsystem\n"), "instruction b'i' is none of those"),
    "obj": (pickled(b"(" + named("collections", "OrderedDict") + b"o"), "instruction b'o'"),
    "newobj": (pickled(named("collections", "OrderedDict") + b")\x81"), r"instruction b'\\x81'"),
    "extension": (pickled(b"\x82\x01"), r"instruction b'\\x82'"),
    "text persistent id": (pickled(b"P0\n"), "instruction b'P'"),
    "protocol 0": (b"\x80\x02cos\nsystem\n(S'harm'\ntR.", "asks for os.system"),
    "calls a string": (pickled(text("a") + ARGS), "it calls a str"),
    "calls a tensor's class": (pickled(named("torch", "Tensor") + ARGS), "it calls torch.Tensor"),
    "calls a storage's class": (
        pickled(named("torch", "FloatStorage") + b"\x8a\x05\x00\x00\x00\x00\x01\x85R"),
        "it calls torch.FloatStorage",
    ),
    "calls with a list": (pickled(PAIR + b"]R"), "with a list of arguments"),
    "builds a dict": (pickled(b"}}" + text("a") + b"K\x01sb"), "puts a state on a dict"),
    "builds a list": (pickled(b"]}b"), "puts a state on a list"),
    "builds a function": (pickled(PAIR + b"}" + text("__call__") + b"K\x01sb"), "puts a state on a Global"),
    "hides a method": (pickled(PAIR + b")R}" + text("items") + b"K\x01sb"), "attribute 'items'"),
    "a class as attribute": (pickled(PAIR + b")R}" + text("__class__") + b"K\x01sb"), "attribute '__class__'"),
    "a private slot": (tensor(numbers(4), numbers(1))[:-1] + b"}" + text("_array") + b"Nsb.", "attribute '_array'"),
    "a function as value": (pickled(PAIR), "collections.OrderedDict as a value"),
    "a pile": (pickled(b"NN"), "damaged"),
    "nothing": (pickled(b""), "damaged"),
    "pop of nothing": (pickled(b"0N"), "damaged"),
    "an open list": (pickled(b"(N"), "in the middle of a list"),
    "no memo": (pickled(b"h\x07"), "asks for the object 7"),
    "appends to a dict": (pickled(b"}Na"), "appends to a dict"),
    "sets in a list": (pickled(b"]NNs"), "sets items of a list"),
    "an odd dict": (pickled(b"}(Nu"), "a key has no value"),
    "a list as key": (pickled(b"}]Ns"), "dict key that is a list"),
    "a tensor as key": (pickled(b"}" + tensor(numbers(4), numbers(1))[2:-1] + b"Ns"), "dict key that is a Tensor"),
    "codec": (pickled(named("_codecs", "encode") + text("cat") + text("bz2") + b"\x86R"), "_codecs.encode with 'bz2'"),
    "a huge bytearray": (
        pickled(named("builtins", "bytearray") + number(1 << 40) + b"\x85R"),
        "bytearray is made of no bytes",
    ),
    "a huge array": (
        pickled(
            named("numpy._core.multiarray", "_reconstruct")
            + named("numpy", "ndarray")
            + numbers(1 << 40)
            + text("b")
            + b"\x87R"
        ),
        "array is damaged",
    ),
    "an object dtype": (pickled(named("numpy", "dtype") + text("O") + b"\x85R"), "the dtype 'O'"),
    "a record dtype": (pickled(named("numpy", "dtype") + text("i4,O") + b"\x85R"), "the dtype 'i4,O'"),
    "size of text": (pickled(named("torch", "Size") + text("ab") + b"\x85R"), "Size is made of no numbers"),
    "complex of text": (
        pickled(named("builtins", "complex") + text("1") + text("2") + b"\x86R"),
        "complex number is made of no numbers",
    ),
    "sparse": (
        pickled(named("torch._utils", "_rebuild_sparse_tensor") + b")R"),
        "sparse tensors, which Tapeless has not",
    ),
    "meta": (pickled(named("torch._utils", "_rebuild_meta_tensor_no_storage") + b")R"), "meta tensors"),
    "too few arguments": (
        pickled(named("torch._utils", "_rebuild_tensor_v2") + b")R"),
        "cannot take what the file gives it",
    ),
    "protocol 7": (b"\x80\x07N.", "pickle protocol 7"),
    "unknown persistent id": (pickled(text("0") + b"Q"), "not that of a storage"),
    "rebuilt by something else": (
        pickled(named("torch._tensor", "_rebuild_from_type_v2") + b"(" + PAIR + named("torch", "Tensor") + b")}tR"),
        "made by something else",
    ),
}


@pytest.mark.parametrize(("data", "message"), GADGETS.values(), ids=GADGETS)
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_pickle_gadgets(data: bytes, message: str, form: str, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    if form == "legacy":
        data = data.replace(storage(), storage()[:-2] + b"NtQ")  # its persistent ids have one part more
    refused(archive(data, {"0": DATA}) if form == "zip" else legacy(data, pickled(b"]")), message)
    assert not os.listdir(tmp_path), "something ran"


def billion_laughs() -> bytes:
    body = b")q\x00"
    for _ in range(60):
        body += b"0h\x00h\x00\x86q\x00"
    return body


LONG_LIST = b"]q\x00(" + b"N" * 100_000 + b"e"
BOMBS = {
    "LONG4": (pickled(b"\x8b" + struct.pack("<i", 2**31 - 1)), "a number of 2147483647 bytes"),
    "negative LONG4": (pickled(b"\x8b" + struct.pack("<i", -5)), "a number of -5 bytes"),
    "BINUNICODE": (pickled(b"X\xff\xff\xff\xff"), "4294967295 bytes should follow"),
    "BINUNICODE8": (pickled(b"\x8d" + struct.pack("<Q", 2**62)), "cut off"),
    "BINBYTES8": (pickled(b"\x8e" + struct.pack("<Q", 2**64 - 1)), "cut off"),
    "no text": (pickled(b"X\x02\x00\x00\x00\xff\xfe"), "damaged"),
    "lists in lists": (pickled(b"]" * 5000 + b"a" * 4999), "hundreds of levels deep"),
    "tuples in tuples": (pickled(b")" + b"\x85" * 40_000), "hundreds of levels deep"),
    "dicts in dicts": (pickled(b"}" + b"Kx}" * 3000 + b"s" * 3000), "hundreds of levels deep"),
    "hashing a billion laughs": (pickled(b"}" + billion_laughs() + b"Ns"), "dict key of more than 200 parts"),
    "a set of laughs": (pickled(named("builtins", "set") + b"]" + billion_laughs() + b"a\x85R"), "more than 200 parts"),
    "marks": (pickled(b"(" * 60_000), "more than 50000 containers"),
    "sets": (pickled(b"\x8f" * 60_000), "more than 50000 containers"),
    "copies": (pickled(LONG_LIST + (named("builtins", "set") + b"h\x00\x85R0") * 5000), "copies its own data"),
    "copied text": (
        pickled(
            text("x" * 100_000) + b"q\x00" + (named("_codecs", "encode") + b"h\x00" + text("latin1") + b"\x86R0") * 5000
        ),
        "copies its own data",
    ),
    "same hashes": (
        pickled(b"}(" + b"".join(number(1 + k * (2**61 - 1)) + b"N" for k in range(1, 5000)) + b"u"),
        "chosen to have the same hash",
    ),
    "no newline": (pickled(b"c" + b"a" * 5000), "a name has no end"),
}


@pytest.mark.parametrize(("data", "message"), BOMBS.values(), ids=BOMBS)
def test_pickle_bombs(data: bytes, message: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(_unpickler, "MAX_CONTAINERS", 50_000)  # a hundredth, for speed
    refused(archive(data), message)


FULL = numbers(4)
TENSORS = {
    "stride": (tensor(numbers(2, 2), numbers(4, 1)), "reaches? element 5 of a storage of 4"),
    "offset": (tensor(FULL, numbers(1), 1), "element 4 of a storage of 4"),
    "huge offset": (tensor(FULL, numbers(1), 2**62), "element|no tensor"),
    "negative offset": (tensor(FULL, numbers(1), -1), "no tensor has sizes"),
    "negative size": (tensor(numbers(-4), numbers(1)), r"no tensor has sizes \[-4\]"),
    "negative stride": (tensor(FULL, numbers(-1), 3), r"strides \[-1\]"),
    "overflowing stride": (tensor(numbers(2, 2), numbers(2**63 - 1, 2**63 - 1)), "element|no tensor"),
    "huge size": (tensor(numbers(2**62), numbers(0)), "more than any memory"),
    "huge sizes": (tensor(numbers(2**31, 2**31, 2**31), numbers(0, 0, 0)), "more than any memory"),
    "empty and huge": (tensor(numbers(0, 2**62), numbers(1, 1)), "more than any memory"),
    "beyond 64 bits": (tensor(numbers(2**70), numbers(1)), "no tensor has sizes"),
    "unequal dims": (tensor(numbers(2, 2), numbers(1)), "no tensor has sizes"),
    "65 dims": (tensor(numbers(*[1] * 65), numbers(*[1] * 65)), "no tensor has sizes"),
    "size of bool": (tensor(b"\x88\x85", numbers(1)), "no tensor has sizes"),
    "size of floats": (tensor(b"G" + bytes(8) + b"\x85", numbers(1)), "no tensor has sizes"),
    "size is a list": (tensor(b"]", numbers(1)), "size is no tuple"),
    "unknown flag": (tensor(FULL, numbers(1), tail=b"}" + text("lazy") + b"\x88s"), "properties .'lazy'."),
    "count": (tensor(FULL, numbers(1), of=storage(5)), "said to have 5 elements, 20 bytes, and has 16"),
    "count too small": (tensor(FULL, numbers(1), of=storage(3)), "said to have 3 elements, 12 bytes, and has 16"),
    "huge count": (tensor(FULL, numbers(1), of=storage(2**62)), "said to have"),
    "negative count": (tensor(FULL, numbers(1), of=storage(-4)), "persistent id is damaged"),
    "kind": (tensor(FULL, numbers(1), of=storage(kind="DoubleStorage")), "4 elements, 32 bytes, and has 16"),
    "missing": (tensor(FULL, numbers(1), of=storage(key="7")), "the storage '7' is missing"),
    "key leads out": (tensor(FULL, numbers(1), of=storage(key="../version")), "storage '../version' is missing"),
    "other device": (
        tensor(FULL, numbers(1), of=storage(location="cuda:0")),
        "Attempting to deserialize object on a CUDA",
    ),
    "unknown device": (tensor(FULL, numbers(1), of=storage(location="xla:0")), "tensors of the device 'xla:0'"),
    "quantized": (tensor(FULL, numbers(1), of=storage(kind="QInt8Storage")), "asks for torch.QInt8Storage"),
}


@pytest.mark.parametrize(("data", "message"), TENSORS.values(), ids=TENSORS)
def test_tensors_out_of_bounds(data: bytes, message: str) -> None:
    refused(archive(data, {"0": DATA}), message)


def test_the_tensor_that_all_these_are_made_from_is_fine() -> None:
    good = archive(tensor(numbers(2, 2), numbers(1, 2)), {"0": DATA})
    assert tl.load(io.BytesIO(good)).tolist() == [[0, 2], [1, 3]]
    assert tl.load(io.BytesIO(archive(tensor(numbers(1000), numbers(0), 3), {"0": DATA}))).sum() == 3000


# --- zip archives ----------------------------------------------------------------------------------------------

GOOD = archive(tensor(FULL, numbers(1)), {"0": DATA})


def central(data: bytes, field: int, value: bytes, entry: int = 0) -> bytes:
    """Change a field of an entry in the central directory."""
    place = data.index(b"PK\x01\x02")
    for _ in range(entry):
        place = data.index(b"PK\x01\x02", place + 4)
    return data[: place + field] + value + data[place + field + len(value) :]


def end(data: bytes, field: int, value: bytes) -> bytes:
    place = data.rindex(b"PK\x05\x06") + field
    return data[:place] + value + data[place + len(value) :]


def overlapping() -> bytes:
    """An archive whose two entries are the same bytes."""
    data = plain_zip({"a.npy": DATA, "b.npy": DATA})
    return central(data, 42, bytes(4), 1)


def duplicate() -> bytes:
    one, two = plain_zip({"archive/data.pkl": b"N."}), b"archive/data.pkl"
    data = plain_zip({"archive/data.pkl": one, "archive/data.pk2": one})
    return data.replace(b"archive/data.pk2", two)


def bomb() -> bytes:
    packed = deflated(bytes(500_000_000))
    return plain_zip_of_deflated("a.npy", packed, 500_000_000)


def plain_zip_of_deflated(name: str, packed: bytes, size: int) -> bytes:
    data = plain_zip({name: packed})
    for mark, method, sizes in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)):
        place = data.index(mark)
        data = data[: place + method] + b"\x08\x00" + data[place + method + 2 :]
        data = data[: place + sizes] + struct.pack("<I", size) + data[place + sizes + 4 :]
    return data


ZIPS = {
    "cut off": (GOOD[:-30], "end of the zip archive is missing|directory"),
    "only a start": (GOOD[:40], "end of the zip archive is missing"),
    "bytes after": (GOOD + b"\0" * 10, "bytes after the end"),
    "bytes before": (b"PK" + GOOD, "directory is said to be bytes"),
    "damaged data": (GOOD.replace(DATA, DATA[:-1] + b"\xff"), "data of its entry 'archive/data/0' are damaged"),
    "damaged pickle": (GOOD.replace(b"storage", b"storagf"), "data of its entry 'archive/data.pkl' are damaged"),
    "compressed": (plain_zip({"archive/data.pkl": b"\x80\x02N."}, zipfile.ZIP_DEFLATED), "compressed, which PyTorch"),
    "bzip2": (plain_zip({"archive/data.pkl": b"\x80\x02N."}, zipfile.ZIP_BZIP2), "compressed .method 12."),
    "encrypted": (central(GOOD, 8, b"\x01\x00"), "is encrypted"),
    "duplicate": (duplicate(), "two entries 'archive/data.pkl'"),
    "overlap": (overlapping(), "another one in the directory|overlaps"),
    "reaches into the directory": (central(GOOD, 20, struct.pack("<2I", 4000, 4000), 2), "size or CRC-32|directory"),
    "sizes differ": (central(GOOD, 24, struct.pack("<I", 17), 2), "and says that it has"),
    "offset elsewhere": (central(GOOD, 42, struct.pack("<I", 7)), "there is no entry at byte 7"),
    "offset outside": (central(GOOD, 42, struct.pack("<I", 2**31)), "it ends after"),
    "directory elsewhere": (end(GOOD, 16, struct.pack("<I", 5)), "directory is said to be"),
    "count too large": (end(GOOD, 8, struct.pack("<2H", 900, 900)), "cannot have 900 entries"),
    "count too small": (end(GOOD, 8, struct.pack("<2H", 1, 1)), "more than the 1 entries"),
    "several disks": (end(GOOD, 4, b"\x01\x00"), "one of several parts"),
    "large without field": (central(GOOD, 20, b"\xff" * 8, 2), "sizes of its entry .* are missing"),
    "other name": (central(GOOD, 46, b"A"), "another one in the directory"),
    "leads up": (plain_zip({"archive/data.pkl": b"N.", "../harm": b""}), "'../harm' in it would lead out"),
    "leads up inside": (plain_zip({"archive/../../data.pkl": b"N."}), "would lead out"),
    "absolute": (plain_zip({"/etc/harm": b""}), "would lead out"),
    "backslash": (GOOD.replace(b"archive/data/0", b"archive\\data/0"), "would lead out"),
    "TorchScript": (archive(b"\x80\x02N.", **{"constants.pkl": b"", "code/a.py": b""}), "TorchScript archive"),
    "version": (archive(b"\x80\x02N.", version=b"1"), "its version is b'1'"),
    "byte order": (archive(b"\x80\x02N.", byteorder=b"middle"), "its byte order is b'middle'"),
    "bomb": (bomb(), "decompression bomb"),
    "lying size": (plain_zip_of_deflated("a.npy", deflated(bytes(1000)), 10), "not of the size that it says, 10"),
    "damaged stream": (plain_zip_of_deflated("a.npy", b"\xff" * 20, 10), "cannot be decompressed"),
    "a zip of text": (plain_zip({"readme.txt": b"hello"}), "'readme.txt' is no .npy file"),
}


@pytest.mark.parametrize(("data", "message"), ZIPS.values(), ids=ZIPS)
def test_zip_tricks(data: bytes, message: str) -> None:
    refused(data, message)


# --- the other forms -------------------------------------------------------------------------------------------

ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
SAFETENSORS = {
    "short": (b"\x10{}", "neither|8"),
    "header too long": (safetensors({"a": ENTRY}, DATA, 10**6), "1000000 bytes, the whole file has"),
    "header huge": (safetensors({"a": ENTRY}, DATA, 2**63), "100000000 are allowed"),
    "no JSON": (safetensors(b"{nonsense}"), "no JSON"),
    "no UTF-8": (safetensors(b'{"\xff":1}'), "no UTF-8"),
    "no object": (safetensors(b"{", length=1), "no JSON"),
    "deep": (safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "hundreds of levels deep"),
    "twice": (safetensors(b'{"a":1,"a":2}'), "'a' occurs twice"),
    "no entry": (safetensors({"a": 1}), "no dtype, shape and data_offsets for 'a'"),
    "no dtype": (safetensors({"a": {"shape": [], "data_offsets": [0, 0]}}), "no dtype, shape"),
    "unknown dtype": (safetensors({"a": ENTRY | {"dtype": "F31"}}, DATA), "unknown dtype 'F31'"),
    "negative shape": (safetensors({"a": ENTRY | {"shape": [-4]}}, DATA), r"the shape \[-4\]"),
    "float shape": (safetensors({"a": ENTRY | {"shape": [4.0]}}, DATA), r"the shape \[4.0\]"),
    "bool shape": (safetensors({"a": ENTRY | {"shape": [4, True]}}, DATA), "the shape"),
    "huge shape": (safetensors({"a": ENTRY | {"shape": [2**62, 4]}}, DATA), "more than any memory"),
    "overflowing shape": (safetensors({"a": ENTRY | {"shape": [2**32, 2**32, 4]}}, DATA), "more than any memory"),
    "many dims": (safetensors({"a": ENTRY | {"shape": [1] * 65}}, DATA), "65 dimensions"),
    "size": (safetensors({"a": ENTRY | {"shape": [3]}}, DATA), r"so 12 bytes, and its data_offsets are \[0, 16\]"),
    "offsets backwards": (safetensors({"a": ENTRY | {"data_offsets": [16, 0]}}, DATA), "data_offsets"),
    "one offset": (safetensors({"a": ENTRY | {"data_offsets": [16]}}, DATA), "data_offsets"),
    "hole at the start": (safetensors({"a": ENTRY | {"data_offsets": [4, 20]}}, DATA + b"1234"), "leaves a hole"),
    "hole at the end": (safetensors({"a": ENTRY}, DATA + b"1"), "its tensors have 16 bytes, the data 17"),
    "cut off": (safetensors({"a": ENTRY}, DATA[:-1]), "its tensors have 16 bytes, the data 15"),
    "overlap": (safetensors({"a": ENTRY, "b": ENTRY}, DATA), "overlaps the one before"),
    "containers": (safetensors(b'{"a":[' + b"[]," * 5_000_001 + b"1]}"), "more than 5000000 containers"),
    "metadata": (safetensors({"__metadata__": {"a": 1}}), "something else than names and strings"),
    "own metadata": (safetensors({"__metadata__": {"tapeless": "{}"}}), "__metadata__ is damaged"),
}


@pytest.mark.parametrize(("data", "message"), SAFETENSORS.values(), ids=SAFETENSORS)
def test_safetensors_headers(data: bytes, message: str) -> None:
    refused(data, message)


def npz(header: str, data: bytes = DATA, version: bytes = b"\x01\x00") -> bytes:
    return plain_zip({"a.npy": npy(header, data, version)})


NPZS = {
    "objects": (npz("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), "Python objects"),
    "records": (npz("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}"), "not of numbers"),
    "dates": (npz("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (2,)}"), "not of numbers"),
    "code": (npz("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}"), "header of the array 'a'"),
    "size": (npz("{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}"), "is of 20 bytes, and has 16"),
    "huge": (npz("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}"), "the shape"),
    "negative": (npz("{'descr': '<f4', 'fortran_order': False, 'shape': (-4,)}"), "the shape|header"),
    "no shape": (npz("{'descr': '<f4'}"), "header of the array 'a' is damaged"),
    "version 9": (npz("{}", version=b"\x09\x00"), "header of the array 'a' is damaged"),
    "no npy": (plain_zip({"a.npy": b"nothing"}), "header of the array 'a' is damaged"),
    "deep": (npz("(" * 60_000), "header of the array 'a' is damaged"),
    "table": (
        plain_zip({"__tapeless__.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", DATA)}),
        "no text",
    ),
}


@pytest.mark.parametrize(("data", "message"), NPZS.values(), ids=NPZS)
def test_npz_headers(data: bytes, message: str) -> None:
    refused(data, message)


def table(content: str) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, __tapeless__=np.array(content), a=np.zeros(4, np.float32))
    return buffer.getvalue()


TABLES = {
    "no JSON": ("nonsense", "no JSON"),
    "no format": ("{}", "table of contents is damaged"),
    "format 99": ('{"format":99,"state":1}', "format 99, .* update Tapeless"),
    "no state": ('{"format":2}', "damaged"),
    "unknown kind": ('{"format":2,"state":{"$eval":"1"}}', "damaged .'.eval'."),
    "a method": ('{"format":2,"state":{"$fetch":"1"}}', "damaged"),
    "missing array": ('{"format":2,"state":{"$tensor":"b"}}', "no array 'b'"),
    "out of bounds": ('{"format":2,"state":{"$tensor":["a",[5],[1],0]}}', "element 4 of a storage of 4"),
    "negative": ('{"format":2,"state":{"$tensor":["a",[4],[-1],3]}}', "no tensor has"),
    "dtype": ('{"format":2,"state":{"$dtype":"O"}}', "dtype 'O'"),
    "odd key": ('{"format":2,"state":{"$dict":[[[],1]]}}', "dict key that is a list"),
    "no pair": ('{"format":2,"state":{"$dict":[1]}}', "damaged"),
    "scalar": ('{"format":2,"state":{"$scalar":["float32","00"]}}', "damaged"),
    "deep": ('{"format":2,"state":' + "[" * 9000 + "]" * 9000 + "}", "hundreds of levels deep"),
    "device": ('{"format":2,"state":{"$device":"moon"}}', "damaged|Expected one of"),
    "grad of numbers": ('{"format":2,"state":{"$tensor":"a","grad":true,"same":[]}}', "damaged"),
    "metadata": ('{"format":2,"state":{"$OrderedDict":[],"metadata":3}}', "damaged"),
}


@pytest.mark.parametrize(("content", "message"), TABLES.values(), ids=TABLES)
def test_tables_of_contents(content: str, message: str) -> None:
    refused(table(content), message)


LEGACY_PID = storage()[:-2] + b"NtQ"
OLD = legacy(
    tensor(FULL, numbers(1), of=LEGACY_PID), pickled(b"]" + text("0") + b"a"), rest=struct.pack("<Q", 4) + DATA
)
LEGACY = {
    "cut off": (OLD[:-1], "the storage '0' is cut off"),
    "no storage": (OLD[:-24], "the storage '0' is missing"),
    "bytes after": (OLD + b"1", "bytes after its last storage"),
    "lying count": (
        OLD[:-24] + struct.pack("<Q", 2**60) + DATA,
        "said to have 4 elements, and has 1152921504606846976",
    ),
    "no keys": (OLD.replace(pickled(b"]" + text("0") + b"a"), pickled(b"]")), "another than its tensors'"),
    "huge storage": (
        legacy(
            tensor(FULL, numbers(1), of=storage(2**50)[:-2] + b"NtQ"),
            pickled(b"]" + text("0") + b"a"),
            rest=struct.pack("<Q", 2**50),
        ),
        "cut off",
    ),
    "a part outside": (
        OLD.replace(LEGACY_PID, storage()[:-2] + b"(" + text("v") + number(2) + number(9) + b"ttQ"),
        "element 3 of a storage of 2",
    ),
    "any pickle": (pickle.dumps([1, 2]), "none of PyTorch's"),
    "another magic": (pickled(number(1)) + OLD[15:], "none of PyTorch's"),
    "only a magic": (OLD[:15], "cut off"),
}


@pytest.mark.parametrize(("data", "message"), LEGACY.values(), ids=LEGACY)
def test_legacy_files(data: bytes, message: str) -> None:
    refused(data, message)


def test_the_legacy_file_that_all_these_are_made_from_is_fine() -> None:
    assert tl.load(io.BytesIO(OLD)).tolist() == [0, 1, 2, 3]
    part = storage()[:-2] + b"(" + text("v") + number(2) + number(2) + b"ttQ"
    old = legacy(tensor(numbers(2), numbers(1), of=part), pickled(b"]" + text("0") + b"a"), rest=OLD[-24:])
    assert tl.load(io.BytesIO(old)).tolist() == [2, 3], "a storage that is part of another, as very old files have it"


OTHERS = {
    "empty": (b"", "it is empty, or at its end: seek"),
    "text": (b"weights", "neither safetensors, .npz, nor a .pt file"),
    "web page": (b"<!DOCTYPE html><html>", "a web page: the download went wrong"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "pointer of Git LFS"),
    "npy": (npy("{}"), "a single NumPy array"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "but HDF5"),
    "tar": (b"sys_info" + bytes(249) + b"ustar" + bytes(300), "a tar archive"),
}


@pytest.mark.parametrize(("data", "message"), OTHERS.values(), ids=OTHERS)
def test_other_files(data: bytes, message: str, tmp_path: Any) -> None:
    refused(data, message)
    (tmp_path / "x.pt").write_bytes(data)
    with pytest.raises(FileError, match="cannot read '.*x.pt': it is"):
        tl.load(tmp_path / "x.pt")


def test_the_error_is_of_the_kinds_that_pytorch_raises() -> None:
    assert issubclass(FileError, (RuntimeError,)) and issubclass(FileError, pickle.UnpicklingError)
    assert issubclass(FileError, ValueError)
