"""`summary`: a table of a model's layers, their output shapes and parameter counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapeless._core.modes import no_grad
from tapeless._creation import zeros
from tapeless._tensor import Tensor

from ._module import Module


@dataclass
class LayerSummary:
    """One line of a `ModelSummary`: a module, how deep it is nested, and what it put out."""

    name: str
    module: Module
    depth: int
    output_shape: Any = None
    parameter_count: int = 0

    @property
    def label(self) -> str:
        """The class of the module and its own name in its parent, indented by depth."""
        own_name = self.name.rpartition(".")[2]
        title = type(self.module).__name__ + (f" ({own_name})" if own_name else "")
        return "  " * self.depth + title

    @property
    def shape_text(self) -> str:
        """The output shape as text; empty where the module was not called."""
        return "" if self.output_shape is None else str(self.output_shape)


@dataclass
class ModelSummary:
    """What `summary` returns; ``print`` shows the table, the attributes have its numbers."""

    layers: list[LayerSummary] = field(default_factory=list)
    total_parameters: int = 0
    trainable_parameters: int = 0
    parameter_bytes: int = 0
    buffer_bytes: int = 0

    def __str__(self) -> str:
        header = ("Layer", "Output shape", "Parameters")
        rows = [
            (layer.label, layer.shape_text, f"{layer.parameter_count:,}" if layer.parameter_count else "-")
            for layer in self.layers
        ]
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(3)]

        def line(row: Sequence[str]) -> str:
            return f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}".rstrip()

        rule = "-" * (sum(widths) + 4)
        frozen = self.total_parameters - self.trainable_parameters
        counts = f"{self.total_parameters:,} parameters"
        counts += f" ({self.trainable_parameters:,} trainable, {frozen:,} frozen)"
        memory = f"{_size_text(self.parameter_bytes)} of parameters"
        if self.buffer_bytes:
            memory += f", {_size_text(self.buffer_bytes)} of buffers"
        return "\n".join([line(header), rule, *map(line, rows), rule, counts, memory])

    __repr__ = __str__


def summary(model: Module, input_size: Any = None, input_data: Any = None, *, dtype: Any = None) -> ModelSummary:
    """Return a table of the modules of ``model``: name, output shape, number of parameters of its own.

    To learn the output shapes, the model runs once, in evaluation mode and without gradients, on zeros of
    shape ``input_size`` (batch included; a list of shapes for several inputs) or on ``input_data`` (a tensor
    or a tuple of them). Without either there are no shapes. Shared parameters are counted once.

    >>> import tapeless as tl
    >>> model = tl.nn.Sequential(tl.nn.Linear(64, 32), tl.nn.ReLU(), tl.nn.Linear(32, 10))
    >>> print(tl.nn.summary(model, (8, 64)))
    Layer         Output shape  Parameters
    --------------------------------------
    Sequential    [8, 10]                -
      Linear (0)  [8, 32]            2,080
      ReLU (1)    [8, 32]                -
      Linear (2)  [8, 10]              330
    --------------------------------------
    2,410 parameters (2,410 trainable, 0 frozen)
    9.4 KiB of parameters
    """
    result = ModelSummary()
    counted: set[int] = set()
    for name, module in model.named_modules():
        own = [p for p in module._parameters.values() if p is not None and id(p) not in counted]
        counted.update(id(p) for p in own)
        depth = name.count(".") + 1 if name else 0
        result.layers.append(LayerSummary(name, module, depth, None, sum(p.numel() for p in own)))
    parameters = list(model.parameters())
    result.total_parameters = sum(p.numel() for p in parameters)
    result.trainable_parameters = sum(p.numel() for p in parameters if p.requires_grad)
    result.parameter_bytes = _bytes(parameters)
    result.buffer_bytes = _bytes(model.buffers())
    inputs = _inputs(input_size, input_data, dtype)
    if inputs is not None:
        _run(model, inputs, {id(layer.module): layer for layer in result.layers})
    return result


def _inputs(input_size: Any, input_data: Any, dtype: Any) -> tuple[Any, ...] | None:
    if isinstance(input_size, Tensor):  # summary(model, x) is what one types first
        input_size, input_data = None, input_size
    if input_data is not None:
        return tuple(input_data) if isinstance(input_data, (tuple, list)) else (input_data,)
    if input_size is None:
        return None
    shapes = [input_size] if all(isinstance(size, int) for size in input_size) else input_size
    return tuple(zeros(*shape, dtype=dtype) for shape in shapes)


def _run(model: Module, inputs: tuple[Any, ...], layers: dict[int, LayerSummary]) -> None:
    """Run the model once to note the output shapes, and leave modes and hooks as they were."""

    def note(module: Module, args: Any, output: Any) -> None:
        layers[id(module)].output_shape = _shape_of(output)

    modes = [(module, module.training) for module in model.modules()]
    handles = [module.register_forward_hook(note) for module, _ in modes]
    try:
        model.eval()
        with no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training


def _shape_of(output: Any) -> Any:
    if isinstance(output, Tensor):
        return list(output.shape)
    if isinstance(output, dict):
        return {key: _shape_of(value) for key, value in output.items()}
    if isinstance(output, (tuple, list)):
        return tuple(_shape_of(value) for value in output)
    return type(output).__name__


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.dtype.itemsize for tensor in tensors)


def _size_text(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    raise AssertionError  # the loop always returns
