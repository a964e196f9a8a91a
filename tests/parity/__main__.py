"""``python -m tests.parity [NAME ...]``: run PyTorch's own test databases, print the score and what fails.

Operations (OpInfo), modules (ModuleInfo), optimizers (OptimizerInfo) with the schedulers, and the distributions.

``--check`` is what CI runs: it fails when something that is recorded in `baseline.json` as passing no longer does, or
when something fails that has no reason in `reasons.py`. ``--write`` records, and writes ``docs/parity.md``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db

from . import distributions, modules, optimizers
from .compare import KINDS, SEED, Entry, full_name, set_seed
from .reasons import REASONS
from .scope import NOT_COMPARED, OUT_OF_SCOPE, tier, why_out_of_scope

BASELINE = Path(__file__).with_name("baseline.json")
PAGE = Path(__file__).parents[2] / "docs" / "parity.md"
OPERATIONS = ("core", "linalg", "extra")
TIERS = (*OPERATIONS, "modules", "optim", "distributions")
WHOLE = {"optim": optimizers.run, "distributions": distributions.run}
"""The databases that run in one piece, each in a worker."""

Scores = dict[str, dict[str, Any]]


def entries(names: list[str]) -> list[Any]:
    """Return the entries in scope, all or those of the given names."""
    found = [op for op in op_db if why_out_of_scope(full_name(op)) is None]
    if not names:
        return found
    wanted = [op for op in found if op.name in names or full_name(op) in names]
    missing = [n for n in names if not any(n in (op.name, full_name(op)) for op in wanted)]
    if missing:
        print(f"no entry in scope: {', '.join(missing)}", file=sys.stderr)
    return wanted


def run_one(index: int) -> tuple[str, dict[str, Any], float]:
    """Run the entry at a place of `op_db`, in a worker."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    entry = Entry(op_db[index])
    scores = {kind: (s.passed, s.failed, s.notes) for kind, s in entry.run().items()}
    return entry.name, scores, time.perf_counter() - start


def run_task(task: tuple[str, Any]) -> Scores:
    """Run one piece of work, in a worker: an operation, a module, or a whole small database."""
    kind, what = task
    if kind in WHOLE:
        return WHOLE[kind]()
    start = time.perf_counter()
    if kind == "modules":
        name, scores = what, modules.run_one(modules.entries()[what])
    else:
        name, scores, _ = run_one(what)
    seconds = time.perf_counter() - start
    if seconds > 20:
        print(f"  {name}: {seconds:.0f} s", file=sys.stderr)
    return {name: scores}


def tasks(names: list[str], level: str | None) -> list[tuple[str, Any]]:
    """Return the work for some names, or for a tier, or all of it; what takes longest comes first."""
    places = {id(op): i for i, op in enumerate(op_db)}
    layers = [name for name in modules.entries() if not names or name in names]
    others = [name for name in names if name not in layers]
    ops = entries(others) if others or not names else []
    found: list[tuple[str, Any]] = [(kind, None) for kind in WHOLE if not names and level in (None, kind)]
    found += [("modules", name) for name in layers if level in (None, "modules")]
    return found + [("ops", places[id(op)]) for op in ops if level in (None, tier(full_name(op)))]


def run_all(work: list[tuple[str, Any]], processes: int) -> Scores:
    """Run the work in parallel and return the scores by name."""
    results: Scores = {}
    if processes == 1:
        for task in work:
            results |= run_task(task)
        return results
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for scores in pool.imap_unordered(run_task, work):
            results |= scores
    return results


def failing(scores: dict[str, Any]) -> list[str]:
    """Return the kinds of an entry in which some sample differs."""
    return [kind for kind, (_, failed, _) in scores.items() if failed]


def table(results: Scores) -> str:
    """Return passed, in scope and percent of entries, by tier and kind."""
    lines = ["| tier | kind | passed | in scope | percent |", "|---|---|---:|---:|---:|"]
    for level in TIERS:
        chosen = [scores for name, scores in results.items() if tier(name) == level]
        kinds = KINDS if level in OPERATIONS else dict.fromkeys(kind for scores in chosen for kind in scores)
        for kind in (*kinds, "all"):
            scope = [s for s in chosen if kind == "all" or kind in s]
            good = [s for s in scope if not (failing(s) if kind == "all" else kind in failing(s))]
            if scope:
                percent = 100 * len(good) / len(scope)
                lines.append(f"| {level} | {kind} | {len(good)} | {len(scope)} | {percent:.1f} |")
    return "\n".join(lines)


def failures(results: Scores) -> list[str]:
    """Return a line for each kind of each entry that fails, with the reason or the first differences."""
    lines = []
    for name in sorted(results):
        for kind in failing(results[name]):
            passed, failed, notes = results[name][kind]
            lines.append(f"{tier(name)} {name} {kind}: {failed} of {passed + failed} samples")
            reason = REASONS.get(name, {}).get(kind)
            lines += [f"    {note}" for note in (notes if reason is None else [reason])]
    return lines


def complaints(results: Scores, baseline: dict[str, Any]) -> list[str]:
    """Return what has got worse since the baseline, and what fails without a reason."""
    lines = []
    for name, scores in sorted(results.items()):
        bad = failing(scores)
        lost = [kind for kind in baseline.get(name, {}).get("passes", []) if kind in bad or kind not in scores]
        lines += [f"{name} {kind}: passed when the baseline was recorded" for kind in lost]
        unexplained = [kind for kind in bad if kind not in REASONS.get(name, {}) and kind not in lost]
        lines += [f"{name} {kind}: fails, and reasons.py does not say why" for kind in unexplained]
    return lines


INTRODUCTION = """# Parity with PyTorch

Written by `python -m tests.parity --write`; `make parity` runs it again and compares. PyTorch's wheel holds its own
test databases. {count} entries of the one of operations are in scope (`core`, `linalg`, `extra`). For every sample of
an entry we compare values and shapes in float64 (`value`), results of the other dtypes (`dtype`), gradients and
gradients of gradients for random cotangents, complex ones too (`grad`, `gradgrad`), the in-place method (`inplace`),
method and aliases (`alias`), and that what PyTorch refuses is refused with the same class of error (`error`).
One sample that differs fails a kind; `all` counts entries without any.

`modules` is the database of layers and losses: first parameters from the same seed, attributes, state dicts, outputs,
buffers and gradients in training and evaluation mode, second gradients, errors. `optim` is that of optimizers, and all
schedulers: trajectories over groups with different options, missing gradients, frozen parameters, state dicts saved
half-way and loaded in the other library. `distributions` are all of `torch.distributions`, with the divergences.

"""


def page(results: Scores) -> str:
    """Return ``docs/parity.md``."""
    count = sum(tier(name) in OPERATIONS for name in results)
    lines = [INTRODUCTION.format(count=count), table(results), "\n\n## What still differs\n\n"]
    for name in sorted(results):
        for kind in failing(results[name]):
            passed, failed, _ = results[name][kind]
            reason = REASONS.get(name, {}).get(kind, "not looked into yet")
            lines.append(f"- `{name}`, {kind} ({failed} of {passed + failed} samples): {reason}.\n")
    lines.append("\n## Not compared\n\n")
    lines += [f"- `{name}`, {kind}: {why}.\n" for (name, kind), why in NOT_COMPARED.items()]
    lines.append("\n## Out of scope\n\n")
    for pattern, why in OUT_OF_SCOPE:
        names = sorted(full_name(op) for op in op_db if why_out_of_scope(full_name(op)) == why)
        if names:
            shown = ", ".join(f"`{n}`" for n in names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            lines.append(f"- {why}: {shown}.\n")
        assert pattern
    return "".join(lines)


def record(results: Scores) -> None:
    """Write the baseline and the page."""
    found = {
        name: {"passes": sorted(set(scores) - set(failing(scores))), "fails": sorted(failing(scores))}
        for name, scores in sorted(results.items())
    }
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in found.items())
    BASELINE.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("names", nargs="*", help="entries to run; all when none is given")
    parser.add_argument("--tier", choices=TIERS)
    parser.add_argument("--check", action="store_true", help="fail when something that passed no longer does")
    parser.add_argument("--write", action="store_true", help="record what passes as the baseline, and the page of docs")
    parser.add_argument("--read", type=Path, help="take the scores from a file of --json instead of running")
    parser.add_argument("--json", type=Path, help="write all scores to this file")
    parser.add_argument("--seed", type=int, default=SEED, help="make the samples of operations from other numbers")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.read:
        results = json.loads(options.read.read_text())
    else:
        set_seed(options.seed)
        work = tasks(options.names, options.tier)
        results = run_all(work, 1 if len(work) < 4 else options.jobs)
    print("\n".join(failures(results)))
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results))
    if options.write:
        record(results)
    wrong = complaints(results, json.loads(BASELINE.read_text(encoding="utf-8"))) if options.check else []
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
