"""A tiny federation under differential privacy: its study, its trunk's file, and what its sites have spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from small_federation import FEATURES, SmallFederation, TinyTrunk, made_up_dataset, small_text

from client.privacy.ledger import Ledger, Release
from common.study import parse_study, study_sha256

Mode = Literal["head", "full"]
PRIVACY: dict[str, Any] = {
    "epsilon": 4.0,
    "delta": 1e-4,
    "mode": '"full"',
    "clipping_norm": 1.0,
    "statistics": '"exact"',
    "statistics_noise": 20.0,
    "validation": '"exact"',
    "age_range": "[20, 100]",
}
RANGES = "".join(f'"{name}" = [50, 150]\n' for name in FEATURES[:5])


def trunk_file(folder: Path) -> Path:
    """A pretrained trunk in the form of a signature's weights."""
    torch.manual_seed(3)
    file = folder / "model.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({f"trunk.{name}": value.contiguous() for name, value in TinyTrunk().state_dict().items()}, file)
    return file


def private_text(
    folder: Path,
    sites: int,
    *,
    mode: Literal["head", "full"] = "full",
    study: dict[str, str] | None = None,
    **privacy: Any,
) -> str:
    """The text of the small study with a table [privacy]; `privacy` are its keys, `study` those of other tables."""
    text = small_text(sites, **{"cross_site": "false", **(study or {})})
    normalization = 'normalization = "group"'
    if mode == "head":
        normalization = f'normalization = "frozen"\npretrained_file = "{trunk_file(folder)}"'
    text = text.replace('trunk = "densenet121"', f'trunk = "densenet121"\n{normalization}')
    keys = {**PRIVACY, "mode": f'"{mode}"', **privacy}
    table = "".join(f"{name} = {value}\n" for name, value in keys.items())
    text += f"\n[privacy]\n{table}\n[privacy.ranges]\n{RANGES if 'noised' in table else ''}"
    parse_study(text)
    return text


def private_federation(
    folder: Path,
    sites: int,
    *,
    mode: Literal["head", "full"] = "full",
    study: dict[str, str] | None = None,
    **privacy: Any,
) -> SmallFederation:
    """Sites site-1, site-2, ... with made-up patients and a study under differential privacy."""
    text = private_text(folder, sites, mode=mode, study=study, **privacy)
    return SmallFederation(folder, text, {f"site-{number}": made_up_dataset(number) for number in range(1, sites + 1)})


def spent(small: SmallFederation, site: str = "site-1") -> tuple[Release, ...]:
    """The releases of the study in a site's ledger."""
    return Ledger(small.folders[site]).of_study(study_sha256(small.study_file))
