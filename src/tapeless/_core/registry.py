"""The table of operations: what is declared once becomes functions, methods, operators and NumPy's dispatch.

`register` is called for every `Function` with `names`, and by the decorator `composite` for operations that are
written in terms of others. Everything public about operations is read from `TABLE`.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._dtypes import scalar_name
from .tensor_base import TensorBase

if TYPE_CHECKING:
    from .function import Function


class Op:
    """One row of the table: an operation, its names, and what it is called by."""

    __slots__ = ("cls", "doc", "function", "inplace", "methods", "name", "names", "numpy", "operator")

    def __init__(self, names: str, function: Any, cls: Any = None, **traits: Any) -> None:
        self.names = names.split()
        self.name = self.names[0]
        self.function = function
        self.cls = cls
        methods = traits.get("methods")
        plain = [name for name in self.names if "." not in name]  # linalg.det is no method, det is one
        self.methods: list[str] = plain if methods is None else methods.split()
        self.inplace: bool = traits.get("inplace", False)
        self.operator: str = traits.get("operator", "")
        self.numpy: Any = traits.get("numpy")
        self.doc: str = (cls or function).__doc__ or ""

    @property
    def differentiable(self) -> bool:
        """Whether some input has a gradient (a composite has that of its parts)."""
        return self.cls is None or self.cls.mask != 0


# Which module declares a name ("linalg.det", "Tensor.det"). Families that few programs need are imported when one of
# their names is first used, so that `import tapeless` stays quick; `_ops` fills this.
LAZY: dict[str, str] = {}


class _Functions(dict[str, Callable[..., Any]]):
    """Functions by name; one that a family not yet imported declares is found by importing it."""

    def __missing__(self, name: str) -> Callable[..., Any]:
        importlib.import_module(LAZY[name])
        return self[name] if name in self else _undeclared(name)


def _undeclared(name: str) -> Any:
    raise KeyError(f"{LAZY[name]} no longer declares {name}: run tests/make_generated.py")


TABLE: dict[str, Op] = {}
FUNCTIONS = _Functions()
METHODS: dict[str, Callable[..., Any]] = {}
NUMPY: dict[Any, Callable[..., Any]] = {}

# What NumPy calls arguments that PyTorch calls otherwise; PyTorch's own functions accept these too.
NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "a": "input", "x": "input", "x1": "input", "x2": "other"}


def register(cls: type[Function]) -> None:
    """Add a `Function` to the table and make its public forms."""
    function = make_function(cls)
    op = Op(
        cls.names,
        function,
        cls,
        methods=cls.methods,
        inplace=cls.inplace,
        operator=cls.operator,
        numpy=cls.numpy,
    )
    _publish(op)
    if cls.strict and cls.numpy is not None:
        NUMPY[cls.numpy] = cls.apply  # NumPy's function takes numbers first too
    if cls.inplace:
        inplace = make_inplace(cls)
        for name in op.methods:
            _add_method(f"{name}_", inplace)
    if cls.operator:
        _add_method(f"__{cls.operator}__", function)
        if len(cls.params) == 2:
            _add_method(f"__r{cls.operator}__", _reflected(function, f"__r{cls.operator}__"))
        if cls.inplace and len(cls.params) >= 2:
            _add_method(f"__i{cls.operator}__", inplace)


def _reflected(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:
        if not isinstance(self, TensorBase):
            raise TypeError(
                f"descriptor '{name}' for 'Tensor' objects doesn't apply to a '{type(self).__name__}' object"
            )
        return function(other, self)

    return method


def composite(names: str, **traits: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that is written in terms of other operations, and so needs no rule of its own."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        op = Op(names, function, **traits)
        _publish(op)
        if op.inplace:
            for name in op.methods:
                _add_method(f"{name}_", _composite_inplace(function, name))
        return function

    return decorate


def _composite_inplace(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return the method that runs a composite on a copy, since its parts may need it, and writes the result back."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(self.clone(), *args, **kwargs)
        check_cast(result._array.dtype, self._array.dtype)
        if tuple(result.shape) != tuple(self.shape):
            raise RuntimeError(
                f"output with shape {list(self.shape)} doesn't match the broadcast shape {list(result.shape)}\n"
                f"{name}_() cannot change the shape of its tensor."
            )
        return self.copy_(result)

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"In-place form of `{name}`: writes into the tensor and returns it."
    return method


def load_all() -> None:
    """Import every family: for those who go through the whole table."""
    for module in sorted(set(LAZY.values())):
        importlib.import_module(module)


def names_in(prefix: str) -> list[str]:
    """Return the names that start with `prefix` and a dot, of all families, without that start."""
    start = len(prefix) + 1
    return sorted({name[start:] for name in (*FUNCTIONS, *LAZY) if name.startswith(f"{prefix}.")})


def namespace(prefix: str) -> dict[str, Callable[..., Any]]:
    """Return the functions whose names start with `prefix` and a dot, by the rest of the name.

    An operation that is named ``"linalg.det det"`` is `tapeless.linalg.det`, `tapeless.det` and `Tensor.det`.
    """
    return {name: FUNCTIONS[f"{prefix}.{name}"] for name in names_in(prefix)}


def _publish(op: Op) -> None:
    TABLE[op.name] = op
    for name in op.names:
        FUNCTIONS[name] = op.function
    for name in op.methods:
        _add_method(name, op.function)
    if op.numpy is not None:
        NUMPY[op.numpy] = op.function


def _add_method(name: str, function: Callable[..., Any]) -> None:
    METHODS[name] = function
    for cls in _tensor_types:
        setattr(cls, name, function)


_tensor_types: list[type] = []


def attach_methods(cls: type) -> None:
    """Give the class of tensors all methods that it does not define itself, and those of operations yet to come."""
    for name in LAZY:
        if name.startswith("Tensor."):
            setattr(cls, name[7:], _method_to_come(name))
    for name, function in METHODS.items():
        if name not in cls.__dict__ or f"Tensor.{name}" in LAZY:
            setattr(cls, name, function)
    _tensor_types.append(cls)


def _method_to_come(name: str) -> Callable[..., Any]:
    """Return a method that imports the family which declares it, and thereby is replaced."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        importlib.import_module(LAZY[name])
        return METHODS[name[7:]](self, *args, **kwargs)

    return method


def make_function(cls: type[Function]) -> Callable[..., Any]:
    """Return the public function of `cls`: keywords are put in their places, then `cls.apply` runs."""
    special = cls.public_function()
    if special is not None:
        function = special
    elif cls.variadic:
        function = _variadic(cls)
    else:
        function = plain_function(cls)
    function.__name__ = function.__qualname__ = _short(cls)
    function.__doc__ = cls.__doc__
    return function


def plain_function(cls: type[Function]) -> Callable[..., Any]:
    """Return the function that puts keywords in their places and runs ``cls.apply``."""
    apply, packs = cls.apply, cls.packs

    def function(*args: Any, **kwargs: Any) -> Any:
        if packs is not None:
            args = pack(args, packs)
        if not kwargs:
            return apply(*args)
        out = kwargs.pop("out", None)
        args, options = bind(cls, args, kwargs)
        if out is not None and cls.exact_out:
            check_apart(out, args)
        result = apply(*args, **options)
        return result if out is None else store(result, out, _short(cls), cls.exact_out)

    return function


def check_apart(out: Any, inputs: Any) -> None:
    """Refuse an ``out=`` that shares memory with an input which is read in another order than `out` is written."""
    for x in inputs:
        if hasattr(x, "_array") and np.may_share_memory(out._array, x._array):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
                "memory location. Please clone() the tensor before performing the operation.\nGive out= memory of its "
                "own."
            )


def _variadic(cls: type[Function]) -> Callable[..., Any]:
    apply = cls.apply
    names = cls.forward.__code__.co_varnames[1 : 1 + cls.forward.__code__.co_kwonlyargcount]

    def function(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if isinstance(tensors, TensorBase):
            raise TypeError(f"{_short(cls)}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
        options = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            options[NUMPY_NAMES.get(name, name)] = value
        if out is not None:
            check_apart(out, tensors)
        result = apply(*tensors, **options)
        return result if out is None else store(result, out, _short(cls), cls.exact_out)

    return function


def make_inplace(cls: type[Function]) -> Callable[..., Any]:
    """Return the method that writes the result of `cls` into its first argument."""
    packs = cls.packs

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if packs is not None:
            args = pack((self, *args), packs)[1:]
        if not kwargs:
            return cls.apply_inplace(self, *args)
        args, options = bind(cls, (self, *args), kwargs)
        return cls.apply_inplace(*args, **options)

    method.__name__ = method.__qualname__ = f"{_short(cls)}_"
    method.__doc__ = f"In-place form of `{_short(cls)}`: writes into the tensor and returns it."
    return method


def pack(args: tuple[Any, ...], start: int) -> tuple[Any, ...]:
    """Gather ints that were written one by one (``x.permute(2, 0, 1)``) into the tuple that `forward` expects."""
    if len(args) > start and not isinstance(args[start], (tuple, list)):
        return (*args[:start], tuple(args[start:]))
    return args


_REQUIRED: Any = object()  # stands in the place of an argument that has no default and has not been given


def bind(cls: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Put keyword arguments in the places that `forward` has for them."""
    params, defaults = cls.params, cls.defaults
    bound, options = list(args), {}
    for name, value in kwargs.items():
        if name not in params:
            if name in cls.keyword_only:
                options[name] = value
                continue
            name = NUMPY_NAMES.get(name, name)
        if name not in params:
            expected = ", ".join((*params, *cls.keyword_only, "out"))
            raise TypeError(f"{_short(cls)}() got an unexpected keyword argument {name!r}; it takes {expected}")
        place = params.index(name)
        if place < len(args):
            raise TypeError(f"{_short(cls)}() got multiple values for argument {name!r}")
        while len(bound) <= place:
            back = len(bound) - len(params)
            bound.append(defaults[back] if len(defaults) >= -back else _REQUIRED)
        bound[place] = value
    if any([value is _REQUIRED for value in bound]):
        missing = next(name for name, value in zip(params, bound, strict=False) if value is _REQUIRED)
        raise TypeError(f'{_short(cls)}() missing 1 required positional arguments: "{missing}"')
    return tuple(bound), options


def _short(cls: type[Function]) -> str:
    return cls.names.split()[0].rpartition(".")[2]


def store(result: Any, out: Any, name: str, exact: bool = False) -> Any:
    """Put `result` into the tensor given as ``out=`` and return that one; a shape that differs is made to fit.

    Raises RuntimeError where gradients would be lost, a dtype would lose values (float into integers; with `exact`
    every other dtype is refused) or elements of `out` share memory.
    """
    if isinstance(out, (tuple, list)):
        return tuple(store(r, o, name, exact) for r, o in zip(result, out, strict=True))
    if result._requires_grad or out._requires_grad:
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad.\nLeave out= away, or run under no_grad()."
        )
    source, target = result._array, out._array
    if exact and source.dtype != target.dtype:
        raise RuntimeError(
            f"Expected out tensor to have dtype {source.dtype}, but got {target.dtype} instead\n{name}() was given it."
        )
    if source.dtype is not target.dtype:
        check_cast(source.dtype, target.dtype)
    if any(step == 0 and n > 1 for step, n in zip(target.strides, target.shape, strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            f"location. Please clone() the tensor before performing the operation.\n{name}() was given it as out=."
        )
    if source.shape != target.shape:
        if target.size:
            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(target.shape)}, which does "
                f"not match the required output shape {list(source.shape)}.",
                stacklevel=3,
            )
        out._array = source.astype(target.dtype)
        return out
    return out.copy_(result)


def check_cast(source: Any, target: Any) -> None:
    """Refuse to write results of one dtype where another, that would lose what they are, is stored."""
    if _RANK[source.kind] > _RANK[target.kind]:
        raise RuntimeError(
            f"result type {scalar_name(source)} can't be cast to the desired output type {scalar_name(target)}\n"
            "Convert the target first, or write a converted result: target.copy_(result.to(target.dtype))."
        )


_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}  # what a dtype of one kind can hold, one of a higher cannot lose
