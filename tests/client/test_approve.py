"""`pdl1es-site approve`: a person reads what a study does here and says yes; without it nothing runs."""

from __future__ import annotations

import io
import json
import re
import stat
from pathlib import Path

import pytest
from test_enroll import run, study_file

from client.approval import APPROVAL_FILE, read_approval
from client.audit.entry import Event
from client.audit.trail import HEAD_FILE, Trail
from common.study import study_sha256
from server.provision import provision


class Terminal(io.StringIO):
    """A person at the keyboard."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(capsys, "init", tmp_path / "north", "--name", "north")[0] == 0
    return tmp_path / "north"


@pytest.fixture
def enrolled(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    provision(study_file(tmp_path), tmp_path / "kit", hosts=["localhost"], port=9400)
    assert run(capsys, "enroll", site, "--kit", tmp_path / "kit" / "sites" / "north")[0] == 0
    return site


def changed(path: Path, old: str, new: str, name: str = "changed.toml") -> Path:
    text = path.read_text()
    assert old in text
    target = path.with_name(name)
    target.write_text(text.replace(old, new, 1))
    return target


def test_approval_pins_hash_time_and_account(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = study_file(tmp_path)
    code, text = run(capsys, "approve", site, "--study", file, "--yes")
    assert code == 0, text
    path = site / APPROVAL_FILE
    told = json.loads(path.read_text())
    assert told["study_sha256"] == study_sha256(file)
    assert told["study_sha256"] in text
    assert told["time"].endswith("+00:00")
    assert told["user"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    line = Trail(site).entries()[-1]
    assert (line.event, line.study_sha256, line.details["user"]) == ("approval", told["study_sha256"], told["user"])
    before = path.read_bytes(), (site / "audit.jsonl").read_bytes()
    assert run(capsys, "approve", site, "--study", file, "--yes")[0] == 0
    assert (path.read_bytes(), (site / "audit.jsonl").read_bytes()) == before


def test_the_remedy_for_a_broken_trail_works(enrolled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "approve", enrolled, "--yes")[0] == 0
    (enrolled / "audit.jsonl").write_text("altered\n")
    for words in (("join", enrolled), ("approve", enrolled, "--yes")):
        code, text = run(capsys, *words)
        assert (code, "move it and" in text) == (1, True), text
    for name in ("audit.jsonl", "federation/audit-head.json"):
        (enrolled / name).rename(enrolled / f"{name}.old")
    code, text = run(capsys, "join", enrolled)
    assert (code, f"pdl1es-site approve {enrolled}" in text) == (1, True), text
    assert run(capsys, "approve", enrolled, "--yes")[0] == 0
    code, text = run(capsys, "join", enrolled, "--server", "no-such-host.invalid:9400")
    assert (code, "not known" in text) == (3, True)
    assert [one.event for one in Trail(enrolled).entries()] == ["policy", "approval", "join"]


def test_an_approval_that_the_head_does_not_name_is_none(
    enrolled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "approve", enrolled, "--yes")[0] == 0
    path = enrolled / APPROVAL_FILE
    told = json.loads(path.read_text())
    head = (enrolled / HEAD_FILE).read_bytes()
    forged = Event(event="approval", study_sha256=told["study_sha256"], details={"user": "director"})
    told["audit_hash"] = Trail(enrolled).append(forged).hash
    (enrolled / HEAD_FILE).write_bytes(head)
    path.write_text(json.dumps(told))
    for _ in range(2):
        code, text = run(capsys, "join", enrolled)
        assert (code, "the line of the approval is missing" in text) == (1, True), text
    assert run(capsys, "approve", enrolled, "--yes")[0] == 0
    assert run(capsys, "join", enrolled, "--server", "no-such-host.invalid:9400")[0] == 3
    assert [one.event for one in Trail(enrolled).entries()][-4:] == ["approval", "mended", "approval", "join"]


def test_what_was_shown_is_what_is_approved(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody puts another study in its place while a person reads."""
    file = study_file(tmp_path)
    shown, text = study_sha256(file), file.read_text()

    class Exchanging(Terminal):
        def readline(self, *_: object) -> str:  # type: ignore[override]
            file.write_text(text.replace("local_epochs = 1", "local_epochs = 5"))
            return "y\n"

    monkeypatch.setattr("sys.stdin", Exchanging())
    code, said = run(capsys, "approve", site, "--study", file)
    assert code == 0, said
    assert study_sha256(file) != shown
    approval = read_approval(site)
    assert approval is not None
    assert (approval.study_sha256, approval.study) == (shown, text)
    assert f"Approved       {shown}" in said


def told_of(capsys: pytest.CaptureFixture[str], site: Path, file: Path) -> str:
    code, text = run(capsys, "approve", site, "--study", file, "--yes")
    assert code == 0, text
    return text


def test_the_words_follow_the_study(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = study_file(tmp_path)
    text = told_of(capsys, site, first)
    for words in (
        "This site has approved no study before.",
        "training: 13 rounds of 1 epoch(s), 13 epochs; fedavg",
        "at most 100 features are chosen",
        "weights: buffers, parameters",
        "this site's model, trained alone, goes to every site",
        "no statistic over fewer than 10 patients",
        "differential privacy: none; the weights may tell whether a patient was trained on",
        "(round, patients, loss, validation, weights: buffers, parameters)",
        "secure aggregation: none",
    ):
        assert words in text, text
    assert "Cross products" not in text
    second = changed(first, "cross_site = true", "cross_site = false")
    second = changed(second, "correlation = 1.0", "correlation = 0.9")
    second = changed(second, "local_epochs = 1", "local_epochs = 2")
    text = told_of(capsys, site, second)
    assert "Models of single sites: do not travel." in text
    assert "best weights of a training on this site's patients alone" not in text
    assert "Cross products" in text
    for words in ("federation.cross_site: True -> False", "federation.local_epochs: 1 -> 2"):
        assert words in text, text
    assert "federation.aggregation: " not in text
    commented = changed(second, "[federation]", "[federation]  # the same", "commented.toml")
    assert "no key differs; at most comments" in told_of(capsys, site, commented)


def test_the_words_follow_the_policy(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = site / "site.toml"
    text = settings.read_text().replace("share_site_metrics = true", "share_site_metrics = false")
    text = text.replace("# maximum_epsilon", "maximum_epsilon").replace("minimum_count = 10", "minimum_count = 12")
    settings.write_text(text + 'allowed_phases = ["describe", "statistics"]\n')
    text = told_of(capsys, site, study_file(tmp_path))
    assert "no statistic over fewer than 12 patients" in text
    assert "hazard ratios: do not leave" in text
    assert "this site sends no weights of this study" in text
    assert "; fedavg; this site's policy does not allow it, nothing leaves" in text


PRIVACY = """
[privacy]
epsilon = 3.0
delta = 1e-5
mode = "head"
clipping_norm = 0.5
statistics = "exact"
statistics_noise = 20.0
validation = "exact"
age_range = [20, 100]
ranges = { original_shape_Sphericity = [0, 1] }
"""


def private_study(folder: Path, *changes: tuple[str, str]) -> Path:
    """The study with a table [privacy], and with texts of both replaced."""
    text = study_file(folder).read_text() + PRIVACY
    frozen = 'trunk = "densenet121"\nnormalization = "frozen"\npretrained_file = "trunk.safetensors"'
    for old, new in (("cross_site = true", "cross_site = false"), ('trunk = "densenet121"', frozen), *changes):
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "private.toml"
    path.write_text(text)
    return path


def test_the_words_follow_the_promise_of_privacy(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told_of(capsys, site, private_study(tmp_path))
    for words in (
        "trained on this site's training patients: the classifier alone learns, the trunk that",
        "differential privacy: epsilon 3 at delta 1e-05 for whether the data of one training patient of a site were",
        "over all rounds and restarts together",
        "mode head: the classifier alone learns, the trunk that the server sends does not learn",
        "each patient's gradient is cut to 0.5",
        "this site itself chooses the noise, so that the whole study stays within epsilon",
        "  - covered: weights after each round",
        "  - not covered: means and deviations of features and clinical values (exact, over training patients)",
        "  - not covered: AUC and counts of scores in bins",
        "  - does not leave: training loss of each round",
        "(round, patients, epsilon, validation, weights: buffers, parameters)",
    ):
        assert words in text, text
    full = (('mode = "head"', 'mode = "full"'), ('statistics = "exact"', 'statistics = "noised"'))
    text = told_of(capsys, site, private_study(tmp_path, *full, ('validation = "exact"', 'validation = "withheld"')))
    for words in (
        "mode full: the whole network learns",
        "  - covered: means and deviations of features",
        "  - covered: rank sums of features",
        "  - does not leave: loss and pairs in the right order of validation patients",
        "(round, patients, epsilon, weights: buffers, parameters)",
        "privacy.mode: head -> full",
    ):
        assert words in text, text
    assert "the trunk stays" not in text
    assert "differential privacy: none" not in text


def test_a_policy_below_the_promise_is_told_before_the_approval(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = site / "site.toml"
    before = settings.read_text()
    for allowed, told in (("2.5", True), ("3.0", False)):
        settings.write_text(re.sub(r"(?m)^# maximum_epsilon = \S+", f"maximum_epsilon = {allowed}", before))
        assert f"maximum_epsilon = {allowed}" in settings.read_text()
        text = told_of(capsys, site, private_study(tmp_path))
        assert ("this site sends no weights of this study" in text) is told, text


def test_without_a_terminal_nobody_approves(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "approve", site, "--study", study_file(tmp_path))
    assert code == 2
    assert "--yes" in text
    assert not (site / APPROVAL_FILE).exists()


@pytest.mark.parametrize(("said", "approved"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_a_person_says_yes_or_no(
    site: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    approved: bool,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(said))
    code, text = run(capsys, "approve", site, "--study", study_file(tmp_path))
    assert (code, (site / APPROVAL_FILE).exists()) == ((0, True) if approved else (1, False)), text


def test_only_the_study_of_the_kit_is_approved(
    enrolled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = changed(tmp_path / "study.toml", "local_epochs = 1", "local_epochs = 2")
    code, text = run(capsys, "approve", enrolled, "--study", other, "--yes")
    assert (code, text.count("\n")) == (1, 1)
    assert "the kit is for" in text
    assert run(capsys, "approve", enrolled, "--yes")[0] == 0
    assert read_approval(enrolled) is not None


@pytest.mark.parametrize("what", ["no study", "another site", "one site"])
def test_a_study_that_is_not_for_this_site(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    file = study_file(tmp_path)
    text = file.read_text()
    words = {
        "no study": ("nothing = 1", "nothing"),
        "another site": (text.replace('"north"', '"east"'), "the roster is east, south"),
        "one site": (text.partition("[federation]")[0], "study of one site"),
    }
    file.write_text(words[what][0])
    code, said = run(capsys, "approve", site, "--study", file, "--yes")
    assert (code, said.count("\n")) == (1, 1)
    assert words[what][1] in said


def test_join_asks_for_the_approval_first(enrolled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "join", enrolled)
    assert (code, text.count("\n")) == (1, 1)
    assert f"pdl1es-site approve {enrolled}" in text
    assert run(capsys, "approve", enrolled, "--yes")[0] == 0
    (enrolled / "audit.jsonl").write_text("")
    code, text = run(capsys, "join", enrolled)
    assert code == 1
    assert "cut off" in text


def test_join_goes_to_an_allowed_server_only(
    enrolled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "approve", enrolled, "--yes")[0] == 0
    settings = enrolled / "site.toml"
    before = settings.read_text()
    settings.write_text(before.replace("allowed_servers = []", f'allowed_servers = ["{"a" * 64}"]'))
    code, text = run(capsys, "join", enrolled)
    assert (code, text.count("\n")) == (1, 1)
    assert "policy.allowed_servers" in text
    own = json.loads((enrolled / "federation" / "site-kit.json").read_text())["ca_sha256"]
    settings.write_text(before.replace("allowed_servers = []", f'allowed_servers = ["{own}"]'))
    code, text = run(capsys, "join", enrolled, "--server", "no-such-host.invalid:9400")
    assert (code, "not known" in text) == (3, True)
    assert [one.event for one in Trail(enrolled).entries()] == ["key", "policy", "approval", "policy", "join"]
    assert Trail(enrolled).entries()[-1].server == own


def test_a_damaged_approval_is_none(enrolled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "approve", enrolled, "--yes")[0] == 0
    (enrolled / APPROVAL_FILE).write_text("{}")
    code, text = run(capsys, "join", enrolled)
    assert (code, text.count("\n")) == (1, 1)
    assert "is no approval" in text
