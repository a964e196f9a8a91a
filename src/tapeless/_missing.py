"""Names of PyTorch that Tapeless lacks: each with the reason, told in one error by every module.

The table says planned, replaced or out of scope. A name that stands for a module covers what is in it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable

from ._errors import TapelessError

_OUT = "out of scope"
_PLANNED = "planned"

_REASONS: dict[str, tuple[str, str]] = {
    "_dynamo _functorch _higher_order_ops _inductor _jit_internal _logging _prims _refs _subclasses ops": (
        _OUT,
        "PyTorch's internals have no counterpart here.",
    ),
    "nn.SyncBatchNorm nn.parallel.DistributedDataParallel Tensor.is_distributed is_distributed": (
        _OUT,
        "Tapeless trains in one process; several processes can load data (DataLoader(num_workers=...)).",
    ),
    "ao quantization nn.quantized nn.qat nn.intrinsic nn.quantizable backends.quantized per_channel_affine "
    "per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric qint8 qint32 quint8 "
    "quint2x4 quint4x2 qscheme dequantize int_repr choose_qparams_optimized empty_quantized Tensor.dequantize "
    "Tensor.int_repr Tensor.qscheme fused_moving_avg_obs_fake_quant": (
        _OUT,
        "there are no quantized tensors; compute in float32 or float16.",
    ),
    "sparse hspmm hsmm dsmm saddmm smm sspaddmm resize_as_sparse_ Tensor.to_sparse Tensor.indices Tensor.values "
    "Tensor.coalesce Tensor.is_coalesced Tensor.sparse_mask Tensor.sparse_resize_ Tensor.sparse_resize_and_clear_ "
    "Tensor.sparse_dim Tensor.dense_dim Tensor.crow_indices Tensor.ccol_indices Tensor.col_indices Tensor.row_indices "
    "Tensor.smm Tensor.sspaddmm Tensor.resize_as_sparse_ Tensor.is_sparse_csr": (
        _OUT,
        "there are no sparse tensors. A dense matrix does the same where it fits into memory; torch.spmm and "
        "torch.sparse-like products are `@`, sums over edges are index_add and scatter_add.",
    ),
    "nested jagged Tensor.to_padded_tensor Tensor.is_nested": (
        _OUT,
        "there are no nested tensors; nn.utils.rnn.pad_sequence and pack_sequence hold sequences of several lengths.",
    ),
    "Tensor.bfloat16 BFloat16Tensor BFloat16Storage complex32 chalf Tensor.chalf": (
        _OUT,
        "NumPy has no such numbers; use float16 or float32 (bfloat16 weights in files are read as float32).",
    ),
    "legacy_contiguous_format nn.utils.convert_conv2d_weight_memory_format "
    "nn.utils.convert_conv3d_weight_memory_format Tensor.dim_order": (
        _OUT,
        "memory formats are PyTorch's matter of speed; leave them out, results are the same.",
    ),
    "onnx export jit.save jit.load jit.freeze jit.ScriptFunction package fx library classes ScriptModule "
    "ScriptFunction CompilationUnit mobile": (
        _OUT,
        "graphs for other run-time systems are not made here; state dicts go in and out.",
    ),
    "cuda.graphs cuda.CUDAGraph cuda.graph cuda.nvtx cuda.jiterator cuda.nccl cuda.comm": (
        _OUT,
        "Tapeless runs on the CPU only; ask torch.cuda.is_available() first, which says False.",
    ),
    "Tensor.xpu Tensor.ipu Tensor.mtia Tensor.to_mkldnn Tensor.is_mkldnn Tensor.is_vulkan Tensor.is_xla Tensor.is_maia "
    "Tensor.is_ipu Tensor.is_mtia Tensor.record_stream Stream Event utils.cpp_extension utils.dlpack utils.mkldnn": (
        _OUT,
        "Tapeless runs on the CPU only, and on nothing but NumPy.",
    ),
    "vmap func autograd.forward_ad nn.grad cond while_loop": (
        _PLANNED,
        "transforms of functions (vmap, jacrev, ...) come in a later version; torch.autograd.functional has jacobian, "
        "hessian, jvp and vjp, and torch.autograd.grad with create_graph=True gives gradients of any order.",
    ),
    "profiler autograd.profiler utils.bottleneck utils.benchmark utils.flop_counter autograd.profiler_util": (
        _PLANNED,
        "there is no profiler yet; Python's cProfile sees every operation, since all of it is Python.",
    ),
    "storage Storage UntypedStorage TypedStorage FloatStorage LongStorage DoubleStorage IntStorage ByteStorage "
    "BoolStorage HalfStorage ShortStorage CharStorage Tensor.storage Tensor.storage_type": (
        "replaced",
        "memory belongs to NumPy: x.numpy() is the array, x.untyped_storage() says how much it is and where.",
    ),
    "eig symeig matrix_rank lstsq solve Tensor.eig Tensor.symeig Tensor.lstsq Tensor.solve": (
        "removed",
        "PyTorch removed it, too: see torch.linalg (eig, eigh, matrix_rank, lstsq, solve).",
    ),
    "hub.load hub.load_state_dict_from_url hub.download_url_to_file hub.help hub.list utils.model_zoo": (
        _OUT,
        "Tapeless downloads nothing. Get the file by other means, then load_state_dict(torch.load(path)).",
    ),
    "Tensor.resize Tensor.resize_as": (
        "replaced",
        "deprecated in PyTorch; use reshape for another shape of the same elements, resize_ for another size.",
    ),
    "overrides DisableTorchFunction DisableTorchFunctionSubclass autograd.has_torch_function": (
        _OUT,
        "there is no __torch_function__; subclasses of Tensor exist, results of operations are plain tensors.",
    ),
    "utils.data.IterDataPipe utils.data.MapDataPipe utils.data.datapipes utils.data.functional_datapipe "
    "utils.data.graph utils.data.DFIterDataPipe utils.data.DataChunk utils.data.graph_settings": (
        "removed",
        "data pipes are deprecated in PyTorch; use Dataset, IterableDataset and DataLoader.",
    ),
    "utils.hooks.BackwardHook utils.hooks.warn_if_has_hooks": (_OUT, "only PyTorch's own code uses it."),
    "futures fork wait Future monitor": (_OUT, "Python's concurrent.futures does it."),
    "Tensor.share_memory_ Tensor.is_shared Tensor.pin_memory Tensor.is_pinned": (
        _OUT,
        "memory is NumPy's: it is neither pinned nor shared between processes.",
    ),
}  # fmt: skip

_PREFIXES = {
    "distributed.": "nn.SyncBatchNorm",
    "quantize fake_quantize quantized_ q_ fbgemm_ Tensor.q_ QInt QUInt": "quantization",
    "sparse_ Tensor.to_sparse": "sparse",
    "cudnn_ miopen_ mkldnn_ float8 float4 uint1 uint2 uint3 uint4 uint5 uint6 uint7 int1 int2 int3 int4 int5 int6 int7 "
    "bits": "Tensor.xpu",
    "Script sym_ Sym import_ir parse_": "onnx",
}

ENTRIES = {name: reason for names, reason in _REASONS.items() for name in names.split()}
"""Dotted name, without ``torch.``, to (kind, reason)."""


# ImportError and AttributeError come first: their constructors take more than the text.
class MissingNameError(TapelessError):
    """A name of PyTorch that Tapeless lacks, with the reason; its two kinds are what Python expects of such errors."""


class MissingAttributeError(AttributeError, MissingNameError):
    """``torch.x`` where there is no ``x``; so `hasattr` answers False."""


class MissingImportError(ImportError, MissingNameError):
    """``import torch.x`` or ``from torch import x`` where there is no ``x``."""


def reason_for(name: str) -> tuple[str, str] | None:
    """Return (kind, reason) for a dotted name without ``torch.``, None when the table does not know it.

    >>> reason_for("nn.quantized.Linear")[0]
    'out of scope'
    >>> reason_for("no_such_name") is None
    True
    """
    part = name
    while part:
        if part in ENTRIES:
            return ENTRIES[part]
        part = part.rpartition(".")[0]
    for prefixes, entry in _PREFIXES.items():
        if name.startswith(tuple(prefixes.split())):
            return ENTRIES[entry]
    return None


def explain(module: str, name: str, known: Iterable[str] = ()) -> str:
    """Return the sentence about a missing `name` of a `module` (``torch.nn``), `known` being the names that exist.

    >>> explain("torch.nn", "Liner", ["Linear", "LSTM"])
    "module 'torch.nn' has no attribute 'Liner'; did you mean 'Linear'?"
    >>> explain("torch", "vmap")
    "module 'torch' has no attribute 'vmap' in Tapeless: planned. Transforms of functions ..."
    """
    inside = module.partition(".")[2]
    found = reason_for(f"{inside}.{name}" if inside else name)
    start = f"module '{module}' has no attribute '{name}'"
    if found:
        kind, reason = found
        return f"{start} in Tapeless: {kind}. {reason[0].upper()}{reason[1:]}"
    near = importlib.import_module("difflib").get_close_matches(name, [n for n in known if not n.startswith("_")], 1)
    return f"{start}; did you mean '{near[0]}'?" if near else f"{start}; it is no part of Tapeless yet"


def asking_line(skip: tuple[str, ...]) -> str:
    """Return ``file, line n`` of the code that asks: the innermost frame whose file is none of `skip`."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith("<frozen ") and not name.endswith(skip):
            return f"{name}, line {frame.f_lineno}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "an unknown line"
