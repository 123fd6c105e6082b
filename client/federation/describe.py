"""What a site tells of itself before a study: counts, and what must be the same everywhere."""

from __future__ import annotations

from typing import Literal

from client.federation.dataset import Dataset
from client.federation.guards import Guard
from common.code_hash import code_sha256
from common.messages import DescribeReply, DescribeRequest
from common.messages.shared import DivisionCounts
from common.provenance import versions
from common.settings_hash import settings_sha256
from common.study import Study

Division = Literal["training", "validation", "test", "immunotherapy"]
DIVISIONS: tuple[Division, ...] = ("training", "validation", "test", "immunotherapy")


def difference(request: DescribeRequest, study: Study) -> str | None:
    """In what this site differs from the server, before any patient is touched; None when in nothing."""
    if request.code_sha256 != (own := code_sha256()):
        return (
            f"the installed code differs: server {request.code_sha256[:12]}, site {own[:12]}; install the same version"
        )
    if request.settings_sha256 != (own := settings_sha256(study)):
        return f"the settings of the features differ: server {request.settings_sha256[:12]}, site {own[:12]}"
    return None


def describe(dataset: Dataset, study: Study, study_sha256: str, *, site: str, guard: Guard) -> DescribeReply:
    """Counts by division, hashes and versions."""
    return DescribeReply(
        study_sha256=study_sha256,
        site=site,
        code_sha256=code_sha256(),
        settings_sha256=settings_sha256(study),
        versions=versions(),
        divisions={name: _counts(dataset, name, guard) for name in DIVISIONS},
        excluded=dataset.excluded,
        quarantined=dataset.quarantined,
        withheld=guard.notes(),
    )


def _counts(dataset: Dataset, division: str, guard: Guard) -> DivisionCounts:
    patients = dataset.patients(division)
    if division == "immunotherapy":
        return DivisionCounts(patients=len(patients), positives=None)
    # where all are of one class, their number is everyone's label
    told = guard.allows_classes(patients["label"].to_numpy(), f"positive {division} patients")
    return DivisionCounts(patients=len(patients), positives=int(patients["label"].sum()) if told else None)
