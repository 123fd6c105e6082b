"""Sentences for a study file that is refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, model: type[BaseModel], *, most: int | None = None) -> str:
    """One clause for each wrong key, or the first `most`: where, what was given, the rule and the nearest known key."""
    return "; ".join(_clause(item, model) for item in error.errors()[:most])


def _clause(item: Any, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = known_keys(model)
        near = difflib.get_close_matches(where, known, n=1, cutoff=0) or _by_last_part(where, known)
        return f"unknown key {where!r}, the nearest known key is {near[0]!r}"
    if item["type"] == "missing" and isinstance(item["loc"][-1], int):
        return f"{'.'.join(map(str, item['loc'][:-1]))} = {item['input']!r}: has too few values; write all of them"
    if item["type"] == "missing":
        return f"key {where!r} is missing, write it down"
    if item["type"] == "value_error":
        return f"{where or 'study'}: {item['ctx']['error']}"
    if item["type"] == "string_pattern_mismatch":
        return f"{where} = {item['input']!r}: it must match {item['ctx']['pattern']}; choose another"
    if item["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return f"{where} = {item['input']!r}: it must be a table; write it as [{where}] with its keys"
    message = item["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"{where} = {item['input']!r}: it must be {message}; correct the value"


def _by_last_part(where: str, known: Sequence[str]) -> list[str]:
    last = where.rsplit(".", 1)[-1]
    return sorted(known, key=lambda key: -difflib.SequenceMatcher(None, last, key.rsplit(".", 1)[-1]).ratio())


def known_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Dotted names of all keys of a model and the models in it."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        for inner in _models_in(field.annotation):
            keys.extend(known_keys(inner, f"{prefix}{name}."))
    return keys


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
