"""Every public name of Tapeless: where it is documented, how it is called, and what PyTorch's page of it is.

The reference (`reference.py`) and the test that counts docstrings (`tests/test_docstrings.py`) both read this.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tapeless
from tapeless._core.registry import FUNCTIONS, METHODS, TABLE

SOURCE = Path(tapeless.__file__).parent
PYTORCH = "https://docs.pytorch.org/docs/stable/"

# In the order in which a name that several modules have is given to one of them. After the module: where PyTorch's
# pages are, with {} for the name; nothing where the module is our own, or a name has no page of its own there.
MODULES: dict[str, str] = {
    "tapeless.nn.functional": "generated/torch.nn.functional.{}.html",
    "tapeless": "generated/torch.{}.html",
    "tapeless.nn": "generated/torch.nn.{}.html",
    "tapeless.nn.init": "nn.init.html#torch.nn.init.{}",
    "tapeless.nn.attention": "generated/torch.nn.attention.{}.html",
    "tapeless.nn.utils": "generated/torch.nn.utils.{}.html",
    "tapeless.nn.utils.parametrizations": "generated/torch.nn.utils.parametrizations.{}.html",
    "tapeless.nn.utils.parametrize": "generated/torch.nn.utils.parametrize.{}.html",
    "tapeless.nn.utils.rnn": "generated/torch.nn.utils.rnn.{}.html",
    "tapeless.nn.utils.stateless": "generated/torch.nn.utils.stateless.{}.html",
    "tapeless.nn.modules.module": "generated/torch.nn.modules.module.{}.html",
    "tapeless.nn.parameter": "generated/torch.nn.parameter.{}.html",
    "tapeless.optim": "generated/torch.optim.{}.html",
    "tapeless.optim.lr_scheduler": "generated/torch.optim.lr_scheduler.{}.html",
    "tapeless.optim.optimizer": "",
    "tapeless.optim.swa_utils": "optim.html#torch.optim.swa_utils.{}",
    "tapeless.autograd": "generated/torch.autograd.{}.html",
    "tapeless.autograd.functional": "generated/torch.autograd.functional.{}.html",
    "tapeless.autograd.graph": "autograd.html#torch.autograd.graph.{}",
    "tapeless.utils.data": "data.html#torch.utils.data.{}",
    "tapeless.utils.checkpoint": "checkpoint.html#torch.utils.checkpoint.{}",
    "tapeless.utils.tensorboard": "tensorboard.html#torch.utils.tensorboard.writer.{}",
    "tapeless.utils.hooks": "",
    "tapeless.distributions": "distributions.html",
    "tapeless.distributions.constraints": "distributions.html#module-torch.distributions.constraints",
    "tapeless.distributions.utils": "",
    "tapeless.linalg": "generated/torch.linalg.{}.html",
    "tapeless.fft": "generated/torch.fft.{}.html",
    "tapeless.special": "special.html#torch.special.{}",
    "tapeless.signal.windows": "generated/torch.signal.windows.{}.html",
    "tapeless.masked": "masked.html",
    "tapeless.random": "random.html#torch.random.{}",
    "tapeless.serialization": "notes/serialization.html",
    "tapeless.testing": "testing.html#torch.testing.{}",
    "tapeless.training": "",
    "tapeless.datasets": "",
    "tapeless.attribution": "",
    "tapeless.amp": "amp.html",
    "tapeless.jit": "jit.html",
    "tapeless.compiler": "torch.compiler_api.html",
    "tapeless.hub": "hub.html#torch.hub.{}",
    "tapeless.multiprocessing": "multiprocessing.html",
    "tapeless.distributed": "distributed.html",
    "tapeless.accelerator": "generated/torch.accelerator.{}.html",
    "tapeless.cuda": "cuda.html",
    "tapeless.cuda.amp": "amp.html",
    "tapeless.cpu": "cpu.html",
    "tapeless.mps": "mps.html",
    "tapeless.mtia": "mtia.html",
    "tapeless.xpu": "xpu.html",
    "tapeless.backends.cpu": "backends.html",
    "tapeless.backends.cuda": "backends.html",
    "tapeless.backends.cudnn": "backends.html",
    "tapeless.backends.mkl": "backends.html",
    "tapeless.backends.mkldnn": "backends.html",
    "tapeless.backends.mps": "backends.html",
    "tapeless.backends.nnpack": "backends.html",
    "tapeless.backends.numba": "",
    "tapeless.backends.openmp": "backends.html",
    "tapeless.backends.opt_einsum": "backends.html",
}

# What the table of operations makes available in `tapeless`, while PyTorch has it as a method or in `nn.functional`.
NOT_AT_THE_TOP = set(
    """
    bernoulli_ cauchy_ exponential_ geometric_ log_normal_ normal_ random_ uniform_ expand expand_as repeat reshape_as
    sum_to_size view view_as unfold_method native_dropout_backward
    binary_cross_entropy cross_entropy elu gelu glu hardsigmoid hardswish hardtanh huber_loss l1_loss leaky_relu linear
    logsigmoid mish mse_loss nll_loss one_hot relu6 silu smooth_l1_loss softplus softshrink softsign tanhshrink
    """.split()
)

# Ours, in modules that are otherwise PyTorch's.
OWN = {
    "tapeless.as_torch",
    *(f"tapeless.autograd.graph.{name}" for name in ("ComputationGraph", "GraphEdge", "GraphModule", "GraphNode")),
    *(f"tapeless.autograd.graph.{name}" for name in ("trace", "trace_module", "watch")),
    "tapeless.nn.summary",
    "tapeless.nn.ModelSummary",
    "tapeless.nn.init.skipped",
    "tapeless.serialization.FileError",
    "tapeless.serialization.load_file",
    "tapeless.serialization.safe_open",
    "tapeless.serialization.save_file",
    "tapeless.Tensor.astype",
    "tapeless.Tensor.names",
}

# Where PyTorch's page has another name.
PAGES = {
    "tapeless.autograd.FunctionCtx": "autograd.html#context-method-mixins",
    "tapeless.autograd.once_differentiable": "generated/torch.autograd.function.once_differentiable.html",
}

INPLACE = "In-place form of "
BOILERPLATE = {"forward", "extra_repr", "reset_parameters", "step"}  # what every layer or optimizer defines anew


@dataclass
class Name:
    """A public name: the module (or class) that it is documented in, and the object behind it."""

    module: str
    name: str
    object: Any
    others: list[str] = field(default_factory=list)  # further names of the same object in this module
    twins: list[str] = field(default_factory=list)  # in-place forms: abs_ of abs

    @property
    def full(self) -> str:
        """The name with its module."""
        return f"{self.module}.{self.name}"

    @property
    def doc(self) -> str:
        """The docstring, without indentation; of a constant, what it is."""
        if isinstance(self.object, (bool, str, type(None))):
            return f"Always ``{self.object!r}``."
        return inspect.cleandoc(self.object.__doc__ or "")

    @property
    def home(self) -> str:
        """The module whose source defines it."""
        op = operations().get(id(self.object))
        return (op.cls or op.function).__module__ if op else str(getattr(self.object, "__module__", ""))


@functools.cache
def operations() -> dict[int, Any]:
    """Return the registered operations by the identity of their function, all families imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted((SOURCE / "_ops").glob("[a-z]*.py")):
            importlib.import_module(f"tapeless._ops.{path.stem}")
        for name in ("_dropout", "_lowrank", "_samples"):
            importlib.import_module(f"tapeless.{name}")
    return {id(op.function): op for op in TABLE.values()}


@functools.cache
def names() -> dict[str, list[Name]]:
    """Return the names of each module; an object that several modules have stands in the first one only."""
    return _all_names()[0]


@functools.cache
def shared() -> dict[str, dict[str, Name]]:
    """Return the names of each module whose entry is in another one: `linalg.det`, which is `det`."""
    return _all_names()[1]


@functools.cache
def _all_names() -> tuple[dict[str, list[Name]], dict[str, dict[str, Name]]]:
    operations()
    found: dict[str, list[Name]] = {}
    elsewhere: dict[str, dict[str, Name]] = {}
    seen: dict[int, Name] = {}
    for module in MODULES:
        try:
            loaded = importlib.import_module(module)
        except ImportError:  # a module that this version does not have yet
            continue
        here: dict[int, Name] = {}
        elsewhere[module] = {}
        for name in _public(loaded):
            value = getattr(loaded, name)
            if id(value) in seen:
                elsewhere[module][name] = seen[id(value)]
            elif id(value) in here:
                here[id(value)].others.append(name)
            else:
                here[id(value)] = Name(module, name, value)
        seen.update(here)
        found[module] = _gather_twins(list(here.values()))
    return found, elsewhere


def _public(module: types.ModuleType) -> list[str]:
    """Return the functions and classes that a module offers: what it defines, re-exports or takes from the table."""
    offered = getattr(module, "__all__", None) or sorted(dir(module))
    reexported = _reexports(module)
    result = []
    for name in offered:
        value = getattr(module, name, None)
        if name.startswith("_") or not callable(value) or inspect.ismodule(value):
            continue
        home = str(getattr(value, "__module__", ""))
        ours = home == module.__name__ or name in reexported or hasattr(module, "__all__")
        registered = id(value) in operations() or _is_method(value, name)
        if module is tapeless and name in NOT_AT_THE_TOP:
            continue
        if home.startswith("tapeless") and (ours or registered):
            result.append(name)
    # The name that the object itself has comes first: acos, then arccos.
    return sorted(result, key=lambda name: (getattr(getattr(module, name), "__name__", "") != name, name.lower(), name))


def _is_method(value: Any, name: str) -> bool:
    return getattr(tapeless.Tensor, name, None) is value or FUNCTIONS.get(name) is value


def _reexports(module: types.ModuleType) -> set[str]:
    """Return the names that a module imports in order to offer them: ``from ._x import y as y``."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]  # some under TYPE_CHECKING
    names = {alias.name for node in imports for alias in node.names if alias.asname == alias.name}
    if module is tapeless:
        names |= {"as_torch", "load", "save", "device"}
    return names


def _gather_twins(found: list[Name]) -> list[Name]:
    """Put in-place forms with the functions that they are forms of."""
    plain = {name: entry for entry in found for name in (entry.name, *entry.others)}
    kept = []
    for entry in found:
        base = plain.get(entry.name[:-1]) if entry.name.endswith("_") else None
        if base is None or base is entry or not _is_twin(entry):
            kept.append(entry)
        else:
            base.twins += [entry.name, *entry.others]
    return kept


def _is_twin(entry: Name) -> bool:
    return not entry.doc or entry.doc.startswith((INPLACE, "As `")) or "In-place" in entry.doc.split("\n")[0]


@functools.cache
def tensor_members() -> list[Name]:
    """Return what `Tensor` has: attributes, methods of its own, and those that operations give it."""
    operations()
    found: dict[Any, Name] = {}
    for name in dir(tapeless.Tensor):
        if name.startswith("_"):
            continue
        value = inspect.getattr_static(tapeless.Tensor, name, None)
        value = METHODS.get(name, value) if value is None else value
        value = getattr(value, "__func__", value)
        if value is None:
            value = getattr(tapeless.Tensor, name)
        if id(value) in found:
            found[id(value)].others.append(name)
        else:
            found[id(value)] = Name("tapeless.Tensor", name, value)
    return _gather_twins(list(found.values()))


def members(cls: type) -> Iterator[Name]:
    """Yield the public methods and properties that a class defines and that tell something new."""
    for name, value in vars(cls).items():
        if name.startswith("_") or not _is_member(value) or (name in BOILERPLATE and cls.__name__ != "Optimizer"):
            continue
        overrides = any(name in vars(base) for base in cls.__mro__[1:])
        entry = Name(f"{cls.__module__}.{cls.__qualname__}", name, value)
        if entry.doc and (not overrides or ">>>" in entry.doc):
            yield entry


def _is_member(value: Any) -> bool:
    return isinstance(value, (types.FunctionType, property, classmethod, staticmethod, functools.cached_property))


# --- how it is called ------------------------------------------------------------------------------------


@functools.cache
def _stubs(file: str) -> dict[str, tuple[str, str]]:
    """Return the parameters and the result of each function in a generated stub, without types of parameters."""
    path = SOURCE / "_stubs" / f"{file}.pyi"
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
            found[node.name] = (ast.unparse(node.args), _result(ast.unparse(node.returns) if node.returns else ""))
    return found


def _result(written: str) -> str:
    """Return a result type as the reference shows it: nothing where it is not known."""
    written = written.strip("'\"").replace("_bool", "bool").replace("_int", "int").replace("_list", "list")
    if "Any" in written or not re.fullmatch(r"(Tensor|bool|int|float|str|None|list|tuple|[\[\], .|])+", written):
        return ""
    return re.sub(r"\bTensor\b", "tapeless.Tensor", written)


STUB_FILES = {"tapeless": "functions", "tapeless.nn.functional": "functional", "tapeless.Tensor": "methods"}
STUB_FILES |= {f"tapeless.{name}": name for name in ("linalg", "fft", "special", "masked")}


def signature(entry: Name, name: str = "") -> str:
    """Return ``(parameters) -> result`` of a name, as PyTorch writes it: defaults, but no types of parameters."""
    name = name or entry.name
    stub = _stubs(STUB_FILES[entry.module]) if entry.module in STUB_FILES else {}
    takes, result = stub.get(name, ("", ""))
    if name not in stub or takes == "self, *args, **kwargs":
        takes, found = _inspected(entry)
        result = result or found
    if entry.module == "tapeless.Tensor":
        takes = re.sub(r"^(self|input)(, |$)", "", takes)
    return f"({takes})" + (f" -> {result}" if result else "")


def _inspected(entry: Name) -> tuple[str, str]:
    value = getattr(entry.object, "__func__", entry.object)
    if inspect.isclass(value) and issubclass(value, BaseException):
        return "*args", ""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "...", ""
    parameters = [_plain(parameter) for parameter in found.parameters.values()]
    returns = found.return_annotation
    result = "" if inspect.isclass(value) or returns is found.empty else _result(str(returns))
    return str(found.replace(parameters=parameters, return_annotation=found.empty))[1:-1], result


class _Written:
    """A default as it is written in a signature."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    default = parameter.default
    if default is not parameter.empty and not isinstance(default, (bool, int, float, complex, str, type(None))):
        text = repr(default)
        default = _Written(text if re.fullmatch(r"[\w(), .'-]{1,30}", text) else "...")
    return parameter.replace(annotation=parameter.empty, default=default)


# --- where PyTorch tells of it ---------------------------------------------------------------------------


@functools.cache
def without_page() -> set[str]:
    """Return the names that PyTorch has, but no page of its documentation (`pytorch_without_page.txt`)."""
    path = Path(__file__).with_name("pytorch_without_page.txt")
    return set(path.read_text(encoding="utf-8").split()) if path.exists() else set()


def pytorch_page(entry: Name) -> str:
    """Return the address of PyTorch's page on a name, or nothing where there is none."""
    if entry.full in OWN or entry.full in without_page():
        return ""
    if entry.full in PAGES:
        return PYTORCH + PAGES[entry.full]
    if entry.module == "tapeless.Tensor":
        return f"{PYTORCH}generated/torch.Tensor.{entry.name}.html"
    pattern = MODULES.get(entry.module, "")
    return PYTORCH + pattern.format(entry.name) if pattern else ""
