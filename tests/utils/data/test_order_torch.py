"""The same seed gives PyTorch's order: samplers, splits and loaders, interleaved with other draws."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
import tapeless.utils.data as ours

torch = pytest.importorskip("torch")
import torch.utils.data as theirs  # noqa: E402

SIDES = [(tl, ours), (torch, theirs)]


def both(program, seed=0):
    """Run one program against either library from the same seed; the results must be equal."""
    results = []
    for library, data in SIDES:
        library.manual_seed(seed)
        results.append(program(library, data))
    assert results[0] == results[1]


def columns(batch):
    return [column.tolist() for column in batch] if isinstance(batch, (list, tuple)) else batch.tolist()


@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4, "shuffle": True},
        {"batch_size": 5, "shuffle": True},
        {"batch_size": 4, "shuffle": True, "drop_last": True},
        {"batch_size": None, "shuffle": True},
        {"batch_size": 4},
        {"batch_size": 50, "shuffle": True},
    ],
    ids=str,
)
def test_loader_epochs_with_draws_between_batches(options, tensors, own_generator):
    def program(library, data):
        rows = data.TensorDataset(library.arange(20), library.arange(20)) if tensors else list(range(20))
        generator = library.Generator().manual_seed(5) if own_generator else None
        loader = data.DataLoader(rows, generator=generator, **options)
        seen = []
        for epoch in range(4):
            for step, batch in enumerate(loader):
                seen.append(columns(batch) if not isinstance(batch, int) else batch)
                seen.append(library.randperm(5, generator=generator if step % 2 else None).tolist())
                if epoch == 1 and step == 1:
                    break
        return [*seen, library.randperm(9).tolist()]

    both(program)


def test_a_long_shuffled_epoch():
    def program(library, data):
        loader = data.DataLoader(data.TensorDataset(library.arange(60_000)), batch_size=500, shuffle=True)
        return [columns(batch) for _ in range(2) for batch in loader]

    both(program)


@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda data, generator: data.RandomSampler(range(50), generator=generator),
        lambda data, generator: data.RandomSampler(range(50), num_samples=120, generator=generator),
        lambda data, generator: data.RandomSampler(range(50), num_samples=100, generator=generator),
        lambda data, generator: data.RandomSampler(range(50), True, generator=generator),
        lambda data, generator: data.RandomSampler(range(50), True, 100, generator=generator),
        lambda data, generator: data.SubsetRandomSampler(list(range(0, 90, 3)), generator=generator),
        lambda data, generator: data.WeightedRandomSampler(list(range(1, 40)), 60, generator=generator),
        lambda data, generator: data.WeightedRandomSampler(list(range(1, 40)), 1, generator=generator),
        lambda data, generator: data.WeightedRandomSampler(list(range(1, 40)), 30, False, generator=generator),
    ],
)
def test_samplers_one_by_one_and_in_tensor_batches(make, own_generator):
    def program(library, data):
        generator = library.Generator().manual_seed(11) if own_generator else None
        sampler = make(data, generator)
        indices = iter(sampler)
        seen = [
            next(indices),
            library.randperm(5, generator=generator).tolist(),
            list(indices),
            list(sampler),
        ]
        loader = data.DataLoader(data.TensorDataset(library.arange(100)), batch_size=7, sampler=sampler)
        for _ in range(2):
            for batch in loader:
                seen += [columns(batch), library.randperm(3, generator=generator).tolist()]
        return [*seen, library.randperm(9).tolist()]

    both(program)


@pytest.mark.parametrize("lengths", [[60, 40], [0.5, 0.3, 0.2], [0.33, 0.33, 0.34], [100]])
def test_random_split_and_shuffled_subsets(lengths):
    def program(library, data):
        whole = data.TensorDataset(library.arange(100))
        seen = []
        for generator in (None, library.default_generator, library.Generator().manual_seed(42)):
            for part in data.random_split(whole, lengths, generator=generator):
                seen.append(part.indices)
                seen += [columns(batch) for batch in data.DataLoader(part, batch_size=9, shuffle=True)]
        return seen

    both(program)


@pytest.mark.parametrize(
    "sample",
    [
        1,
        True,
        2.5,
        np.float32(2),
        np.float64(2),
        np.int16(3),
        np.arange(3),
        (1, "a"),
        [1.0, (2, 3)],
        {"a": 1},
    ],
    ids=repr,
)
def test_collated_types(sample):
    def shape_of(value):
        if isinstance(value, dict):
            return {key: shape_of(entry) for key, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value), [shape_of(entry) for entry in value]
        return (str(value.dtype).replace("torch.", ""), value.tolist()) if hasattr(value, "dtype") else value

    both(lambda _, data: shape_of(data.default_collate([sample, sample])))
    both(lambda _, data: shape_of(data.default_convert(sample)))


@pytest.mark.parametrize(
    "program",
    [
        lambda data: data.default_collate([object()]),
        lambda data: data.default_collate([[1], [1, 2]]),
        lambda data: data.default_collate([np.array(["a"])]),
        lambda data: data.default_collate([np.arange(2), np.arange(3)]),
        lambda data: data.random_split(range(5), [1, 2]),
        lambda data: data.ConcatDataset([]),
        lambda data: data.StackDataset(),
        lambda data: data.StackDataset("ab", "abc"),
        lambda data: data.RandomSampler([]),
        lambda data: data.BatchSampler([], 0, False),
        lambda data: data.DataLoader([1], num_workers=-1),
        lambda data: data.DataLoader([1], prefetch_factor=1),
        lambda data: data.DataLoader([1], batch_sampler=[[0]], drop_last=True),
        lambda data: data.DataLoader([1], batch_size=None, drop_last=True),
        lambda data: data.DataLoader(data.ChainDataset([]), shuffle=True),
        lambda data: list(data.DataLoader([1], timeout=1)),
        lambda data: list(data.WeightedRandomSampler([0.0], 1)),
        lambda data: data.DistributedSampler([1], 2, 2),
        lambda data: data.DistributedSampler([1], 2, -1),
        lambda data: data.DataLoader([1], num_workers=1, multiprocessing_context="thread"),
        lambda data: data.DataLoader([1], num_workers=1, multiprocessing_context=3),
        lambda data: data.DataLoader([1], multiprocessing_context="fork"),
        lambda data: list(data.WeightedRandomSampler([1.0], 2, False)),
    ],
)
def test_first_line_and_type_of_errors(program):
    found = []
    for _, data in SIDES:
        with pytest.raises(Exception) as caught:
            program(data)
        found.append((type(caught.value), str(caught.value).split("\n")[0]))
    assert found[0] == found[1]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("n", "replicas"), [(0, 2), (1, 3), (5, 2), (10, 7), (17, 4), (3, 8)])
def test_shares_of_a_distributed_sampler(n, replicas, drop_last, shuffle):
    def program(library, data):
        seen = []
        for rank in range(replicas):
            sampler = data.DistributedSampler(range(n), replicas, rank, shuffle, seed=3, drop_last=drop_last)
            for epoch in (0, 2):
                sampler.set_epoch(epoch)
                seen.append((list(sampler), len(sampler), sampler.total_size))
        return [*seen, library.rand(1).tolist()]

    both(program)


@pytest.mark.parametrize("name", ["dataloader", "dataset", "distributed", "sampler"])
def test_module_paths(name):
    for public in getattr(theirs, name).__all__:
        found = getattr(getattr(ours, name), public)
        assert found is getattr(ours, public) and callable(found)


def test_all_names_but_those_of_data_pipes():
    missing = {name for name in theirs.__all__ if not hasattr(ours, name)}
    assert missing == {
        "DFIterDataPipe", "DataChunk", "IterDataPipe", "MapDataPipe", "_DatasetKind", "argument_validation",
        "functional_datapipe", "guaranteed_datapipes_determinism", "non_deterministic", "runtime_validation",
        "runtime_validation_disabled",
    }  # fmt: skip
