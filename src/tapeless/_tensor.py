"""`Tensor`: an array with a gradient. Thin: operators and most methods come from the registry of operations."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _dtypes, _ops, _printing
from ._core import clock, dispatch, registry
from ._core.function import Output
from ._core.hooks import Hooks, RemovableHandle
from ._core.modes import state
from ._core.tensor_base import INFERENCE, TensorBase, set_tensor_type, wrap
from ._core.views import View
from ._device import CPU, Device, check_device
from ._errors import NO_GRAPH
from ._ops.copying import Contiguous, Copy, ToCopy


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as PyTorch's and knows its number of elements.

    >>> Size((2, 3)).numel()
    6
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape."""
        count = 1
        for n in self:
            count *= n
        return count

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __getitem__(self, index: Any) -> Any:
        item = tuple.__getitem__(self, index)
        return Size(item) if isinstance(index, slice) else item

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, tuple(other)))


class Tensor(TensorBase):
    """A multi-dimensional array that remembers how it was computed, so that gradients can flow back.

    Make one with `tapeless.tensor`. PyTorch's attributes and methods; NumPy's functions accept it too.
    See https://docs.pytorch.org/docs/stable/tensors.html

    >>> import tapeless as tl
    >>> x = tl.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()

    if TYPE_CHECKING:  # methods that the registry adds

        def __getattr__(self, name: str) -> Any: ...

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an uninitialized tensor of a size, or a float32 tensor of data, as ``torch.Tensor(...)`` does."""
        if len(args) == 1 and not isinstance(args[0], (int, np.integer)):
            array = np.array(args[0], dtype=_dtypes.get_default_dtype())
        else:
            array = np.empty(args, dtype=_dtypes.get_default_dtype())
        return cls._wrap(array)

    @classmethod
    def _wrap(cls, array: Any) -> Any:
        """Make a tensor of this class around `array`, which is not copied."""
        if cls is Tensor:
            return wrap(array)
        tensor = object.__new__(cls)
        plain = wrap(array)
        for slot in ("_array", "_requires_grad", "_node", "_grad", "_hooks", "_home", "_view"):
            setattr(tensor, slot, getattr(plain, slot))
        return tensor

    # -- What it is --------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of all dims."""
        return Size(self._array.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dim."""
        return Size(self._array.shape) if dim is None else self._array.shape[_ops.normal_dim(dim, self.ndim)]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self._array.dtype

    @property
    def ndim(self) -> int:
        """The number of dims."""
        return self._array.ndim

    def dim(self) -> int:
        """Return the number of dims."""
        return self._array.ndim

    ndimension = dim

    def numel(self) -> int:
        """Return the number of elements."""
        return int(self._array.size)

    nelement = numel

    @property
    def device(self) -> Device:
        """Where the tensor lives: always ``device(type='cpu')``."""
        return CPU

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return int(self._array.itemsize)

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return int(self._array.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(self._array.nbytes)

    def stride(self, dim: int | None = None) -> Any:
        """Return how many elements apart neighbours are in memory, for each dim or for one."""
        strides = tuple(n // self._array.itemsize for n in self._array.strides)
        return strides if dim is None else strides[_ops.normal_dim(dim, self.ndim)]

    def storage_offset(self) -> int:
        """Return how many elements after the start of its memory the tensor begins."""
        owner = clock.owner(self._array)
        start = self._array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        return int(start // self._array.itemsize)

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return int(self._array.__array_interface__["data"][0])

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Return whether the elements lie in memory in C order without holes."""
        return bool(self._array.flags.c_contiguous)

    def is_floating_point(self) -> bool:
        """Return whether the elements are floats."""
        return self._array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Return whether the elements are complex numbers."""
        return self._array.dtype.kind == "c"

    def is_inference(self) -> bool:
        """Return whether the tensor was made in inference mode."""
        return self._view is INFERENCE

    is_cuda = False
    is_sparse = False
    is_quantized = False
    is_meta = False
    layout = "strided"
    names: Any = None

    @property
    def T(self) -> Any:
        """A view with all dims reversed."""
        return self.permute(tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Any:
        """A view with the last two dims swapped."""
        if self.ndim < 2:
            raise RuntimeError(
                f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
            )
        return self.transpose(-2, -1)

    @property
    def H(self) -> Any:
        """The conjugate transpose of a matrix; of real numbers, the transpose."""
        return self.T

    @property
    def real(self) -> Any:
        """The real part: of real numbers, the tensor itself."""
        return self if self._array.dtype.kind != "c" else wrap(self._array.real)

    def conj(self) -> Any:
        """Return the complex conjugate: of real numbers, the tensor itself."""
        return self if self._array.dtype.kind != "c" else wrap(self._array.conj())

    # -- The graph ---------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow into this tensor (of a view: or into its base)."""
        view = self._view
        if view is not None and self._node is None and view is not INFERENCE:
            self._requires_grad = view.own or view.base._requires_grad
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Switch on (or off) that operations on this tensor are recorded; returns the tensor."""
        if self._node is not None and not requires_grad:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if requires_grad and self.dtype.kind == "c":
            raise NotImplementedError("gradients of complex tensors are not supported yet; use real tensors")
        if requires_grad and self.dtype.kind != "f":
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients; this one is {self.dtype}. "
                "Convert it first: x.float().requires_grad_()."
            )
        if requires_grad and self._view is INFERENCE and not state.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self._requires_grad = bool(requires_grad)
        if isinstance(self._view, View):
            self._view.own = self._requires_grad
        return self

    @property
    def grad_fn(self) -> Any:
        """The operation that made this tensor; None for leaves."""
        node = self._history()
        return node.source if type(node) is Output else node

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        return self._history() is None

    def _history(self) -> Any:
        """Return the node that made this tensor; a view first catches up with its base."""
        if isinstance(self._view, View):
            self._view.update(self)
        return self._node

    @property
    def output_nr(self) -> int:
        """Which result of its operation this tensor is."""
        return self._node.index if type(self._node) is Output else 0

    @property
    def _base(self) -> Any:
        """The tensor whose memory this one is a view of."""
        return self._view.base if isinstance(self._view, View) else None

    def _is_view(self) -> bool:
        """Return whether gradients know this tensor as a view of another."""
        return isinstance(self._view, View)

    @property
    def _version(self) -> int:
        """When the memory was last written to: a number that grows with every write (PyTorch counts writes)."""
        return clock.written_at(self._array)

    @property
    def grad(self) -> Any:
        """The gradient that backward passes have added up; None before the first."""
        grad = self._grad
        if grad is None:
            if self._node is not None and not self._retains:
                warnings.warn(NON_LEAF_GRAD, UserWarning, stacklevel=2)
            return None
        if not isinstance(grad, TensorBase):
            # Someone looks: from now on it is a Tensor, the same one each time, and the memory is theirs as well,
            # so an optimizer that lent it may not use it for the next gradient.
            self._home = None
            grad = self._grad = wrap(grad)
        return grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is None:
            self._grad = None
            return
        if not isinstance(value, TensorBase):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
            )
        if value._array.shape != self._array.shape:
            raise RuntimeError(
                "assigned grad has data of a different size: "
                f"expected {list(self._array.shape)}, got {list(value._array.shape)}"
            )
        if value._array.dtype != self._array.dtype:
            raise RuntimeError(
                f"assigned grad has data of a different type: expected {self._array.dtype}, got {value._array.dtype}"
            )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def data(self) -> Any:
        """A tensor on the same memory without history. Assigning replaces the memory, not the history."""
        return wrap(self._array)

    @data.setter
    def data(self, value: Any) -> None:
        if not isinstance(value, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if (self._array.shape, self._array.dtype) != (value._array.shape, value._array.dtype):
            self._home = None  # a place in an optimizer's arena that no longer fits
        self._array = value._array

    @data.deleter
    def data(self) -> None:
        raise RuntimeError("the data of a tensor can't be deleted; delete the tensor")

    def detach(self) -> Any:
        """Return a tensor on the same memory that is cut off from the graph."""
        return wrap(self._array)

    def detach_(self) -> Any:
        """Cut this tensor off from the graph that made it; it becomes a leaf."""
        if isinstance(self._view, View):
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._requires_grad = None, False
        return self

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor to the `.grad` of the leaves it was computed from.

        See `tapeless.autograd.backward` for the arguments.
        """
        _backward[0](self, gradient, retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(grad)`` whenever the gradient of this tensor is known; what it returns replaces it."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node = self._history()
        if node is not None:
            handle = node._hooks().add("pre", hook)
            if self._retains:  # what is retained is what all hooks have made of it
                hooks, last = node.hooks.pre, self.__dict__["_retains_grad"].id
                hooks[last] = hooks.pop(last)
            return handle
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks.add("pre", hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], None]) -> RemovableHandle:
        """Call ``hook(tensor)`` after the gradient of this leaf has been added to its `.grad`."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._history() is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks.add("post", hook)

    @property
    def _retains(self) -> bool:
        return "_retains_grad" in self.__dict__

    @property
    def retains_grad(self) -> bool:
        """Whether a computed tensor keeps its gradient (`retain_grad`)."""
        return self._node is not None and self._retains

    def retain_grad(self) -> None:
        """Make a computed tensor keep its gradient in `.grad`, as leaves do."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is None or self._retains:
            return
        node = self._history()
        reference = weakref.ref(self)  # the node must not keep its own result alive

        def keep(g: Any) -> None:
            tensor = reference()
            if tensor is not None:
                kept = g if g._requires_grad else wrap(g._array.copy())
                tensor._grad = kept if tensor._grad is None else tensor.grad + kept

        self.__dict__["_retains_grad"] = node._hooks().add("pre", keep)

    # -- Conversions -------------------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """Return the array itself, sharing memory; with `force`, also from tensors in a graph."""
        if self.requires_grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self._array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Answer ``np.asarray(tensor)``."""
        array = self.numpy()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(f"a {array.dtype} tensor can't be read as {np.dtype(dtype)} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    __array_ufunc__ = dispatch.array_ufunc
    __array_function__ = dispatch.array_function

    def __dlpack__(self, **kwargs: Any) -> Any:
        """Hand the memory to another library (DLPack)."""
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self._array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        """Return DLPack's name of the device: the CPU."""
        return self._array.__dlpack_device__()

    def item(self) -> Any:
        """Return the only element as a Python number."""
        if self._array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self._array.size} elements cannot be converted to Scalar: its shape is "
                f"{list(self._array.shape)}. Reduce it, or use tolist()."
            )
        return self._array.item()

    def tolist(self) -> Any:
        """Return the elements as nested Python lists (a number for 0-d tensors)."""
        return self._array.tolist()

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Return the tensor in another dtype, or itself when nothing changes; the device can only be the CPU.

        ``to(dtype)``, ``to(device, dtype)``, ``to(other_tensor)``; `copy=True` copies in any case.
        """
        dtype, copy = kwargs.get("dtype"), kwargs.get("copy", False)
        if kwargs.get("device") is not None:
            check_device(kwargs["device"])
        for arg in args:
            if isinstance(arg, TensorBase):
                dtype = arg._array.dtype
            elif isinstance(arg, (str, Device)):
                check_device(arg)
            elif isinstance(arg, np.dtype) or arg in (int, float, bool, complex):
                dtype = arg
            elif not isinstance(arg, bool) and arg is not None:
                raise TypeError(f"to() received an invalid argument {arg!r}; expected a dtype, a device or a Tensor")
        dtype = self._array.dtype if dtype is None else _dtypes.as_dtype(dtype)
        if dtype == self._array.dtype:
            return self.clone() if copy else self
        return ToCopy.apply(self, dtype)

    def astype(self, dtype: Any) -> Any:
        """Return the tensor in another dtype: NumPy's name for `to`, which gradient rules use."""
        return self.to(dtype=dtype)

    def type(self, dtype: Any = None) -> Any:
        """Return the name of the type, such as ``torch.FloatTensor``; with `dtype`, convert."""
        if dtype is None:
            return f"torch.{_dtypes.scalar_name(self.dtype)}Tensor"
        if isinstance(dtype, str):
            names = {f"torch.{name}Tensor": key for key, name in _dtypes.SCALAR_NAMES.items()}
            dtype = names.get(dtype, dtype)
        return self.to(dtype=np.dtype(dtype))

    def type_as(self, other: Any) -> Any:
        """Return the tensor in the dtype of `other`."""
        return self.to(dtype=other.dtype)

    def cpu(self) -> Any:
        """Return the tensor, which is on the CPU already."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: there is no CUDA here."""
        check_device("cuda")

    def contiguous(self, memory_format: Any = None) -> Any:
        """Return the tensor itself if its memory is in C order, else a copy that is."""
        return self if self._array.flags.c_contiguous else Contiguous.apply(self)

    # -- Writing -----------------------------------------------------------------------------------------

    def copy_(self, src: Any, non_blocking: bool = False) -> Any:
        """Write `src` (broadcast, converted to this dtype) into this tensor."""
        return Copy.apply_inplace(self, src)

    def fill_(self, value: Any) -> Any:
        """Write one number everywhere."""
        if isinstance(value, TensorBase) and value._array.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value._array.ndim} dimensions."
            )
        return Copy.apply_inplace(self, value)

    def zero_(self) -> Any:
        """Write zeros everywhere."""
        return Copy.apply_inplace(self, 0)

    def set_(self, source: Any) -> Any:
        """Take over the memory of `source`."""
        self._array, self._home = source._array, None
        return self

    # -- Python ------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        node = self.grad_fn
        return _printing.format_array(
            self._array,
            default_dtype=_dtypes.get_default_dtype(),
            requires_grad=self.requires_grad,
            grad_fn_name=None if node is None else node.name(),
        )

    def __format__(self, spec: str) -> str:
        return _printing.format_with_spec(self._array, spec, type_name=type(self).__name__, text=self.__repr__)

    def __bool__(self) -> bool:
        if self._array.size != 1:
            count = self._array.size
            raise RuntimeError(
                f"Boolean value of Tensor with {'no values' if count == 0 else 'more than one value'} is ambiguous\n"
                "Ask for one answer: x.any(), x.all(), or compare numbers with .item()."
            )
        return bool(self._array.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._array.item())

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        if self._array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any().item())

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if self._node is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                "moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.Module "
                "parameter that was computed; use x.detach()."
            )
        if id(self) in memo:
            return memo[id(self)]
        copied = self._wrap(self._array.copy())
        copied._requires_grad = self._requires_grad
        if self._grad is not None:
            grad = self._grad._array if isinstance(self._grad, TensorBase) else self._grad
            copied._grad = grad.copy()
        copied.__dict__.update(self.__dict__)
        memo[id(self)] = copied
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._node is not None:
            raise RuntimeError("can't pickle a tensor that is part of a graph; pickle x.detach()")
        return _rebuild, (type(self), self._array, self._requires_grad, dict(self.__dict__))


def _rebuild(cls: type[Tensor], array: Any, requires_grad: bool, attributes: dict[str, Any]) -> Any:
    """Make a pickled tensor again."""
    tensor = cls._wrap(array)
    tensor._requires_grad = requires_grad
    tensor.__dict__.update(attributes)
    return tensor


NON_LEAF_GRAD = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
    "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, "
    "use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access "
    "the leaf Tensor instead."
)


def _no_backward(*args: Any) -> None:
    raise RuntimeError(NO_GRAPH)


# `tapeless.autograd` sets this: backward lives in a layer above.
_backward: list[Callable[..., None]] = [_no_backward]


def _conversion(name: str, dtype: np.dtype[Any]) -> Callable[[Any], Any]:
    def method(self: Any, memory_format: Any = None) -> Any:
        return self.to(dtype=dtype)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Return the tensor as {dtype.name}, or itself if it is that already."
    return method


for _name in ("half", "float", "double", "short", "int", "long", "bool", "cfloat", "cdouble"):
    setattr(Tensor, _name, _conversion(_name, _dtypes.PUBLIC[_name]))
Tensor.char = _conversion("char", _dtypes.int8)  # type: ignore[attr-defined]
Tensor.byte = _conversion("byte", _dtypes.uint8)  # type: ignore[attr-defined]

registry.attach_methods(Tensor)
set_tensor_type(Tensor)
