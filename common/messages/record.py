"""What every record has: a version, the study it belongs to, and numbers that are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, FailFast, Field

from common.phases import Phase

VERSION = 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Arrays = Mapping[str, np.ndarray]


class Part(BaseModel):
    """A piece of a record: strict, closed, without NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)
    largest_text: ClassVar[int] = 4 * 2**20
    """Characters of JSON that are read; more is refused."""


class Record(Part):
    """One message's content; a field that is not declared cannot travel."""

    phase: ClassVar[Phase]
    kind: ClassVar[str]
    array_names: ClassVar[frozenset[str]] = frozenset()
    """Names of the flat arrays that may go beside the record."""
    array_type: ClassVar[str] = "float32"
    packed_names: ClassVar[frozenset[str]] = frozenset()
    """Names of arrays of bytes that may go in their place."""

    version: Literal[1] = 1
    study_sha256: Sha256


class Request(Record):
    """What the server asks."""


class Reply(Record):
    """What a site answers."""

    site: Annotated[str, Field(max_length=63)]
    withheld: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=100), FailFast()] = ()
    """What the site does not tell, and why."""


@dataclass(frozen=True)
class Letter:
    """A record with the arrays that belong to it."""

    record: Record
    arrays: Arrays = field(default_factory=dict)
