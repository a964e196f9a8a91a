"""Parts of matrices: triangles and diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import NUMPY, composite
from .._kernels.indexing import place
from ._common import is_writeable, normal_dim


def check_matrix(name: str, input: Any) -> None:
    """Refuse what has fewer than two dims; NumPy would make a matrix of a vector."""
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions\nIts shape is {list(input.shape)}.")


class Tril(Function):
    """The lower triangle of the last two dims, the rest zero.

    >>> import tapeless as tl
    >>> tl.tril(tl.tensor([[1, 2], [3, 4]]))
    tensor([[1, 0],
            [3, 4]])
    """

    names = "tril"
    inplace = True
    numpy = np.tril

    def forward(self, input: Any, diagonal: int = 0) -> Any:
        check_matrix("tril", input)
        self.diagonal = diagonal
        return np.tril(input, diagonal)

    def grad_input(self, g):
        return np.tril(g, self.diagonal)


class Triu(Function):
    """The upper triangle of the last two dims, the rest zero.

    >>> import tapeless as tl
    >>> tl.triu(tl.tensor([[1, 2], [3, 4]]))
    tensor([[1, 2],
            [0, 4]])
    """

    names = "triu"
    inplace = True
    numpy = np.triu

    def forward(self, input: Any, diagonal: int = 0) -> Any:
        check_matrix("triu", input)
        self.diagonal = diagonal
        return np.triu(input, diagonal)

    def grad_input(self, g):
        return np.triu(g, self.diagonal)


class Diagonal(Function):
    """A view of a diagonal of two dims, as the last dim of the result.

    >>> import tapeless as tl
    >>> tl.diagonal(tl.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """

    names = "diagonal"
    view = True

    def forward(self, input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
        self.offset, self.shape_in = offset, input.shape
        self.dims = normal_dim(dim1, input.ndim), normal_dim(dim2, input.ndim)
        if self.dims[0] == self.dims[1]:
            raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
        out = np.diagonal(input, offset, *self.dims)
        if is_writeable(input):  # NumPy hands out diagonals read-only; they are plain views
            out.flags.writeable = True
        return out

    def grad_input(self, g):
        a, b = self.dims
        rest = tuple(n for i, n in enumerate(self.shape_in) if i not in (a, b))
        rows, columns = self.shape_in[a], self.shape_in[b]
        out = np.moveaxis(g, -1, 0)
        start = (max(-self.offset, 0), max(self.offset, 0))
        index = np.arange(out.shape[0])
        from_zero = place(out, (index + start[0], index + start[1]), (rows, columns, *rest))
        return np.moveaxis(from_zero, (0, 1), (a, b))


NUMPY[np.diagonal] = lambda a, offset=0, axis1=0, axis2=1: Diagonal.apply(a, offset, axis1, axis2)


@composite("diag")
def diag(input: Any, diagonal: int = 0) -> Any:
    """Return the diagonal of a matrix (a copy), or the matrix with a vector on its diagonal.

    >>> import tapeless as tl
    >>> tl.diag(tl.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    >>> tl.diag(tl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    if input.ndim == 1:
        return DiagEmbed.apply(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return Diagonal.apply(input, diagonal).clone()


class DiagEmbed(Function):
    """Matrices, in the dims `dim1` and `dim2` of the result, with the last dim of the input on a diagonal.

    >>> import tapeless as tl
    >>> tl.diag_embed(tl.tensor([1.0, 2.0]), offset=1)
    tensor([[0., 1., 0.],
            [0., 0., 2.],
            [0., 0., 0.]])
    """

    names = "diag_embed"

    def forward(self, input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
        if input.ndim == 0:
            raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got -2)")
        self.offset, self.dims = offset, (normal_dim(dim1, input.ndim + 1), normal_dim(dim2, input.ndim + 1))
        if self.dims[0] == self.dims[1]:
            raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
        n = input.shape[-1] + abs(offset)
        index = np.arange(input.shape[-1])
        out = place(input, (..., index + max(-offset, 0), index + max(offset, 0)), (*input.shape[:-1], n, n))
        return np.moveaxis(out, (-2, -1), self.dims)

    def grad_input(self, g):
        g = np.moveaxis(g, self.dims, (-2, -1))
        index = np.arange(g.shape[-1] - abs(self.offset))
        return g[..., index + max(-self.offset, 0), index + max(self.offset, 0)]


@composite("diagflat", numpy=np.diagflat)
def diagflat(input: Any, offset: int = 0) -> Any:
    """Return a matrix with the flattened input on a diagonal.

    >>> import tapeless as tl
    >>> tl.diagflat(tl.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    return input.reshape(-1).diag(offset)
