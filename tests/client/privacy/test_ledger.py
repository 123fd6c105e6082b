"""The ledger of a site: spent before it is computed, never twice for one release, and refused when it is not whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from opacus.accountants import RDPAccountant

from client.audit.trail import Trail
from client.privacy.accounting import Mechanism, spent_epsilon
from client.privacy.ledger import Budget, Ledger
from common.errors import BudgetError, LedgerError, TrailError

STUDY, OTHER = "1" * 64, "2" * 64
DELTA = 1e-5
ROUND = Mechanism(2.0, 0.1, 10)
BUDGET = Budget(STUDY, spent_epsilon([Mechanism(2.0, 0.1, 50)], delta=DELTA), DELTA)


def name(number: int) -> str:
    return f"{number:064x}"


def spend(folder: Path, *numbers: int, budget: Budget = BUDGET) -> float:
    for number in numbers:
        spent = Ledger(folder).reserve(budget, ROUND, what=f"training, round {number}", name=name(number))
    return spent


def test_rounds_cost_what_one_accountant_counts(tmp_path: Path) -> None:
    accountant = RDPAccountant()
    for number in range(1, 6):
        spent = spend(tmp_path, number)
        for _ in range(ROUND.steps):
            accountant.step(noise_multiplier=ROUND.noise_multiplier, sample_rate=ROUND.sample_rate)
        assert spent == pytest.approx(accountant.get_epsilon(DELTA), rel=1e-9)


def test_the_ledger_is_the_state_of_opacus_accountant(tmp_path: Path) -> None:
    spent, accountant = spend(tmp_path, 1, 2, 3), RDPAccountant()
    history = [(one.noise_multiplier, one.sample_rate, one.steps) for one in Ledger(tmp_path).of_study(STUDY)]
    accountant.load_state_dict({"history": history, "mechanism": "rdp"})
    assert accountant.get_epsilon(DELTA) == pytest.approx(spent)


def test_a_round_beyond_the_budget_is_refused_and_not_written(tmp_path: Path) -> None:
    spend(tmp_path, 1, 2, 3, 4, 5)
    with pytest.raises(BudgetError, match=r"round 6 would bring epsilon of study 111111111111 from 1.* its budget is"):
        spend(tmp_path, 6)
    assert len(Ledger(tmp_path).releases()) == 5


def test_the_same_release_is_paid_once_also_when_the_budget_is_spent(tmp_path: Path) -> None:
    spent = spend(tmp_path, 1, 2, 3, 4, 5)
    assert spend(tmp_path, 3) == spent
    assert len(Ledger(tmp_path).releases()) == 5


def test_studies_have_budgets_of_their_own(tmp_path: Path) -> None:
    spend(tmp_path, 1, 2, 3, 4, 5)
    assert spend(tmp_path, 1, budget=Budget(OTHER, 1.0, DELTA)) < 1
    assert {one.study_sha256 for one in Ledger(tmp_path).releases()} == {STUDY, OTHER}


def test_every_release_is_in_the_audit_trail(tmp_path: Path) -> None:
    spend(tmp_path, 1, 2)
    lines = Trail(tmp_path).entries_of("privacy")
    assert [one.details["what"] for one in lines] == ["training, round 1", "training, round 2"]
    assert [one.epsilon for one in lines] == [one.epsilon for one in Ledger(tmp_path).releases()]


def rolled_back(ledger: Ledger) -> None:
    content = json.loads(ledger.file.read_text())
    ledger.file.write_text(json.dumps(content[:-1]))


def lost(ledger: Ledger) -> None:
    ledger.file.unlink()


def altered(ledger: Ledger) -> None:
    content = json.loads(ledger.file.read_text())
    content[0]["noise_multiplier"] = 50.0
    ledger.file.write_text(json.dumps(content))


def damaged(ledger: Ledger) -> None:
    ledger.file.write_text(ledger.file.read_text()[:-40])


def of_another_site(ledger: Ledger) -> None:
    content = json.loads(ledger.file.read_text())
    ledger.file.write_text(json.dumps([*content, content[0] | {"name": name(8)}, content[0] | {"name": name(9)}]))


@pytest.mark.parametrize("harm", [rolled_back, lost, altered, damaged, of_another_site])
def test_a_ledger_that_is_not_what_was_written_stops_everything(tmp_path: Path, harm) -> None:  # type: ignore[no-untyped-def]
    spend(tmp_path, 1, 2)
    harm(Ledger(tmp_path))
    for number in (2, 3):
        with pytest.raises(LedgerError, match=r"ledger\.json: .*backup"):
            spend(tmp_path, number)


def test_a_trail_begun_anew_does_not_know_what_was_spent(tmp_path: Path) -> None:
    spend(tmp_path, 1, 2)
    (tmp_path / "audit.jsonl").unlink()
    (tmp_path / "federation" / "audit-head.json").unlink()
    with pytest.raises(LedgerError, match="are not in the audit trail; put both back from one backup"):
        spend(tmp_path, 3)


def test_a_trail_rolled_back_with_the_ledger_is_found_by_its_head(tmp_path: Path) -> None:
    spend(tmp_path, 1)
    kept = {path: path.read_bytes() for path in (tmp_path / "audit.jsonl", Ledger(tmp_path).file)}
    spend(tmp_path, 2)
    for path, data in kept.items():
        path.write_bytes(data)
    with pytest.raises(TrailError):
        spend(tmp_path, 3)


CRASH = """
import os, sys
from pathlib import Path
from client.audit.trail import Trail
from client.privacy.accounting import Mechanism
from client.privacy.ledger import Budget, Ledger

class Dying(Trail):
    def append(self, event):
        os._exit(9)

folder, number, dies, epsilon = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "dies", float(sys.argv[4])
ledger = Ledger(folder, Dying(folder) if dies else Trail(folder))
ledger.reserve(Budget("1" * 64, epsilon, 1e-5), Mechanism(2.0, 0.1, 10), what=f"round {number}", name=f"{number:064x}")
"""


def test_processes_one_of_which_dies_count_as_one_accountant(tmp_path: Path) -> None:
    """Between ledger and trail: the release counts as spent, and the next process writes its line."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    codes = [
        subprocess.run(
            [sys.executable, "-c", CRASH, str(tmp_path), str(number), dies, str(BUDGET.epsilon)], env=environment
        ).returncode
        for number, dies in ((1, "lives"), (2, "dies"), (3, "lives"))
    ]
    assert codes == [0, 9, 0]
    releases = Ledger(tmp_path).releases()
    assert [one.what for one in releases] == ["round 1", "round 2", "round 3"]
    assert releases[-1].epsilon == pytest.approx(spent_epsilon([Mechanism(2.0, 0.1, 30)], delta=DELTA))
    assert len(Trail(tmp_path).entries_of("privacy")) == 3
