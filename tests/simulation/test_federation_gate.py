"""What a site answers when its policy, its approval or its trail says no, whatever server and study ask."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from flwr.app import ConfigRecord, RecordDict
from small_federation import SmallFederation, made_up_dataset, small_text
from test_federation_guards import fewer, training, weights

from client.approval import APPROVAL_FILE, approve
from client.audit import trail as trail_module
from client.audit.contents import content_sha256
from client.audit.entry import Event
from client.audit.trail import HEAD_FILE, TRAIL_FILE, Trail
from client.enrolled_server import SERVER_CA
from client.federation.answer import STUDY_FILE, open_desk
from client.federation.dataset import Dataset
from client.federation.guards import Guard
from client.gate import answered
from client.site import load_site
from common.errors import StudyError
from common.messages import (
    DescribeRequest,
    Fault,
    Letter,
    RanksRequest,
    Request,
    StatisticsRequest,
    TrainingReply,
    decode,
    encode,
)
from common.pooling import Moments, RankSums
from common.study import study_sha256
from server.certificates import make_ca

pytestmark = pytest.mark.usefixtures("tiny_trunk")


def site_folder(folder: Path, dataset: Dataset | None = None, **changes: str) -> Path:
    """The folder of a site that has approved a study of its own."""
    small = SmallFederation(folder, small_text(1, **changes), {"site-1": dataset or made_up_dataset(1)})
    return small.folders["site-1"]


def asked(folder: Path, request: Request, arrays: Any = None, **config: str) -> RecordDict:
    told = {"site-folder": str(folder), **{name.replace("_", "-"): value for name, value in config.items()}}
    return answered(encode(Letter(request, arrays or {})), type(request), told)


def statistics(folder: Path) -> StatisticsRequest:
    return StatisticsRequest(study_sha256=study_sha256(folder / STUDY_FILE))


def fault(content: RecordDict) -> str:
    """The code of a fault, which is all that a message holds."""
    assert set(content) == {"record"}
    return Fault.model_validate_json(str(content["record"]["json"])).code


def numbers_came(content: RecordDict) -> bool:
    return content["record"]["kind"] != Fault.kind


def set_policy(folder: Path, line: str) -> None:
    """Put a line of [policy] in the place of the one with the same key."""
    path, key = folder / "site.toml", line.partition(" ")[0]
    text, found = re.subn(rf"(?m)^#? ?{key} = .*$", line, path.read_text())
    assert found == 1
    path.write_text(text)


def test_a_study_with_a_policy_of_its_own_is_no_study(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    file = tmp_path / "bold.toml"
    file.write_text(small_text(1) + "\n[policy]\nminimum_count = 1\n")
    with pytest.raises(StudyError, match="unknown key 'policy'"):
        approve(load_site(folder), file)
    federation = file.read_text().replace("[federation]", "[federation]\nminimum_count = 1").partition("\n[policy]")[0]
    file.write_text(federation)
    with pytest.raises(StudyError, match=r"unknown key 'federation\.minimum_count'"):
        approve(load_site(folder), file)


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ('allowed_phases = ["describe", "training"]', {"statistics"}),
        ('allowed_phases = ["describe", "statistics"]', {"training"}),
        ("maximum_epsilon = 4.0", {"training"}),
        ("require_tls = true", {"statistics", "training"}),
        (f'allowed_servers = ["{"a" * 64}"]', {"statistics", "training"}),
        ("share_site_metrics = true", set()),
    ],
)
def test_the_policy_stands_above_every_study(tmp_path: Path, line: str, refused: set[str]) -> None:
    folder = site_folder(tmp_path)
    desk = open_desk(load_site(folder))
    set_policy(folder, line)
    answers = {
        "statistics": asked(folder, statistics(folder)),
        "training": asked(folder, training(desk), weights(desk)),
    }
    assert {name for name, content in answers.items() if not numbers_came(content)} == refused
    assert {fault(answers[name]) for name in refused} <= {"policy"}


def test_weights_leave_without_the_loss_that_is_not_shared(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    desk = open_desk(load_site(folder))
    set_policy(folder, "share_site_metrics = false")
    reply, arrays = decode(asked(folder, training(desk), weights(desk)), TrainingReply)
    assert (reply.loss, reply.validation) == (None, None)
    assert "loss: the site's policy does not share it" in reply.withheld
    assert arrays["parameters"].size == weights(desk)["parameters"].size


def test_a_phase_that_forgets_its_guards_does_not_get_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every guard within the phases is taken away; the second wall knows nothing of them."""
    folder = site_folder(tmp_path, fewer(made_up_dataset(1), training=4))
    desk = open_desk(load_site(folder))
    for kind in (Moments, RankSums):
        monkeypatch.setattr(kind, "guarded", lambda self, **_: self)
    for name in ("allows", "allows_classes"):
        monkeypatch.setattr(Guard, name, lambda *_: True)
    assert fault(asked(folder, statistics(folder))) == "policy"
    assert fault(asked(folder, training(desk), weights(desk))) == "policy"
    # of ranks the small columns are emptied
    ranks = asked(folder, RanksRequest(study_sha256=desk.sha256))
    assert set(json.loads(str(ranks["record"]["json"]))["ranks"]["u"]) == {0.0}
    assert "fewer than 5 patients" in caplog.text
    assert [one.fault for one in Trail(folder).entries() if one.direction == "out"] == ["policy", "policy", None]


def test_a_message_asked_twice_is_recorded_twice_and_answered_the_same(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    desk = open_desk(load_site(folder))
    answers = [asked(folder, training(desk), weights(desk)) for _ in range(2)]
    assert numbers_came(answers[0])
    assert content_sha256(answers[0]) == content_sha256(answers[1])
    lines = [one for one in Trail(folder).entries() if one.event == "message"]
    assert [one.direction for one in lines] == ["in", "out", "in", "out"]
    assert lines[0].content_sha256 == lines[2].content_sha256
    assert lines[1].content_sha256 == lines[3].content_sha256


def test_a_study_changed_by_a_byte_does_not_run(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    with (folder / STUDY_FILE).open("a") as file:
        file.write("\n")
    assert fault(asked(folder, statistics(folder))) == "approval"
    approve(load_site(folder), folder / STUDY_FILE)
    assert not numbers_came(asked(folder, StatisticsRequest(study_sha256="b" * 64)))


def test_nothing_runs_without_an_approval(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    request = statistics(folder)
    (folder / APPROVAL_FILE).unlink()
    assert fault(asked(folder, request)) == "approval"
    described = DescribeRequest(study_sha256=request.study_sha256, code_sha256="c" * 64, settings_sha256="c" * 64)
    assert fault(asked(folder, described)) == "approval"


def test_an_approval_written_by_hand_is_not_in_the_trail(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    with (folder / STUDY_FILE).open("a") as file:
        file.write("# another\n")
    path = folder / APPROVAL_FILE
    told = json.loads(path.read_text()) | {"study_sha256": study_sha256(folder / STUDY_FILE)}
    path.write_text(json.dumps(told))
    assert fault(asked(folder, statistics(folder))) == "trail"


def test_a_broken_trail_stops_everything(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    request = statistics(folder)
    assert numbers_came(asked(folder, request))
    path = folder / TRAIL_FILE
    before = path.read_bytes()
    path.write_bytes(before.replace(b'"direction":"out"', b'"direction":"in"'))
    assert fault(asked(folder, request)) == "trail"
    assert b"pdl1es-site audit" in str(asked(folder, request)["record"]["json"]).encode()
    path.write_bytes(before)
    assert numbers_came(asked(folder, request))


def test_a_message_checks_the_whole_trail_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = site_folder(tmp_path)
    request, whole = statistics(folder), []
    check = trail_module.check_chain
    monkeypatch.setattr(trail_module, "check_chain", lambda text, head: whole.append(text) or check(text, head))
    assert numbers_came(asked(folder, request))
    assert len(whole) == 1


@pytest.mark.parametrize("name", ["federation/ca.crt", "site.toml"])
def test_a_question_has_its_line_though_the_site_is_damaged(tmp_path: Path, name: str) -> None:
    folder = site_folder(tmp_path)
    request = statistics(folder)
    (folder / name).write_bytes(b"\xff damaged")
    assert fault(asked(folder, request)) == "data"
    came, left = Trail(folder).entries()[-2:]
    assert (came.direction, came.study_sha256, came.fault) == ("in", request.study_sha256, None)
    assert (left.direction, left.fault) == ("out", "data")


def test_what_is_no_site_gets_no_trail(tmp_path: Path) -> None:
    request = StatisticsRequest(study_sha256="a" * 64)
    assert fault(asked(tmp_path / "nobody", request))
    assert not (tmp_path / "nobody").exists()


def test_an_approval_that_the_head_does_not_name_stops_everything(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    with (folder / STUDY_FILE).open("a") as file:
        file.write("# another\n")
    path = folder / APPROVAL_FILE
    sha256 = study_sha256(folder / STUDY_FILE)
    head = (folder / HEAD_FILE).read_bytes()
    forged = Trail(folder).append(Event(event="approval", study_sha256=sha256, details={"user": "director"}))
    (folder / HEAD_FILE).write_bytes(head)
    told = {"study_sha256": sha256, "audit_hash": forged.hash}
    path.write_text(json.dumps(json.loads(path.read_text()) | told))
    assert [fault(asked(folder, statistics(folder))) for _ in range(2)] == ["trail", "trail"]


def test_a_trail_begun_anew_stops_everything(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    for name in (TRAIL_FILE, HEAD_FILE):
        (folder / name).unlink()
    assert fault(asked(folder, statistics(folder))) == "trail"


def test_an_answer_that_cannot_be_recorded_does_not_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = site_folder(tmp_path)
    write = trail_module._write_all

    def full(handle: int, data: bytes) -> None:
        if b'"direction":"out"' in data:
            os.write(handle, data[:40])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(handle, data)

    with monkeypatch.context() as patched:
        patched.setattr(trail_module, "_write_all", full)
        assert fault(asked(folder, statistics(folder))) == "trail"
    assert [one.direction for one in Trail(folder).entries()][-1] == "in"
    assert numbers_came(asked(folder, statistics(folder)))


def test_only_the_enrolled_and_allowed_server_is_answered(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    certificate = make_ca("study").certificate
    (folder / "federation" / "ca.crt").write_bytes(certificate)
    known = x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex()
    set_policy(folder, "require_tls = true")
    request = statistics(folder)
    assert fault(asked(folder, request)) == "policy"
    assert fault(asked(folder, request, server_ca="d" * 64)) == "policy"
    assert SERVER_CA == "server-ca"
    assert numbers_came(asked(folder, request, server_ca=known))
    assert Trail(folder).entries()[-1].server == known
    set_policy(folder, f'allowed_servers = ["{"e" * 64}"]')
    assert fault(asked(folder, request, server_ca=known)) == "policy"
    set_policy(folder, f'allowed_servers = ["{"e" * 64}", "{known}"]')
    assert numbers_came(asked(folder, request, server_ca=known))


def test_a_change_of_the_policy_is_a_line(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    asked(folder, statistics(folder))
    set_policy(folder, "minimum_count = 6")
    asked(folder, statistics(folder))
    asked(folder, statistics(folder))
    told = [one.details["minimum_count"] for one in Trail(folder).entries() if one.event == "policy"]
    assert told == ["5", "6"]


def test_a_message_that_is_no_question_is_recorded_and_refused(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    content = RecordDict({"record": ConfigRecord({"kind": "statistics", "version": 1, "json": "{"})})
    assert fault(answered(content, StatisticsRequest, {"site-folder": str(folder)})) == "disagrees"
    came, left = Trail(folder).entries()[-2:]
    assert (came.direction, came.study_sha256, came.contents) == ("in", None, ())
    assert (left.direction, left.fault) == ("out", "disagrees")
