"""docs/federation.md: its private study is one, and the table of what is covered is that study's."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from client.radiomics import feature_names
from common.privacy_coverage import privacy_coverage
from common.study import Study
from simulation.studies import federated_text, preset_text

PAGE = (Path(__file__).parents[2] / "docs" / "federation.md").read_text("utf-8")


def example() -> dict[str, Any]:
    (text,) = (one for one in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[privacy]" in one)
    return tomllib.loads(text)


def private_study() -> Study:
    """The quick study of several sites with what the page writes in place of its own."""
    tables = tomllib.loads(federated_text(preset_text("quick"), sites=3))
    for name, table in example().items():
        tables[name] = {**tables.get(name, {}), **table}
    return Study.model_validate_json(json.dumps(tables), strict=True)


def test_the_private_study_of_the_page_is_a_study_with_features_that_are_computed() -> None:
    study = private_study()
    assert study.privacy is not None and len(study.privacy.ranges) > 1
    assert {*study.privacy.ranges} <= {*feature_names(study.radiomics)}


def test_the_table_of_what_is_covered_is_that_study_s() -> None:
    lines = "\n".join(f"| {one.what} | {one.verdict} | {one.why} |" for one in privacy_coverage(private_study()))
    assert f"\n| what | promise | why |\n| --- | --- | --- |\n{lines}\n\n" in PAGE
