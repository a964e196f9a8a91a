"""Layers that learn the size of their input from the first one they see."""

from __future__ import annotations

from itertools import chain
from typing import Any, ClassVar

from tapeless._tensor import Tensor

from ._linear import Linear
from ._module import Module
from ._module_path import add_module_note
from ._uninitialized import UninitializedParameter, is_lazy


class LazyModuleMixin(Module):
    """Makes a layer lazy: ``class LazyThing(LazyModuleMixin, Thing)``, with `initialize_parameters`.

    The constructor registers `UninitializedParameter` objects. The first call runs ``initialize_parameters`` with the
    arguments of ``forward``; it has to materialize them all. Then the layer changes its class to ``cls_to_become``,
    where that is not None, and nothing of its laziness is left. Loading a state dict materializes, too.

    Raises ``RuntimeError`` where `initialize_parameters` leaves something without a shape.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html
    """

    cls_to_become: ClassVar[type[Module] | None] = None
    _awaits_input = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._awaits_input:
            return super().__call__(*args, **kwargs)
        try:
            self._infer_parameters(self, args, kwargs)
        except Exception as error:
            add_module_note(error, self, args)
            raise
        return self(*args, **kwargs)  # by now of another class, or not waiting any more

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialize all parameters and buffers, given the arguments of ``forward``; every subclass writes its own."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Return whether any parameter or buffer of this layer has no shape yet."""
        return any(is_lazy(value) for value in chain(self._parameters.values(), self._buffers.values()))

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(
                f"module {self._get_name()} has not been fully initialized\n"
                "Its initialize_parameters has to call materialize(shape) on every uninitialized parameter and buffer."
            )
        module._awaits_input = False
        if module.cls_to_become is not None:
            del module._awaits_input
            module.__class__ = module.cls_to_become

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        for name, target in self._own_state().items():
            value = state_dict.get(prefix + name)
            if is_lazy(target) and isinstance(value, Tensor) and not is_lazy(value):
                target.materialize(value.shape)  # type: ignore[attr-defined]
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _load_value(self, name: str, key: str, target: Any, value: Any, assign: bool) -> str | None:
        if is_lazy(target) and is_lazy(value):
            return None
        return super()._load_value(name, key, target, value, assign)


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` that takes ``in_features`` from its first input: (..., in_features) to (..., out_features).

    Weight and bias are drawn at the first call, which also makes it a `Linear`; until then they are
    `UninitializedParameter`, whose use raises ``ValueError``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyLinear.html

    >>> import tapeless as tl
    >>> layer = tl.nn.LazyLinear(30)
    >>> layer
    LazyLinear(in_features=0, out_features=30, bias=True)
    >>> layer(tl.ones(5, 20)).shape
    torch.Size([5, 30])
    >>> layer
    Linear(in_features=20, out_features=30, bias=True)
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw new weights and biases; do nothing while there are none."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        """Take ``in_features`` from the last dim of ``input``; draw weights and biases unless they were loaded."""
        size = input.shape[-1]
        if isinstance(self.weight, UninitializedParameter):
            self.in_features = size
            self.weight.materialize((self.out_features, size))
            if isinstance(self.bias, UninitializedParameter):
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        if self.in_features == 0:
            if size != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {size} is not equal to in_features from self.weight: "
                    f"{self.weight.shape[-1]}"
                )
            self.in_features = size
