"""The study of a site, from one reading of its file: what is shown, what is hashed and what runs are the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client.site import Site
from common.errors import StudyError
from common.study import Federation, Study, read_study


@dataclass(frozen=True)
class SiteStudy:
    """A federated study with this site in its roster."""

    study: Study
    federation: Federation
    text: str
    sha256: str
    """Of the file's bytes, the same that `sha256sum study.toml` prints."""


def read_for_site(site: Site, study_file: Path) -> SiteStudy:
    """Read a study's file once; StudyError for no study, and for one that is not for this site."""
    read = read_study(study_file)
    return SiteStudy(read.study, _federation(site, read.study, study_file), read.text, read.sha256)


def _federation(site: Site, study: Study, path: Path) -> Federation:
    if study.federation is None:
        raise StudyError(f"{path}: has no table [federation], so it is the study of one site; ask for the other file")
    if site.name not in study.federation.roster:
        raise StudyError(
            f"{path}: the roster is {', '.join(study.federation.roster)}, this site is {site.name!r}; "
            "correct name in site.toml, or ask the coordinator"
        )
    return study.federation
