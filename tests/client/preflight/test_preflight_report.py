"""What a check leaves: the montage, the page and the numbers."""

from __future__ import annotations

import itertools
import pickle
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from chest import chest, write_site
from matplotlib.image import imread
from preflight_runs import Run

from client.preflight import montage, report
from client.preflight.montage import Page, Tile, coloured
from client.preflight.thumbnail import EDGE_PIXELS, thumbnail
from client.volumes import Volume
from client.workers import WorkerDied


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.seen if name == tag]


def page_of(folder: Path) -> str:
    return (folder / "results" / "check" / "report.html").read_text()


def test_the_page_is_whole_and_accessible(tmp_path: Path, run_check: Run) -> None:
    folder = write_site(tmp_path / "site", {f"p{seed}": chest(seed) for seed in range(3)}, {"p1": {"age": "old"}})
    ended = run_check(folder)
    text, tags = page_of(folder), Tags(page_of(folder))
    assert not re.search(r'(src|href)="(?!data:|#|roi-)', text)
    assert all(one["alt"] for one in tags.of("img"))
    assert all(one.get("scope") for one in tags.of("th"))
    levels = [int(tag[1]) for tag, _ in tags.seen if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [attrs["id"] for _, attrs in tags.seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    for check in ended.results["checks"]:
        assert check["name"] in text
    assert "SYNTHETIC" not in text
    assert "age is &#39;old&#39;" in text


def test_synthetic_is_said_everywhere(tmp_path: Path, run_check: Run) -> None:
    volume = chest(0)
    volume.image.SetMetaData("descrip", "SYNTHETIC: made by a computer")
    volume.image.SetMetaData("ITK_FileNotes", "SYNTHETIC: made by a computer")
    folder = write_site(tmp_path / "site", {"a": volume, "b": chest(1)})
    ended = run_check(folder)
    assert ended.results["synthetic"]
    assert "<strong>SYNTHETIC</strong>" in page_of(folder)
    assert "SYNTHETIC" in ended.out


def test_pages_of_the_montage(tmp_path: Path, run_check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(montage, "TILES_A_PAGE", 2)
    folder = write_site(tmp_path / "site", {f"p{seed}": chest(seed) for seed in range(5)}, {"p1": {"sex": "?"}})
    target = folder / "results" / "check"
    target.mkdir(parents=True)
    (target / "roi-9.png").write_bytes(b"of an earlier check")
    ended = run_check(folder)
    assert ended.results["pictures"] == ["roi-1.png", "roi-2.png", "roi-3.png"]
    assert sorted(path.name for path in target.glob("roi-*.png")) == ended.results["pictures"]
    assert "Page 1: patients p0 to p1" in page_of(folder)
    seen = imread(target / "roi-1.png")[..., :3]
    yellow = np.all(np.abs(seen * 255 - (240, 228, 66)) < 2, axis=-1)
    middle = seen.shape[1] // montage.COLUMNS
    assert yellow[:, :middle].sum() > 40
    assert yellow[:, middle:].sum() == 0, "a patient in quarantine has no picture"


def test_many_pictures_are_linked(tmp_path: Path, run_check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(montage, "TILES_A_PAGE", 1)
    monkeypatch.setattr(report, "EMBEDDED_BYTES", 25_000)
    folder = write_site(tmp_path / "site", {f"p{seed}": chest(seed) for seed in range(6)})
    run_check(folder)
    embedded, linked = page_of(folder).count("data:image/jpeg"), page_of(folder).count('href="roi-')
    assert embedded + linked == 6
    assert embedded >= 1 <= linked


def test_many_pages_are_drawn_by_workers_and_stay_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [Tile(f"p{place}", "row 2", thumbnail(chest(place), window_hu=(-1350, 150))) for place in range(3)]
    monkeypatch.setattr(montage, "TILES_A_PAGE", 1)
    alone = list(montage.pages(shown, jobs=2, cache=tmp_path / "alone"))

    def backwards(function: Any, parts: Sequence[Any], *, jobs: int) -> Iterator[tuple[int, Any]]:
        for index in reversed(range(len(parts))):
            page = pickle.loads(pickle.dumps(function(pickle.loads(pickle.dumps(parts[index])))))
            yield index, WorkerDied("SIGKILL") if index == 1 else page

    monkeypatch.setattr(montage, "MANY_PAGES", 3)
    monkeypatch.setattr(montage, "run_in_workers", backwards)
    together = list(montage.pages(shown, jobs=2, cache=tmp_path / "together"))
    assert [(one.number, one.patients) for one in together] == [(1, ("p0",)), (2, ("p1",)), (3, ("p2",))]
    assert [one.png for one in together] == [one.png for one in alone]
    assert len({one.png for one in together}) == 3


def test_a_page_is_drawn_once_for_the_same_patients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [thumbnail(chest(place), window_hu=(-1350, 150)) for place in range(2)]
    drawn: list[int] = []
    draw = montage.draw_page
    monkeypatch.setattr(montage, "draw_page", lambda part: drawn.append(part.number) or draw(part))

    def pages(*tiles: Tile) -> list[Page]:
        return list(montage.pages(tiles, jobs=1, cache=tmp_path))

    first, again = (pages(Tile("a", "row 2", seen[0])) for _ in range(2))
    assert [(one.png, one.jpeg, one.patients) for one in first] == [(one.png, one.jpeg, one.patients) for one in again]
    assert drawn == [1]
    pages(Tile("a", "row 3", seen[0]))
    pages(Tile("a", "row 2", seen[1]))
    pages(Tile("b", "row 2", seen[0]))
    pages(Tile("a", "row 2"))
    assert len(drawn) == 5
    for file in (tmp_path / "pages").iterdir():
        file.write_bytes(file.read_bytes()[:-100])
    pages(Tile("a", "row 2", seen[0]))
    assert len(drawn) == 6


@pytest.mark.parametrize("direction", [(1, 1), (-1, -1)])
def test_a_thumbnail_shows_the_largest_slice_upright(direction: tuple[int, int]) -> None:
    volume = chest(3, centre=(-28.0, 8.0, 0.0))
    columns, rows = direction
    for image in (volume.image, volume.mask):
        image.SetDirection((columns, 0, 0, 0, rows, 0, 0, 0, 1))
    one = thumbnail(volume, window_hu=(-1350, 150))
    outline = np.argwhere(one.outline_pixels())
    assert one.grey.shape == (EDGE_PIXELS, EDGE_PIXELS)
    assert outline.mean(axis=0) == pytest.approx([EDGE_PIXELS / 2] * 2, abs=3)
    upright = thumbnail(chest(3, centre=(-28.0, 8.0, 0.0)), window_hu=(-1350, 150)).grey
    assert np.array_equal(one.grey, upright[::rows, ::columns])
    ring = coloured(one)[tuple(outline.T)]
    assert np.all(ring == (240, 228, 66))
    inside = one.grey[EDGE_PIXELS // 2, EDGE_PIXELS // 2]
    assert inside == pytest.approx((40 + 1350) / 1500 * 255, abs=25)


def test_the_window_is_the_study_s() -> None:
    volume = chest(0)
    flat = Volume(sitk.Image(volume.image) * 0 - 300, volume.mask)
    for window, wanted in (((-1350, 150), 178), ((-1000, 400), 127), ((-200, 0), 0)):
        assert thumbnail(flat, window_hu=window).grey[80, 80] == pytest.approx(wanted, abs=1)
