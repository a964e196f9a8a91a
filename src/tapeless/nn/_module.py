"""`Module`: the base of every layer and model.

The class is put together from one file per subject: `_module_walk` (finding parts), `_module_state` (state
dicts), `_module_convert` (dtype and device), `_module_hooks` (hooks and the slow path of a call). Here are
registration, attributes, the call, training mode and ``repr``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tapeless._tensor import Tensor

from . import _hooks
from ._hooks import HookDict, IdSet, PlainHookDict
from ._module_convert import ModuleConversion
from ._module_hooks import ModuleHooks
from ._module_path import add_module_note
from ._module_state import ModuleState
from ._module_walk import ModuleWalk
from ._names import check_member_name, typename
from ._parameter import Buffer, Parameter
from ._registry import Registry

_REGISTRIES = ("_parameters", "_buffers", "_modules")


class Module(ModuleWalk, ModuleState, ModuleConversion, ModuleHooks):
    """Base class for layers and models: subclass it, call ``super().__init__()`` first, write ``forward``.

    Parameters, buffers and modules that are assigned as attributes are registered, so that `parameters`,
    `state_dict`, `to`, `train` and the like find them.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html

    >>> import tapeless as tl
    >>> class Net(tl.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = tl.nn.Linear(4, 8)
    ...         self.out = tl.nn.Linear(8, 1)
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x).relu())
    >>> net = Net()
    >>> net
    Net(
      (hidden): Linear(in_features=4, out_features=8, bias=True)
      (out): Linear(in_features=8, out_features=1, bias=True)
    )
    >>> net(tl.ones(3, 4)).shape
    torch.Size([3, 1])
    """

    _version: int = 1
    training: bool
    call_super_init: ClassVar[bool] = False
    dump_patches: ClassVar[bool] = False  # means nothing, in PyTorch neither

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and kwargs:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
            )
        if not self.call_super_init and args:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )
        # Straight into __dict__: __setattr__ would look each name up in registries that are not there yet.
        state = self.__dict__
        state["training"] = True
        state["_non_persistent_buffers_set"] = set()
        for name in _REGISTRIES:
            old = state.get(name)
            if isinstance(old, Registry):  # __init__ runs a second time: forget what was registered
                old.remove_owner(self)
            state[name] = registry = Registry()
            registry.add_owner(self)
        self._init_hooks(state)
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    @staticmethod
    def _init_hooks(state: dict[str, Any]) -> None:
        """Put the hook dicts that are missing into an instance's ``__dict__``."""
        for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
            state.setdefault(name, HookDict())
        for name in (
            "_forward_hooks_with_kwargs",
            "_forward_hooks_always_called",
            "_forward_pre_hooks_with_kwargs",
        ):
            state.setdefault(name, IdSet())
        for name in ("_state_dict_hooks", "_state_dict_pre_hooks"):
            state.setdefault(name, PlainHookDict())
        for name in ("_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"):
            state.setdefault(name, PlainHookDict())

    def _forward_missing(self, *input: Any) -> Any:
        """Compute the output from the input; every subclass writes its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function. '
            f"Write `def forward(self, ...)` in class {type(self).__name__}; calling the module runs it."
        )

    # A value, not a method, for type checkers: subclasses may take whatever they like.
    forward: Callable[..., Any] = _forward_missing

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # The try block costs nothing until something is raised; `_hooks.live` is 0 while nobody has any hook;
        # leaving out an empty `**kwargs` saves making a dict.
        try:
            if _hooks.live and self._has_call_hooks():
                return self._call_with_hooks(args, kwargs)
            if kwargs:
                return self.forward(*args, **kwargs)
            return self.forward(*args)
        except Exception as error:
            add_module_note(error, self, args)
            raise

    _call_impl = __call__

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing, as ``compile(module)`` does: the module runs as it is, with the same results."""

    # ---- registration ------------------------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter (or a place for one, ``None``) under ``name``.

        Raises ``KeyError`` for a name that is taken or malformed, ``TypeError`` for a plain tensor,
        ``ValueError`` for a tensor that was computed from others.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        check_member_name(self, name, "parameter", self._parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                    f"explicitly. To express '{name}' as a function of another Tensor, compute the value in "
                    "the forward() method."
                )
            param = _hooks.run_registration(_hooks.global_parameter_registration, self, name, param)
        self._store("_parameters", name, param)

    def _store(self, registry: str, name: str, value: Any) -> None:
        """Write into a registry, and make sure that ``name`` is an attribute, too."""
        entries = self.__dict__[registry]
        if isinstance(entries, Registry):
            entries.add_owner(self)  # it has none where a subclass restores its state without __setstate__
        else:
            self.__dict__.pop(name, None)
        entries[name] = value

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the state but not trained, such as a running mean.

        With ``persistent=False`` it is left out of `state_dict`.
        Raises ``KeyError`` for a name that is taken or malformed, ``TypeError`` for anything but a tensor.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        check_member_name(self, name, "buffer", self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        tensor = _hooks.run_registration(_hooks.global_buffer_registration, self, name, tensor)
        self._store("_buffers", name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module (or a place for one, ``None``) under ``name``."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        if "_modules" not in self.__dict__:
            raise AttributeError("cannot assign module before Module.__init__() call")
        check_member_name(self, name, "module", self._modules)
        self._store_module(name, module)

    def _store_module(self, name: str, module: Module | None) -> None:
        module = _hooks.run_registration(_hooks.global_module_registration, self, name, module)
        self._store("_modules", name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Do the same as `add_module`."""
        self.add_module(name, module)

    # ---- attributes --------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        # Registered names are ordinary attributes (see _registry), so this runs for what is really missing,
        # and for modules whose state was restored without Module.__setstate__.
        state = self.__dict__
        for registry in _REGISTRIES:
            if name in state.get(registry, ()):
                return state[registry][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in state:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, keep="_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if name in state.get("_parameters", ()):
                self._refuse(name, value, "parameter", "torch.nn.Parameter or None")
            if "_modules" not in state:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, keep="_modules")
            self._store_module(name, value)
        elif name in state.get("_parameters", ()):
            if value is not None:
                self._refuse(name, value, "parameter", "torch.nn.Parameter or None")
            self.register_parameter(name, None)
        elif name in state.get("_modules", ()):
            if value is not None:
                self._refuse(name, value, "child module", "torch.nn.Module or None")
            self._store_module(name, None)
        elif isinstance(value, Buffer) or name in state.get("_buffers", ()):
            self._set_buffer(name, value)
        elif name in _REGISTRIES:
            self._replace_registry(name, value)
        else:
            object.__setattr__(self, name, value)

    def _refuse(self, name: str, value: Any, role: str, expected: str) -> None:
        message = f"cannot assign '{typename(value)}' as {role} '{name}' ({expected} expected)"
        if role == "parameter" and isinstance(value, Tensor):
            message += f". Wrap it, `nn.Parameter(tensor)`, or write into the one there: `self.{name}.data = tensor`"
        raise TypeError(message)

    def _set_buffer(self, name: str, value: Any) -> None:
        if value is not None and not isinstance(value, Tensor):
            self._refuse(name, value, "buffer", "torch.nn.Buffer, torch.Tensor or None")
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        if isinstance(value, Buffer):
            persistent = value.persistent
        else:
            persistent = name not in self._non_persistent_buffers_set
        if name not in self._buffers:
            self.__dict__.pop(name, None)
        self.register_buffer(name, value, persistent)

    def _forget(self, name: str, keep: str) -> None:
        """Remove ``name`` from wherever it is registered, but for ``keep``, whose own order is to stay."""
        state = self.__dict__
        for registry in _REGISTRIES:
            if registry != keep and name in state[registry]:
                del state[registry][name]
        state["_non_persistent_buffers_set"].discard(name)
        if name not in state[keep]:
            state.pop(name, None)

    def _replace_registry(self, name: str, entries: Any) -> None:
        """Handle ``self._modules = {...}``: the new dict becomes a registry, too."""
        old = self.__dict__.get(name)
        if isinstance(old, Registry):
            old.remove_owner(self)
        self.__dict__[name] = registry = entries if isinstance(entries, Registry) else Registry(entries)
        registry.add_owner(self)

    def __delattr__(self, name: str) -> None:
        state = self.__dict__
        for registry in _REGISTRIES:
            if name in state.get(registry, ()):
                state.pop(name, None)
                del state[registry][name]
                if registry == "_buffers":
                    self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__}
        for registry in _REGISTRIES:
            names.update(self.__dict__.get(registry, ()))
        return sorted(name for name in names if not name[:1].isdigit())

    # ---- copying -----------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for registry in _REGISTRIES:
            for name, value in state.get(registry, {}).items():
                if state.get(name, self) is value:  # a mirrored entry; __setstate__ makes it again
                    del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self._init_hooks(self.__dict__)
        for name in _REGISTRIES:
            self._replace_registry(name, self.__dict__.get(name, {}))

    # ---- mode and small things ---------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Any:
        """Put this module and all below it into training mode (or evaluation mode); return the module.

        Raises ``ValueError`` when ``mode`` is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, but got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Any:
        """Put this module and all below it into evaluation mode; return the module."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], None]) -> Any:
        """Call ``fn(module)`` on every module below this one, children first, then on this one; return it."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Say for all parameters whether they need gradients (``False`` freezes them); return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros with ``set_to_none=False``."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                grad = parameter.grad
                if grad.grad_fn is not None:
                    grad.detach_()
                else:
                    grad.requires_grad_(False)
                grad.zero_()

    # ---- repr --------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return what stands between the parentheses of the repr, before the children; override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) == 1 and not self._modules:
            return f"{self._get_name()}({lines[0]})"
        lines += [f"({name}): {indent(repr(child))}" for name, child in self._modules.items()]
        return wrap_lines(self._get_name(), lines)


def indent(text: str) -> str:
    """Shift every line of ``text`` but the first by two blanks."""
    return text.replace("\n", "\n  ")


def wrap_lines(name: str, lines: list[str]) -> str:
    """Write ``name(...)`` with one indented line per item."""
    if not lines:
        return f"{name}()"
    return f"{name}(\n  " + "\n  ".join(lines) + "\n)"
