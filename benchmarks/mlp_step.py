"""How long one training step takes: an MLP with ReLU, cross-entropy and Adam in float32, beside PyTorch.

Each peer runs in a process of its own; rounds of steps alternate between them, so that what else the machine
does meets all alike. Before anything is timed, all peers have to agree on the losses of the first 50 steps from
the same seed. Writes docs/benchmarks/mlp_step.json and .md::

    make bench                              # with PyTorch installed for it
    python benchmarks/mlp_step.py --quick   # rougher, without the largest network; writes no file
    python benchmarks/mlp_step.py --check   # only that the losses agree
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from _peers import PEERS
from _rounds import Peer, alternate, choose_steps, disagreement, machine, ratios, spread, start

OURS = "tapeless"
WORKLOADS = [  # layer sizes, batch
    ([2, 16, 16, 2], 100),
    ([64, 64, 10], 32),
    ([784, 128, 10], 64),
    ([784, 512, 512, 10], 128),
]
OUTPUT = Path(__file__).parents[1] / "docs" / "benchmarks"
SEED_STEPS = 50
# float32 sums in another order differ in the last place, which Adam magnifies where gradients are near 0.
TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}


def prepare(peers: list[Peer], sizes: list[int], batch: int, weights: str) -> dict[str, list[float]]:
    """Set the same network up in all peers and return the losses of its first steps. Ours comes first."""
    losses = {}
    for peer in peers:
        peer.ask("setup", sizes=sizes, batch=batch, weights=weights)
        if peer.name == OURS:
            peer.ask("save", weights=weights)
        losses[peer.name] = peer.ask("losses", steps=SEED_STEPS)
    return losses


def measure(peers: list[Peer], workload: tuple[list[int], int], rounds: int, weights: str) -> dict[str, Any]:
    """Check one workload and, unless `rounds` is 0, time it."""
    sizes, batch = workload
    losses = prepare(peers, sizes, batch, weights)
    problem = disagreement(losses, **TOLERANCE)
    if problem:
        raise SystemExit(f"{label(sizes, batch)}: {problem}. Nothing was timed: the peers do different work.")
    result: dict[str, Any] = {"sizes": sizes, "batch": batch}
    result[f"losses at step {SEED_STEPS}"] = {name: values[-1] for name, values in losses.items()}
    if rounds:
        steps = choose_steps(peers, seconds=0.05)
        times = alternate(peers, rounds, steps)
        result |= {
            "rounds": rounds,
            "steps per round": steps,
            "microseconds": {name: spread(values) for name, values in times.items()},
            "times ours": ratios(times, OURS),
        }
    return result


def label(sizes: list[int], batch: int) -> str:
    """Return a workload's name."""
    return f"{'-'.join(map(str, sizes))}, batch {batch}"


def markdown(report: dict[str, Any]) -> str:
    """Write the report as the page docs/benchmarks/mlp_step.md."""
    names, results, about = report["peers"], report["results"], report["machine"]
    others = [name for name in names if name != OURS]
    head = ["network", *names, *[f"{name} / {OURS}" for name in others]]
    lines = [
        "# One training step of an MLP",
        "",
        "Written by `make bench` (benchmarks/mlp_step.py); do not edit. Linear layers, ReLU, cross-entropy,",
        "Adam, float32. Microseconds per step, medians; then the time of each peer over that of tapeless in the",
        "same round, median and quartiles: above 1, tapeless is faster.",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
    ]
    for result in results:
        times, against = result["microseconds"], result["times ours"]
        cells = [label(result["sizes"], result["batch"]), *[f"{times[name]['median']:.0f}" for name in names]]
        cells += ["{median:.2f} ({low:.2f} to {high:.2f})".format(**against[name]) for name in others]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"Before the timing, the losses of the first {SEED_STEPS} steps from the same seed agreed."]
    if report["left out"]:
        lines += ["", f"Left out: {', '.join(report['left out'])}."]
    libraries = {name: version for found in report["versions"].values() for name, version in found.items()}
    versions = ", ".join(f"{name} {version}" for name, version in libraries.items() if name != "threads")
    threads = "; ".join(f"{name} {found['threads']}" for name, found in report["versions"].items())
    settings = "".join(f", {key}={value}" for key, value in about["thread settings"].items())
    lines += [
        "",
        f"{about['date']}, {about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}, "
        f"{versions}. Threads: {threads}{settings}. Load before the run: {about['load before']}.",
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="rougher, without the largest network; writes no file")
    parser.add_argument("--check", action="store_true", help="only check that the losses agree; time nothing")
    parser.add_argument("--output", type=Path, help="folder for the two files (default docs/benchmarks)")
    options = parser.parse_args(arguments)
    rounds = 0 if options.check else 9 if options.quick else 41
    workloads = WORKLOADS[:-1] if options.quick or options.check else WORKLOADS
    report: dict[str, Any] = {"machine": machine()}
    if rounds and (report["machine"]["load before"] or 0) > 0.5:
        print("the machine is busy with something else: do not trust these times", file=sys.stderr)
    with start(list(PEERS)) as (peers, left_out), tempfile.TemporaryDirectory() as folder:
        if not peers or peers[0].name != OURS:
            raise SystemExit("tapeless itself is not installed: run `make bench`, or `pip install -e .`")
        for line in left_out:
            print(f"left out: {line}", file=sys.stderr)
        report |= {"peers": [peer.name for peer in peers], "left out": left_out}
        report["versions"] = {peer.name: peer.ask("versions") for peer in peers}
        report["results"] = []
        for i, workload in enumerate(workloads):
            print(f"{label(*workload)} ...", file=sys.stderr, flush=True)
            report["results"].append(measure(peers, workload, rounds, str(Path(folder) / f"{i}.npz")))
        report["peak megabytes"] = {peer.name: peer.ask("memory") for peer in peers}
    if options.check:
        print(f"{len(workloads)} networks, {SEED_STEPS} steps: same losses from {'; '.join(report['peers'])}")
        return
    print(markdown(report))
    folder = options.output or (None if options.quick else OUTPUT)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mlp_step.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (folder / "mlp_step.md").write_text(markdown(report), encoding="utf-8")
        print(f"written: {folder / 'mlp_step.json'} and .md")


if __name__ == "__main__":
    main()
