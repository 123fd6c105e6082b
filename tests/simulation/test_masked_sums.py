"""The protocol of a masked sum: exact whoever drops out, and refused wherever somebody does not keep to it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from masked_sites import RUN, SHA, STEPS, MaskedSites, question
from scipy.stats import chisquare

from client.federation.masking_checks import MaskingDesk, check_whole
from client.federation.masking_state import SiteSitting
from client.federation.masking_sums import sum_names
from common.errors import DataError, PeerError
from common.messages import CorrelationReply, CorrelationRequest, Letter, RanksReply, RanksRequest, StatisticsRequest
from common.messages.judgements import Validation
from common.messages.masking import (
    ConfirmRequest,
    MaskedReply,
    MaskedRequest,
    SharesReply,
    SharesRequest,
    UncoverReply,
    UncoverRequest,
    question_sha256,
)
from common.messages.shared import ColumnScaling, RankColumns
from common.secure_aggregation import threshold


def check_exact(sites: MaskedSites, expected: tuple[str, ...]) -> None:
    found, plain = sites.sum(), sites.plain_sum(expected)
    assert found.sites == expected
    assert np.array_equal(found.vector.changes, plain.changes)
    assert found.vector.numbers == plain.numbers


@given(st.integers(3, 8), st.integers(0, 2**31), st.data())
@settings(max_examples=12, deadline=None)
def test_the_sum_is_exact_whoever_drops_out_at_whatever_step(number: int, seed: int, data: st.DataObject) -> None:
    most = number - max(3, threshold(number, share=0.6))
    leaving = data.draw(st.lists(st.sampled_from(range(1, number + 1)), max_size=most, unique=True))
    gone = {f"site-{site}": data.draw(st.sampled_from(STEPS)) for site in leaving}
    with tempfile.TemporaryDirectory() as folder:
        sites = MaskedSites(Path(folder), number, seed=seed, gone=gone)
        left = tuple(site for site in sites.names if STEPS.index(gone.get(site, STEPS[-1])) > 2)
        check_exact(sites, left)


@pytest.mark.parametrize("step", STEPS)
def test_one_of_four_drops_out_mid_round(tmp_path: Path, step: str) -> None:
    sites = MaskedSites(tmp_path, 4, gone={"site-2": step})
    all_sites = ("site-1", "site-2", "site-3", "site-4")
    after = all_sites if STEPS.index(step) > 2 else ("site-1", "site-3", "site-4")
    check_exact(sites, after)


def test_two_sites_that_are_left_of_three_get_no_sum(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="masked: 2 of 3"):
        MaskedSites(tmp_path, 3, gone={"site-1": "masked"}).sum()


def test_fewer_than_the_threshold_uncover_nothing(tmp_path: Path) -> None:
    gone = dict.fromkeys(("site-1", "site-2", "site-3"), "masking_uncover")
    with pytest.raises(PeerError, match="masking_uncover: 2 of 3"):
        MaskedSites(tmp_path, 5, gone=gone).sum()


def bytes_p(words: np.ndarray) -> float:
    """p of a chi-square test that all bytes of some words are equally frequent."""
    counts = np.bincount(np.ascontiguousarray(words).view(np.uint8), minlength=256)
    return float(chisquare(counts).pvalue)


def test_a_masked_update_looks_random_and_the_same_update_without_masks_does_not(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 3, size=50_000, buffers=2_000)
    sites.sum()
    masked = {site: reply for site, _, reply in sites.letters if isinstance(reply.record, MaskedReply)}
    assert len(masked) == 3
    for site, reply in masked.items():
        vector = sites.vectors()[site]
        assert bytes_p(reply.arrays["changes"]) > 1e-6
        assert bytes_p(reply.arrays["numbers"]) > 1e-6
        assert bytes_p(vector.changes) < 1e-100
        assert bytes_p(vector.ring.to_words(vector.numbers)) < 1e-100
        assert abs(np.corrcoef(reply.arrays["changes"], vector.changes)[0, 1]) < 0.03


def test_two_sites_masks_do_not_repeat(tmp_path: Path) -> None:
    """The same question asked again gets other masks for the same vector."""
    sites = MaskedSites(tmp_path, 3)
    check_exact(sites, sites.names)
    check_exact(sites, sites.names)
    first, *_, last = (reply for _, _, reply in sites.letters if isinstance(reply.record, MaskedReply))
    assert not np.array_equal(first.arrays["changes"], last.arrays["changes"])
    kinds = [letter.record.kind for site, letter, _ in sites.letters if site == "site-1"]
    assert kinds == [*STEPS, *STEPS]


def request_of(sites: MaskedSites, kind: type[Any], site: str = "site-1") -> Letter:
    """The last request of a kind that a site answered."""
    return next(sent for name, sent, _ in reversed(sites.letters) if name == site and isinstance(sent.record, kind))


def changed(letter: Letter, **changes: Any) -> Letter:
    return Letter(letter.record.model_copy(update=changes), letter.arrays)


def test_a_site_asked_for_both_secrets_of_another_refuses(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 4)
    sites.sum()
    told = next(reply for site, _, reply in reversed(sites.letters) if site == "site-1").record
    assert isinstance(told, UncoverReply)
    assert {one.part for one in told.revealed} == {"seed"}
    fewer = ("site-1", "site-2", "site-3")
    with pytest.raises(PeerError, match="it would tell both secrets of a site"):
        sites.tell("site-1", changed(request_of(sites, ConfirmRequest), survivors=fewer))
    with pytest.raises(PeerError, match="another list than this site confirmed"):
        sites.tell("site-1", changed(request_of(sites, UncoverRequest), survivors=fewer))


def test_a_site_tells_no_sum_whose_difference_to_an_earlier_one_is_one_site(tmp_path: Path) -> None:
    """The server begins the same round again and says that a site is away now."""
    sites = MaskedSites(tmp_path, 4)
    sites.sum()
    sites.gone = {"site-4": "masked"}
    with pytest.raises(PeerError, match="the difference gives single sites away"):
        sites.sum()
    sites.weights["parameters"][0] += 0.5
    sites.sum(number=1)
    sites.weights["parameters"][0] -= 0.5
    sites.gone = {}
    check_exact(sites, sites.names)


def test_a_site_that_told_a_sum_gives_no_vector_for_one_over_fewer(tmp_path: Path) -> None:
    """The server lets three of five tell shares, and asks one of them and the two others again."""
    sites = MaskedSites(tmp_path, 5, gone=dict.fromkeys(("site-4", "site-5"), "masking_uncover"))
    sites.sum()
    sites.gone = dict.fromkeys(("site-1", "site-2"), "masking_keys")
    with pytest.raises(PeerError, match=r"masked: 2 of 3: .*the difference gives single sites away"):
        sites.sum()


@pytest.mark.parametrize("changes", [{"best_round": 0}, {"weights_round": 0}, {"round": 9}, {"run": "9" * 32}])
def test_what_changes_no_answer_makes_no_other_sum(tmp_path: Path, changes: dict[str, Any]) -> None:
    sites = MaskedSites(tmp_path, 4)
    sites.sum()
    sites.gone = {"site-4": "masking_keys"}
    sites.facts["run"] = changes.get("run", sites.facts["run"])
    with pytest.raises(PeerError, match="the difference gives single sites away"):
        sites.sum(**changes)


def test_a_study_has_one_list_for_products_of_whatever_features() -> None:
    def asked(*names: str) -> tuple[str, ...]:
        scaling = ColumnScaling(mean=(0.0,) * len(names), deviation=(1.0,) * len(names))
        request = CorrelationRequest(study_sha256=SHA, radiomic_features=names, radiomics=scaling)
        return sum_names(request, {}, run=str(len(names)) * 32)

    statistics = sum_names(StatisticsRequest(study_sha256=SHA), {}, run=RUN)
    assert asked("a", "b") == asked("a", "b", "c") != statistics
    assert statistics != sum_names(StatisticsRequest(study_sha256="b" * 64), {}, run=RUN)


def test_one_round_of_a_run_is_summed_over_one_list_whatever_is_asked(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 4)
    sites.sum()
    sites.gone = {"site-4": "masking_keys"}
    sites.weights["parameters"][0] += 1e-3
    with pytest.raises(PeerError, match="the difference gives single sites away"):
        sites.sum(epochs=0, validate_weights=False)


def test_weights_are_validated_over_one_list_in_all_rounds(tmp_path: Path) -> None:
    """Their loss does not depend on what is trained from them afterwards."""
    sites = MaskedSites(tmp_path, 4)
    judged = Validation(patients=20, slices=60, loss_sum=41.5, concordant_pairs=70.5, pairs=100)
    for site, update in sites.updates.items():
        sites.updates[site] = changed(update, validation=judged)
    sites.sum(validate_weights=True)
    sites.gone = {"site-4": "masking_keys"}
    with pytest.raises(PeerError, match="the difference gives single sites away"):
        sites.sum(number=1, stage=1, validate_weights=True)


@pytest.mark.parametrize("bound", [False, True])
def test_sites_that_are_told_different_numbers_of_patients_refuse(tmp_path: Path, bound: bool) -> None:
    """The server tells all but one of ten million patients, so that the sum would be that one's update."""
    sites = MaskedSites(tmp_path, 4)
    real = sum(sites.patients.values())

    def shown(site: str, letter: Letter) -> Letter:
        if site == "site-2":
            return letter
        sitting = letter.record.sitting  # type: ignore[union-attr]
        lie = {"patients": 300_000} if isinstance(letter.record, MaskedRequest) else {}
        if bound:
            asked = question_sha256(question(), sites.weights, patients=300_000)
            lie["sitting"] = sitting.model_copy(update={"question_sha256": asked})
        return changed(letter, **lie)

    assert real < 300_000
    sites.asked = shown
    words = "altered on its way" if bound else "another than its keys were made for"
    with pytest.raises(PeerError, match=words):
        sites.sum()


@pytest.mark.parametrize("told", [3, 10_000_000])
def test_a_number_of_patients_that_cannot_be_is_refused(tmp_path: Path, told: int) -> None:
    sites = MaskedSites(tmp_path, 4)
    sites.told_patients = told
    with pytest.raises(PeerError, match=f"counts {told} training patients over all sites"):
        sites.sum()


def test_a_site_that_withholds_a_part_leaves_the_sum(tmp_path: Path) -> None:
    """Zeros of all sites but one would leave that one's part."""
    sites = MaskedSites(tmp_path, 4)
    judged = Validation(patients=20, slices=60, loss_sum=41.5, concordant_pairs=70.5, pairs=100)
    for site in sites.names[:3]:
        sites.updates[site] = changed(sites.updates[site], validation=judged)
    assert sites.sum(validate_weights=True).sites == sites.names[:3]
    assert "a whole part of the training answer is withheld" in sites.recorded[0][1].missing["site-4"]
    sites.updates["site-3"] = changed(sites.updates["site-3"], validation=None)
    with pytest.raises(PeerError, match="masked: 2 of 3"):
        sites.sum(validate_weights=True)


def test_whole_parts_of_the_preparation_are_refused() -> None:
    known = {"study_sha256": SHA, "site": "site-1"}
    empty = RankColumns(n_positive=(0, 0), n_negative=(0, 0), u=(0, 0), tie_term=(0, 0), noise_variance=(0, 0))
    correlation = CorrelationRequest(
        study_sha256=SHA, radiomic_features=("a",), radiomics=ColumnScaling(mean=(0,), deviation=(1,))
    )
    for reply, asked in (
        (RanksReply(**known, ranks=empty), RanksRequest(study_sha256=SHA)),
        (CorrelationReply(**known, products=None), correlation),
    ):
        with pytest.raises(DataError, match=f"a whole part of the {asked.kind} answer is withheld here"):
            check_whole(Letter(reply), asked)
    one = RankColumns(n_positive=(9, 0), n_negative=(9, 0), u=(1, 0), tie_term=(0, 0), noise_variance=(0, 0))
    check_whole(Letter(RanksReply(**known, ranks=one)), RanksRequest(study_sha256=SHA))


def test_sites_that_were_shown_different_participants_refuse(tmp_path: Path) -> None:
    """The server gives one site a key that it made itself for another."""
    sites = MaskedSites(tmp_path, 4)

    def shown(site: str, letter: Letter) -> Letter:
        if site != "site-1" or not isinstance(letter.record, SharesRequest):
            return letter
        false = letter.record.participants[1].model_copy(update={"cipher_key": "5" * 64})
        return changed(letter, participants=(letter.record.participants[0], false, *letter.record.participants[2:]))

    sites.asked = shown
    with pytest.raises(PeerError, match="its sender was shown another list of sites"):
        sites.sum()


def test_sites_that_were_shown_different_members_refuse(tmp_path: Path) -> None:
    """The server hides from one site that another one's shares came, and calls that one dropped out."""
    sites = MaskedSites(tmp_path, 5, gone={"site-5": "masked"})

    def shown(site: str, letter: Letter) -> Letter:
        if site != "site-1" or not isinstance(letter.record, MaskedRequest):
            return letter
        return changed(letter, dealt=tuple(one for one in letter.record.dealt if one.sender != "site-5"))

    sites.asked = shown
    with pytest.raises(PeerError, match="was shown another list of sites"):
        sites.sum()
    with pytest.raises(PeerError, match="second list of members"):
        sites.tell("site-1", request_of(sites, MaskedRequest, "site-2"))


def test_sites_that_confirmed_different_lists_refuse(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 4)

    def shown(site: str, letter: Letter) -> Letter:
        fewer = ("site-1", "site-2", "site-3")
        told = site == "site-1" and isinstance(letter.record, ConfirmRequest | UncoverRequest)
        return changed(letter, survivors=fewer) if told else letter

    sites.asked = shown
    with pytest.raises(PeerError, match="was shown another list of sites than this one"):
        sites.sum()


def test_a_server_that_says_confirmed_for_sites_that_did_not_is_refused(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 4)

    def shown(_: str, letter: Letter) -> Letter:
        return changed(letter, confirmations=()) if isinstance(letter.record, UncoverRequest) else letter

    sites.asked = shown
    with pytest.raises(PeerError, match="1 sites confirm the list, 3 must"):
        sites.sum()


@pytest.mark.parametrize("what", ["sealed", "seed_share_sha256"])
def test_an_altered_share_is_refused_by_its_addressee(tmp_path: Path, what: str) -> None:
    sites = MaskedSites(tmp_path, 4)

    def altered(site: str, reply: Letter) -> Letter:
        if site != "site-2" or not isinstance(reply.record, SharesReply):
            return reply
        first, *rest = reply.record.dealt
        wrong = getattr(first, what)[:-1] + ("0" if getattr(first, what)[-1] != "0" else "1")
        return changed(reply, dealt=(first.model_copy(update={what: wrong}), *rest))

    sites.answered = altered
    check_exact(sites, ("site-2", "site-3", "site-4"))
    reasons = sites.recorded[0][1].missing
    assert list(reasons) == ["site-1"]
    assert "altered on its way" in reasons["site-1"] or "are not what it announced" in reasons["site-1"]


def test_a_forged_share_is_refused_by_the_server_and_the_others_suffice(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 4)

    def forged(site: str, reply: Letter) -> Letter:
        if site != "site-2" or not isinstance(reply.record, UncoverReply):
            return reply
        first, *rest = reply.record.revealed
        return changed(reply, revealed=(first.model_copy(update={"share": "7" * 64}), *rest))

    sites.answered = forged
    check_exact(sites, sites.names)


def test_shares_that_do_not_give_the_announced_secret_are_refused(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 3)

    def forged(site: str, reply: Letter) -> Letter:
        lies = site == "site-2" and isinstance(reply.record, SharesReply)
        return changed(reply, seed_sha256="7" * 64) if lies else reply

    sites.answered = forged
    with pytest.raises(PeerError, match="site-2 dealt do not give back what it announced"):
        sites.sum()


def test_a_message_of_an_earlier_round_is_refused(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 3)
    sites.sum(number=0)
    old = [request_of(sites, kind) for kind in (SharesRequest, MaskedRequest, ConfirmRequest, UncoverRequest)]
    sites.sum(number=1)
    for letter in old:
        with pytest.raises(PeerError, match="another exchange than the one under way"):
            sites.tell("site-1", letter)


def test_keys_of_one_question_do_not_serve_another(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 3)

    def other(_: str, letter: Letter) -> Letter:
        if not isinstance(letter.record, MaskedRequest):
            return letter
        return changed(letter, question=question(0).model_copy(update={"stage": 1}).model_dump_json())

    sites.asked = other
    with pytest.raises(PeerError, match="another than its keys were made for"):
        sites.sum()


def test_the_same_masks_hide_no_second_vector(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 3, gone={"site-1": "masking_uncover"})
    sites.sum()
    masked = request_of(sites, MaskedRequest)
    again = sites.tell("site-1", masked)
    assert isinstance(again.record, MaskedReply)
    sites.updates["site-1"].arrays["parameters"][0] += 1  # type: ignore[index]
    with pytest.raises(PeerError, match="a second answer to one question"):
        sites.tell("site-1", masked)
    assert sites.desk("site-1").state.under_way().confirmed == sites.names  # type: ignore[union-attr]


def while_computing(sites: MaskedSites, then: Callable[[], None]) -> None:
    """Let something happen once while site-1 computes its answer."""
    desk, happened = sites.desk, []

    def of(site: str) -> MaskingDesk:
        def plain(*_: object) -> Letter:
            answer = sites.updates[site]
            if site == "site-1" and not happened:
                happened.append(site)
                then()
            return answer

        return replace(desk(site), plain=plain)

    sites.desk = of  # type: ignore[method-assign]


def test_of_two_answers_at_once_one_is_masked(tmp_path: Path) -> None:
    """The patients change in between, or training is not the same to the last bit twice."""
    sites = MaskedSites(tmp_path, 4, gone={"site-1": "masking_uncover"})
    sent: list[Letter] = []

    def remembered(site: str, letter: Letter) -> Letter:
        if site == "site-1":
            sent.append(letter)
        return letter

    def second() -> None:
        values = {name: value + np.float32(1e-3) for name, value in sites.updates["site-1"].arrays.items()}
        sites.updates["site-1"] = Letter(sites.updates["site-1"].record, values)
        assert isinstance(sites.tell("site-1", sent[-1]).record, MaskedReply)

    sites.asked = remembered
    while_computing(sites, second)
    assert sites.sum().sites == sites.names[1:]
    assert "a second answer to one question" in sites.recorded[0][1].missing["site-1"]


def test_a_late_answer_does_not_forget_what_was_confirmed_meanwhile(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 4, gone={"site-1": "masking_uncover"})
    sites.sum()
    masked, confirm = request_of(sites, MaskedRequest), request_of(sites, ConfirmRequest)
    state = sites.desk("site-1").state
    state.keep(state.under_way().model_copy(update={"confirmed": ()}))  # type: ignore[union-attr]
    while_computing(sites, lambda: void(sites.tell("site-1", confirm)))
    sites.tell("site-1", masked)
    assert state.under_way().confirmed == sites.names  # type: ignore[union-attr]


def void(_: object) -> None:
    """Nothing is done with it."""


def test_two_steps_of_a_site_wait_for_each_other(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 3, gone={"site-1": "masking_uncover"})
    sites.sum()
    confirm, state = request_of(sites, ConfirmRequest), sites.desk("site-1").state
    with ThreadPoolExecutor(1) as pool:
        with state.locked():
            waiting = pool.submit(sites.tell, "site-1", confirm)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        assert waiting.result(timeout=30).record.kind == "masking_confirm"


def test_the_secrets_of_an_exchange_that_is_over_are_gone(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 4)
    file, secrets = tmp_path / "site-1" / "federation" / "masking" / "sitting.json", set[str]()

    def before_uncovering(site: str, letter: Letter) -> Letter:
        if site == "site-1" and isinstance(letter.record, UncoverRequest):
            sitting = SiteSitting.model_validate_json(file.read_text())
            secrets.update((sitting.cipher_private, sitting.mask_private, sitting.seed))
            secrets.update(held.key for held in sitting.held.values())
        return letter

    sites.asked = before_uncovering
    sites.sum()
    assert len(secrets) == 7
    assert not any(secret in path.read_text() for path in file.parent.iterdir() for secret in secrets)
    told = next(reply for site, _, reply in reversed(sites.letters) if site == "site-1")
    assert sites.tell("site-1", request_of(sites, UncoverRequest)).record == told.record
    for kind in (SharesRequest, MaskedRequest, ConfirmRequest):
        with pytest.raises(PeerError, match="an exchange that is over at this site"):
            sites.tell("site-1", request_of(sites, kind))


def test_a_site_with_lost_or_damaged_memory_tells_nothing(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 3)
    sites.sum()
    folder = tmp_path / "site-1" / "federation" / "masking"
    assert folder.stat().st_mode & 0o077 == 0
    (folder / "uncovered.json").write_text("[")
    with pytest.raises(DataError, match="what was told is not known"):
        sites.tell("site-1", request_of(sites, UncoverRequest))
    (folder / "sitting.json").unlink()
    with pytest.raises(PeerError, match="another exchange than the one under way"):
        sites.tell("site-1", request_of(sites, UncoverRequest))


def enrol(sites: MaskedSites) -> None:
    """Each site has its own key and the public keys of the others, received from them."""
    keys = {site: ec.generate_private_key(ec.SECP384R1()) for site in sites.names}
    for site in sites.names:
        folder = sites.folder / site / "federation"
        (folder / "peers").mkdir(parents=True)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        (folder / "site.key").write_bytes(keys[site].private_bytes(*form))
        for other, key in keys.items():
            public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
            (folder / "peers" / f"{other}.pub").write_bytes(public)


def test_sites_that_know_each_others_keys_refuse_a_server_in_between(tmp_path: Path) -> None:
    sites = MaskedSites(tmp_path, 4)
    enrol(sites)
    check_exact(sites, sites.names)

    def between(site: str, letter: Letter) -> Letter:
        if not isinstance(letter.record, SharesRequest):
            return letter
        false = tuple(
            one if one.site in (site, "site-3") else one.model_copy(update={"mask_key": one.cipher_key[::-1]})
            for one in letter.record.participants
        )
        return changed(letter, participants=false)

    sites.asked = between
    with pytest.raises(PeerError, match="not signed with its own key"):
        sites.sum(number=1)
