"""Transformers: stacks of encoder and decoder layers, and both together."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

import numpy as np

from tapeless._core.modes import state
from tapeless._core.tensor_base import unwrap
from tapeless._creation import full
from tapeless._ops.attention import causal_mask
from tapeless._ops.multi_head import float_mask
from tapeless._tensor import Tensor

from . import functional as F, init
from ._containers import ModuleList
from ._module import Module
from ._normalization import LayerNorm
from ._transformer_layers import Activation, TransformerDecoderLayer, TransformerEncoderLayer


def _length(x: Tensor, batch_first: bool) -> int:
    return x.shape[1 if batch_first and x.ndim == 3 else 0]


def _is_causal(mask: Tensor | None, hint: bool | None, length: int) -> bool:
    """Return `hint`, or, where there is none, whether `mask` is the causal one of this length."""
    if hint is not None or mask is None:
        return hint is True
    if tuple(mask.shape) != (length, length):
        return False
    return np.array_equal(unwrap(mask), np.where(causal_mask(length, length), 0.0, -np.inf))


def _copies(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


class TransformerEncoder(Module):
    """A stack of ``num_layers`` copies of ``encoder_layer``, and then ``norm``, if it is given.

    Shape: (S, N, E) to the same; N comes first with ``batch_first=True``.

    The copies start with the same parameters. In evaluation mode without gradients, PyTorch computes padded batches as
    nested tensors, which gives zeros at the padded positions (before ``norm``); so does this one, under the same
    conditions: ``enable_nested_tensor``, a layer that PyTorch's kernel takes (warns otherwise), a
    ``src_key_padding_mask`` that hides ends of sequences only (``mask_check=False``: wherever it hides), no ``mask``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html

    >>> import tapeless as tl
    >>> layer = tl.nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> tl.nn.TransformerEncoder(layer, num_layers=2)(tl.ones(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        obstacle = _not_nested(encoder_layer)
        self.use_nested_tensor = enable_nested_tensor and not obstacle
        if enable_nested_tensor and obstacle:
            warnings.warn(
                f"enable_nested_tensor is True, but self.use_nested_tensor is False because {obstacle}", stacklevel=2
            )

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Apply the layers in turn. ``is_causal`` None finds out whether ``mask`` is the causal one."""
        padding = float_mask(src_key_padding_mask, src.dtype, "src_key_padding_mask", mask, "mask")
        mask = float_mask(mask, src.dtype, "mask")
        first = self.layers[0]
        causal = _is_causal(mask, is_causal, _length(src, first.self_attn.batch_first))
        output = src
        for layer in self.layers:
            output = layer(output, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        if padding is not None and mask is None and self._is_nested(src):
            hidden = padding == -math.inf
            if not self.mask_check or not bool((hidden[:, :-1] & ~hidden[:, 1:]).any()):
                output = output.masked_fill(hidden.unsqueeze(-1), 0.0)
        return output if self.norm is None else self.norm(output)  # type: ignore[no-any-return]

    def _is_nested(self, src: Tensor) -> bool:
        """Return whether PyTorch would compute a padded batch as nested tensors."""
        first = self.layers[0]
        if not self.use_nested_tensor or first.training or src.ndim != 3:
            return False
        return not state.grad_enabled or not any(x.requires_grad for x in (src, *first.parameters()))


def _not_nested(layer: Any) -> str:
    """Say what keeps PyTorch from nested tensors with this layer, in its words; nothing where nothing does."""
    if not isinstance(layer, TransformerEncoderLayer):
        return "encoder_layer was not TransformerEncoderLayer"
    attention = layer.self_attn
    obstacles = {
        "encoder_layer.norm_first was True": layer.norm_first,
        "encoder_layer.self_attn.batch_first was not True(use batch_first for better inference performance)": (
            not attention.batch_first
        ),
        "encoder_layer.self_attn._qkv_same_embed_dim was not True": not attention._qkv_same_embed_dim,
        "encoder_layer.self_attn was passed bias=False": attention.in_proj_bias is None,
        "encoder_layer.activation_relu_or_gelu was not True": not layer.activation_relu_or_gelu,
        "encoder_layer.norm1.eps was not equal to encoder_layer.norm2.eps": layer.norm1.eps != layer.norm2.eps,
        "encoder_layer.self_attn.num_heads is odd": attention.num_heads % 2 == 1,
    }
    return next((obstacle for obstacle, is_there in obstacles.items() if is_there), "")


class TransformerDecoder(Module):
    """A stack of ``num_layers`` copies of ``decoder_layer``, and then ``norm``, if it is given.

    Shape: tgt (T, N, E) and memory (S, N, E) to (T, N, E); N comes first with ``batch_first=True``.

    The copies start with the same parameters.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html

    >>> import tapeless as tl
    >>> layer = tl.nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> tl.nn.TransformerDecoder(layer, num_layers=2)(tl.ones(5, 3, 8), tl.ones(7, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Apply the layers in turn. ``tgt_is_causal`` None finds out whether ``tgt_mask`` is the causal one."""
        causal = _is_causal(tgt_mask, tgt_is_causal, _length(tgt, self.layers[0].self_attn.batch_first))
        output = tgt
        for layer in self.layers:
            output = layer(
                output,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return output if self.norm is None else self.norm(output)  # type: ignore[no-any-return]


class Transformer(Module):
    """An encoder of ``src`` and a decoder of ``tgt`` that sees what the encoder returns.

    Shape: src (S, N, E) and tgt (T, N, E) to (T, N, E); N comes first with ``batch_first=True``.

    ``custom_encoder`` and ``custom_decoder`` stand in for the two stacks, which end in a `LayerNorm`; the other options
    are those of `TransformerEncoderLayer`. All matrices are drawn by `init.xavier_uniform_`, the same values as
    PyTorch's from the same seed.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.Transformer.html; Vaswani et al., "Attention is
    all you need" (2017), https://arxiv.org/abs/1706.03762.

    >>> import tapeless as tl
    >>> model = tl.nn.Transformer(8, 2, 1, 1, dim_feedforward=16, batch_first=True)
    >>> mask = model.generate_square_subsequent_mask(5)
    >>> model(tl.ones(3, 7, 8), tl.ones(3, 5, 8), tgt_mask=mask).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        layer = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first)
        if custom_encoder is None:
            encoder_layer = TransformerEncoderLayer(*layer, **options)
            norm = LayerNorm(d_model, layer_norm_eps, **options)
            custom_encoder = TransformerEncoder(encoder_layer, num_encoder_layers, norm)
        self.encoder = custom_encoder
        if custom_decoder is None:
            decoder_layer = TransformerDecoderLayer(*layer, **options)
            norm = LayerNorm(d_model, layer_norm_eps, **options)
            custom_decoder = TransformerDecoder(decoder_layer, num_decoder_layers, norm)
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the decoder's output, of the shape of ``tgt``; the masks are those of `MultiheadAttention`.

        Raises ``RuntimeError`` unless ``src`` and ``tgt`` have the same batch size, and ``d_model`` features.
        """
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError(
                "the batch number of src and tgt must be equal\n"
                f"They are {src.shape[batch]} and {tgt.shape[batch]}, in dim {batch} of {list(src.shape)} and "
                f"{list(tgt.shape)}; batch_first is {self.batch_first}."
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(
                "the feature number of src and tgt must be equal to d_model\n"
                f"d_model is {self.d_model}, the last dims are {src.shape[-1]} and {tgt.shape[-1]}."
            )
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(  # type: ignore[no-any-return]
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """Return the causal mask (sz, sz) to add: 0 for each position and those before it, -infinity after it.

        >>> import tapeless as tl
        >>> tl.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        return full((sz, sz), -math.inf, device=device, dtype=dtype).triu(1)
