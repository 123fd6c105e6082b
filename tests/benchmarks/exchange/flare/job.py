"""Runs in FLARE's own environment: its simulator, its FedAvg, sites that give the weights back.

Arguments: folder with weights.npz, number of sites, number of rounds, 1 to wait as little as possible.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nvflare.app_common.workflows.fedavg import FedAvg
from nvflare.job_config.api import FedJob
from nvflare.job_config.script_runner import ScriptRunner
from nvflare.recipe.sim_env import SimEnv

EAGER_SECONDS = 0.05


def main(folder: Path, sites: int, rounds: int, eager: bool) -> None:
    """Write the job and run it to its end."""
    names = [f"site-{number}" for number in range(1, sites + 1)]
    job = FedJob(name="exchange", min_clients=sites)
    settings: dict[str, Any] = {"task_check_period": EAGER_SECONDS} if eager else {}
    job.to_server(FedAvg(num_clients=sites, num_rounds=rounds, persistor_id="", save_filename="model.fobs", **settings))
    if eager:
        job.to_server({"server": {"task_request_interval": EAGER_SECONDS}})
    script = str(Path(__file__).with_name("site.py"))
    for name in names:
        job.to(
            ScriptRunner(script=script, script_args=str(folder), framework="numpy", server_expected_format="numpy"),
            name,
        )
    SimEnv(clients=names, workspace_root=str(folder / "workspace")).deploy(job)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1")
