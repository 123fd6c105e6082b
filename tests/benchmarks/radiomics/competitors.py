"""Who is measured, what each computes, and where it is installed."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.radiomics.engine import Program


@dataclass(frozen=True)
class Competitor:
    """One side of a comparison; `sentence` is its row."""

    sentence: str
    program: Program


OURS = Competitor("pdl1es", Program("run_ours.py"))
STOCK = Competitor("PyRadiomics 3.0.1, called plainly", Program("run_stock.py"))
POOL = Competitor("PyRadiomics 3.0.1, its parallel recipe", Program("run_stock_pool.py"))
ROUNDED = Competitor("PyRadiomics 3.0.1 on whole HU", Program("run_stock_rounded.py"))

_FLASH = (
    "flash-radiomics==1.0.0",
    "numpy",
    "h5py",
    "SimpleITK",
    "pykwalify",
    "PyWavelets",
    "scipy",
    "scikit-image",
    "scikit-learn",
    "trimesh",
)
SAME_INTERFACE = (
    Competitor("flash-radiomics 1.0.0, same settings", Program("run_flash.py", _FLASH)),
    Competitor("pyradiomics-cuda 1.0.4, no GPU", Program("run_stock.py", ("pyradiomics-cuda==1.0.4",))),
)
"""They take PyRadiomics' settings and make the same images."""

_NYXUS = ("nyxus==0.11.0", "pandas")
_NYXUS_BUT_GLCM = ("ALL_INTENSITY", "ALL_MORPHOLOGY", "GLDM", "GLSZM", "GLRLM", "NGTDM", "NGLDM", "GLDZM")
ORIGINAL_ONLY = (
    Competitor("nyxus 0.11.0", Program("run_nyxus.py", _NYXUS, ("*3D_ALL*",))),
    Competitor(
        "nyxus 0.11.0 without GLCM",
        Program("run_nyxus.py", _NYXUS, tuple(f"*3D_{one}*" for one in _NYXUS_BUT_GLCM)),
    ),
    Competitor("flash-radiomics 1.0.0", Program("run_flash.py", _FLASH)),
    Competitor("Z-Rad 26.9.0", Program("run_zrad.py", ("z-rad==26.9.0",))),
    Competitor("MIRP 2.7.0, morphology too", Program("run_mirp.py", ("mirp==2.7.0",))),
    Competitor("PySERA 2.1.5", Program("run_pysera.py", ("pysera==2.1.5",))),
)
"""They have their own filters or none, so that they are compared on the unfiltered image."""
