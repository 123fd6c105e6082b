"""What a site answers when it cannot: a code, and a reason only where it cannot tell of a patient."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.errors import (
    ApprovalError,
    BudgetError,
    DataError,
    LedgerError,
    PeerError,
    PolicyError,
    StudyError,
    TrailError,
    UsageError,
)
from common.messages.record import Part
from common.phases import Phase

Code = Literal["disagrees", "approval", "study", "policy", "trail", "budget", "ledger", "data", "settings", "internal"]
_SENTENCES: dict[Code, str] = {
    "approval": "the site has not approved this study; it reads it and runs: pdl1es-site approve",
    "policy": "the site's policy does not let this leave",
    "trail": "the site's audit trail is broken or cannot be written; it runs: pdl1es-site audit",
    "budget": "the site's privacy budget for this study is spent",
    "ledger": "the site's privacy ledger is lost, altered or rolled back; it runs: pdl1es-site ledger",
    "study": "the site's own copy of the study cannot be used",
    "data": "the site's data do not allow it",
    "settings": "the site's settings do not allow it",
    "internal": "the site's program failed",
}
_CODES: tuple[tuple[type[Exception], Code], ...] = (
    (ApprovalError, "approval"),
    (StudyError, "study"),
    (PolicyError, "policy"),
    (TrailError, "trail"),
    (BudgetError, "budget"),
    (LedgerError, "ledger"),
    (DataError, "data"),
    (UsageError, "settings"),
)
"""The first that fits counts."""


class Fault(Part):
    """An answer that is none; the site's own log has the details, which may name a patient and stay."""

    phase: ClassVar[Phase] = "describe"
    kind: ClassVar[str] = "fault"
    array_names: ClassVar[frozenset[str]] = frozenset()
    largest_text: ClassVar[int] = 4096
    version: Literal[1] = 1
    code: Code
    reason: Annotated[str, Field(max_length=300)]


def fault_of(error: Exception) -> Fault:
    """The fault for an error; only disagreements between the two sides are told in the error's own words."""
    if isinstance(error, PeerError):
        return Fault(code="disagrees", reason=str(error)[:300])
    code: Code = next((code for kind, code in _CODES if isinstance(error, kind)), "internal")
    return Fault(code=code, reason=f"{_SENTENCES[code]}; its log says why")
