"""The benchmark suite compares results before it times anything, and refuses to time what differs."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import _peers
import _rounds
import _workloads
import pytest
import suite

ROOT = Path(__file__).parents[2]
HAND, OURS, TORCH = _workloads.HAND, _workloads.OURS, _workloads.TORCH
# In their order.
ROWS = "mlp-toy mlp-small mlp-mnist mlp-wide mlp-big simplechains lenet resnet lstm gpt chain loader cold hvp".split()
QUICK_ROWS = ["mlp-toy", "mlp-small", "simplechains", "lenet", "chain", "hvp"]

# A server whose hand-written NumPy does not do what it says.
FAULTY = """
import sys
sys.path.insert(0, {folder!r})
import _peers, _serve
from _peers.numpy_mlp import HandNumpy

class Faulty(HandNumpy):
    def step(self):
        {fault}

_peers.PEERS["hand-written NumPy"] = lambda: Faulty
_serve.serve(sys.argv[1])
"""


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / "suite.py"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", timeout=300)


@pytest.fixture(autouse=True)
def _peers_find_tapeless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def install(fault: str) -> None:
        server = tmp_path / "faulty_server.py"
        server.write_text(FAULTY.format(folder=str(ROOT / "benchmarks"), fault=fault), encoding="utf-8")
        monkeypatch.setattr(suite, "start", partial(_rounds.start, server=server))

    return install


def test_the_table_names_rows_and_peers_that_there_are() -> None:
    assert [work.id for work in _workloads.WORKLOADS] == ROWS
    for work in _workloads.WORKLOADS:
        assert set(work.peers) <= set(_peers.PEERS), work.id
        assert set(work.targets) | set(work.numba_targets) <= set(work.peers), work.id
        assert OURS in work.peers and TORCH in work.targets, work.id


def test_the_peers_agree() -> None:
    done = command(*QUICK_ROWS, "--check", "--peers", HAND)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert list(lines) == QUICK_ROWS
    assert lines["mlp-toy"] == "same results from tapeless; hand-written NumPy"
    assert lines["lenet"].endswith("it runs, there is nobody to compare with")


def test_two_rows_are_timed_and_redrawn_the_same(tmp_path: Path) -> None:
    options = ["--quick", "--rounds", "2", "--peers", HAND, "bare GEMMs"]
    done = command("mlp-toy", "hvp", "--output", str(tmp_path), *options)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "suite.md").read_text(encoding="utf-8")
    assert "| `mlp-toy` | hand-written NumPy | tapeless | 0.75 |" in page
    done = command("--redraw", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "suite.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("how", ["--check", "--quick"])
def test_a_peer_that_lies_is_refused(how: str, faulty, tmp_path: Path) -> None:
    faulty("return super().step() * 1.01")
    with pytest.raises(SystemExit, match=r"mlp-small: tapeless and hand-written NumPy differ at value 0: 2\.\d+ and 2"):
        suite.main(["mlp-small", how, "--peers", HAND, "--output", str(tmp_path / "results")])
    assert not (tmp_path / "results").exists(), "what is not right is not written"


def test_a_peer_that_dies_is_named_and_the_next_row_goes_on(faulty, capfd: pytest.CaptureFixture[str]) -> None:
    faulty("sys.exit(3)")
    with pytest.raises(SystemExit, match="mlp-small: the process of 'hand-written NumPy' ended with status 3"):
        suite.main(["mlp-small", "hvp", "--quick", "--rounds", "2", "--peers", HAND])
    assert "| `hvp` |" in capfd.readouterr().out


def test_a_peer_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sklearn.py").write_text("raise ModuleNotFoundError('no', name='sklearn')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT / "src")]))
    with _rounds.start([OURS, "scikit-learn"]) as (peers, left_out):
        assert [peer.name for peer in peers] == [OURS]
    assert left_out == {"scikit-learn": "sklearn is not installed"}


def test_unknown_rows_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        suite.main(["lennet"])
    assert "no row is called lennet; there are mlp-toy, " in capsys.readouterr().err


def test_disagreement_tells_values_apart() -> None:
    compare = partial(_rounds.disagreement, rtol=1e-3, atol=1e-5)
    assert compare({"a": [1.0, 2.0], "b": [1.0005, 2.0]}) == ""
    assert compare({"a": [1.0, 2.0], "b": [1.0, 2.01]}) == "a and b differ at value 1: 2 and 2.01"
    assert "differ at value 0" in compare({"a": [1.0], "b": [float("nan")]})
    assert compare({"a": [1.0], "b": [1.0], "c": []}) == "a gives 1 values and c 0"
    assert compare({"a": ["ab"], "b": ["ab"]}) == ""
    assert compare({"a": ["ab"], "b": ["ac"]}) == "a and b differ at value 0: ab and ac"


def test_ratios_are_taken_round_by_round() -> None:
    times = {"ours": [1.0, 2.0, 4.0], "theirs": [3.0, 6.0, 12.0]}
    assert _rounds.ratios(times, "ours") == {"theirs": {"median": 3.0, "low": 3.0, "high": 3.0}}
