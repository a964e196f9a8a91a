"""``import torch`` that means Tapeless: `as_torch`, for scripts and for libraries that were written against PyTorch.

A finder in front of Python's own answers for ``torch`` and all below it. Submodules are Tapeless's own module objects
under a second name in `sys.modules`, so a class is the same class on both paths. Only the package ``torch`` itself is a
`Facade`, because it has to answer a few names differently (``torch.__version__``).
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from ._errors import TapelessError
from ._missing import ENTRIES, MissingAttributeError, MissingImportError, asking_line, explain, reason_for
from .torch_version import PYTORCH, TorchVersion

OWN = __name__.partition(".")[0]
BINARY = ("torchvision", "torchaudio", "torchtext")

REAL_TORCH = (
    "as_torch() cannot take the place of PyTorch, which is imported in this process already (from {file}).\n"
    "Call it before anything imports torch, in a fresh process: tapeless run script.py does that."
)
NEEDS_BINARY = (
    "No module named '{name}' (under Tapeless): {name} is built on PyTorch's own C++ operations and was not found. "
    "Load the data with NumPy and wrap it in TensorDataset, and write layers with torch.nn."
)


def _only_asked() -> bool:
    """Whether a program asks if a module exists, by `importlib.util.find_spec`, and does not import it."""
    frame = sys._getframe(2)
    while frame is not None and "importlib" in frame.f_code.co_filename:
        if frame.f_globals.get("__name__") == "importlib.util":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def own_name(name: str) -> str:
    """Return Tapeless's name of a module of PyTorch.

    >>> own_name("torch.nn.functional")
    'tapeless.nn.functional'
    """
    return OWN + name[len("torch") :]


def torch_name(name: str) -> str:
    """Return PyTorch's name of one of Tapeless's modules."""
    return "torch" + name[len(OWN) :]


class Alias(ModuleType):
    """What modules of Tapeless become while `as_torch` is in force: missing names are explained."""

    def __getattr__(self, name: str) -> Any:
        if name == "__path__":
            return []  # so that `from torch.nn.functional import x` asks the finder for x, which explains
        if name.startswith("__"):
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        raise missing(torch_name(self.__name__), name, vars(self))


class Facade(ModuleType):
    """The module ``torch``: Tapeless's names, PyTorch's version."""

    def __init__(self) -> None:
        super().__init__("torch", "PyTorch's names, answered by Tapeless.")
        package = sys.modules[OWN]
        self.__dict__.update(
            __file__=package.__file__,
            __path__=[],
            __version__=TorchVersion(PYTORCH),
            __package__="torch",
            _tapeless=package,
        )

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [n for n in dir(self) if not n.startswith("_") and not isinstance(getattr(self, n), ModuleType)]
        try:
            value = getattr(self._tapeless, name)
        except AttributeError:
            raise missing("torch", name, dir(self._tapeless)) from None
        if isinstance(value, ModuleType) and value.__name__ == f"{OWN}.{name}":
            value = importlib.import_module(f"torch.{name}")  # known to sys.modules under this name, too
        self.__dict__[name] = value  # found without this function from now on
        return value

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *dir(self._tapeless)} - {"_tapeless"})


def missing(module: str, name: str, known: Any) -> MissingAttributeError:
    """Return the error for an attribute that does not exist."""
    error = MissingAttributeError(explain(module, name, known))
    error.add_note(f"asked for in {asking_line((__file__,))}")
    return error


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``torch`` and everything below it among Tapeless's modules."""

    def __init__(self) -> None:
        self.changed: dict[ModuleType, Any] = {}  # modules that became an `Alias`, and their class before
        self.specs: dict[str, Any] = {}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of a module of PyTorch, None for all that is not its own; explain what does not exist."""
        top = fullname.partition(".")[0]
        if top == OWN:
            spec = importlib.machinery.PathFinder.find_spec(fullname, path)
            if spec is None:
                raise self.missing(torch_name(fullname))
            if type(spec.loader) is importlib.machinery.SourceFileLoader:
                spec.loader = _OwnLoader(self, spec.loader.name, spec.loader.path)
            return spec
        if fullname in BINARY and importlib.machinery.PathFinder.find_spec(fullname, path) is None:
            if _only_asked():
                return None
            raise MissingImportError(NEEDS_BINARY.format(name=fullname), name=fullname)
        if top != "torch":
            return None
        if fullname != "torch":
            importlib.import_module(own_name(fullname))
        return importlib.machinery.ModuleSpec(fullname, self, origin=OWN)

    def missing(self, fullname: str) -> MissingImportError:
        """Return the error for a module, or a name in one, that does not exist."""
        module, _, name = fullname.rpartition(".")
        owner = sys.modules.get(own_name(module))
        text = explain(module, name, () if owner is None else dir(owner))
        error = MissingImportError(text, name=fullname)
        error.add_note(f"asked for in {asking_line((__file__, 'importlib/__init__.py'))}")
        return error

    def create_module(self, spec: Any) -> ModuleType:
        """Return the module itself, which has a spec already."""
        if spec.name == "torch":
            return Facade()
        module = sys.modules[own_name(spec.name)]
        self.specs[spec.name] = module.__spec__
        self.change(module)
        return module

    def change(self, module: ModuleType) -> None:
        """Make a module an `Alias`, unless it is of a special class already."""
        if type(module) is ModuleType:
            self.changed[module] = ModuleType
            module.__class__ = Alias

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing but give the module its own spec back: it ran when it was first imported."""
        spec = module.__spec__
        if spec is not None and spec.name in self.specs:
            module.__spec__ = self.specs[spec.name]

    def find_distributions(self, context: Any = None) -> Iterator[Any]:
        """Answer ``importlib.metadata.version("torch")``, which libraries ask."""
        if context is None or context.name is None or context.name == "torch":
            yield _Distribution()


class _OwnLoader(importlib.machinery.SourceFileLoader):
    """Loads modules of Tapeless that come late, as what the others have become."""

    def __init__(self, finder: Finder, name: str, path: str) -> None:
        super().__init__(name, path)
        self.finder = finder

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then change it: not before, since an `Alias` has a `__path__` and seems to be finished."""
        super().exec_module(module)
        self.finder.change(module)


class _Distribution(importlib.metadata.Distribution):
    """What `importlib.metadata` knows of ``torch``."""

    def read_text(self, filename: str) -> str | None:
        """Return the text of the only file, METADATA."""
        return f"Metadata-Version: 2.1\nName: torch\nVersion: {PYTORCH}\n" if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        """Return the path: there are no files."""
        return path


class _Absent:
    """A method of tensors that PyTorch has and Tapeless lacks, with the reason; `hasattr` answers False."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        kind, reason = reason_for(f"Tensor.{self.name}") or ("", "")
        error = MissingAttributeError(
            f"'Tensor' object has no attribute '{self.name}' in Tapeless: {kind}. {reason[0].upper()}{reason[1:]}"
        )
        error.add_note(f"asked for in {asking_line((__file__,))}")
        raise error


class _Switch:
    """The one state of the process: how often `as_torch` is in force, and what has to be put back."""

    depth = 0
    finder: Finder | None = None
    absent: list[str] = []
    before: set[str] = set()


def _turn_on() -> None:
    real = next((m for n, m in sys.modules.items() if n.partition(".")[0] == "torch" and m is not None), None)
    if _Switch.depth == 0:
        if real is not None:
            raise TapelessError(REAL_TORCH.format(file=getattr(real, "__file__", None)))
        _Switch.before = set(sys.modules)
        _Switch.finder = Finder()
        sys.meta_path.insert(0, _Switch.finder)
        for name, module in list(sys.modules.items()):
            if name.startswith(f"{OWN}."):
                _Switch.finder.change(module)
        tensor = sys.modules[OWN].Tensor
        _Switch.absent = [n[7:] for n in ENTRIES if n.startswith("Tensor.") and not hasattr(tensor, n[7:])]
        for name in _Switch.absent:
            setattr(tensor, name, _Absent(name))
    _Switch.depth += 1


def _turn_off() -> None:
    _Switch.depth -= 1
    if _Switch.depth or _Switch.finder is None:
        return
    finder, _Switch.finder = _Switch.finder, None
    sys.meta_path.remove(finder)
    for name in _Switch.absent:
        delattr(sys.modules[OWN].Tensor, name)
    users = [name for name in set(sys.modules) - _Switch.before if _uses_torch(sys.modules[name])]
    for name in [n for n in sys.modules if n.partition(".")[0] == "torch"] + users:
        sys.modules.pop(name, None)
    for module, kind in finder.changed.items():
        module.__class__ = kind


def _uses_torch(module: Any) -> bool:
    """Whether a module that was imported meanwhile holds Tapeless in place of PyTorch, and so must go, too."""
    name = getattr(module, "__name__", "")
    if not isinstance(module, ModuleType) or name.partition(".")[0] in (OWN, "torch"):
        return False
    for value in list(vars(module).values()):
        home = value.__name__ if isinstance(value, ModuleType) else getattr(type(value), "__module__", None)
        if not isinstance(value, ModuleType) and isinstance(getattr(value, "__module__", None), str):
            home = value.__module__
        if isinstance(home, str) and home.partition(".")[0] in (OWN, "torch"):
            return True
    return False


class as_torch:
    """Make ``import torch`` mean Tapeless, for the rest of the process or for a `with` block.

    ``torch.nn``, ``torch.optim`` and all else below are the same modules as ``tapeless.nn`` and ``tapeless.optim``, so
    tensors and classes of both are the same. What Tapeless lacks raises `AttributeError` or `ImportError` with the
    reason. At the end of a `with` block `sys.modules` is as before; modules that were imported in it and use torch are
    forgotten as well. Raises `TapelessError` when PyTorch itself has been imported: both at once would mix tensors that
    know nothing of each other.

    >>> import tapeless as tl
    >>> with tl.as_torch():  # doctest: +SKIP
    ...     import torch
    ...     from torch import nn
    ...     print(torch.__version__, nn is tl.nn)
    2.13.0+tapeless True
    """

    def __init__(self) -> None:
        _turn_on()
        self._on = True

    def __enter__(self) -> Any:
        return importlib.import_module("torch")

    def __exit__(self, *error: Any) -> None:
        self.undo()

    def undo(self) -> None:
        """Put everything back, once: what the end of a `with` block does."""
        if self._on:
            self._on = False
            _turn_off()

    def __repr__(self) -> str:
        return f"<as_torch: `import torch` means {OWN}>" if self._on else "<as_torch: undone>"
