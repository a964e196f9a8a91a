"""What `load_state_dict` says about names and shapes that do not match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_LIMIT = 20
"""How many rows the table has at most: a model of another kind altogether has hundreds."""

Row = tuple[str, str, str, str, str]


def key_errors(missing: list[str], unexpected: list[str]) -> list[str]:
    """Return PyTorch's lines for missing and unexpected names."""
    errors = []
    if missing:
        errors.append(f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if unexpected:
        errors.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    return errors


def advice(
    missing: list[str], unexpected: list[str], model: Iterable[tuple[str, Any]], state: Mapping[str, Any]
) -> str:
    """Return what to add to PyTorch's lines: a prefix that is too much, or a table of what stands against what."""
    hint = _prefix_hint(missing, unexpected)
    return hint or _table(missing, unexpected, {name: _shape(value) for name, value in model}, state)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)


def _shape(value: Any) -> str:
    """Return the shape as text; of what has none yet, or is no tensor, its type."""
    try:
        return str(list(value.shape))
    except (AttributeError, RuntimeError):
        return type(value).__name__


def _prefix_hint(missing: list[str], unexpected: list[str]) -> str | None:
    """Recognise names that are right but for a prefix such as ``module.`` or ``_orig_mod.`` (wrappers)."""
    if not missing or len(missing) != len(unexpected):
        return None
    for ours, theirs, dict_comprehension in (
        (missing, unexpected, "{{key.removeprefix({prefix!r}): value for key, value in state_dict.items()}}"),
        (unexpected, missing, "{{{prefix!r} + key: value for key, value in state_dict.items()}}"),
    ):
        prefix = theirs[0].removesuffix(ours[0]) if theirs[0].endswith(ours[0]) else ""
        if prefix.endswith(".") and theirs == [prefix + key for key in ours]:
            where = "state_dict" if theirs is unexpected else "model"
            return (
                f'Every name in the {where} starts with "{prefix}" and matches otherwise. '
                f"To load it, pass {dict_comprehension.format(prefix=prefix)}."
            )
    return None


def _table(missing: list[str], unexpected: list[str], model: dict[str, str], state: Mapping[str, Any]) -> str:
    """Put the names of both sides next to each other, each missing one beside the most similar unexpected one."""
    shapes = {name: _shape(value) for name, value in state.items()}
    pairs = _nearest(missing, unexpected, model, shapes)
    lacking, rows = set(missing), []
    for name in [*model, *(name for name in missing if name not in model)]:
        ours = model.get(name, "")
        if name in lacking:
            other = pairs.get(name)
            if other is None:
                rows.append((name, ours, "-", "", "missing"))
            else:
                verdict = "renamed?" if ours == shapes[other] else "renamed and resized?"
                rows.append((name, ours, other, shapes[other], verdict))
        elif name in shapes and shapes[name] != ours and {ours, shapes[name]} != {"[]", "[1]"}:
            rows.append((name, ours, name, shapes[name], "other shape"))
    taken = set(pairs.values())
    rows += [("-", "", name, shapes[name], "unexpected") for name in unexpected if name not in taken]
    return _aligned(rows)


def _aligned(rows: list[Row]) -> str:
    if not rows:
        return ""
    shown = [("in the model", "", "in the state_dict", "", ""), *rows[:_LIMIT]]
    widths = [max(len(row[i]) for row in shown) for i in range(4)]
    lines = [
        "  ".join([text.ljust(width) for text, width in zip(row[:4], widths, strict=True)] + [row[4]]) for row in shown
    ]
    if len(rows) > _LIMIT:
        lines.append(f"... and {len(rows) - _LIMIT} more")
    return "What does not match, side by side:\n\t  " + "\n\t  ".join(line.rstrip() for line in lines)


def _nearest(
    missing: list[str], unexpected: list[str], model: dict[str, str], shapes: dict[str, str]
) -> dict[str, str]:
    """Return for missing names the unexpected one that may be meant, each used once."""
    if not missing or not unexpected:
        return {}
    import difflib  # only here: it takes milliseconds to import

    free, pairs = list(missing), {}
    for key in unexpected[:500]:  # comparing all with all takes long for what is another model anyway
        # The last part (weight, bias) must agree; the parts before it are what people rename.
        candidates = [name for name in free if name.rpartition(".")[2] == key.rpartition(".")[2]] or free
        same_shape = [name for name in candidates if model.get(name) == shapes[key]]
        found = difflib.get_close_matches(key, same_shape or candidates, n=1, cutoff=0.5)
        if found:
            free.remove(found[0])
            pairs[found[0]] = key
    return pairs
