"""``python -m tests.parity [NAME ...]``: run PyTorch's OpInfo entries, print the score and what fails."""

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

from .compare import KINDS, Entry, full_name
from .scope import tier, why_out_of_scope

BASELINE = Path(__file__).with_name("baseline.json")


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


def run_all(ops: list[Any], processes: int) -> dict[str, dict[str, Any]]:
    """Run the entries in parallel and return their scores by name."""
    places = {id(op): i for i, op in enumerate(op_db)}
    work = [places[id(op)] for op in ops]
    results: dict[str, dict[str, Any]] = {}
    if processes == 1:
        done = map(run_one, work)
        return {name: scores for name, scores, _ in done}
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for name, scores, seconds in pool.imap_unordered(run_one, work, chunksize=4):
            results[name] = scores
            if seconds > 20:
                print(f"  {name}: {seconds:.0f} s", file=sys.stderr)
    return results


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return passed, in scope and percent of entries, by tier and kind."""
    lines = ["| tier | kind | passed | in scope | percent |", "|---|---|---:|---:|---:|"]
    for level in ("core", "linalg", "extra"):
        chosen = [scores for name, scores in results.items() if tier(name) == level]
        for kind in (*KINDS, "all"):
            scope = [s for s in chosen if kind == "all" or kind in s]
            good = [s for s in scope if not any(s[k][1] for k in (s if kind == "all" else [kind]))]
            if scope:
                percent = 100 * len(good) / len(scope)
                lines.append(f"| {level} | {kind} | {len(good)} | {len(scope)} | {percent:.1f} |")
    return "\n".join(lines)


def failures(results: dict[str, dict[str, Any]]) -> list[str]:
    """Return a line for each kind of each entry that fails, with the first reasons."""
    lines = []
    for name in sorted(results):
        for kind, (passed, failed, notes) in results[name].items():
            if failed:
                lines.append(f"{tier(name)} {name} {kind}: {failed} of {passed + failed} samples")
                lines += [f"    {note}" for note in notes]
    return lines


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("names", nargs="*", help="entries to run; all when none is given")
    parser.add_argument("--tier", choices=("core", "linalg", "extra"))
    parser.add_argument("--write", action="store_true", help="record what passes as the baseline")
    parser.add_argument("--json", type=Path, help="write all scores to this file")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--brief", action="store_true", help="the table alone")
    options = parser.parse_args()
    ops = [op for op in entries(options.names) if options.tier in (None, tier(full_name(op)))]
    results = run_all(ops, 1 if len(ops) < 4 else options.jobs)
    if not options.brief:
        print("\n".join(failures(results)))
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results))
    if options.write:
        record = {name: sorted(k for k, s in scores.items() if not s[1]) for name, scores in sorted(results.items())}
        BASELINE.write_text(json.dumps(record, indent=0) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
