"""`summary`: a table of a model's layers, their output shapes and parameter counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapeless._core.modes import no_grad
from tapeless._creation import zeros
from tapeless._random import get_rng_state, set_rng_state
from tapeless._tensor import Tensor

from ._flops import rule_of
from ._module import Module


@dataclass
class LayerSummary:
    """One line of a `ModelSummary`: a module, how deep it is nested, and what it put out."""

    name: str
    module: Module
    depth: int
    output_shape: Any = None
    parameter_count: int = 0
    calls: int = 0
    flops: int | None = None

    @property
    def label(self) -> str:
        """The class of the module and its own name in its parent, indented by depth."""
        own_name = self.name.rpartition(".")[2]
        title = type(self.module).__name__ + (f" ({own_name})" if own_name else "")
        return "  " * self.depth + title

    @property
    def shape_text(self) -> str:
        """The output shape as text; empty where the module was not called."""
        text = "" if self.output_shape is None else str(self.output_shape)
        return f"{text} x {self.calls}" if self.calls > 1 else text


@dataclass
class ModelSummary:
    """What `summary` returns; ``print`` shows the table, the attributes have its numbers.

    >>> import tapeless as tl
    >>> table = tl.nn.summary(tl.nn.Linear(3, 2), (1, 3))
    >>> isinstance(table, tl.nn.ModelSummary)
    True
    """

    layers: list[LayerSummary] = field(default_factory=list)
    total_parameters: int = 0
    trainable_parameters: int = 0
    parameter_bytes: int = 0
    buffer_bytes: int = 0
    activation_bytes: int = 0

    @property
    def flops(self) -> int:
        """Operations of the forward pass in all layers that have a rule (see `_flops`)."""
        return sum(layer.flops or 0 for layer in self.layers)

    @property
    def total_bytes(self) -> int:
        """Parameters, buffers and outputs of layers: a forward pass that keeps all for the backward pass."""
        return self.parameter_bytes + self.buffer_bytes + self.activation_bytes

    def __str__(self) -> str:
        header = ("Layer", "Output shape", "Parameters", "FLOPs")
        rows = [
            (
                layer.label,
                layer.shape_text,
                f"{layer.parameter_count:,}" if layer.parameter_count else "-",
                "-" if layer.flops is None else f"{layer.flops:,}",
            )
            for layer in self.layers
        ]
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(4)]

        def line(row: Sequence[str]) -> str:
            left = f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}"
            return f"{left}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}".rstrip()

        rule = "-" * (sum(widths) + 6)
        frozen = self.total_parameters - self.trainable_parameters
        counts = f"{self.total_parameters:,} parameters"
        counts += f" ({self.trainable_parameters:,} trainable, {frozen:,} frozen)"
        memory = f"{_size_text(self.parameter_bytes)} of parameters"
        if self.buffer_bytes:
            memory += f", {_size_text(self.buffer_bytes)} of buffers"
        if self.activation_bytes:
            memory += f", {_size_text(self.activation_bytes)} of activations; {_size_text(self.total_bytes)} in all"
            memory += f"\n{self.flops:,} FLOPs in the forward pass"
        return "\n".join([line(header), rule, *map(line, rows), rule, counts, memory])

    __repr__ = __str__


def summary(model: Module, input_size: Any = None, input_data: Any = None, *, dtype: Any = None) -> ModelSummary:
    """Return a table of the modules of ``model``: name, output shape, number of parameters of its own.

    To learn the output shapes, the model runs once, in evaluation mode and without gradients, on zeros of
    shape ``input_size`` (batch included; a list of shapes for several inputs) or on ``input_data`` (a tensor
    or a tuple of them, or a dict of arguments by name). Without either there are no shapes. Shared parameters are
    counted once. FLOPs are those of layers with a rule in `_flops.FLOP_RULES`; operations that a ``forward`` calls
    as functions are not seen. Activations are the outputs of layers without layers inside, each call once. The
    default random stream, the modes and the hooks are as before afterwards.

    >>> import tapeless as tl
    >>> model = tl.nn.Sequential(tl.nn.Linear(64, 32), tl.nn.ReLU(), tl.nn.Linear(32, 10))
    >>> print(tl.nn.summary(model, (8, 64)))
    Layer         Output shape  Parameters   FLOPs
    ----------------------------------------------
    Sequential    [8, 10]                -       -
      Linear (0)  [8, 32]            2,080  32,768
      ReLU (1)    [8, 32]                -     256
      Linear (2)  [8, 10]              330   5,120
    ----------------------------------------------
    2,410 parameters (2,410 trainable, 0 frozen)
    9.4 KiB of parameters, 2.3 KiB of activations; 11.7 KiB in all
    38,144 FLOPs in the forward pass
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
        _run(model, inputs, result)
    return result


def _inputs(input_size: Any, input_data: Any, dtype: Any) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The positional arguments of the call and those by name."""
    if isinstance(input_size, Tensor):  # summary(model, x) is what one types first
        input_size, input_data = None, input_size
    given = input_size if input_data is None else input_data
    if given is None:
        return None

    def made(part: Any) -> Any:
        is_shape = input_data is None and isinstance(part, (tuple, list))
        return zeros(*part, dtype=dtype) if is_shape else part

    if isinstance(given, dict):
        return (), {name: made(part) for name, part in given.items()}
    if input_data is not None:
        return (tuple(given) if isinstance(given, (tuple, list)) else (given,)), {}
    shapes = [given] if all(isinstance(size, int) for size in given) else given
    return tuple(made(shape) for shape in shapes), {}


def _run(model: Module, inputs: tuple[tuple[Any, ...], dict[str, Any]], result: ModelSummary) -> None:
    """Run the model once to note shapes, operations and bytes; leave modes, hooks and random stream as they were."""
    layers = {id(layer.module): layer for layer in result.layers}
    inside: list[Module] = []  # layers with a rule that are running: what they call is counted by that rule

    def enter(module: Module, args: Any) -> None:
        if rule_of(module) is not None:
            inside.append(module)

    def note(module: Module, args: Any, kwargs: Any, output: Any) -> None:
        layer, rule = layers[id(module)], rule_of(module)
        layer.output_shape = _shape_of(output)
        layer.calls += 1
        if rule is not None:
            inside.pop()
        if inside:
            return
        if rule is not None:
            layer.flops = (layer.flops or 0) + int(rule(module, (*args, *kwargs.values()), output))
        if rule is not None or not module._modules:
            result.activation_bytes += _bytes(_tensors(output))

    modes = [(module, module.training) for module in model.modules()]
    handles = [module.register_forward_pre_hook(enter) for module, _ in modes]
    handles += [module.register_forward_hook(note, with_kwargs=True) for module, _ in modes]
    random_state = get_rng_state()
    try:
        model.eval()
        with no_grad():
            model(*inputs[0], **inputs[1])
    finally:
        set_rng_state(random_state)
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training


def _tensors(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, (tuple, list)) else ()
    return [tensor for part in parts for tensor in _tensors(part)]


def _shape_of(output: Any) -> Any:
    if isinstance(output, Tensor):
        return list(output.shape)
    if isinstance(output, dict):
        return {key: _shape_of(value) for key, value in output.items()}
    if isinstance(output, (tuple, list)):
        return tuple(_shape_of(value) for value in output)
    return None if output is None else type(output).__name__


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.dtype.itemsize for tensor in tensors)


def _size_text(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    raise AssertionError  # the loop always returns
