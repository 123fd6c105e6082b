"""Who takes part: sites that run the same program, settings and study; others are told in what they differ."""

from __future__ import annotations

from common.errors import PeerError
from common.messages import Arrays, DescribeReply, DescribeRequest
from common.settings_hash import settings_sha256
from server.study_run import StudyRun


def describe(run: StudyRun) -> None:
    """Ask every site of the roster what it has and runs; the answers stand in facts["sites"]."""
    request = DescribeRequest(
        study_sha256=run.sha256, code_sha256=run.state.code_sha256, settings_sha256=settings_sha256(run.study)
    )

    def same(reply: DescribeReply, _: Arrays) -> None:
        if reply.code_sha256 != request.code_sha256:
            raise PeerError("the installed code differs; install the same version")
        if reply.settings_sha256 != request.settings_sha256:
            raise PeerError("the settings of the features differ")

    run.live.tell("phase", "describe: waiting for the sites", phase="describe")
    answered = run.ask(request, DescribeReply, check=same)
    run.facts["sites"] = {
        site: record.model_dump(mode="json", exclude={"study_sha256", "version", "withheld"})
        for site, record in answered.records().items()
    }
    for site, record in answered.records().items():
        counts = ", ".join(f"{part.patients} {name}" for name, part in record.divisions.items())
        run.live.tell("site", f"  {site}: {counts}", site=site)
    run.finish("describe")
