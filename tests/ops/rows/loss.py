"""Losses with margins and of distributions, distances, embeddings, attention, and what draws at random."""

from __future__ import annotations

import math

import numpy as np

from tests.ops.table import call, f, ints, loss, of_pair, reduced, rough, row, unary

SIGNS = np.array([1, -1, 1])


def reducing(formula):
    """Make a loss's reference of the formula for one element, whatever the arguments."""
    return lambda *args, reduction="mean", **options: reduced(formula(*args, **options), reduction)


def losses(make, *more):
    """One call for each reduction and the others given, of data and targets of 1 and -1."""
    return loss(lambda: (*make(), SIGNS), *more)


row("nn.functional.soft_margin_loss", losses(lambda: (f(3),)), of_pair(lambda x, y: np.log1p(np.exp(-y * x))),
    kinds="f")  # fmt: skip
row("nn.functional.margin_ranking_loss", losses(lambda: (f(3), f(3)), {"margin": 0.3}),
    reducing(lambda a, b, y, margin=0: np.maximum(0, margin - y * (a - b))), kinds="f")  # fmt: skip
row("nn.functional.hinge_embedding_loss", losses(lambda: (f(3),), {"margin": 0.4}),
    of_pair(lambda x, y, margin=1: np.where(y == 1, x, np.maximum(0, margin - x))), kinds="f")  # fmt: skip
row("nn.functional.cosine_embedding_loss", [*losses(lambda: (f(3, 4), f(3, 4)), {"margin": 0.2}),
    call(f(4), f(4), np.array(1))], kinds="f")  # fmt: skip
POISSON = [{"full": True}, {"log_input": False}, {"log_input": False, "full": True, "reduction": "sum"}]
row("nn.functional.poisson_nll_loss", [*loss(lambda: (f(3, lo=0.2), f(3, lo=1.2, hi=4)), *POISSON),
    rough(f(3, lo=0.2), np.array([0.0, 1.0, 3.0]), full=True)], kinds="f")  # fmt: skip
row("nn.functional.gaussian_nll_loss", [*loss(lambda: (f(3, 2), f(3, 2), f(3, 2, lo=0.2)), {"full": True}),
    call(f(3, 2), f(3, 2), f(3, lo=0.2)), call(f(3, 2), f(3, 2), f(3, 1, lo=0.2)), call(f(2), f(2), 0.5)],
    kinds="f")  # fmt: skip
CLASSES = [{"p": 2}, {"margin": 0.5}, {"weight": f(4, lo=0.2)}]
row("nn.functional.multi_margin_loss", [*loss(lambda: (f(3, 4), ints(3, high=4)), *CLASSES), call(f(4), np.array(2))],
    kinds="f")  # fmt: skip
LISTS = np.array([[2, 0, -1, 1], [3, -1, -1, -1], [-1, 0, 0, 0]])
row("nn.functional.multilabel_margin_loss", [*loss(lambda: (f(3, 4), LISTS)), call(f(4), LISTS[0])], kinds="f")
TRUTHS = [{"weight": f(4, lo=0.2)}]
row("nn.functional.multilabel_soft_margin_loss", loss(lambda: (f(3, 4), f(3, 4, lo=0, hi=1)), *TRUTHS), kinds="f")
TRIPLETS = [{"margin": 0.5}, {"swap": True}]
THREE = loss(lambda: (f(3, 4), f(3, 4), f(3, 4)), *TRIPLETS)
row("nn.functional.triplet_margin_loss", [*THREE, *loss(lambda: (f(4), f(4), f(4)), {"p": 1, "eps": 0.01})], kinds="f")
row("nn.functional.triplet_margin_with_distance_loss", THREE, kinds="f")

# -- Distances -------------------------------------------------------------------------------------------


def cosine(a, b, dim=1, eps=1e-8):
    """Return the cosine of the angle between vectors."""
    a, b = np.broadcast_arrays(a, b)
    return (a * b).sum(dim) / (np.linalg.norm(a, axis=dim) * np.linalg.norm(b, axis=dim))


row("nn.functional.cosine_similarity", [call(f(2, 3), f(2, 3)), call(f(2, 3), f(3), dim=-1), call(f(3), f(3), 0),
    call(f(2, 1, 3), f(4, 3), 2)], cosine, kinds="f")  # fmt: skip
NORMS = [{}, {"p": 1.0}, {"p": 3.0}, {"p": math.inf}]
APART = [*[call(f(2, 3), f(2, 3), **p) for p in NORMS], call(f(2, 3), f(3), keepdim=True)]
row("nn.functional.pairwise_distance", APART,
    lambda a, b, p=2, keepdim=False: np.linalg.norm(a - b + 1e-6, p, -1, keepdim), kinds="f")  # fmt: skip
row("dist", [*[call(f(2, 3), f(2, 3), **p) for p in NORMS], call(f(3), f(2, 1)),
    call(np.float32([1, 2]), np.float32([1, 0]), 0)],
    lambda a, b, p=2: np.linalg.norm((a - b).reshape(-1), p), kinds="f")  # fmt: skip
ROWS_OF = [call(f(3, 4), f(2, 4)), call(f(2, 3, 4), f(2, 2, 4)), call(f(2, 1), f(0, 1)), call(f(1, 3, 2), f(2, 4, 2))]
ALL = [*[call(f(3, 4), f(2, 4), **p) for p in NORMS], call(f(3, 4), f(2, 4), p=0.0), call(f(2, 3), f(2, 3), p=0.5)]
row("cdist", [*ROWS_OF, *ALL], lambda a, b, p=2: np.linalg.norm(a[..., :, None, :] - b[..., None, :, :], p, -1),
    kinds="f")  # fmt: skip
row("nn.functional.pdist", [*[call(f(4, 3), **p) for p in NORMS], call(f(3, 2), 1.5), call(f(1, 3))], kinds="f")
row("renorm", [call(f(3, 4), 2, 0, 1.0), call(f(3, 4), 1, 1, 2.0), call(f(2, 2, 3), 3, 2, 9.0)], kinds="f")

# -- Tables ----------------------------------------------------------------------------------------------

NUMBERS = ints(2, 3, high=5)
# A row of padding has no gradient, and frequent ones may have a share of theirs: not the derivative.
FLAGS = [rough(NUMBERS, f(5, 2), padding_idx=1), rough(NUMBERS, f(5, 2), -1),
    rough(NUMBERS, f(5, 2), scale_grad_by_freq=True)]  # fmt: skip
LOOKUPS = [call(NUMBERS, f(5, 2)), call(np.array(3), f(5, 2)), call(ints(0, high=1), f(5, 2)), *FLAGS]
row("nn.functional.embedding", LOOKUPS,
    lambda i, w, *a, **k: w[i], kinds="f")  # fmt: skip
row("embedding", [call(f(5, 2), NUMBERS), rough(f(5, 2), NUMBERS, 2), rough(f(5, 2), NUMBERS, -1, True)],
    lambda w, i, *a: w[i], kinds="f")  # fmt: skip
row("_write_rows", [], because="writes into its first argument: embedding with max_norm uses it")
OFFSETS = np.array([0, 2, 2])
BAGS = [call(NUMBERS, f(5, 2), mode=mode) for mode in ("sum", "mean", "max")]
BAGS += [call(NUMBERS[0], f(5, 2), OFFSETS, mode=mode) for mode in ("sum", "mean", "max")]
BAGS += [call(NUMBERS, f(5, 2), per_sample_weights=f(2, 3), mode="sum"), call(NUMBERS, f(5, 2), padding_idx=2)]
BAGS += [call(NUMBERS[0], f(5, 2), np.array([0, 1, 3]), include_last_offset=True)]
row("nn.functional.embedding_bag", BAGS, kinds="f")

# -- Attention -------------------------------------------------------------------------------------------

MASK = np.array([[True, False, True], [True, True, False]])
row(
    "nn.functional.scaled_dot_product_attention",
    [
        call(f(2, 4), f(3, 4), f(3, 5)),
        call(f(2, 2, 4), f(2, 3, 4), f(2, 3, 4), scale=0.3),
        call(f(1, 2, 3, 4), f(1, 2, 3, 4), f(1, 2, 3, 4), is_causal=True),
        call(f(2, 4), f(3, 4), f(3, 4), MASK),
        call(f(2, 4), f(3, 4), f(3, 4), f(2, 3)),
        call(f(1, 4, 2, 4), f(1, 2, 3, 4), f(1, 2, 3, 4), enable_gqa=True),
    ],
    kinds="f",
)


def heads(**options):
    """Draw the arguments of two heads of size 2; source and target differ in length."""
    query, memory = f(3, 2, 4), f(5, 2, 4)
    projections = f(12, 4) / 2, f(12) / 2, None, None, False, 0.0, f(4, 4) / 2, f(4)  # small: sums in float32 differ
    return call(query, memory, f(5, 2, 4), 4, 2, *projections, **options)


MEMORY = f(5, 4), f(5, 4)
SEPARATE = {"use_separate_proj_weight": True, "q_proj_weight": f(4, 4), "k_proj_weight": f(4, 4) / 2}
PADDING = np.array([[False, False, True, False, False], [False, True, False, False, True]])
row(
    "nn.functional.multi_head_attention_forward",
    [
        heads(),
        heads(need_weights=False),
        heads(key_padding_mask=PADDING),
        heads(attn_mask=f(3, 5), average_attn_weights=False),
        heads(**SEPARATE, v_proj_weight=f(4, 4)),
        call(f(3, 4), *MEMORY, 4, 2, f(12, 4) / 2, f(12), f(1, 1, 4), f(1, 1, 4), True, 0.0, f(4, 4) / 2, f(4)),
    ],
    kinds="f",
)

# -- What draws at random --------------------------------------------------------------------------------

# The draws themselves are in the tests of the random stream.
for name, shape in (("dropout1d", (2, 3)), ("dropout2d", (1, 2, 2, 2)), ("dropout3d", (1, 2, 2, 2, 1))):
    row(f"nn.functional.{name}", [call(f(*shape), 0.5, False), call(f(*shape), 0.0)], lambda x, *_: x)
for name in ("alpha_dropout", "feature_alpha_dropout"):
    row(f"nn.functional.{name}", [call(f(2, 3)), call(f(2, 3), 0.0, True)], lambda x, *_: x)
row("native_dropout_backward", [call(f(3), np.array([True, False, True]), 2.0)], lambda g, m, s: g * m * s, kinds="f",
    torch="ops.aten.native_dropout_backward")  # fmt: skip
row("nn.functional.rrelu", [*unary(), call(f(4), 0.2, 0.4)],
    lambda x, lower=1 / 8, upper=1 / 3: np.where(x > 0, x, x * (lower + upper) / 2), kinds="f")  # fmt: skip
