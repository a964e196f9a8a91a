"""The page of the suite, from the report alone: what docs/benchmarks/suite.json holds."""

from __future__ import annotations

from typing import Any

from _workloads import NUMBA, OURS, TORCH

INTRODUCTION = """\
# Benchmarks

Written by `make bench` (benchmarks/suite.py) from [suite.json](suite.json); do not edit. Each peer runs in a process
of its own, and rounds alternate between them, so that what else the machine does meets all alike. Before a row was
timed, the results of all its peers from the same start agreed. A ratio is a peer's time over that of tapeless in the
same round, median and quartiles: above 1, tapeless is faster. Read ratios rather than times: they travel better.

![Ratios of all rows](suite.svg)
"""
LIMITS = """\
`hand-written NumPy` is the step written out with all memory made beforehand. `bare GEMMs` are the step's matrix
products and nothing else, `bare take` gathers the rows of each batch, `sequential copy` moves as many bytes: no
library on NumPy can be faster than these. `torch (fused)` updates the parameters in one kernel; `torch.compile`
compiles the model and has the fused update, too; `jax.jit` compiles the whole step.
"""


def markdown(report: dict[str, Any]) -> str:
    """Write the report as the page docs/benchmarks/suite.md."""
    results = report["results"]
    parts = [
        INTRODUCTION,
        section("What is timed", ["row", "what it is"], [[f"`{r['id']}`", r["what"]] for r in results]),
        LIMITS,
        section("Goals", ["row", "against", "ours", "to reach", "measured", "reached"], goals(results)),
        per_peer("Times", results, time_cell, "Medians, per what the first table says last."),
        per_peer("Ratios", results, lambda r, name: ratio_cell(r, name, OURS), "Times over those of tapeless."),
    ]
    if any(NUMBA in r["times ours"] for r in results):
        text = "The same over the times of tapeless with its optional engine, `tapeless[numba]`."
        parts.append(per_peer("Ratios with numba", results, lambda r, name: ratio_cell(r, name, NUMBA), text))
    parts += [
        per_peer("Memory", results, memory_cell, "The most megabytes that a peer's process has had, imports included."),
        section("Versions", ["peer", "versions", "threads"], versions(results)),
        "\n".join(closing(report)) + "\n",
    ]
    return "\n".join(parts)


def section(title: str, head: list[str], rows: list[list[str]], text: str = "") -> str:
    """Return a heading, a sentence and a table."""
    lines = [f"## {title}", "", *([text, ""] if text else []), "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *["| " + " | ".join(row) + " |" for row in rows], ""])


def peers_of(results: list[dict[str, Any]]) -> list[str]:
    """Return all peers that ran, in the order in which they first appear in the longest row."""
    ordered = sorted(results, key=lambda r: -len(r["microseconds"]))
    return list(dict.fromkeys(name for r in ordered for name in r["microseconds"]))


def per_peer(title: str, results: list[dict[str, Any]], cell: Any, text: str) -> str:
    """Return a table with a row per workload and a column per peer; columns without any figure are left out."""
    cells = {name: [cell(r, name) for r in results] for name in peers_of(results)}
    names = [name for name, column in cells.items() if any(column)]
    rows = [[f"`{r['id']}`", *[cells[name][i] for name in names]] for i, r in enumerate(results)]
    return section(title, ["row", *names], rows, text)


def goals(results: list[dict[str, Any]]) -> list[list[str]]:
    """Return a line per ratio that the project wants to reach, memory included."""
    lines = []
    for r in results:
        for ours, against in r["times ours"].items():
            for name, target in r["targets"][ours].items():
                found = against.get(name)
                measured = ratio_cell(r, name, ours) or "not run"
                reached = "" if not found else "yes" if found["median"] >= target else "no"
                lines.append([f"`{r['id']}`", name, ours, f"{target:g}", measured, reached])
        memory = r["peak megabytes"]
        if r["trains"] and memory.get(OURS) and memory.get(TORCH):
            ratio = memory[TORCH] / memory[OURS]
            lines.append([f"`{r['id']}`", f"{TORCH}, memory", OURS, "1", f"{ratio:.2f}", "yes" if ratio >= 1 else "no"])
    return lines


def duration(microseconds: float) -> str:
    """Return a time with its unit, in three digits."""
    units = [("s", 1e6), ("ms", 1e3), ("µs", 1.0), ("ns", 1e-3)]
    unit, size = next((pair for pair in units if microseconds >= pair[1]), units[-1])
    value = microseconds / size
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def time_cell(result: dict[str, Any], name: str) -> str:
    """Return the median time of a peer."""
    time = result["microseconds"].get(name)
    return duration(time["median"]) if time else ""


def ratio_cell(result: dict[str, Any], name: str, ours: str) -> str:
    """Return a peer's ratio and its spread."""
    ratio = result["times ours"].get(ours, {}).get(name)
    return "{median:.2f} ({low:.2f} to {high:.2f})".format(**ratio) if ratio else ""


def memory_cell(result: dict[str, Any], name: str) -> str:
    """Return a peer's peak of memory."""
    peak = result["peak megabytes"].get(name)
    return f"{peak:.0f}" if peak else ""


def versions(results: list[dict[str, Any]]) -> list[list[str]]:
    """Return a line per peer: what it is made of, and on how many threads."""
    lines = []
    for name in peers_of(results):
        found = next(r["versions"][name] for r in results if name in r["versions"])
        listed = ", ".join(f"{library} {version}" for library, version in found.items() if library != "threads")
        lines.append([name, listed, str(found["threads"] or "its own pool")])
    return lines


def closing(report: dict[str, Any]) -> list[str]:
    """Say who was left out, and what the figures depend on besides the code."""
    about = report["machine"]
    missing = {name: reason for r in report["results"] for name, reason in r["left out"].items()}
    lines = [f"Left out: {'; '.join(f'{name} ({reason})' for name, reason in missing.items())}.", ""] if missing else []
    rounds = sorted({r["rounds"] for r in report["results"]})
    settings = "".join(f", {key}={value}" for key, value in about["thread settings"].items())
    return [
        *lines,
        f"{about['date']}, {about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}"
        f"{settings}; {' or '.join(map(str, rounds))} rounds per row; load before the run: {about['load before']}; "
        f"{report['seconds'] / 60:.1f} minutes in all.",
    ]
