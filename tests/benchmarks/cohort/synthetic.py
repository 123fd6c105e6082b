"""`python -m tests.benchmarks.cohort.synthetic FOLDER PATIENTS`: the synthetic cohort, or what is missing of it."""

from __future__ import annotations

import sys
from pathlib import Path

from common.parallel import cores
from simulation.cohort import make_site
from simulation.studies import preset_text, resized_text, synthetic_study

if __name__ == "__main__":
    study = synthetic_study(resized_text(preset_text("quick"), patients=int(sys.argv[2])))
    make_site(study, Path(sys.argv[1]), jobs=cores(), resume=True)
