"""A preset or a user's study made into that of several sites."""

from __future__ import annotations

import pytest

from common.errors import StudyError
from simulation.cohort import draw_sites
from simulation.studies import federated_text, preset_text, synthetic_study


@pytest.mark.parametrize("sites", [1, 2, 7])
def test_federated_text_is_a_study_of_that_many_sites(sites: int) -> None:
    text = federated_text(preset_text("quick"), sites=sites)
    assert text.startswith(preset_text("quick").rstrip())
    study = synthetic_study(text)
    assert study.federation is not None
    assert study.federation.roster == tuple(draw_sites(study))
    assert study.federation.quorum == max(1, sites - 1)
    assert federated_text(text, sites=sites) == text


def test_tables_of_the_user_stay_and_must_fit() -> None:
    text = federated_text(preset_text("quick"), sites=3)
    for heading, key in (("\n[federation]", "federation.roster"), ("\n[synthetic.sites]", "synthetic.sites.count")):
        start = text.index(heading)
        table = text[start : text.find("\n[", start + 1) + 1 or None]
        own = preset_text("quick") + table
        assert f"{own.rstrip()}\n" in federated_text(own, sites=3)
        with pytest.raises(StudyError, match=rf"{key} is of 3 sites, --sites is 4"):
            federated_text(own, sites=4)
    with pytest.raises(StudyError, match=r"synthetic\.validation"):
        federated_text(preset_text("quick"), sites=15)
    with pytest.raises(StudyError, match="copy the table"):
        federated_text(preset_text("quick").split("[synthetic]")[0], sites=4)
