"""What `load_state_dict` says about names that do not match."""

from __future__ import annotations


def key_errors(missing: list[str], unexpected: list[str]) -> list[str]:
    """Return PyTorch's lines for missing and unexpected names, and a line that says which may be meant."""
    errors = []
    if missing:
        errors.append(f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if unexpected:
        errors.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    hint = _prefix_hint(missing, unexpected) or _nearest_hint(missing, unexpected)
    if hint:
        errors.append(hint)
    return errors


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)


def _prefix_hint(missing: list[str], unexpected: list[str]) -> str | None:
    """Recognise names that are right but for a prefix such as ``module.`` or ``_orig_mod.`` (wrappers)."""
    if not missing or len(missing) != len(unexpected):
        return None
    for ours, theirs, advice in (
        (missing, unexpected, "{{key.removeprefix({prefix!r}): value for key, value in state_dict.items()}}"),
        (unexpected, missing, "{{{prefix!r} + key: value for key, value in state_dict.items()}}"),
    ):
        prefix = theirs[0].removesuffix(ours[0]) if theirs[0].endswith(ours[0]) else ""
        if prefix.endswith(".") and theirs == [prefix + key for key in ours]:
            where = "state_dict" if theirs is unexpected else "model"
            return (
                f'Every name in the {where} starts with "{prefix}" and matches otherwise. '
                f"To load it, pass {advice.format(prefix=prefix)}."
            )
    return None


def _nearest_hint(missing: list[str], unexpected: list[str], limit: int = 5) -> str | None:
    """Pair each unexpected name with the most similar missing one."""
    if not missing or not unexpected:
        return None
    import difflib  # only here: it takes milliseconds to import

    free, pairs = list(missing), []
    for key in unexpected:
        # The last part (weight, bias) must agree; the parts before it are what people rename.
        candidates = [name for name in free if name.rpartition(".")[2] == key.rpartition(".")[2]] or free
        found = difflib.get_close_matches(key, candidates, n=1, cutoff=0.5)
        if found:
            free.remove(found[0])
            pairs.append(f'"{key}" in the state_dict for "{found[0]}" in the model')
    if not pairs:
        return None
    more = f", and {len(pairs) - limit} more" if len(pairs) > limit else ""
    return f"Perhaps meant: {'; '.join(pairs[:limit])}{more}."
