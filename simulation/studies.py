"""The study files that ship with the simulation, and a run's own copy of the one it follows."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import tomlkit

from common import atomic
from common.errors import StudyError, UsageError
from common.study import Study, load_study, parse_study
from simulation.cohort import draw_sites, scaled
from simulation.cohort.sites import numbered_names
from simulation.cohort.table import DIVISIONS

PRESETS = ("quick", "paper")


def preset_text(name: str) -> str:
    """The text of a preset's study file; UsageError for an unknown name."""
    if name not in PRESETS:
        raise UsageError(
            f"--preset {name}: there is no such preset; choose {' or '.join(PRESETS)}, or give --study FILE"
        )
    return _shipped(name)


def _shipped(name: str) -> str:
    return resources.files("simulation").joinpath("presets", f"{name}.toml").read_text("utf-8")


def study_text(*, preset: str, file: Path | None, seed: int | None) -> str:
    """The text of a preset or of a user's study file, with the seed replaced when one is given; comments stay."""
    if file is not None:
        load_study(file)
    text = preset_text(preset) if file is None else file.read_text("utf-8")
    if seed is None:
        return text
    document = tomlkit.parse(text)
    document["seed"] = seed
    return tomlkit.dumps(document)


def synthetic_study(text: str) -> Study:
    """Read a study that has a synthetic cohort; StudyError otherwise."""
    study = parse_study(text)
    if study.synthetic is None:
        raise StudyError("key 'synthetic' is missing, a simulation needs it; copy the table [synthetic] from a preset")
    return study


def resized_text(text: str, *, patients: int) -> str:
    """The text of a study with a synthetic cohort of so many patients, divided in proportion; comments stay."""
    study = synthetic_study(text)
    if study.synthetic is None:
        return text
    resized, document = scaled(study.synthetic, patients=patients), tomlkit.parse(text)
    for name in DIVISIONS:
        document["synthetic"][name] = getattr(resized, name)
    return tomlkit.dumps(document)


def federated_text(text: str, *, sites: int) -> str:
    """The text of a study with the tables of a federation of so many sites; one that it has already stays as it is.

    StudyError when a table that it has is of another number of sites, or the cohort is too small for them.
    """
    study = synthetic_study(text)
    added = tomllib.loads(_shipped("federation"))
    added["federation"] |= {"roster": numbered_names(sites), "quorum": max(1, sites - 1)}
    added["synthetic"]["sites"]["count"] = sites
    if study.federation is not None:
        _check_number("federation.roster", len(study.federation.roster), sites=sites)
        del added["federation"]
    if study.synthetic is not None and study.synthetic.sites is not None:
        _check_number("synthetic.sites.count", study.synthetic.sites.count, sites=sites)
        del added["synthetic"]
    federated = f"{text.rstrip()}\n\n{tomlkit.dumps(added)}" if added else text
    draw_sites(synthetic_study(federated))
    return federated


def _check_number(key: str, number: int, *, sites: int) -> None:
    if number != sites:
        raise StudyError(f"{key} is of {number} sites, --sites is {sites}; they must be equal, change one of them")


def place_study(text: str, folder: Path, *, resume: bool) -> Study:
    """Write the study into a run's folder and read it from there.

    UsageError when the folder holds a run already and `resume` is not asked for; StudyError when that run follows
    another study.
    """
    study = synthetic_study(text)
    path = folder / "study.toml"
    if path.exists() and not resume:
        raise UsageError(f"{folder}: holds a run already; add --resume to finish or renew it, or give another --out")
    if path.exists() and path.read_text("utf-8") != text:
        raise StudyError(f"{path}: differs from the study asked for, a run follows one study; give another --out")
    atomic.write_text(path, text)
    return study
