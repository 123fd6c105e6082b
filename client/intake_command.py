"""`pdl1es-site import` and `pdl1es-site pseudonym`: from the hospital's files to the site folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from client.site import load_site
from common import atomic
from common.errors import DataError
from common.parallel import cores

Folder = Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")]
Tree = Annotated[
    Path,
    typer.Option(
        "--dicom", help="Folder with CT and RTSTRUCT or SEG, in any layout; masks may be NIfTI.", metavar="TREE"
    ),
]
Clinical = Annotated[Path, typer.Option(help="The clinic's spreadsheet, .csv or .xlsx.", metavar="FILE")]
Roi = Annotated[
    str | None, typer.Option(help="Name of the tumour's ROI, or a regular expression for it.", metavar="NAME")
]
Maps = Annotated[
    list[str] | None, typer.Option("--map", help="A column of theirs for one of ours.", metavar="OURS=THEIRS")
]
Values = Annotated[
    list[str] | None, typer.Option("--value", help="What a word of theirs means.", metavar="COLUMN:THEIRS=OURS")
]
Sheet = Annotated[str | None, typer.Option(help="Sheet of an .xlsx; else the first with data.", metavar="NAME")]
PatientFrom = Annotated[
    Literal["tag", "folder"], typer.Option(help="PatientID of the DICOM files, or the first folder below TREE.")
]
Jobs = Annotated[int | None, typer.Option(help="Processes at work, each on one core; all cores when left out.", min=1)]


def import_command(
    folder: Folder,
    dicom: Tree,
    clinical: Clinical,
    roi: Roi = None,
    maps: Maps = None,
    values: Values = None,
    sheet: Sheet = None,
    patient_from: PatientFrom = "tag",
    jobs: Jobs = None,
) -> None:
    """Convert new and changed patients from DICOM, under pseudonyms, and fill in cohort.csv."""
    site = load_site(folder)
    # pydicom and highdicom take seconds to import, and the other commands do not need them
    from client.intake.asked import Asked
    from client.intake.header import parse_maps
    from client.intake.import_results import import_results
    from client.intake.import_screen import show_import
    from client.intake.importing import import_patients
    from client.intake.value_rules import parse_values

    asked = Asked(
        tree=dicom,
        clinical=clinical,
        roi=roi,
        patient_from=patient_from,
        sheet=sheet,
        maps=parse_maps(maps or ()),
        values=parse_values(values or ()),
        jobs=jobs or cores(),
    )
    outcome = import_patients(site, asked)
    target = site.results / "import" / "results.json"
    atomic.write_json(target, import_results(site, asked, outcome))
    show_import(outcome)
    typer.echo(f"Table          {site.cohort_file}\nNumbers        {target}")
    if not outcome.in_cohort:
        raise DataError(f"{site.cohort_file}: no patient could be imported, see above; mend them and import again")
    typer.echo(f"Next: pdl1es-site check {folder}")


def pseudonym_command(
    folder: Folder,
    patient_ids: Annotated[list[str], typer.Argument(help="Ids as the DICOM files have them.", metavar="ID...")],
) -> None:
    """Print the pseudonym of each hospital id, on this screen only."""
    site = load_site(folder)
    from client.intake.cohort_file import open_cohort
    from client.intake.pseudonyms import KEY_FILE, load_key

    key, known = load_key(site.folder / KEY_FILE), open_cohort(site.cohort_file).rows
    for patient_id in patient_ids:
        pseudonym = key.pseudonym(patient_id)
        typer.echo(f"{patient_id}  {pseudonym}" + ("" if pseudonym in known else "  (not in the cohort)"))
