"""All checks of a site, one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from client.preflight.clinical_checks import clinical_checks
from client.preflight.deidentification import deidentification_checks
from client.preflight.finding import Check, State, worst
from client.preflight.flow import flow_checks
from client.preflight.ibsi_phantom import phantom_check
from client.preflight.image_checks import image_checks
from client.preflight.machine_checks import machine_checks
from client.preflight.roi_checks import roi_checks
from client.preflight.server_checks import server_checks
from client.preflight.survey import Survey, survey
from client.preflight.table_checks import table_checks
from client.preflight.twice_checks import twice_checks
from client.site import Site
from common.study import Study, load_study, study_sha256


@dataclass(frozen=True)
class Asked:
    """What a preflight is about: the study's file or None for the paper's settings, the server or None, processes."""

    study_file: Path | None
    server: str | None
    jobs: int


@dataclass(frozen=True)
class Preflight:
    """The checks of a site with what they were made from."""

    site: Site
    study: Study | None
    study_sha256: str | None
    survey: Survey
    checks: tuple[Check, ...]
    seconds: dict[str, float]

    @property
    def state(self) -> State:
        """The worst of the checks."""
        return worst(self.checks)

    @property
    def synthetic(self) -> bool:
        """Whether a CT says that it was made by a computer."""
        return any(one.synthetic for one in self.survey.looks.values())


def preflight(site: Site, asked: Asked) -> Preflight:
    """Check a site; DataError when it has no table, StudyError when the study's file is none."""
    study = load_study(asked.study_file) if asked.study_file else None
    sha256 = study_sha256(asked.study_file) if asked.study_file else None
    start = time.perf_counter()
    seen = survey(site, study, jobs=asked.jobs)
    looked = time.perf_counter()
    checks = tuple(_checks(site, study, seen, asked))
    seconds = {"images": round(looked - start, 3), "checks": round(time.perf_counter() - looked, 3)}
    return Preflight(site, study, sha256, seen, checks, seconds)


def _checks(site: Site, study: Study | None, seen: Survey, asked: Asked) -> Iterator[Check]:
    yield from table_checks(seen, study=study, policy=site.policy)
    yield from flow_checks(seen, study)
    yield from clinical_checks(seen)
    yield from image_checks(seen)
    yield from roi_checks(seen)
    yield from twice_checks(seen)
    yield from deidentification_checks(site, seen, jobs=asked.jobs)
    yield from machine_checks(site, patients=seen.rows, jobs=asked.jobs)
    yield phantom_check()
    yield from server_checks(site, asked.server)
