"""`ParametrizationList`: the originals of a parametrized tensor, and the modules that compute it from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tapeless._core.modes import no_grad
from tapeless._tensor import Tensor

from .._containers import ModuleList
from .._module import Module
from .._parameter import Parameter

_ONE_DTYPE = (
    "When `right_inverse` outputs one tensor, it may not change the dtype.\noriginal.dtype: {before}\n"
    "right_inverse(original).dtype: {after}"
)


class ParametrizationList(ModuleList):
    """What ``module.parametrizations.weight`` is: calling it computes the tensor.

    ``original`` (or ``original0``, ``original1``, ... when ``is_tensor`` is False) are parameters of it, or buffers.
    Made by `register_parametrization`.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.ParametrizationList.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.parametrizations.weight_norm(tl.nn.Linear(3, 2))
    >>> isinstance(layer.parametrizations.weight, tl.nn.utils.parametrize.ParametrizationList)
    True
    """

    original: Tensor
    unsafe: bool

    def __init__(self, modules: Sequence[Module], original: Tensor | Parameter, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype, old = original.shape, original.dtype, original.detach()
        with no_grad():
            new: Any = original
            for module in reversed(list(self)):
                new = _inverse_if_any(module, new)
        one, several = isinstance(new, Tensor), isinstance(new, Sequence)
        if not one and not several:
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = one
        self.ntensors = 1 if one else len(new)
        if one:
            if original.dtype != new.dtype:
                raise ValueError(_ONE_DTYPE.format(before=_dtype(original), after=_dtype(new)))
            set_values(original, new)
            _register(self, "original", original)
        else:
            self._register_several(original, new)
        if not unsafe:
            try:
                self._check_result(shape, dtype)
            except ValueError:
                set_values(original, old)
                raise

    def _register_several(self, original: Any, values: Sequence[Any]) -> None:
        for i, value in enumerate(values):
            if not isinstance(value, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                    f"Got element {i} of the sequence with type {type(value).__name__}."
                )
            if isinstance(original, Parameter):
                value = Parameter(value, requires_grad=original.requires_grad and value.dtype.kind in "fc")
            _register(self, f"original{i}", value)

    def _check_result(self, shape: Any, dtype: Any) -> None:
        with no_grad():
            result = self()
        if not isinstance(result, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(result).__name__}.")
        for kind, before, after in (("dtype", dtype, result.dtype), ("shape", shape, result.shape)):
            if before != after:
                raise ValueError(
                    f"Registering a parametrization may not change the {kind} of the tensor, unless `unsafe` flag is "
                    f"enabled.\nunparametrized {kind}: {describe(before)}\nparametrized {kind}: {describe(after)}"
                )

    @property
    def original_names(self) -> list[str]:
        """The names of the originals, in the order in which the first parametrization takes them."""
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def _originals(self) -> Iterator[Any]:
        return (getattr(self, name) for name in self.original_names)

    def forward(self) -> Tensor:
        """Return the tensor, computed from the originals."""
        first, *others = self
        value = first(*self._originals())
        for module in others:
            value = module(value)
        return value  # type: ignore[no-any-return]

    def right_inverse(self, value: Any) -> None:
        """Set the originals to what gives ``value``, by each module's own ``right_inverse``.

        Raises ``RuntimeError`` where a module has none, ``ValueError`` where what it returns does not fit.
        """
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse. Write it, or "
                        "change the original instead of assigning to the parametrized tensor."
                    )
                value = module.right_inverse(value)
            if self.is_tensor:
                self._set_one(value)
            else:
                self._set_several(value)

    def _set_one(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
        if value.dtype != self.original.dtype:
            raise ValueError(
                f"The tensor returned by `right_inverse` has dtype {_dtype(value)} while `original` has dtype "
                f"{_dtype(self.original)}"
            )
        set_values(self.original, value)

    def _set_several(self, values: Any) -> None:
        wanted = "'right_inverse' must return a sequence of tensors"
        if isinstance(values, Tensor) or not isinstance(values, Sequence):
            raise ValueError(f"{wanted}. Got {type(values).__name__}.")
        if len(values) != self.ntensors:
            raise ValueError(f"{wanted} of length {self.ntensors}. Got a sequence of length {len(values)}.")
        for i, (value, original) in enumerate(zip(values, self._originals(), strict=True)):
            if not isinstance(value, Tensor):
                raise ValueError(f"{wanted}. Got element {i} of type {type(value).__name__}.")
            if value.dtype != original.dtype:
                raise ValueError(
                    f"Tensor {i} returned by `right_inverse` has dtype {_dtype(value)} while `original{i}` has dtype "
                    f"{_dtype(original)}"
                )
            set_values(original, value)

    def check_another(self, parametrization: Module, before: Tensor, name: str) -> None:
        """Raise ``ValueError`` unless this one may be put behind those that are there."""
        keeps = "unless the `unsafe` flag is enabled."
        with no_grad():
            after = parametrization(before)
            if not isinstance(after, Tensor):
                raise ValueError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
            for kind, old, new in (("dtype", before.dtype, after.dtype), ("shape", before.shape, after.shape)):
                if old != new:
                    raise ValueError(
                        f"Registering a parametrization may not change the {kind} of the tensor, {keeps}\n"
                        f"module.{name}.{kind}: {describe(old)}\nparametrization(module.{name}).{kind}: {describe(new)}"
                    )
            back = _inverse_if_any(parametrization, after)
        if not isinstance(back, Tensor):
            raise ValueError(f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}")
        for kind, old, new in (("dtype", before.dtype, back.dtype), ("shape", before.shape, back.shape)):
            if old != new:
                raise ValueError(
                    f"The tensor returned by parametrization.right_inverse must have the same {kind} as "
                    f"module.{name}, {keeps}\nmodule.{name}.{kind}: {describe(old)}\nreturned {kind}: {describe(new)}"
                )


def set_values(tensor: Any, value: Tensor) -> None:
    """Give ``tensor`` the values of ``value``, and its shape, where it is: it stays the object that it is."""
    if tensor is not value:
        tensor.data = value.detach()


def describe(value: Any) -> str:
    """Return how PyTorch writes a dtype or a shape."""
    return str(value) if isinstance(value, tuple) else f"torch.{value}"


def _dtype(tensor: Tensor) -> str:
    return describe(tensor.dtype)


def _inverse_if_any(module: Any, value: Any) -> Any:
    """Return ``right_inverse(value)``; ``value`` where there is none, or it says that it is not implemented."""
    if not hasattr(module, "right_inverse"):
        return value
    try:
        return module.right_inverse(value)
    except NotImplementedError:
        return value


def _register(module: Module, name: str, tensor: Any) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)
