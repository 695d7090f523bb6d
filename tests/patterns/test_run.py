import hashlib
import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from survey.errors import InputError
from survey.export import Layer, write_geopackage
from survey.patterns import PatternSettings, run_patterns
from tests.patterns.sites import EDGE_M, Site, laid_site

QUICK = PatternSettings(simulations=19)
ORIGIN = np.array([500_000.0, 4_400_000.0])


def _finished_run(folder: Path, site: Site) -> Path:
    """What `survey patterns` reads of a finished run: every item seen twice, the better sighting at its place."""
    products = folder / "products"
    products.mkdir(parents=True)
    count = len(site.points)
    places = np.concatenate([site.points, site.points + 1.0]) + ORIGIN
    square = shapely.box(*ORIGIN, *(ORIGIN + EDGE_M))
    sightings = {"item": np.tile(np.arange(count), 2), "probability": np.repeat([0.8, 0.3], count)}
    states = np.array(["searched", "not_searched"], dtype=object)
    beside = shapely.box(ORIGIN[0] + EDGE_M, ORIGIN[1], ORIGIN[0] + 2 * EDGE_M, ORIGIN[1] + EDGE_M)
    layers = [
        Layer("detections", "Point", shapely.to_wkb(shapely.points(places)).astype(object), sightings),
        Layer("searched_area", "Polygon", shapely.to_wkb(np.array([square, beside])).astype(object), {"state": states}),
    ]
    write_geopackage(products / "detections.gpkg", crs="EPSG:32638", layers=layers, styles={})
    model = {"recall": 0.75, "recall_interval": [0.7, 0.8]}
    (products / "summary.json").write_text(json.dumps({"model": model}))
    (products / "MANIFEST.json").write_text("{}")
    return folder


def _hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_rows_of_a_run_become_layers_and_bands_of_their_own(tmp_path: Path) -> None:
    site = laid_site(40)
    run = _finished_run(tmp_path / "run", site)
    before = _hashes(run)
    text = run_patterns(run, out=tmp_path / "out", settings=QUICK)
    assert _hashes(run) == before, "the run's own products stay as they are"
    report = json.loads((tmp_path / "out" / "patterns.json").read_text())
    assert (report["items"], report["searched_ha"], len(report["rows"])) == (len(site.points), 4.0, 1)
    assert "look for what was left behind" in text
    assert not {"safe", "clear", "cleared", "cancelled"} & set(text.lower().replace(",", " ").replace(".", " ").split())
    gpkg = tmp_path / "out" / "patterns.gpkg"
    line = pyogrio.read_dataframe(gpkg, layer="patterns")
    members = pyogrio.read_dataframe(gpkg, layer="members")
    places = pyogrio.read_dataframe(gpkg, layer="places")
    assert line["spacing_m"][0] == pytest.approx(4.0, abs=0.1)
    assert line["members"][0] == len(members)
    assert set(site.row[members["item"]]) <= {-1, 0}
    assert (site.row[members["item"]] == 0).mean() > 0.8
    assert line["unseen_within"][0] + line["unseen_beyond"][0] == pytest.approx(places["unseen_items"].sum())
    with rasterio.open(tmp_path / "out" / "patterns.tif") as raster:
        assert raster.descriptions == ("pattern_hazard", "pattern_hazard_q05", "pattern_hazard_q95")
        assert set(raster.units) == {"per hectare"}
        assert all("expected" in raster.tags(band)["MEANING"] for band in raster.indexes)
        middle, low, high = raster.read(masked=True)
        assert (low <= middle + 1e-3).all()
        assert (middle <= high + 1e-3).all()
        assert middle.sum() * 25 / 10_000 == pytest.approx(places["unseen_items"].sum(), rel=0.01)
    assert all(p.stat().st_mode & 0o077 == 0 for p in (tmp_path / "out").iterdir())


def test_what_was_not_seen_lies_where_the_hazard_is_high() -> None:
    from survey.patterns import Recall, find_rows, hazard_along
    from tests.patterns.sites import ground

    near, hidden, share = 0, 0, []
    for seed in range(41, 51):
        site = laid_site(seed)
        for found in find_rows(site.points, ground(), settings=QUICK):
            hazard = hazard_along(found, site.points, ground(), recall=Recall(0.75, 0.7, 0.8))
            likely = hazard.expected > 0.1
            places = np.column_stack([hazard.x, hazard.y])[likely]
            if not len(places):
                continue
            apart = np.hypot(*(site.hidden[:, None] - places[None]).transpose(2, 0, 1)).min(axis=1)
            near, hidden = near + int((apart < 1.0).sum()), hidden + len(apart)
            share.append(len(places) * np.pi / EDGE_M**2)
    assert hidden >= 25
    assert near >= 0.7 * hidden
    assert np.mean(share) < 0.005, "of the ground"


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    run = _finished_run(tmp_path / "run", laid_site(40))
    for name in ("one", "other"):
        run_patterns(run, out=tmp_path / name, settings=QUICK)
    assert _hashes(tmp_path / "one") == _hashes(tmp_path / "other")


def test_a_run_without_rows_has_empty_layers_and_no_raster(tmp_path: Path) -> None:
    points = np.random.default_rng(5).uniform(0, EDGE_M, (12, 2))
    run = _finished_run(tmp_path / "run", Site(points, np.full(12, -1), np.empty((0, 2))))
    text = run_patterns(run, out=tmp_path / "out", settings=QUICK)
    assert "0 rows" in text
    assert "does not show that there is none" in text
    assert len(pyogrio.read_dataframe(tmp_path / "out" / "patterns.gpkg", layer="patterns")) == 0
    assert not (tmp_path / "out" / "patterns.tif").exists()


def test_unlikely_items_can_be_left_out(tmp_path: Path) -> None:
    run = _finished_run(tmp_path / "run", laid_site(40))
    run_patterns(run, out=tmp_path / "out", settings=QUICK, least=0.9)
    assert json.loads((tmp_path / "out" / "patterns.json").read_text())["items"] == 0


def test_what_is_no_finished_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        run_patterns(tmp_path, out=tmp_path / "out", settings=QUICK)
    run = _finished_run(tmp_path / "run", laid_site(40))
    (run / "products" / "summary.json").write_text("{}")
    with pytest.raises(InputError, match="recall"):
        run_patterns(run, out=tmp_path / "out", settings=QUICK)
