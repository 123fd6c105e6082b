"""Which mask on which CT series is imported, by what the files say of each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from client.dicom.errors import DicomError
from client.dicom.mask_sources import MaskSource, Roi
from client.dicom.roi_names import Marked, choose_roi
from client.dicom.series import Series
from client.dicom.tags import short_uid


@dataclass(frozen=True)
class Choice:
    """One ROI of one mask file, and the CT series that it marks."""

    source: MaskSource
    roi: Roi
    series: Series
    notes: tuple[str, ...]


def choose(sources: Sequence[MaskSource], series: Sequence[Series], *, rule: str | None) -> Choice:
    """Find the one ROI and its series; DicomError when the files leave a doubt."""
    homes: dict[int, Series] = {}
    strangers: list[DicomError] = []
    for source in sources:
        try:
            homes[id(source)] = home(source, series)
        except DicomError as error:
            strangers.append(error)
    if not homes:
        raise strangers[0]
    marked = choose_roi([source for source in sources if id(source) in homes], rule=rule)
    found = {homes[id(source)].uid: homes[id(source)] for source, _ in marked}
    if len(found) > 1:
        raise DicomError(
            marked[0][0].path.parent,
            f"the ROI is drawn on {len(found)} CT series ({_listed(found.values())}), one is imported; "
            "leave the others out",
        )
    (source, roi), older = _newest(marked)
    notes = [f"{len(strangers)} mask file(s) of another or of no certain series left aside"] if strangers else []
    notes += [f"the newest of {older + 1} masks of the ROI was taken"] if older else []
    chosen = homes[id(source)]
    if source.kind != "volume" and not source.series_uids and not source.image_uids:
        notes.append(f"the {source.kind} names no series, it was matched by its frame of reference")
    return Choice(source, roi, chosen, tuple(notes))


def home(source: MaskSource, series: Sequence[Series]) -> Series:
    """The series a mask was drawn on; DicomError when that is not here, or cannot be told."""
    if source.series_uids:
        named = [one for one in series if one.uid in source.series_uids]
        drawn_on = "series " + ", ".join(short_uid(one) for one in sorted(source.series_uids)[:3])
    elif source.image_uids:
        named = [one for one in series if one.sop_uids & source.image_uids]
        drawn_on = f"image {short_uid(min(source.image_uids))}"
    else:
        return _by_frame(source, series)
    if len(named) == 1:
        return named[0]
    if named:
        raise DicomError(
            source.path,
            f"the {source.kind} names {len(named)} CT series ({_listed(named)}), a mask belongs to one; "
            "send the one it was drawn on",
        )
    here = ", ".join(short_uid(one.uid) for one in series[:3])
    raise DicomError(
        source.path,
        f"the {source.kind} was drawn on {drawn_on}, the CT here is series {here}; send the CT it was drawn on",
    )


def _by_frame(source: MaskSource, series: Sequence[Series]) -> Series:
    if len(series) > 1:
        raise DicomError(
            source.path,
            f"the mask names no CT series and there are {len(series)} ({_listed(series)}); "
            "leave only the series it was drawn on",
        )
    if source.kind != "volume" and (not source.frame_uid or source.frame_uid != series[0].frame_uid):
        theirs, ours = (short_uid(one) if one else "none" for one in (source.frame_uid, series[0].frame_uid))
        raise DicomError(
            source.path,
            f"the {source.kind} names no series, and its frame of reference ({theirs}) is not that of the CT ({ours}); "
            "send the CT it was drawn on",
        )
    return series[0]


def _newest(marked: Sequence[Marked]) -> tuple[Marked, int]:
    """The newest mask and how many are older."""
    if len(marked) == 1:
        return marked[0], 0
    moments = [source.drawn for source, _ in marked]
    if "" in moments or moments.count(max(moments)) > 1:
        raise DicomError(
            marked[0][0].path,
            f"the ROI is marked by {len(marked)} files on one CT series ({_files(marked)}), and their dates do not "
            "tell which is the newest; leave one",
        )
    return max(marked, key=lambda one: one[0].drawn), len(marked) - 1


def _files(marked: Sequence[Marked]) -> str:
    return ", ".join(source.path.name for source, _ in marked[:4])


def _listed(series: Iterable[Series]) -> str:
    return ", ".join(one.name for one in series)
