"""Who takes part: sites that run the same program, settings and study; others are told in what they differ."""

from __future__ import annotations

from common.errors import PeerError
from common.messages import Arrays, DescribeReply, DescribeRequest
from common.settings_hash import settings_sha256
from server.study_run import StudyRun


def describe(run: StudyRun) -> None:
    """Ask every site of the roster what it has and runs; the answers stand in facts["sites"]."""
    run.live.tell("phase", "describe: waiting for the sites", phase="describe")
    _ask(run, set(run.federation.roster), quorum=None)
    run.finish("describe")


def admit_latecomers(run: StudyRun) -> None:
    """Describe sites that were not there at first and are now, so that they take part from here on."""
    known = set(run.facts["sites"]) | set(run.facts["refused"])
    if newcomers := set(run.exchange.connected()) - known:
        _ask(run, newcomers, quorum=0)


def _ask(run: StudyRun, sites: set[str], *, quorum: int | None) -> None:
    request = DescribeRequest(
        study_sha256=run.sha256, code_sha256=run.state.code_sha256, settings_sha256=settings_sha256(run.study)
    )

    def same(reply: DescribeReply, _: Arrays) -> None:
        if reply.code_sha256 != request.code_sha256:
            raise PeerError("the installed code differs; install the same version")
        if reply.settings_sha256 != request.settings_sha256:
            raise PeerError("the settings of the features differ")

    answered = run.ask(request, DescribeReply, check=same, quorum=quorum, sites=sites)
    described, refused = run.facts.setdefault("sites", {}), run.facts.setdefault("refused", {})
    for site, record in answered.records().items():
        described[site] = record.model_dump(mode="json", exclude={"study_sha256", "version", "withheld"})
        counts = ", ".join(
            f"{'few' if part.patients is None else part.patients} {name}" for name, part in record.divisions.items()
        )
        run.live.tell("site", f"  {site}: {counts}", site=site)
    refused |= {site: answered.missing[site] for site in answered.unfit}
