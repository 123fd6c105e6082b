"""The study file: every choice that changes a number, typed and strict."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from common.errors import StudyError
from common.study_errors import explain
from common.study_federation import Federation
from common.study_privacy import Privacy
from common.study_privacy_rules import check_normalization, check_private
from common.study_sections import (
    Clinical,
    ClinicalVariable,
    CohortRules,
    Division,
    Evaluation,
    Network,
    Patches,
    Radiomics,
    Resampling,
    Section,
    Selection,
    Stage,
    Survival,
    Training,
)
from common.study_synthetic import Signal, Sites, Synthetic

__all__ = [
    "Clinical",
    "ClinicalVariable",
    "CohortRules",
    "Division",
    "Evaluation",
    "Federation",
    "Network",
    "Patches",
    "Privacy",
    "Radiomics",
    "Resampling",
    "Selection",
    "Signal",
    "Sites",
    "Stage",
    "Study",
    "StudyFile",
    "Survival",
    "Synthetic",
    "Training",
    "load_study",
    "parse_study",
    "read_study",
    "study_sha256",
]


class Study(Section):
    """Everything that decides a number of a study; see docs/study.md for each key."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """Short name: lower-case letters, digits and hyphens."""
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Seed that every random choice derives from."""
    cohort: CohortRules
    division: Division
    resampling: Resampling
    patches: Patches
    radiomics: Radiomics
    clinical: Clinical
    selection: Selection
    network: Network
    training: Training
    evaluation: Evaluation
    survival: Survival
    federation: Federation | None = None
    privacy: Privacy | None = None
    synthetic: Synthetic | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_normalization(self.network)
        if self.privacy is not None:
            check_private(self.privacy, network=self.network, training=self.training, federation=self.federation)
        return self

    @property
    def withholds_validation(self) -> bool:
        """Whether sums over validation patients stay at the sites, so that the newest weights count as best."""
        return self.privacy is not None and self.privacy.validation == "withheld"


def parse_study(text: str) -> Study:
    """Read a study from TOML text; StudyError names each wrong key and the nearest known one."""
    try:
        # through JSON, whose arrays a strict model takes for tuples
        return Study.model_validate_json(json.dumps(tomllib.loads(text), default=str), strict=True)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"the study is not TOML: {error}; mend the file at that place") from error
    except ValidationError as error:
        raise StudyError(explain(error, Study)) from error


@dataclass(frozen=True)
class StudyFile:
    """A study's file, read once: what is shown, hashed and run are the same bytes."""

    study: Study
    text: str
    sha256: str
    """Of the file's bytes, the same that `sha256sum study.toml` prints."""


def read_study(path: Path) -> StudyFile:
    """Read a study file; StudyError names the file and what to change."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
        return StudyFile(parse_study(text), text, hashlib.sha256(data).hexdigest())
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror}); give the path of a study file") from error
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: is not text in UTF-8 ({error.reason}); give a TOML file in UTF-8") from error
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from error


def load_study(path: Path) -> Study:
    """The study of a file, with the errors of `read_study`."""
    return read_study(path).study


def study_sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, the same that `sha256sum study.toml` prints."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
