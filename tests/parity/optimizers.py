"""The parity of optimizers and schedulers: what passes and what fails, by name and kind.

Optimizers are those of PyTorch's own database, `optim_db`, with its inputs and its errors; the runs are those of
`tests/optim`. ``python -m tests.parity.optimizers`` prints the score.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import tapeless as tl
from tests.optim import schedules, test_lbfgs
from tests.optim.database import check_error, check_trajectory, error_samples, optim_db, ours_of
from tests.optim.random_runs import NAMES, Program, Runner, differences, state_differences
from tests.optim.trajectories import EVENTS, OPTIONS, STEPS, Run, assert_same, label, tolerance

Score = tuple[int, int, list[str]]  # passed, failed, notes
Check = Callable[[], None]
HALF = STEPS // 2
SEEDS = 6


def run() -> dict[str, dict[str, Score]]:
    """Return (passed, failed, notes) for each kind of each optimizer and scheduler."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = {f"optim.{info.name}": _score(optimizer_checks(info)) for info in optim_db}
            found = scheduler_checks()
            scores |= {f"optim.lr_scheduler.{name}": _score(checks) for name, checks in found.items()}
            return scores | {"optim.swa_utils.SWALR": _score(swalr_checks())}
    finally:
        torch.set_num_threads(threads)


def _score(checks: dict[str, list[Check]]) -> dict[str, Score]:
    """Run the checks of each kind; a kind without any is left out."""
    scores = {}
    for kind, entries in checks.items():
        notes = []
        for check in entries:
            try:
                check()
            except Exception as error:
                notes.append(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
            except BaseException as error:  # pytest's own failures, where no exception came
                if type(error).__name__ != "Failed":
                    raise
                notes.append(str(error)[:200])
        if entries:
            scores[kind] = (len(entries) - len(notes), len(notes), notes[:5])
    return scores


# -- Optimizers -------------------------------------------------------------------------------------------


def optimizer_checks(info: Any) -> dict[str, list[Check]]:
    """Return the checks of an optimizer by kind."""
    name = info.name
    errors: list[Check] = [lambda e=e: check_error(info, e) for e in error_samples(info)]
    if info.only_supports_sparse_grads:
        return {"error": [*errors, lambda: _dense_is_refused(name)], "signature": [lambda: _signature(info)]}
    inputs = [sample.kwargs for sample in info.optim_inputs_func(device="cpu")]
    cases = [case for case in OPTIONS if case[0] == name]
    return {
        "trajectory": [lambda o=o: check_trajectory(info, o, "float64") for o in inputs],
        "complex": [lambda o=o: check_trajectory(info, o, "complex128") for o in inputs if info.supports_complex],
        "groups": [lambda c=c, e=e: _same_run(c, e) for c in (cases[0], cases[-1]) for e in EVENTS] if cases else [],
        "options": [lambda c=c: _same_run(c, "all") for c in cases],
        "float32": [lambda c=c: _same_run(c, "all", "float32") for c in cases],
        "resume": [
            lambda o=o, pair=pair: _resume(name, o, pair)
            for o in inputs
            for pair in ((tl, tl), (torch, tl), (tl, torch))
        ],
        "state": [lambda o=o: _state(name, o) for o in inputs],
        "random": [lambda s=s, m=m: _random(name, s, m) for s in range(SEEDS) for m in (True, False) if name in NAMES],
        "error": errors,
        "signature": [lambda: _signature(info)],
    }


def _dense_is_refused(name: str) -> None:
    """Compare the kind and the first line of what both raise for a dense gradient."""
    raised = []
    for lib in (tl, torch):
        p = lib.nn.Parameter(lib.ones(2))
        p.grad = lib.ones(2)
        try:
            getattr(lib.optim, name)([p]).step()
        except RuntimeError as error:
            raised.append(str(error).split("\n")[0])
    assert len(raised) == 2 and raised[0] == raised[1], raised


def _signature(info: Any) -> None:
    """Compare the options of a group, with their order and defaults."""
    groups = []
    for lib in (tl, torch):
        group = getattr(lib.optim, info.name)([lib.nn.Parameter(lib.ones(2, 2))]).param_groups[0]
        groups.append([item for item in group.items() if item[0] != "params"])
    assert groups[0] == groups[1], groups


def _same_run(case: Any, event: str, dtype: str = "float64") -> None:
    limits = tolerance(case)
    if dtype == "float32" and case[0] != "Muon":
        limits = {"rtol": 1e-3, "atol": 1e-4}
    assert_same(Run(tl, case, event, dtype).go(), Run(torch, case, event, dtype).go(), **limits)


def _runs(name: str, options: dict[str, Any], libs: Any) -> list[Any]:
    """Return runs of an optimizer with each of some libraries."""
    if name == "LBFGS":
        return [test_lbfgs.Run(lib, {"max_iter": 5, **_for(lib, options)}) for lib in libs]
    return [Run(lib, (name, _for(lib, options)), "none") for lib in libs]


def _for(lib: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return options with the library's own tensors."""
    return ours_of(options) if lib is tl else copy.deepcopy(options)  # type: ignore[no-any-return]


def _steps(name: str, run: Any, start: int, stop: int) -> list[Any]:
    """Return the parameters after each of some steps."""
    if name == "LBFGS":
        return [[np.array(row[2:])] for row in run.go(3)]
    return run.go(start, stop)  # type: ignore[no-any-return]


def _resume(name: str, options: dict[str, Any], pair: Any) -> None:
    """Save half-way in one library, go on in another: as if nothing had happened."""
    first, whole = _runs(name, options, (pair[0], torch))
    _steps(name, first, 0, HALF), _steps(name, whole, 0, HALF)
    (second,) = _runs(name, options, pair[1:])
    with second.lib.no_grad():
        for p, q in zip(second.params, first.params, strict=True):
            p.copy_(second.lib.tensor(q.detach().numpy()))
    second.optimizer.load_state_dict(_converted(first.optimizer.state_dict(), pair[1]))
    assert_same(_steps(name, second, HALF, STEPS), _steps(name, whole, HALF, STEPS), **tolerance((name, {})))


def _converted(value: Any, lib: Any) -> Any:
    """Return a copy of a state dict with another library's tensors."""
    if isinstance(value, dict):
        return {k: _converted(v, lib) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_converted(v, lib) for v in value])
    return lib.tensor(value.detach().numpy()) if hasattr(value, "detach") else copy.deepcopy(value)


def _state(name: str, options: dict[str, Any]) -> None:
    """Compare state dicts half-way: keys and their order, shapes, dtypes, values."""
    saved = []
    for run in _runs(name, options, (tl, torch)):
        _steps(name, run, 0, 20)
        saved.append(run.optimizer.state_dict())
    if name == "LBFGS":
        mine, other = [_shapes(one["state"]) for one in saved]
        assert mine == other, (mine, other)
        groups, expected = [_floats(one)["param_groups"] for one in saved]
        assert groups == expected, (groups, expected)
        return
    limits = tolerance((name, {}))
    assert state_differences(*[_floats(one) for one in saved], limits["rtol"], limits["atol"]) == ""


def _shapes(value: Any) -> Any:
    """Return a state with shapes and dtypes for tensors, and kinds for all else."""
    if isinstance(value, dict):
        return {k: _shapes(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_shapes(v) for v in value]
    return (tuple(value.shape), str(value.detach().numpy().dtype)) if hasattr(value, "detach") else type(value)


def _floats(saved: dict[str, Any]) -> dict[str, Any]:
    """Return a state dict with floats for tensors in the options, so that they compare."""
    groups = [{k: v.item() if hasattr(v, "item") else v for k, v in g.items()} for g in saved["param_groups"]]
    return {**saved, "param_groups": groups}


def _random(name: str, seed: int, move: bool) -> None:
    program = Program(name, seed)
    found = differences(Runner(tl, program, move), Runner(torch, program))
    assert found == "", f"seed {seed}: {found}"


# -- Schedulers -------------------------------------------------------------------------------------------


def scheduler_checks() -> dict[str, dict[str, list[Check]]]:
    """Return the checks of all schedulers by name and kind."""
    found: dict[str, dict[str, list[Check]]] = {}
    for make in schedules.MAKERS.values():
        kind = type(make(tl.optim.lr_scheduler, schedules.optimizer_of(tl))).__name__
        checks = found.setdefault(kind, {"sequence": [], "state": []})
        for name in ("SGD", "Adam"):
            checks["sequence"].append(lambda m=make, n=name: _same_sequence(m, n))
        checks["sequence"].append(lambda m=make: _same_sequence(m, "SGD", tensors=True))
        checks["state"] += [lambda m=make, lib=lib: _scheduler_state(m, lib) for lib in (tl, torch)]
    plateaus: list[Check] = [lambda o=o: _plateau(o) for o in schedules.PLATEAUS.values()]
    return {**found, "ReduceLROnPlateau": {"sequence": plateaus}}


def _same_sequence(make: Any, name: str, tensors: bool = False) -> None:
    results = []
    for lib in (tl, torch):
        optimizer = schedules.optimizer_of(lib, name, tensors)
        results.append(schedules.sequence(optimizer, make(lib.optim.lr_scheduler, optimizer)))
    schedules.same(*results)


def _scheduler_state(make: Any, source: Any) -> None:
    """Compare state dicts half-way, and go on here from ours or from PyTorch's."""
    saved = {}
    for lib in (tl, torch):
        optimizer = schedules.optimizer_of(lib)
        scheduler = make(lib.optim.lr_scheduler, optimizer)
        schedules.sequence(optimizer, scheduler, 43)
        groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
        saved[lib] = copy.deepcopy((scheduler.state_dict(), groups))
    expected = schedules.sequence(optimizer, scheduler, 57)
    schedules.same_state(saved[tl][0], saved[torch][0])
    optimizer = schedules.optimizer_of(tl)
    scheduler = make(tl.optim.lr_scheduler, optimizer)
    for mine, theirs in zip(optimizer.param_groups, saved[source][1], strict=True):
        mine.update(theirs)
    scheduler.load_state_dict(saved[source][0])
    schedules.same(schedules.sequence(optimizer, scheduler, 57), expected)


def _plateau(options: dict[str, Any]) -> None:
    measures = np.exp(-np.arange(100) / 20) + np.random.default_rng(0).normal(size=100) * 0.05
    results, states = [], []
    for lib in (tl, torch):
        optimizer = schedules.optimizer_of(lib)
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        history = []
        for measure in measures:
            scheduler.step(measure)
            history.append(schedules.settings(optimizer))
        results.append(history)
        states.append(scheduler.state_dict())
    schedules.same(*results)
    schedules.same_state(*states)


def swalr_checks() -> dict[str, list[Check]]:
    """Return the checks of the scheduler of `swa_utils`."""
    makers = [
        lambda lib, o: lib.optim.swa_utils.SWALR(o, 0.05),
        lambda lib, o: lib.optim.swa_utils.SWALR(o, [0.05, 0.2], 20, "linear"),
        lambda lib, o: lib.optim.swa_utils.SWALR(o, 0.05, 0),
    ]

    def check(make: Any) -> None:
        results = []
        for lib in (tl, torch):
            optimizer = schedules.optimizer_of(lib)
            results.append(schedules.sequence(optimizer, make(lib, optimizer)))
        schedules.same(*results)

    return {"sequence": [lambda m=m: check(m) for m in makers]}


def main() -> None:
    """Print what fails, and the sums by kind."""
    scores = run()
    totals: dict[str, list[int]] = {}
    for name, kinds in scores.items():
        for kind, (passed, failed, notes) in kinds.items():
            total = totals.setdefault(kind, [0, 0])
            total[0] += passed
            total[1] += failed
            for note in notes:
                print(f"{name} {kind}: {note}")
    for kind, (passed, failed) in totals.items():
        print(f"{kind}: {passed} of {passed + failed}")
    label_count = len({label(case) for case in OPTIONS})
    print(f"{len(scores)} classes; {label_count} sets of options of our own")


if __name__ == "__main__":
    main()
