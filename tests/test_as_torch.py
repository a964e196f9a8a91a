"""`as_torch`: ``import torch`` means Tapeless, everything that it lacks says why, and all is put back at the end."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

import tapeless as tl
from tapeless._missing import ENTRIES, MissingAttributeError, MissingImportError, explain

SOURCE = Path(__file__).parents[1] / "src"
MODULES = """
nn nn.functional nn.init nn.parameter nn.utils nn.utils.rnn nn.utils.parametrize nn.modules nn.modules.module
nn.modules.linear nn.modules.container nn.parallel optim optim.lr_scheduler optim.optimizer optim.swa_utils utils
utils.data utils.checkpoint utils.tensorboard autograd autograd.function autograd.graph distributions
distributions.normal linalg fft special cuda cuda.amp amp backends backends.cudnn backends.mps jit hub random testing
multiprocessing accelerator version torch_version types compiler cpu mps xpu
optim.adam optim.adamw optim.sgd optim.rmsprop optim.lbfgs autograd.variable nn.common_types nn.modules.utils
""".split()


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A process where PyTorch was never imported: other tests may have done so."""
    for name in [n for n in sys.modules if n.partition(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def torch(no_torch: Any) -> Any:
    with tl.as_torch() as module:
        yield module


def test_modules_are_the_same_objects(torch: Any) -> None:
    for name in MODULES:
        ours = importlib.import_module(f"tapeless.{name}")
        assert importlib.import_module(f"torch.{name}") is ours, name
        assert ours.__spec__.name == f"tapeless.{name}"
    import torch.nn.functional as F
    from torch import Tensor, nn

    assert nn is tl.nn and F is tl.nn.functional and Tensor is tl.Tensor
    assert isinstance(nn.Linear(1, 1), tl.nn.Module)
    assert torch.nn.Linear is tl.nn.Linear and torch.exp is tl.exp


def test_the_version_is_pytorchs(torch: Any) -> None:
    assert torch.__version__ == "2.13.0+tapeless" == torch.version.__version__
    assert torch.__version__ >= (1, 8) and torch.__version__ > "2.2" and not torch.__version__ < "2.9.1"
    assert torch.__version__.split("+")[0].split(".")[:2] == ["2", "13"]
    assert importlib.metadata.version("torch") == "2.13.0+tapeless"
    assert importlib.util.find_spec("torch") is not None and os.path.isfile(torch.__file__)
    assert tl.__version__ != torch.__version__


def test_what_is_missing_says_why(torch: Any) -> None:
    cases = {
        lambda: torch.vmap: "module 'torch' has no attribute 'vmap' in Tapeless: planned. Transforms of functions",
        lambda: torch.distributed.init_process_group: "in Tapeless: out of scope. Tapeless trains in one process",
        lambda: torch.quantize_per_tensor: "out of scope. There are no quantized tensors",
        lambda: torch.nn.SyncBatchNorm: "module 'torch.nn' has no attribute 'SyncBatchNorm' in Tapeless: out of scope",
        lambda: torch.nn.Liner: "module 'torch.nn' has no attribute 'Liner'; did you mean 'Linear'",
        lambda: torch.sofmax: "module 'torch' has no attribute 'sofmax'; did you mean 'softmax'",
        lambda: torch.nn.functional.sofmax: "module 'torch.nn.functional' has no attribute 'sofmax'; did you mean",
        lambda: torch.ones(1).to_sparse(): "'Tensor' object has no attribute 'to_sparse' in Tapeless: out of scope",
        lambda: torch.xqzw: "module 'torch' has no attribute 'xqzw'; it is no part of Tapeless yet",
    }
    for ask, sentence in cases.items():
        with pytest.raises(MissingAttributeError) as caught:
            ask()
        assert sentence in str(caught.value)
        line = ask.__code__.co_firstlineno
        assert caught.value.__notes__ == [f"asked for in {__file__}, line {line}"]
    assert not hasattr(torch, "vmap") and not hasattr(torch.ones(1), "to_sparse") and not hasattr(torch.nn, "qat")
    assert getattr(torch, "no_such", None) is None


def test_imports_of_what_is_missing_say_why(torch: Any) -> None:
    cases = {
        "import torch.distributed.rpc as rpc": "'rpc' in Tapeless: out of scope",
        "import torch.onnx": "'onnx' in Tapeless: out of scope",
        "from torch import vmap": "'vmap' in Tapeless: planned",
        "from torch.nn import Liner": "did you mean 'Linear'",
        "from torch.nn.functional import sofmax": "did you mean 'softmax'",
        "from torch.utils.cpp_extension import load": "'cpp_extension' in Tapeless: out of scope",
        "import torch.no_such.module": "module 'torch' has no attribute 'no_such'",
        "import torchvision.transforms": "torchvision is built on PyTorch's own C\\+\\+ operations",
    }
    for statement, sentence in cases.items():
        with pytest.raises(MissingImportError, match=sentence):
            exec(statement)
        with pytest.raises(ImportError):
            exec(statement)


def test_libraries_may_ask_if_torchvision_is_there(torch: Any) -> None:
    assert importlib.util.find_spec("torchvision") is None  # as torchmetrics does
    assert importlib.util.find_spec("torch.nn") is not None


def test_everything_is_put_back(no_torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "written_for_torch.py").write_text("from torch.nn import Linear\n")
    (tmp_path / "knows_no_torch.py").write_text("import math\n")
    monkeypatch.syspath_prepend(tmp_path)
    modules, finders = set(sys.modules), list(sys.meta_path)
    importlib.import_module("tapeless.nn.functional")
    with tl.as_torch() as torch:
        importlib.import_module("torch.optim.lr_scheduler")
        assert importlib.import_module("written_for_torch").Linear is tl.nn.Linear
        importlib.import_module("knows_no_torch")
        assert torch is sys.modules["torch"] and type(tl.nn) is not type(sys)
    new = {name for name in set(sys.modules) - modules if not name.startswith("tapeless")}
    assert "knows_no_torch" in new and not any(n.startswith("torch") or n == "written_for_torch" for n in new)
    assert sys.meta_path == finders and type(tl.nn) is type(sys)
    assert "to_sparse" not in vars(tl.Tensor)
    with pytest.raises(AttributeError, match="module 'tapeless.nn' has no attribute 'Liner'"):
        tl.nn.Liner


def test_uses_may_be_nested(no_torch: Any) -> None:
    with tl.as_torch() as first:
        with tl.as_torch() as second:
            assert first is second
        assert sys.modules["torch"] is first
    assert "torch" not in sys.modules
    handle = tl.as_torch()
    import torch

    assert torch.nn is tl.nn and repr(handle) == "<as_torch: `import torch` means tapeless>"
    handle.undo()
    handle.undo()
    assert "torch" not in sys.modules and repr(handle) == "<as_torch: undone>"


def test_pytorch_that_is_there_already_is_an_error(no_torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    with pytest.raises(
        RuntimeError, match="cannot take the place of PyTorch, which is imported in this process already"
    ):
        tl.as_torch()
    monkeypatch.delitem(sys.modules, "torch")
    with tl.as_torch() as torch:  # nothing was left behind by the refusal
        assert torch.nn is tl.nn


def test_a_name_that_is_set_on_torch_stays_there(torch: Any) -> None:
    torch.mine = 1
    assert sys.modules["torch"].mine == 1 and not hasattr(tl, "mine")
    assert {"nn", "Tensor", "softmax", "mine"} <= set(dir(torch))
    names: dict[str, Any] = {}
    exec("from torch import *", names)
    assert names["Tensor"] is tl.Tensor and names["softmax"] is tl.softmax and "nn" not in names


def test_pickles_load_on_both_paths(torch: Any) -> None:
    layer = pickle.loads(pickle.dumps(torch.nn.Linear(2, 1)))
    assert type(layer) is tl.nn.Linear
    by_torchs_path = b"ctorch.nn.modules.linear\nLinear\n."
    assert pickle.loads(by_torchs_path) is tl.nn.Linear


def test_importlib_can_reload(torch: Any) -> None:
    assert importlib.reload(torch.nn.init) is tl.nn.init


def test_every_reason_is_a_sentence_and_no_entry_exists() -> None:
    for name, (kind, reason) in ENTRIES.items():
        assert kind in ("planned", "out of scope", "replaced", "removed"), name
        assert reason.endswith(".") and len(reason) > 20, name
        assert explain("torch", name).count(reason[1:]) == 1


def test_no_name_of_the_table_exists() -> None:
    """An entry that has come true would hide nothing, but tell readers of the table a lie."""
    for name in ENTRIES:
        owner: Any = tl
        parts = name.split(".")
        try:
            for part in parts:
                owner = getattr(owner, part)
        except AttributeError:
            continue
        if parts[0] == "hub" or name == "Tensor.bfloat16":  # there, and refused when called
            continue
        raise AssertionError(f"{name} exists: take it out of _missing.py")


def test_names_of_published_programs(torch: Any) -> None:
    """What 45 published programs use: it resolves, or says why not."""
    roots = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "optim": torch.optim, "Tensor": torch.Tensor}
    roots |= {"Module": torch.nn.Linear(1, 1)}
    roots["Optimizer"] = torch.optim.SGD(roots["Module"].parameters())
    missing = []
    for name in (Path(__file__).parent / "census.txt").read_text().split():
        head, _, rest = name.partition(".")
        try:
            owner: Any = roots[head]
            for part in rest.split("."):
                owner = getattr(owner, part)
        except MissingAttributeError as error:
            assert "in Tapeless: " in str(error), f"{name}: {error}"
            missing.append(name)
    assert missing == """
        Tensor.to_sparse torch.sparse_coo_tensor Tensor.indices Tensor.resize torch.onnx
        torch.onnx.export torch.sparse.FloatTensor
    """.split()  # fmt: skip
