"""A hash of the settings that decide features and patches, by which caches, sites and server recognise them."""

from __future__ import annotations

import hashlib
import json

from common.study import Patches, Radiomics, Resampling, Study


def settings_json(resampling: Resampling, patches: Patches, radiomics: Radiomics) -> str:
    """Canonical JSON: sorted keys, no spaces."""
    parts = {"resampling": resampling, "patches": patches, "radiomics": radiomics}
    content = {name: part.model_dump(mode="json") for name, part in parts.items()}
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def settings_sha256(study: Study) -> str:
    """SHA-256 of a study's settings."""
    text = settings_json(study.resampling, study.patches, study.radiomics)
    return hashlib.sha256(text.encode()).hexdigest()
