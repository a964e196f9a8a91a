"""Multi-head attention as a layer."""

from __future__ import annotations

from typing import Any

from tapeless._creation import empty
from tapeless._ops.multi_head import each
from tapeless._tensor import Tensor

from . import functional as F, init
from ._linear import Linear
from ._module import Module
from ._parameter import Parameter


class NonDynamicallyQuantizableLinear(Linear):
    """A `Linear` under the name that PyTorch gives to attention's output layer; nothing is different here.

    >>> import tapeless as tl
    >>> tl.nn.MultiheadAttention(4, 2).out_proj
    NonDynamicallyQuantizableLinear(in_features=4, out_features=4, bias=True)
    """


class MultiheadAttention(Module):
    """Attention of several heads: each sees its own projection of the inputs, and another one joins what they return.

    ``embed_dim`` is divided among ``num_heads``. ``dropout`` drops weights while training. ``bias=False`` leaves out
    the biases of all projections; ``add_bias_kv`` appends a learned position to key and value, ``add_zero_attn`` one
    of zeros; ``kdim`` and ``vdim`` are the sizes of key and value where they differ from ``embed_dim``. Inputs are
    (length, batch, size), with ``batch_first`` (batch, length, size), or, without a batch, (length, size).

    ``in_proj_weight`` (3 * embed_dim, embed_dim) holds the projections of query, key and value; with ``kdim`` or
    ``vdim`` they are ``q_proj_weight``, ``k_proj_weight`` and ``v_proj_weight``. They are drawn by
    `init.xavier_uniform_`, the same values as PyTorch's from the same seed; biases start at 0. Raises ``ValueError``
    unless both sizes are positive, ``AssertionError`` unless ``num_heads`` divides ``embed_dim``.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html; Vaswani et al.,
    "Attention is all you need" (2017), https://arxiv.org/abs/1706.03762.

    >>> import tapeless as tl
    >>> layer = tl.nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> out, weights = layer(tl.ones(3, 5, 8), tl.ones(3, 7, 8), tl.ones(3, 7, 8))
    >>> out.shape, weights.shape
    (torch.Size([3, 5, 8]), torch.Size([3, 5, 7]))
    """

    in_proj_weight: Tensor | None
    q_proj_weight: Tensor | None
    k_proj_weight: Tensor | None
    v_proj_weight: Tensor | None
    in_proj_bias: Tensor | None
    bias_k: Tensor | None
    bias_v: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} "
                "instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads\n{embed_dim} features do not fall into {num_heads} heads."
            )
        options = {"device": device, "dtype": dtype}
        self._add_projections(bias, options)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **options)
        if add_bias_kv:
            self.bias_k = Parameter(empty((1, 1, embed_dim), **options))
            self.bias_v = Parameter(empty((1, 1, embed_dim), **options))
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _add_projections(self, bias: bool, options: dict[str, Any]) -> None:
        size, same = self.embed_dim, self._qkv_same_embed_dim
        shapes = {"q_proj_weight": (size, size), "k_proj_weight": (size, self.kdim), "v_proj_weight": (size, self.vdim)}
        if same:  # a parameter that there is not has a name, too
            self.register_parameter("in_proj_weight", Parameter(empty((3 * size, size), **options)))
        for name, shape in shapes.items():
            self.register_parameter(name, None if same else Parameter(empty(shape, **options)))
        if not same:
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", Parameter(empty(3 * size, **options)) if bias else None)

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)  # type: ignore[arg-type]
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore from a pickle; one of before ``kdim`` and ``vdim`` has the same size for all."""
        state.setdefault("_qkv_same_embed_dim", True)
        super().__setstate__(state)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return what the positions of ``query`` gather from ``value``, and the weights: (batch, length, source).

        ``key_padding_mask`` (batch, source) and ``attn_mask`` (length, source) or (batch * num_heads, length, source)
        hide where they are True, or are added if they are numbers. ``average_attn_weights=False`` returns the weights
        of each head, (batch, num_heads, length, source); ``need_weights=False`` None, in less time. ``is_causal``
        says that ``attn_mask`` is the causal one, which must be given all the same.

        Raises ``AssertionError`` or ``RuntimeError`` for shapes that do not go together.
        """
        swap = self.batch_first and query.ndim == 3
        if swap:
            query, key, value = each(lambda x: x.transpose(1, 0), query, key, value)
        out, weights = F.multi_head_attention_forward(
            query,
            key,
            value,  # type: ignore[arg-type]
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (out.transpose(1, 0) if swap else out), weights
