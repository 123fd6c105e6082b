"""The study files that ship with the simulation, and a run's own copy of the one it follows."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import tomlkit

from common import atomic
from common.errors import StudyError, UsageError
from common.study import Study, load_study, parse_study

PRESETS = ("quick", "paper")


def preset_text(name: str) -> str:
    """The text of a preset's study file; UsageError for an unknown name."""
    if name not in PRESETS:
        raise UsageError(
            f"--preset {name}: there is no such preset; choose {' or '.join(PRESETS)}, or give --study FILE"
        )
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
