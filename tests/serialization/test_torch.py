"""PyTorch reads what is written here, and what PyTorch writes is read here: both ways, all kinds of values."""

from __future__ import annotations

import collections
import io
import zipfile
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn, optim
from tapeless.serialization import FileError
from tests.serialization.hostile import plain_zip

torch = pytest.importorskip("torch")

DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 complex128".split()
NARROW = "bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu".split()
NEW = pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])


def from_torch(value: Any, new: bool = True, **options: Any) -> Any:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=new)
    buffer.seek(0)
    return tl.load(buffer, **options)


def to_torch(value: Any, new: bool = True) -> Any:
    buffer = io.BytesIO()
    tl.save(value, buffer, _use_new_zipfile_serialization=new, format="pt")
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def same(ours: Any, theirs: Any) -> None:
    """Compare nested values, tensors by all that a file keeps."""
    if isinstance(theirs, torch.Tensor):
        kinds = (isinstance(ours, nn.Parameter), isinstance(theirs, torch.nn.Parameter))
        assert isinstance(ours, tl.Tensor) and kinds[0] == kinds[1]
        assert str(theirs.dtype) == f"torch.{ours.dtype}" and tuple(ours.shape) == tuple(theirs.shape)
        assert ours.requires_grad == theirs.requires_grad
        assert not theirs.numel() or ours.stride() == theirs.stride()
        wanted = theirs.detach().resolve_conj().resolve_neg().numpy()
        assert np.array_equal(ours.detach().numpy(), wanted, equal_nan=theirs.dtype.is_floating_point)
    elif isinstance(theirs, dict):
        assert type(ours) is type(theirs) and list(ours) == list(theirs)
        for key in theirs:
            same(ours[key], theirs[key])
        assert getattr(ours, "_metadata", None) == getattr(theirs, "_metadata", None)
    elif isinstance(theirs, list | tuple) and not isinstance(theirs, torch.Size):
        assert type(ours) is type(theirs) and len(ours) == len(theirs)
        for one, other in zip(ours, theirs):
            same(one, other)
    else:
        assert repr(ours) == repr(theirs) or str(ours) == str(theirs).removeprefix("torch.")


@NEW
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype: str, new: bool) -> None:
    if not new and dtype in ("uint16", "uint32", "uint64"):
        pytest.skip("PyTorch cannot load those of its own old form")
    theirs = torch.tensor([[0, 1, 2], [120, 5, 0]]).to(getattr(torch, dtype))
    tensors = [theirs, theirs[0, 0], theirs.T, theirs[:, 1:], theirs[:0], theirs[1].clone()]
    same(from_torch(tensors, new), tensors)
    ours = tl.from_numpy(theirs.numpy())
    mine = [ours, ours[0, 0], ours.T, ours[:, 1:], ours[:0], ours[1].clone()]
    same(mine, to_torch(mine, new))


@NEW
@pytest.mark.parametrize("dtype", NARROW)
def test_dtypes_that_numpy_lacks(dtype: str, new: bool) -> None:
    if not new and dtype != "bfloat16":
        pytest.skip("PyTorch has no storages of these in its old form")
    size = 2 if dtype == "bfloat16" else 1
    bits = torch.arange(256**size, dtype=torch.int32).to(torch.uint16 if size == 2 else torch.uint8)
    theirs = bits.view(getattr(torch, dtype)).reshape(16, -1)
    ours = from_torch([theirs, theirs.T, theirs[3:5, 1]], new)
    for one, other in zip(ours, [theirs, theirs.T, theirs[3:5, 1]]):
        assert one.dtype == tl.float32 and one.stride() == other.stride()
        assert np.array_equal(one.numpy(), other.float().numpy(), equal_nan=True)
    ours[0].zero_()
    assert (ours[1] == 0).all(), "still one memory"


def test_complex32() -> None:
    theirs = torch.view_as_complex(torch.tensor([[1.0, -2.0], [0.5, 65504.0]]).half())
    assert from_torch(theirs).tolist() == [1 - 2j, 0.5 + 65504j]


VALUES = {
    "scalars": [
        None,
        True,
        0,
        -1,
        255,
        256,
        2**40,
        -(2**80),
        0.1,
        float("inf"),
        "ä",
        "",
        b"\x00\xff",
        1j,
        bytearray(b"a"),
    ],
    "containers": {"a": [(), (1,), [2, {3: {4}}]], 5: collections.OrderedDict(x=1), "c": collections.Counter("aab")},
    "many": {str(n): [n] * 3 for n in range(3000)},
}


@NEW
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_values(value: Any, new: bool) -> None:
    assert repr(from_torch(value, new)) == repr(to_torch(value, new)) == repr(value)


@NEW
def test_names_of_pytorch(new: bool) -> None:
    theirs = [torch.float16, torch.bfloat16, torch.device("cpu"), torch.device("cuda:1"), torch.Size([2, 3])]
    ours = [tl.float16, tl.bfloat16, tl.device("cpu"), tl.device("cuda:1"), tl.Size([2, 3])]
    assert from_torch(theirs, new) == ours and to_torch(ours, new) == theirs


@NEW
def test_numpy_values_of_pytorchs_files(new: bool) -> None:
    """PyTorch itself reads them with ``weights_only=False`` alone, as anything could hide there."""
    value = {"loss": np.float64(0.5), "n": np.int8(-3), "f": np.bool_(True), "x": np.arange(6.0).reshape(2, 3).T}
    value |= {"big": np.arange(3, dtype=">i2"), "0": np.array(7), "none": np.zeros((0, 3), np.float32)}
    back = from_torch(value, new)
    assert repr(back) == repr(value | {"big": np.arange(3, dtype="i2")})
    buffer = io.BytesIO()
    tl.save(value | {"big": np.arange(3)}, buffer, format="pt")
    buffer.seek(0)
    assert repr(torch.load(buffer, weights_only=False)) == repr(value | {"big": np.arange(3)})


@NEW
def test_ties_and_strides(new: bool) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    theirs = {
        "a": base,
        "same": base,
        "T": base.T,
        "part": base[1:3, ::2],
        "row": base[2],
        "wide": base[0, :1].expand(3, 5),
    }
    ours = from_torch(theirs, new)
    same(ours, theirs)
    assert ours["a"] is ours["same"]
    ours["row"].fill_(-1)
    assert (ours["a"][2] == -1).all() and (ours["T"][:, 2] == -1).all() and (ours["part"][1] == -1).all()
    again = to_torch(
        {
            name: tl.from_numpy(base.numpy()).as_strided(tuple(t.shape), t.stride(), t.storage_offset())
            for name, t in theirs.items()
        },
        new,
    )
    same(ours := from_torch(again, new), again)
    again["row"].fill_(-2)
    assert (again["a"][2] == -2).all() and (again["T"][:, 2] == -2).all()


def test_conjugates_and_negatives() -> None:
    z = torch.tensor([1 + 2j, 3 - 1j])
    theirs = [z.conj(), z.conj().imag, z.conj()[1:], z]
    ours = from_torch(theirs[:1] + theirs[2:])
    assert [t.tolist() for t in ours] == [t.tolist() for t in theirs[:1] + theirs[2:]]
    assert from_torch(theirs[1]).tolist() == theirs[1].tolist()


@NEW
def test_parameters_buffers_and_attributes(new: bool) -> None:
    theirs = [
        torch.nn.Parameter(torch.ones(2)),
        torch.nn.Parameter(torch.ones(1), False),
        torch.ones(1, requires_grad=True),
    ]
    same(from_torch(theirs, new), theirs)
    ours = [nn.Parameter(tl.ones(2)), nn.Parameter(tl.ones(1), False), tl.ones(1, requires_grad=True)]
    same(ours, to_torch(ours, new))
    buffer = torch.nn.Buffer(torch.ones(2))
    assert from_torch(buffer, new).tolist() == [1, 1]
    buffer.note = "mine"
    assert from_torch(buffer, new).note == "mine"
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.note = ["mine"]
    assert from_torch(parameter, new).note == ["mine"]


def test_big_endian_files() -> None:
    theirs = {
        "f": torch.tensor([1.5, -2.0]),
        "i": torch.tensor([1, 2**40]),
        "b": torch.ones(2).bool(),
        "h": torch.ones(3).bfloat16(),
    }
    theirs |= {"c": torch.tensor([1 + 2j])}
    buffer = io.BytesIO()
    torch.save(theirs, buffer)
    with zipfile.ZipFile(buffer) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    sizes = [t.element_size() // (2 if t.is_complex() else 1) for t in theirs.values()]
    for number, size in enumerate(sizes):
        name = f"archive/data/{number}"
        entries[name] = np.frombuffer(entries[name], np.uint8).reshape(-1, size)[:, ::-1].tobytes()
    entries["archive/byteorder"] = b"big"
    swapped = tl.load(io.BytesIO(plain_zip(entries)))
    same(swapped, theirs | {"h": theirs["h"].float()})


def make(library: Any) -> Any:
    library.manual_seed(0)
    layers = library.nn
    model = layers.Sequential(layers.Linear(4, 8), layers.BatchNorm1d(8), layers.ReLU(), layers.Linear(8, 2))
    return model, library.optim.Adam(model.parameters(), lr=0.01)


def train(library: Any, model: Any, optimizer: Any, steps: int) -> list[float]:
    losses = []
    x = library.linspace(-1, 1, 24).reshape(6, 4)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x) - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@NEW
@pytest.mark.parametrize("direction", ["to", "from"])
def test_training_goes_on_in_the_other_library(direction: str, new: bool) -> None:
    first, second = (tl, torch) if direction == "to" else (torch, tl)
    model, optimizer = make(first)
    train(first, model, optimizer, 3)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "rng": first.get_rng_state()}
    back = to_torch(state, new) if direction == "to" else from_torch(state, new)
    other, its_optimizer = make(second)
    other.load_state_dict(back["model"])
    its_optimizer.load_state_dict(back["optimizer"])
    second.set_rng_state(back["rng"])
    assert back["epoch"] == 3 and first.rand(3).tolist() == second.rand(3).tolist()
    wanted = train(first, model, optimizer, 5)
    assert train(second, other, its_optimizer, 5) == pytest.approx(wanted, rel=1e-5)
    assert wanted[-1] < wanted[0]


@pytest.mark.parametrize("name", ["SGD", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam"])
def test_states_of_optimizers(name: str) -> None:
    for library, through in ((torch, from_torch), (tl, to_torch)):
        model, _ = make(library)
        options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        optimizer = getattr(library.optim, name)(model.parameters(), lr=0.01, **options)
        train(library, model, optimizer, 2)
        pair = (through(optimizer.state_dict()), optimizer.state_dict())
        same(*(pair if library is torch else pair[::-1]))


def test_schedulers() -> None:
    for library, through in ((torch, from_torch), (tl, to_torch)):
        optimizer = make(library)[1]
        scheduler = library.optim.lr_scheduler.MultiStepLR(optimizer, [2, 2, 5])
        optimizer.step()
        scheduler.step()
        assert repr(through(scheduler.state_dict())["milestones"]) == repr(collections.Counter([2, 2, 5]))


@NEW
def test_tied_weights_of_a_model(new: bool) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.out = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
            self.out.weight = self.embed.weight

    theirs = to_torch(Tied().state_dict(), new)
    assert theirs["embed.weight"].data_ptr() == theirs["out.weight"].data_ptr()
    ours = from_torch(theirs, new)
    assert ours["embed.weight"].data_ptr() == ours["out.weight"].data_ptr()


def test_parameters_in_an_optimizers_arena_are_written_one_by_one() -> None:
    model, optimizer = nn.Sequential(nn.Linear(100, 100), nn.Linear(100, 1)), None
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model(tl.ones(1, 100)).sum().backward()
    optimizer.step()
    buffer = io.BytesIO()
    tl.save(model[1].state_dict(), buffer, format="pt")
    assert len(buffer.getvalue()) < 5000
    buffer.seek(0)
    same(model[1].state_dict(), torch.load(buffer, weights_only=True))


def test_files_that_pytorch_maps_into_memory(tmp_path: Any) -> None:
    state = {"a": tl.arange(10.0), "b": tl.ones(3, dtype=tl.float64)}
    tl.save(state, tmp_path / "x.pt")
    same(state, torch.load(tmp_path / "x.pt", mmap=True, weights_only=True))
    torch.save({"a": torch.arange(10.0)}, tmp_path / "y.pt")
    assert tl.load(tmp_path / "y.pt", mmap=True)["a"].tolist() == list(range(10))


def test_cuda_files() -> None:
    buffer = io.BytesIO()
    torch.save(torch.ones(2), buffer)
    with zipfile.ZipFile(buffer) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["archive/data.pkl"] = entries["archive/data.pkl"].replace(b"\x03\0\0\0cpu", b"\x06\0\0\0cuda:0")
    data = plain_zip(entries)
    with pytest.raises(
        RuntimeError, match="Attempting to deserialize object on a CUDA device but torch.cuda.is_available"
    ):
        torch.load(io.BytesIO(data))
    with pytest.raises(
        FileError, match="Attempting to deserialize object on a CUDA device but torch.cuda.is_available"
    ):
        tl.load(io.BytesIO(data))
    for where in ("cpu", {"cuda:0": "cpu"}, lambda storage, location: storage):
        assert tl.load(io.BytesIO(data), map_location=where).tolist() == [1, 1]


@pytest.mark.filterwarnings("ignore")
def test_what_is_refused(tmp_path: Any) -> None:
    for value, message in (
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear.*whole model"),
        (torch.eye(2).to_sparse(), "sparse tensors"),
        (torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "quantized tensors|QInt8Storage"),
        (torch.ones(2, device="meta"), "meta tensors"),
        (collections.defaultdict(list), "collections.defaultdict"),
    ):
        with pytest.raises(FileError, match=message):
            from_torch(value)
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "script.pt")
    with pytest.raises(FileError, match="TorchScript archive"):
        tl.load(tmp_path / "script.pt")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_other_pickle_protocols(protocol: int) -> None:
    buffer = io.BytesIO()
    value = {"a": torch.ones(2), "b": [b"x", "y", {1}, frozenset({2}), bytearray(b"z"), 1j, 2**70]}
    torch.save(value, buffer, pickle_protocol=protocol)
    buffer.seek(0)
    if protocol == 5:
        with pytest.raises(FileError, match="none of those that build data"):
            tl.load(buffer)  # BYTEARRAY8
        return
    back = tl.load(buffer)
    assert back["a"].tolist() == [1, 1] and back["b"] == value["b"]
