"""Run the examples, each in a process of its own, and hold each to the goal written at its top.

::

    python examples/_run_all.py --quick            all, shortened: what `make examples` does
    python examples/_run_all.py                    all, in full
    python examples/_run_all.py --record gpt vae   these in full; results and pictures go to docs/

With ``--record`` what came out is kept in docs/examples.json, and docs/gallery.md is written from it.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
DOCS = FOLDER.parent / "docs"
GOAL = re.compile(r"^Goal: (.+?) ([<>]=) (\S+) in a full run, [<>]= (\S+) with --quick\.$", re.MULTILINE)
LAST_LINE = re.compile(r"(.+): (\S+)")

# In the order of a first reading; tests/test_examples.py wants every script here.
ORDER = """
    three_ways_to_differentiate chain_rule_by_hand linear_regression computation_graph mlp_toys digits_mlp digits_cnn
    detection segmentation char_rnn translation gpt reinforce_cartpole ddpg_pendulum autoencoder vae contrastive
    multitask multimodal explain second_order custom_function
""".split()


@dataclass(frozen=True)
class Goal:
    """What the last line of a script has to say: ``what: number``, the number on the right side of `bound`."""

    what: str
    relation: str
    bound: float

    def reached(self, value: float) -> bool:
        """Tell whether `value` is on the right side; nan is not."""
        return value >= self.bound if self.relation == ">=" else value <= self.bound


def docstring(name: str) -> str:
    """Return the docstring of a script, which is not run for it."""
    return ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))) or ""


def goal_of(name: str, quick: bool) -> Goal:
    """Read the line that begins with ``Goal:``; ValueError when there is none of that form."""
    found = GOAL.search(docstring(name))
    if found is None:
        raise ValueError(
            f"{name}.py: the docstring needs a line 'Goal: WHAT >= X in a full run, >= Y with --quick.' (or <=)"
        )
    what, relation, full, short = found.groups()
    return Goal(what, relation, float(short if quick else full))


def run(name: str, quick: bool) -> tuple[float | None, float, str]:
    """Run a script; return its number (None when it failed or ended with something else), seconds and what it wrote."""
    start = time.perf_counter()
    path = os.pathsep.join(filter(None, [str(FOLDER.parent / "src"), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / f"{name}.py"), *(["--quick"] if quick else [])],
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    lines = done.stdout.strip().splitlines() or [""]
    last = LAST_LINE.fullmatch(lines[-1])
    as_promised = done.returncode == 0 and last is not None and last[1] == goal_of(name, quick).what
    return float(last[2]) if as_promised else None, time.perf_counter() - start, done.stdout


def run_all(names: Sequence[str], quick: bool, record: bool) -> int:
    """Run scripts and print a line for each; return how many missed their goal."""
    missed = 0
    for name in names:
        goal = goal_of(name, quick)
        value, seconds, output = run(name, quick)
        fine = value is not None and goal.reached(value)
        missed += not fine
        print(f"{'ok    ' if fine else 'MISSED'} {name:28} {seconds:6.1f} s   ", end="")
        print(f"{goal.what} {value} (goal {goal.relation} {goal.bound:g})", flush=True)
        if value is None:
            print(output)
        elif record:
            keep(name, goal, value, seconds)
    return missed


def keep(name: str, goal: Goal, value: float, seconds: float) -> None:
    """Write a result to docs/examples.json, the picture to docs/images and the page anew."""
    file = DOCS / "examples.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    results[name] = asdict(goal) | {
        "value": value,
        "seconds": round(seconds, 1),
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
    }
    results = {name: results[name] for name in ORDER if name in results}
    file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for ending in ("png", "svg"):
        picture = FOLDER / "output" / f"{name}.{ending}"
        if picture.exists():
            (DOCS / "images").mkdir(exist_ok=True)
            shutil.copyfile(picture, DOCS / "images" / picture.name)
    (DOCS / "gallery.md").write_text(page(results), encoding="utf-8")


def page(results: dict[str, dict[str, Any]]) -> str:
    """Return docs/gallery.md: the table of results, then a picture and a few lines for each script."""
    lines = [
        "# Gallery",
        "",
        "What the scripts in [examples/](../examples/README.md) draw, and the number that each is measured by, from",
        "runs in full. Written by `python examples/_run_all.py --record`; do not edit.",
        "",
        "| example | measured by | result | goal | seconds |",
        "|---|---|---|---|---|",
    ]
    for name, result in results.items():
        goal = f"{'at least' if result['relation'] == '>=' else 'at most'} {result['bound']:g}"
        lines.append(f"| [{name}](#{name}) | {result['what']} | {result['value']:g} | {goal} | {result['seconds']:g} |")
    machines = sorted({f"{result['machine']}, {result['date']}" for result in results.values()})
    lines += ["", "Measured on: " + "; ".join(machines) + "."]
    for name in results:
        text = docstring(name).split("::\n")[0] + "."  # up to the command
        lines += ["", f"## {name}", "", text.replace("``", "`").replace("..", ".")]
        for ending in ("png", "svg"):
            if (DOCS / "images" / f"{name}.{ending}").exists():
                lines += ["", f"![{name}](images/{name}.{ending})"]
        lines += ["", f"[examples/{name}.py](../examples/{name}.py)"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="scripts, without .py (all)")
    parser.add_argument("--quick", action="store_true", help="shortened runs")
    parser.add_argument("--record", action="store_true", help="keep results and pictures of full runs in docs/")
    options = parser.parse_args()
    if options.quick and options.record:
        parser.error("what is recorded are full runs: leave --quick out")
    names = options.names or [name for name in ORDER if (FOLDER / f"{name}.py").exists()]
    if unknown := [name for name in names if not (FOLDER / f"{name}.py").exists()]:
        parser.error(f"no such example: {', '.join(unknown)}; there are {', '.join(ORDER)}")
    start = time.perf_counter()
    missed = run_all(names, options.quick, options.record)
    print(f"{len(names)} examples in {time.perf_counter() - start:.0f} s, {missed} missed their goal")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
