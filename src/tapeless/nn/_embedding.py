"""Tables of vectors, looked up by number."""

from __future__ import annotations

from typing import Any

from tapeless._core.modes import no_grad
from tapeless._creation import empty
from tapeless._tensor import Tensor

from . import functional as F, init
from ._module import Module
from ._parameter import Parameter


class _EmbeddingTable(Module):
    """The table, (num_embeddings, embedding_dim), and its first values: normally distributed, the padding row 0."""

    weight: Tensor

    def _set_up(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        weight: Tensor | None,
        freeze: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = self._row(padding_idx)
        if weight is None:
            values = empty((num_embeddings, embedding_dim), device=device, dtype=dtype)
            self.weight = Parameter(values, requires_grad=not freeze)
            self.reset_parameters()
            return
        if tuple(weight.shape) != (num_embeddings, embedding_dim):
            raise AssertionError(
                "Shape of weight does not match num_embeddings and embedding_dim\n"
                f"Expected {(num_embeddings, embedding_dim)}, got {tuple(weight.shape)}."
            )
        self.weight = Parameter(weight, requires_grad=not freeze)

    def _row(self, padding_idx: int | None) -> int | None:
        """Return the padding row counted from the start."""
        rows = self.num_embeddings
        if padding_idx is None or padding_idx == 0:
            return padding_idx
        if not -rows <= padding_idx < rows:
            name = "Padding_idx" if isinstance(self, Embedding) else "padding_idx"
            raise AssertionError(
                f"{name} must be within num_embeddings\nGot padding_idx={padding_idx} for {rows} embeddings."
            )
        return padding_idx % rows

    def reset_parameters(self) -> None:
        """Draw new vectors; set the one for padding to 0."""
        init.normal_(self.weight)
        self._fill_padding_idx_with_zero()

    def _fill_padding_idx_with_zero(self) -> None:
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)


def _check_2d(embeddings: Tensor) -> None:
    if embeddings.ndim != 2:
        raise AssertionError(
            f"Embeddings parameter is expected to be 2-dimensional\nGot a tensor with {embeddings.ndim} dims."
        )


class Embedding(_EmbeddingTable):
    """The rows of a learned table, by number: (...) integers to (..., embedding_dim).

    The weight (num_embeddings, embedding_dim) is drawn normally. The row ``padding_idx`` starts at 0 and gets no
    gradient. ``max_norm`` rescales, in place, the rows that are used and whose ``norm_type``-norm is larger.
    ``scale_grad_by_freq`` divides the gradient of a row by how often it was used. ``sparse`` is accepted; gradients
    are always dense.

    Raises ``AssertionError`` for a ``padding_idx`` out of range; when called, ``IndexError`` for numbers out of range
    and ``RuntimeError`` for anything but integers.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html

    >>> import tapeless as tl
    >>> layer = tl.nn.Embedding(10, 3, padding_idx=0)
    >>> layer(tl.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape
    torch.Size([2, 4, 3])
    >>> layer(tl.tensor([0])).tolist()
    [[0.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self._set_up(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, device, dtype)

    def forward(self, input: Tensor) -> Any:
        """Return the rows that ``input`` names."""
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the usual ones."""
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        for name, usual in (
            ("padding_idx", None),
            ("max_norm", None),
            ("norm_type", 2),
            ("scale_grad_by_freq", False),
            ("sparse", False),
        ):
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)}")
        return ", ".join(parts)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Make a layer whose table is ``embeddings``, (number, size), not copied; trained only with ``freeze=False``.

        Raises ``AssertionError`` unless the table has 2 dims.

        >>> import tapeless as tl
        >>> tl.nn.Embedding.from_pretrained(tl.tensor([[1.0, 2.0], [4.0, 5.0]]))(tl.tensor([1]))
        tensor([[4., 5.]])
        """
        _check_2d(embeddings)
        rows, cols = embeddings.shape
        return cls(
            num_embeddings=rows,
            embedding_dim=cols,
            _weight=embeddings,
            _freeze=freeze,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )


class EmbeddingBag(_EmbeddingTable):
    """Sums, means or maxima (``mode``) of bags of rows of a learned table: to (bags, embedding_dim).

    The bags are the rows of an input (bags, size), or the parts of a 1-d input that start at ``offsets`` (bags,); with
    ``include_last_offset`` the last offset is where the last bag ends. ``per_sample_weights`` weigh the rows, for
    ``mode="sum"``. The other arguments are those of `Embedding`; the padding row does not count at all.

    Raises ``AssertionError`` for a ``padding_idx`` out of range; when called, ``ValueError`` for inputs and offsets
    that do not fit together and for an unknown ``mode``, ``IndexError`` for numbers out of range.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html

    >>> import tapeless as tl
    >>> layer = tl.nn.EmbeddingBag(10, 3, mode="sum")
    >>> layer(tl.tensor([1, 2, 4, 5, 4, 3, 2, 9]), tl.tensor([0, 4])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self._set_up(num_embeddings, embedding_dim, padding_idx, _weight, False, device, dtype)

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Any:
        """Return one vector for each bag."""
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        """Return the sizes, the mode, and the settings that are not the usual ones."""
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        for name, usual in (
            ("max_norm", None),
            ("norm_type", 2),
            ("scale_grad_by_freq", False),
            ("mode", ""),
            ("padding_idx", None),
        ):
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)!r}")
        return ", ".join(parts)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Make a layer whose table is ``embeddings``, (number, size), not copied; trained only with ``freeze=False``.

        Raises ``AssertionError`` unless the table has 2 dims.
        """
        _check_2d(embeddings)
        rows, cols = embeddings.shape
        layer = cls(
            num_embeddings=rows,
            embedding_dim=cols,
            _weight=embeddings,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )
        layer.weight.requires_grad = not freeze
        return layer
