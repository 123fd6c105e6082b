"""A hospital's folder: its settings and where its files are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from client.policy import Policy
from common import atomic
from common.errors import DataError, UsageError
from common.study_errors import explain

COHORT_COLUMNS = (
    "patient_id",
    "cohort",
    "image",
    "mask",
    "tps",
    "age",
    "sex",
    "smoking",
    "family_history",
    "treatment",
    "pfs_days",
    "progressed",
    "split",
    "manufacturer",
    "convolution_kernel",
    "tube_current_ma",
    "slice_thickness_mm",
)

_TEMPLATE = """\
# One hospital. Images are named in cohort.csv, relative to this folder.
name = "{name}"
device = "auto"        # auto, cpu or cuda
{threads}            # of the network in a federated study; all cores when left out

[paths]                # relative to this folder, or absolute
cohort = "cohort.csv"
cache = "cache"        # patches and features; safe to delete
results = "results"    # reports of this site; never sent

[policy]               # for every federated study; no study can change it (docs/security.md)
minimum_count = 10     # no statistic over fewer patients leaves
share_site_metrics = true      # this site's own losses, AUC, summaries of scores and hazard ratios may leave
share_survival_curves = true   # counts in intervals of 30 days or longer may leave
require_tls = {require_tls}             # answer only what came through pdl1es-site join
allowed_servers = []   # SHA-256 of CAs; empty: the one of the kit
# allowed_phases = ["describe", "statistics", "selection", "training", "evaluation", "survival", "masking"]
# maximum_epsilon = 8.0        # weights leave only from studies with differential privacy up to this
"""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


RelativePath = Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$")]


class SitePaths(_Model):
    """Where a site keeps its files."""

    cohort: RelativePath = "cohort.csv"
    cache: RelativePath = "cache"
    results: RelativePath = "results"


def _site_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w .'-]{0,62}", name):
        raise ValueError(f"{name!r} is no name for a site: write 1 to 63 letters, digits, spaces or any of . ' - _")
    return name


class SiteFile(_Model):
    """The keys of site.toml."""

    name: Annotated[str, AfterValidator(_site_name)]
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Processor threads of the network in a federated study; all cores when left out."""
    paths: SitePaths = SitePaths()
    policy: Policy = Policy()


class Site:
    """A site's folder with its settings read."""

    def __init__(self, folder: Path, settings: SiteFile) -> None:
        self.folder = folder
        self.name = settings.name
        self.device = settings.device
        self.threads = settings.threads
        self.policy = settings.policy
        self.cohort_file = folder / settings.paths.cohort
        self.cache = folder / settings.paths.cache
        self.results = folder / settings.paths.results


def load_site(folder: Path) -> Site:
    """Read site.toml of a folder; DataError says what to change."""
    path = folder / "site.toml"
    if not path.is_file():
        raise DataError(
            f"{folder}: is no site folder, site.toml is missing; make one: pdl1es-site init {folder} --name NAME"
        )
    try:
        return Site(folder, SiteFile.model_validate(tomllib.loads(path.read_text("utf-8"))))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is not TOML ({error}); mend the file at that place") from error
    except ValidationError as error:
        raise DataError(f"{path}: {explain(error, SiteFile)}") from error


def init_site(folder: Path, *, name: str, threads: int | None = None, made_up: bool = False) -> Site:
    """Make a site folder with site.toml, an empty cohort.csv and images/; UsageError when there is one.

    A site of made-up patients answers without TLS too, on one machine.
    """
    if (folder / "site.toml").exists():
        raise UsageError(f"{folder}: is a site folder already; choose another folder, or edit its site.toml")
    try:
        settings = SiteFile(name=name, threads=threads, policy=Policy(require_tls=not made_up))
    except ValidationError as error:
        raise UsageError(f"--{explain(error, SiteFile)}") from error
    (folder / "images").mkdir(parents=True, exist_ok=True)
    if not (folder / "cohort.csv").exists():
        atomic.write_text(folder / "cohort.csv", ",".join(COHORT_COLUMNS) + "\n")
    lines = {"threads": f"threads = {threads}" if threads else "# threads = 4", "require_tls": str(not made_up).lower()}
    atomic.write_text(folder / "site.toml", _TEMPLATE.format(name=name, **lines))
    return Site(folder, settings)
