"""The parity of distributions, transforms and constraints: what passes and what fails, by name and kind.

Cases and comparisons are those of `tests/distributions`. ``python -m tests.parity.distributions`` prints the score.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator

import torch

from tests.distributions import compare, constraint_cases, kl_pairs, transform_cases
from tests.distributions.cases import CASES

Score = tuple[int, int, list[str]]  # passed, failed, notes
DTYPES = ("float32", "float64")


def _comparisons() -> Iterator[tuple[str, str, str, Callable[[str], str]]]:
    """Yield name, kind, what is compared, and a function that returns the difference in a dtype."""
    for case in CASES:
        name = type(case.build(torch)[0]).__name__
        for kind in compare.KINDS:
            yield name, kind, case.name, lambda dtype, kind=kind, case=case: compare.difference(kind, case, dtype)
    for p, q in kl_pairs.supported():
        name = type(p.build(torch)[0]).__name__
        yield name, "kl", f"{p.name}, {q.name}", lambda dtype, p=p, q=q: kl_pairs.kl_difference(p, q, dtype)
    for entry in transform_cases.TRANSFORMS:
        name = f"transforms.{type(entry.make(torch, 'float64')).__name__.lstrip('_')}"
        for kind in transform_cases.KINDS:
            yield (
                name,
                kind,
                entry.name,
                lambda dtype, kind=kind, entry=entry: transform_cases.transform_difference(kind, entry, dtype),
            )
    for label in constraint_cases.CONSTRAINTS:
        name = f"constraints.{label.split()[0]}"
        for kind in constraint_cases.KINDS:
            yield (
                name,
                kind,
                label,
                lambda dtype, kind=kind, label=label: constraint_cases.constraint_difference(kind, label, dtype),
            )


def run() -> dict[str, dict[str, Score]]:
    """Return (passed, failed, notes) for each kind of each distribution, transform and constraint."""
    passed: dict[tuple[str, str], int] = defaultdict(int)
    notes: dict[tuple[str, str], list[str]] = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind, what, differs in _comparisons():
            key = f"distributions.{name}", kind
            for dtype in DTYPES:
                try:
                    text = differs(dtype)
                except Exception as error:
                    text = f"{type(error).__name__}: {error}"
                if text:
                    notes[key].append(f"{what} {dtype}: {' '.join(text.split())[:200]}")
                passed[key] += not text
    scores: dict[str, dict[str, Score]] = defaultdict(dict)
    for (name, kind), count in passed.items():
        found = notes[name, kind]
        scores[name][kind] = (count, len(found), found[:5])
    return dict(scores)


def main() -> None:
    """Print the entries that pass, of how many, by kind, and what differs."""
    scores = run()
    for kind in dict.fromkeys(kind for kinds in scores.values() for kind in kinds):
        found = [kinds[kind] for kinds in scores.values() if kind in kinds]
        print(f"{kind:15} {sum(not failed for _, failed, _ in found):3} of {len(found):3} entries", end="")
        print(f", {sum(good for good, _, _ in found)} of {sum(good + bad for good, bad, _ in found)} samples")
    for name, kinds in scores.items():
        for kind, (_, failed, notes) in kinds.items():
            for note in notes if failed else ():
                print(f"{name} {kind}: {note}")


if __name__ == "__main__":
    main()
