"""The benchmark suite: how long what people train takes in Tapeless, beside other libraries and beside the limit.

Each peer runs in a process of its own; rounds alternate between them, so that what else the machine does meets all
alike. Before a row is timed, its peers have to agree on the results. `_workloads` says what the rows are. Writes
docs/benchmarks/suite.json, .md and .svg::

    make bench                                     # all of it, with the peers installed for it
    python benchmarks/suite.py lenet gpt --quick   # two rows, rougher; writes no file unless --output names a folder
    python benchmarks/suite.py --check             # only that the results agree
    python benchmarks/suite.py --redraw            # the page and the picture again, from suite.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from _peers import LIMITS, PEERS
from _picture import draw
from _report import markdown
from _rounds import Failure, Peer, alternate, disagreement, machine, ratios, spread, start
from _workloads import BY_ID, FUSED, HAND, JAX, NUMBA, OURS, TORCH, WORKLOADS, Workload

OUTPUT = Path(__file__).parents[1] / "docs" / "benchmarks"
BUSY = 0.5  # a load above this says that the machine does something else


@dataclass(frozen=True)
class Effort:
    """How much is measured: `peers` limits who runs."""

    rounds: int
    seconds: float  # per round and peer
    peers: tuple[str, ...]


FULL = Effort(15, 0.08, tuple(PEERS))
QUICK = Effort(3, 0.03, (OURS, NUMBA, TORCH, FUSED, JAX, HAND, *LIMITS))
CHECK = Effort(0, 0, (OURS, NUMBA, TORCH, HAND))


class Disagreement(Exception):
    """Peers do different work: nothing of it may be timed."""


def check(peers: list[Peer], work: Workload, weights: str) -> dict[str, Any]:
    """Set the row up in all peers, ours first, and compare the results; return the last one of each.

    Raises Disagreement when they differ.
    """
    values = {}
    for peer in peers:
        if peer.name == OURS:
            peer.ask("save", row=work.id, weights=weights)
        elif peer.name == TORCH and not peer.ask("seed", row=work.id, weights=weights):
            raise Disagreement(f"seed 0 gives {OURS} and {TORCH} different parameters")
        peer.ask("setup", row=work.id, weights=weights)
        if peer.name not in LIMITS:
            values[peer.name] = peer.ask("values", steps=work.steps)
            peer.ask("restart")
    problem = disagreement(values, work.rtol, work.atol)
    if problem:
        raise Disagreement(problem)
    return {name: found[-1] for name, found in values.items()}


def measure(work: Workload, effort: Effort, names: list[str], weights: str) -> dict[str, Any]:
    """Check and time one row, in new processes, so that the peak of their memory is the row's."""
    with start(names) as (peers, left_out):
        require_ours(left_out)
        last = check(peers, work, weights)
        times = alternate(peers, effort.rounds, effort.seconds)
        scaled = {name: [t / work.parts for t in found] for name, found in times.items()}
        return {
            **describe(work),
            "left out": left_out,
            "last values": last,
            "rounds": effort.rounds,
            "microseconds": {name: spread(found) for name, found in scaled.items()},
            "times ours": {ours: ratios(times, ours) for ours in (OURS, NUMBA) if ours in times},
            "peak megabytes": {peer.name: peer.ask("memory") for peer in peers},
            "versions": {peer.name: peer.ask("versions") for peer in peers},
        }


def describe(work: Workload) -> dict[str, Any]:
    """Return what the page says about a row: it is made from the report alone."""
    targets = {OURS: work.targets, NUMBA: work.numba_targets}
    return {"id": work.id, "what": work.what, "unit": work.unit, "trains": work.trains, "targets": targets}


def check_all(works: list[Workload], effort: Effort) -> list[str]:
    """Only compare: each peer in one process for all rows. Return what went wrong."""
    problems = []
    with start(effort.peers) as (peers, left_out), tempfile.TemporaryDirectory() as folder:
        require_ours(left_out)
        for name, reason in left_out.items():
            print(f"left out: {name} ({reason})")
        for work in works:
            running = [peer for peer in peers if peer.name in work.peers]
            try:
                names = check(running, work, str(Path(folder) / f"{work.id}.npz"))
            except (Disagreement, Failure) as problem:
                problems.append(f"{work.id}: {problem}")
            else:
                alone = "" if len(names) > 1 else " alone: it runs, there is nobody to compare with"
                print(f"{work.id}: same results from {'; '.join(names)}{alone}", flush=True)
    return problems


def time_all(works: list[Workload], effort: Effort) -> tuple[dict[str, Any], list[str]]:
    """Measure the rows; return the report, and what went wrong."""
    report: dict[str, Any] = {"machine": machine(), "results": []}
    problems, begin = [], perf_counter()
    if (report["machine"]["load before"] or 0) > BUSY:
        print("the machine is busy with something else: do not trust these times", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        for work in works:
            names = [name for name in effort.peers if name in work.peers]
            try:
                result = measure(work, effort, names, str(Path(folder) / f"{work.id}.npz"))
            except (Disagreement, Failure) as problem:
                problems.append(f"{work.id}: {problem}")
                print(problems[-1], file=sys.stderr)
                continue
            report["results"].append(result)
            print(summary(work, result), file=sys.stderr, flush=True)
    report["seconds"] = round(perf_counter() - begin)
    print(f"{report['seconds']} seconds in all", file=sys.stderr)
    return report, problems


def require_ours(left_out: dict[str, str]) -> None:
    """End here when there is nothing to compare with."""
    if OURS in left_out:
        raise SystemExit(f"{OURS} itself is missing ({left_out[OURS]}): run `make bench`, or `pip install -e .`")


def summary(work: Workload, result: dict[str, Any]) -> str:
    """Return a row in a few lines."""
    lines = [f"{work.id}: microseconds per {work.unit}; times over ours; megabytes"]
    for name, time in result["microseconds"].items():
        against = result["times ours"][OURS].get(name)
        ratio = "{median:8.2f} ({low:.2f} to {high:.2f})".format(**against) if against else " " * 8
        target = f", to reach {work.targets[name]:.2f}" if name in work.targets else ""
        memory = result["peak megabytes"][name]
        lines.append(f"  {name:20} {time['median']:12.1f} {ratio}{target}; {memory or 0:.0f} MB")
    lines += [f"  left out: {name} ({reason})" for name, reason in result["left out"].items()]
    return "\n".join(lines)


def write(report: dict[str, Any], folder: Path) -> None:
    """Write the report, its page and its picture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "suite.json").write_text(json.dumps(rounded(report), indent=1) + "\n", encoding="utf-8")
    (folder / "suite.md").write_text(markdown(report), encoding="utf-8")
    print(f"written: suite.json and suite.md in {folder}", file=sys.stderr)
    try:
        draw(report, folder / "suite.svg")
    except ModuleNotFoundError as error:
        print(f"suite.svg is not written: {error.name} is not installed", file=sys.stderr)


def rounded(value: Any) -> Any:
    """Return a report whose numbers have five digits: more would be noise."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which rows (default: all): {', '.join(BY_ID)}")
    parser.add_argument("--quick", action="store_true", help="rougher, fewer peers; writes files only with --output")
    parser.add_argument("--check", action="store_true", help="only check that the results agree; time nothing")
    parser.add_argument("--redraw", action="store_true", help="write the page and the picture again; time nothing")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), metavar="PEER", help="only these beside tapeless")
    parser.add_argument("--rounds", type=int, help="rounds per row, instead of what --quick or a full run takes")
    parser.add_argument("--output", type=Path, help="folder for the files (default: docs/benchmarks)")
    options = parser.parse_args(arguments)
    unknown = [row for row in options.rows if row not in BY_ID]
    if unknown:
        parser.error(f"no row is called {', '.join(unknown)}; there are {', '.join(BY_ID)}")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    options = parse(arguments)
    works = [BY_ID[row] for row in options.rows] or WORKLOADS
    base = CHECK if options.check else QUICK if options.quick else FULL
    chosen = tuple(name for name in PEERS if name in {OURS, *(options.peers or base.peers)})
    effort = Effort(options.rounds or base.rounds, base.seconds, chosen)
    folder = options.output or (None if options.quick or options.rows else OUTPUT)
    problems: list[str] = []
    if options.redraw:
        write(json.loads((folder or OUTPUT).joinpath("suite.json").read_text(encoding="utf-8")), folder or OUTPUT)
    elif options.check:
        problems = check_all(works, effort)
    else:
        report, problems = time_all(works, effort)
        print(markdown(report))
        if folder is not None and not problems:
            write(report, folder)
    if problems:
        raise SystemExit("\n".join(["Not timed, as the peers do not agree:", *problems]))


if __name__ == "__main__":
    main()
