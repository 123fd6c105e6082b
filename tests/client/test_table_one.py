"""Table 1: the paper's own counts give the paper's own p values."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest

from client.evaluation.table_one import expression_table, immunotherapy_table
from simulation.cohort import draw_cohort
from simulation.studies import preset_text, synthetic_study

# Tian, He, Mu et al., Theranostics 2021, Table 1: training against validation, training against test.
PUBLISHED_P = {
    "sex": (0.838, 0.408),
    "smoking": (0.938, 0.409),
    "family_history": (0.686, 0.437),
    "pdl1_expression": (0.988, 0.995),
}


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    study = synthetic_study(preset_text("paper"))
    assert study.synthetic is not None
    table = draw_cohort(study, study.synthetic).table
    table = table[table["convolution_kernel"] != "30f"]
    numbers = {name: pd.to_numeric(table[name]) for name in ("age", "tps", "progressed")}
    label = (numbers["tps"] >= 50).astype(float)
    return table.assign(**numbers, label=label, division=table["split"].where(table["split"] != "", "immunotherapy"))


def rows_of(table: dict[str, Any], variable: str) -> dict[str | None, dict[str, Any]]:
    return {row["level"]: row for row in table["rows"] if row["variable"] == variable}


def test_the_papers_counts_give_the_papers_p(patients: pd.DataFrame) -> None:
    table = expression_table(patients[patients["division"] != "immunotherapy"], label_tps=50)
    assert {group["name"]: group["n"] for group in table["groups"]} == {
        "total": 939,
        "training": 750,
        "validation": 93,
        "test": 96,
    }
    for variable, (validation, test) in PUBLISHED_P.items():
        found = rows_of(table, variable)[None]["p"]
        assert found["training_validation"] == pytest.approx(validation, abs=5e-4)
        assert found["training_test"] == pytest.approx(test, abs=5e-4)


def test_the_cells_are_the_papers(patients: pd.DataFrame) -> None:
    table = expression_table(patients[patients["division"] != "immunotherapy"], label_tps=50)
    assert rows_of(table, "smoking")["unknown"]["values"]["total"] == "38 (4.0%)"
    assert rows_of(table, "sex")["male"]["values"]["training"] == "455 (60.7%)"
    assert rows_of(table, "pdl1_expression")["TPS 50 or more"]["values"]["test"] == "34 (35.4%)"
    assert "unknown" not in rows_of(table, "sex")


def test_immunotherapy_is_compared_by_treatment(patients: pd.DataFrame) -> None:
    table = immunotherapy_table(patients[patients["division"] == "immunotherapy"])
    assert [group["n"] for group in table["groups"]] == [94, 51, 43]
    assert table["pairs"] == ["monotherapy_combination"]
    assert rows_of(table, "sex")["male"]["values"]["total"] == "77 (81.9%)"


def test_age_is_compared_by_welch(patients: pd.DataFrame) -> None:
    expression = patients[patients["division"] != "immunotherapy"].copy()
    expression.loc[expression.index[:5], "age"] = np.nan
    rows = rows_of(expression_table(expression, label_tps=50), "age")
    assert rows["unknown"]["values"]["total"] == "5 (0.5%)"
    ages = {name: group["age"].dropna() for name, group in expression.groupby("division")}
    first, second = ages["training"], ages["test"]
    error = np.sqrt(first.var() / first.size + second.var() / second.size)
    statistic = (first.mean() - second.mean()) / error
    # with this many degrees of freedom t is all but normal
    assert rows[None]["p"]["training_test"] == pytest.approx(2 * (1 - NormalDist().cdf(abs(statistic))), abs=0.01)


def test_one_group_alone_has_no_p(patients: pd.DataFrame) -> None:
    alone = patients[patients["division"] == "test"].assign(division="all")
    table = expression_table(alone, label_tps=50)
    assert [group["name"] for group in table["groups"]] == ["total"]
    assert rows_of(table, "sex")[None]["p"] == {}
    nobody = immunotherapy_table(patients[patients["division"] == "immunotherapy"].assign(treatment=""))
    assert nobody["pairs"] == []
