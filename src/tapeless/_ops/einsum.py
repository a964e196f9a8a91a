"""Sums of products by subscripts: `einsum`, as a chain of matrix products of two operands each."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from .._core.registry import NUMPY, composite

LETTERS = string.ascii_uppercase + string.ascii_lowercase


def _sublists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Return equation and operands of the form ``einsum(a, [0, 1], b, [1, 2], [0, 2])``."""

    def text(sublist: Any) -> str:
        parts = []
        for item in sublist:
            if item is Ellipsis:
                parts.append("...")
            elif 0 <= item < 52:
                parts.append(LETTERS[item])
            else:
                raise RuntimeError(f"einsum(): subscript {item} is not within the valid range [0, 52)")
        return "".join(parts)

    pairs = list(args)
    output = f"->{text(pairs.pop())}" if len(pairs) % 2 else ""
    return ",".join(map(text, pairs[1::2])) + output, pairs[::2]


def _parse(equation: str, operands: list[Any]) -> tuple[list[list[Any]], list[Any]]:
    """Return the labels of each operand's dims and of the result's; those of an ellipsis are negative numbers."""
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        more = "fewer" if len(terms) > len(operands) else "more"
        raise RuntimeError(f"einsum(): {more} operands were provided than specified in the equation")
    labels, width = [], 0
    for i, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        _check_letters(term)
        named = len(term.replace("...", ""))
        spare = operand.ndim - named
        if "..." not in term and spare:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
                f"({operand.ndim}) for operand {i} and no ellipsis was given"
            )
        if spare < 0:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) is more than the number of dimensions "
                f"({operand.ndim}) for operand {i}"
            )
        head, dots, tail = term.partition("...")
        labels.append([*head, *range(-spare, 0), *tail] if dots else list(term))
        width = max(width, spare if dots else 0)
    if arrow:
        _check_letters(right)
        head, dots, tail = right.partition("...")
        output = [*head, *range(-width, 0), *tail] if dots else list(right)
        used = {label for term in labels for label in term}
        for label in output:
            if isinstance(label, str) and output.count(label) > 1:
                raise RuntimeError(f"einsum(): output subscript {label} appears more than once in the output")
            if isinstance(label, str) and label not in used:
                raise RuntimeError(
                    f"einsum(): output subscript {label} does not appear in the equation for any input operand"
                )
        return labels, output
    counts: dict[Any, int] = {}
    for one in labels:
        for place in one:
            counts[place] = counts.get(place, 0) + 1
    once = sorted(label for label, n in counts.items() if isinstance(label, str) and n == 1)
    return labels, [*range(-width, 0), *once]


def _check_letters(term: str) -> None:
    rest = term.replace("...", "", 1)
    if "." in rest:
        raise RuntimeError('einsum(): found "." that is not part of any ellipsis, or a second ellipsis, in ' + term)
    for letter in rest:
        if letter not in LETTERS:
            raise RuntimeError(
                "einsum(): invalid subscript given at index 0 in the equation string, subscripts must be in [a-zA-Z]: "
                f"{letter!r}"
            )


def _diagonals(x: Any, labels: list[Any]) -> tuple[Any, list[Any]]:
    """Take the diagonal of dims that carry one label."""
    labels = list(labels)
    for label in list(dict.fromkeys(labels)):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            if x.shape[i] != x.shape[j] and 1 not in (x.shape[i], x.shape[j]):
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand 0 but the sizes don't match, {x.shape[j]} != "
                    f"{x.shape[i]}"
                )
            x = x.diagonal(0, i, j)
            del labels[j], labels[i]
            labels.append(label)
    return x, labels


def _sum_out(x: Any, labels: list[Any], keep: set[Any]) -> tuple[Any, list[Any]]:
    dims = [i for i, label in enumerate(labels) if label not in keep]
    if not dims:
        return x, labels
    return x.sum(tuple(dims)), [label for label in labels if label in keep]


def _pair(a: Any, la: list[Any], b: Any, lb: list[Any], keep: set[Any]) -> tuple[Any, list[Any]]:
    """Multiply two operands as batches of matrices: (batch, own rows, summed) by (batch, summed, own columns)."""
    a, la = _sum_out(a, la, keep | set(lb))
    b, lb = _sum_out(b, lb, keep | set(la))
    shared = [label for label in la if label in lb]
    batch = [label for label in shared if label in keep]
    summed = [label for label in shared if label not in keep]
    rows = [label for label in la if label not in lb]
    columns = [label for label in lb if label not in la]
    sizes = {**dict(zip(lb, b.shape, strict=True)), **dict(zip(la, a.shape, strict=True))}
    for label in shared:
        n, m = a.shape[la.index(label)], b.shape[lb.index(label)]
        if n != m and 1 not in (n, m):
            raise RuntimeError(
                f"einsum(): operands do not broadcast with remapped shapes [original->remapped]: {list(a.shape)} and "
                f"{list(b.shape)}: subscript {label} has sizes {n} and {m}"
            )
        sizes[label] = m if n == 1 else n

    def arranged(x: Any, own: list[Any], order: list[list[Any]]) -> Any:
        flat = [label for group in order for label in group]
        x = x.permute(tuple(own.index(label) for label in flat))
        x = x.expand(tuple(sizes[label] for label in flat))
        return x.reshape(tuple(int(np.prod([sizes[label] for label in group], dtype=int)) for group in order))

    left = arranged(a, la, [batch, rows, summed])
    right = arranged(b, lb, [batch, summed, columns])
    out = left @ right if summed else left * right.reshape(right.shape[0], 1, right.shape[-1])
    labels = [*batch, *rows, *columns]
    return out.reshape(tuple(sizes[label] for label in labels)), labels


@composite("einsum", methods="")
def einsum(*args: Any) -> Any:
    """Return the sum of products that an equation such as ``"bij,bjk->bik"`` describes.

    Repeated letters take diagonals, ``...`` stands for dims that broadcast; without ``->`` the letters that occur
    once are the result's, in order. Also ``einsum(a, [0, 1], b, [1, 2], [0, 2])``. Raises RuntimeError.
    See https://docs.pytorch.org/docs/stable/generated/torch.einsum.html

    >>> import tapeless as tl
    >>> tl.einsum("ij,jk->ik", tl.ones(1, 2), tl.ones(2, 1))
    tensor([[2.]])
    """
    if isinstance(args[0], str):
        equation, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
            operands = list(operands[0])
    else:
        equation, operands = _sublists(args)
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    labels, output = _parse(equation, operands)
    terms = [_diagonals(x, term) for x, term in zip(operands, labels, strict=True)]
    out, current = terms[0]
    for k, (other, own) in enumerate(terms[1:], 1):
        later = {label for _, term in terms[k + 1 :] for label in term}
        out, current = _pair(out, current, other, own, later | set(output))
    out, current = _sum_out(out, current, set(output))
    return out.permute(tuple(current.index(label) for label in output)) if output else out


def _numpy_einsum(equation: str, *operands: Any, **options: Any) -> Any:
    return einsum(equation, *operands)


NUMPY[np.einsum] = _numpy_einsum
