"""How long an epoch of a shuffled DataLoader over a TensorDataset takes, beside PyTorch; nothing is computed.

Each peer runs in a process of its own; epochs alternate between them. Before anything is timed, all batches of two
epochs from the same seed have to be equal, byte by byte. Writes docs/benchmarks/loader.json and .md::

    python benchmarks/loader.py           # with PyTorch installed for it
    python benchmarks/loader.py --quick   # rougher; writes no file
    python benchmarks/loader.py --check   # only that the batches are equal
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from _loader_peers import PEERS
from _rounds import Peer, alternate, machine, ratios, spread, start

OURS = "tapeless"
SERVER = Path(__file__).with_name("_loader_peers.py")
WORKLOADS = [  # samples, features, batch
    (60_000, 784, 64),
    (60_000, 20, 64),
    (5_000, 784, 64),
]
OUTPUT = Path(__file__).parents[1] / "docs" / "benchmarks"


def measure(peers: list[Peer], workload: tuple[int, int, int], rounds: int) -> dict[str, Any]:
    """Check one workload and, unless `rounds` is 0, time it."""
    samples, features, batch = workload
    orders = {}
    for peer in peers:
        peer.ask("setup", samples=samples, features=features, batch=batch)
        orders[peer.name] = peer.ask("order", epochs=2)
    for name, order in orders.items():
        if order != orders[OURS]:
            raise SystemExit(f"{label(*workload)}: the batches of {OURS} and {name} differ. Nothing was timed.")
    result: dict[str, Any] = {"samples": samples, "features": features, "batch": batch}
    if rounds:
        times = alternate(peers, rounds, steps=1)
        result |= {
            "rounds": rounds,
            "milliseconds": {name: spread([t / 1e3 for t in values]) for name, values in times.items()},
            "times ours": ratios(times, OURS),
        }
    return result


def label(samples: int, features: int, batch: int) -> str:
    """Return a workload's name."""
    return f"{samples:,} x {features}, batch {batch}"


def markdown(report: dict[str, Any]) -> str:
    """Write the report as the page docs/benchmarks/loader.md."""
    names, about = report["peers"], report["machine"]
    others = [name for name in names if name != OURS]
    head = ["data", *names, *[f"{name} / {OURS}" for name in others]]
    lines = [
        "# One epoch of a DataLoader",
        "",
        "Written by benchmarks/loader.py; do not edit. `DataLoader(TensorDataset(x, y), batch_size, shuffle=True)`,",
        "x float32, y int64; the batches are not used. Milliseconds per epoch, medians; then the time of each peer",
        "over that of tapeless in the same round, median and quartiles: above 1, tapeless is faster.",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
    ]
    for result in report["results"]:
        times, against = result["milliseconds"], result["times ours"]
        cells = [label(result["samples"], result["features"], result["batch"])]
        cells += [f"{times[name]['median']:.1f}" for name in names]
        cells += ["{median:.2f} ({low:.2f} to {high:.2f})".format(**against[name]) for name in others]
        lines.append("| " + " | ".join(cells) + " |")
    versions = {name: version for found in report["versions"].values() for name, version in found.items()}
    listed = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "threads")
    lines += [
        "",
        "Before the timing, all batches of two epochs from the same seed were equal in all peers.",
        "",
        f"{about['date']}, {about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}, "
        f"{listed}. Load before the run: {about['load before']}.",
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="rougher; writes no file")
    parser.add_argument("--check", action="store_true", help="only check that the batches are equal; time nothing")
    parser.add_argument("--output", type=Path, help="folder for the two files (default docs/benchmarks)")
    options = parser.parse_args(arguments)
    rounds = 0 if options.check else 7 if options.quick else 31
    report: dict[str, Any] = {"machine": machine()}
    if rounds and (report["machine"]["load before"] or 0) > 0.5:
        print("the machine is busy with something else: do not trust these times", file=sys.stderr)
    with start(list(PEERS), SERVER) as (peers, left_out):
        for line in left_out:
            print(f"left out: {line}", file=sys.stderr)
        report |= {"peers": [peer.name for peer in peers], "left out": left_out}
        report["versions"] = {peer.name: peer.ask("versions") for peer in peers}
        report["results"] = [measure(peers, workload, rounds) for workload in WORKLOADS]
    if options.check:
        print(f"{len(WORKLOADS)} loaders: same batches from {'; '.join(report['peers'])}")
        return
    print(markdown(report))
    folder = options.output or (None if options.quick else OUTPUT)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "loader.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (folder / "loader.md").write_text(markdown(report), encoding="utf-8")
        print(f"written: {folder / 'loader.json'} and .md")


if __name__ == "__main__":
    main()
