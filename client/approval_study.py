"""The study of a site, from one reading of its file: what is shown, what is hashed and what runs are the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from client.site import Site
from common.errors import StudyError
from common.study import Federation, Study, parse_study


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
    data = _bytes(study_file)
    try:
        text = data.decode("utf-8")
        study = parse_study(text)
    except UnicodeDecodeError as error:
        raise StudyError(f"{study_file}: is not text in UTF-8 ({error.reason}); give a TOML file in UTF-8") from error
    except StudyError as error:
        raise StudyError(f"{study_file}: {error}") from error
    federation = _federation(site, study, study_file)
    return SiteStudy(study, federation, text, hashlib.sha256(data).hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror}); give the path of a study file") from error


def _federation(site: Site, study: Study, path: Path) -> Federation:
    if study.federation is None:
        raise StudyError(f"{path}: has no table [federation], so it is the study of one site; ask for the other file")
    if site.name not in study.federation.roster:
        raise StudyError(
            f"{path}: the roster is {', '.join(study.federation.roster)}, this site is {site.name!r}; "
            "correct name in site.toml, or ask the coordinator"
        )
    return study.federation
