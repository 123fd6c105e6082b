"""The reference of the study file's keys: `python -m common.study_reference > docs/study.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from common.study import Study

_HEAD = """\
# The study file

A study file is TOML and holds every choice that changes a number. Every key is written down; an unknown key is refused
with the nearest known one. Its SHA-256, the one `sha256sum study.toml` prints, is in every result.
`pdl1es-sim study --preset paper > study.toml` gives one to start from.
"""


_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
_LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def reference() -> str:
    """The whole page, Markdown."""
    return "\n".join([_HEAD, *_section("", Study, (Study.__doc__ or "").split(";")[0] + ".")])


def _section(path: str, model: type[BaseModel], text: str) -> Iterator[str]:
    yield f"## {f'[{path}]' if path else 'Top level'}\n\n{text}\n"
    yield "| key | value | meaning |\n| --- | --- | --- |"
    inner = []
    for name, field in model.model_fields.items():
        if (section := _model_in(field.annotation)) is not None:
            inner.append((f"{path}.{name}".lstrip("."), section))
        if section is None or field.description:
            yield f"| `{name}` | {_rule(field)} | {field.description or ''} |"
    yield ""
    for name, section in inner:
        yield from _section(name, section, section.__doc__ or "")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _model_in(argument))), None)


def _rule(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    for item in field.metadata:
        annotation = Annotated[annotation, item]
    return _words(TypeAdapter(annotation).json_schema()) + ("" if field.is_required() else ", optional")


def _words(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(_words(item) for item in schema["anyOf"] if item.get("type") != "null")
    if schema.get("type") == "array":
        items = schema.get("prefixItems")
        return f"list of {len(items)}: {_words(items[0])}" if items else f"list of {_words(schema.get('items', {}))}"
    bounds = [f"{sign} {schema[key]}" for key, sign in _LIMITS.items() if key in schema]
    return " ".join([_TYPES.get(str(schema.get("type")), "table"), " and ".join(bounds)]).strip()


if __name__ == "__main__":
    print(reference(), end="")
