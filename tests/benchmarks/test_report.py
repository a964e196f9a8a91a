"""The page and the picture of the suite, made of made-up numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import _picture
import _report
import pytest
import suite
from _workloads import FUSED, HAND, NUMBA, OURS, TORCH


def around(median: float) -> dict[str, float]:
    return {"median": median, "low": median * 0.9, "high": median * 1.1}


def result(id: str, **changes: Any) -> dict[str, Any]:
    made_up = {
        "id": id,
        "what": "a network; a training step",
        "unit": "step",
        "trains": True,
        "targets": {OURS: {TORCH: 4.0, FUSED: 2.5, HAND: 0.75}, NUMBA: {TORCH: 6.0}},
        "left out": {FUSED: "torch is too old"},
        "last values": {OURS: 0.5, TORCH: 0.5, HAND: 0.5},
        "rounds": 7,
        "microseconds": {OURS: around(100), NUMBA: around(50), TORCH: around(390), HAND: around(80)},
        "times ours": {
            OURS: {NUMBA: around(0.5), TORCH: around(3.9), HAND: around(0.8)},
            NUMBA: {OURS: around(2), TORCH: around(7.8), HAND: around(1.6)},
        },
        "peak megabytes": {OURS: 40.0, NUMBA: 90.0, TORCH: 320.0, HAND: None},
        "versions": {
            OURS: {"tapeless": "1.2", "threads": 2},
            NUMBA: {"tapeless": "1.2", "numba": "0.6", "threads": 2},
            TORCH: {"torch": "2.13", "threads": 2},
            HAND: {"numpy": "2.4", "threads": None},
        },
    }
    return made_up | changes


@pytest.fixture
def report() -> dict[str, Any]:
    alone = {"microseconds": {OURS: around(2.5e6)}, "times ours": {OURS: {}}, "trains": False, "left out": {}}
    about = {"date": "2026-01-02", "cpu": "A CPU", "cores": 2, "system": "Linux x86_64", "python": "3.11"}
    about |= {"load before": 0.1, "thread settings": {"OMP_NUM_THREADS": "2"}}
    return {"machine": about, "seconds": 90, "results": [result("toy"), result("alone", **alone)]}


def table(page: str, title: str) -> list[list[str]]:
    """The cells of the table below a heading, its head first."""
    text = page.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|--")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_goals_say_whether_they_are_reached(report: dict[str, Any]) -> None:
    assert table(_report.markdown(report), "Goals")[1:] == [
        ["`toy`", TORCH, OURS, "4", "3.90 (3.51 to 4.29)", "no"],
        ["`toy`", FUSED, OURS, "2.5", "not run", ""],
        ["`toy`", HAND, OURS, "0.75", "0.80 (0.72 to 0.88)", "yes"],
        ["`toy`", TORCH, NUMBA, "6", "7.80 (7.02 to 8.58)", "yes"],
        ["`toy`", f"{TORCH}, memory", OURS, "1", "8.00", "yes"],
        ["`alone`", TORCH, OURS, "4", "not run", ""],
        ["`alone`", FUSED, OURS, "2.5", "not run", ""],
        ["`alone`", HAND, OURS, "0.75", "not run", ""],
    ]


def test_tables_have_a_row_per_workload_and_a_column_per_peer(report: dict[str, Any]) -> None:
    page = _report.markdown(report)
    assert table(page, "Times") == [
        ["row", OURS, NUMBA, TORCH, HAND],
        ["`toy`", "100 µs", "50.0 µs", "390 µs", "80.0 µs"],
        ["`alone`", "2.50 s", "", "", ""],
    ]
    assert table(page, "Ratios")[0] == ["row", NUMBA, TORCH, HAND]
    assert table(page, "Ratios with numba")[1] == [
        "`toy`",
        "2.00 (1.80 to 2.20)",
        "7.80 (7.02 to 8.58)",
        "1.60 (1.44 to 1.76)",
    ]
    assert table(page, "Memory")[1] == ["`toy`", "40", "90", "320"]
    assert table(page, "Versions")[2] == [NUMBA, "tapeless 1.2, numba 0.6", "2"]


def test_the_page_says_who_was_left_out_and_where_it_ran(report: dict[str, Any]) -> None:
    page = _report.markdown(report)
    assert f"Left out: {FUSED} (torch is too old)." in page
    assert "2026-01-02, A CPU, 2 cores, Linux x86_64, Python 3.11, OMP_NUM_THREADS=2; 7 rounds per row; " in page
    assert page.endswith("load before the run: 0.1; 1.5 minutes in all.\n")


def test_without_numba_there_is_no_table_of_it(report: dict[str, Any]) -> None:
    for row in report["results"]:
        row["times ours"].pop(NUMBA, None)
    page = _report.markdown(report)
    assert "with numba" not in page and f"| {NUMBA} | 6 |" not in page


@pytest.mark.parametrize(
    "microseconds, text", [(2.5e6, "2.50 s"), (1234, "1.23 ms"), (56.78, "56.8 µs"), (0.5, "500 ns")]
)
def test_durations_have_three_digits(microseconds: float, text: str) -> None:
    assert _report.duration(microseconds) == text


def test_what_is_written_is_enough_to_write_it_again(report: dict[str, Any], tmp_path: Path) -> None:
    suite.write(report, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {"suite.json", "suite.md"} <= set(before)
    suite.main(["--redraw", "--output", str(tmp_path)])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_numbers_in_the_file_have_five_digits(report: dict[str, Any], tmp_path: Path) -> None:
    report["results"][0]["last values"][OURS] = 0.123456789
    suite.write(report, tmp_path)
    written = json.loads((tmp_path / "suite.json").read_text(encoding="utf-8"))
    assert written["results"][0]["last values"][OURS] == 0.12346


def test_the_picture_shows_rows_peers_and_goals(report: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    _picture.draw(report, tmp_path / "suite.svg")
    picture = (tmp_path / "suite.svg").read_text(encoding="utf-8")
    for text in ("toy", "alone", TORCH, HAND, NUMBA, "to be reached"):
        assert f">{text}</text>" in picture
    assert picture.count(_picture.COLOURS[TORCH]) >= 3, "the mark, its quartiles and the goal"
    assert picture.count(_picture.COLOURS[FUSED]) >= 1, "a goal is shown even for a peer that did not run"
    assert "date" not in picture, "the same numbers give the same file"
