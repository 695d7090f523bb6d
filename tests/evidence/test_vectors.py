"""Faulty rows: repaired or set aside, counted, never fatal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from survey.errors import ConfigError, InputError
from survey.evidence import EvidenceConfig, VectorReport, evaluate, grid_from, load_evidence
from tests.evidence.conftest import GRID

Believed = Callable[..., EvidenceConfig]
BOX = shapely.box(501_000, 4_801_000, 502_000, 4_802_000)
BOW_TIE = shapely.Polygon([(500_000, 4_800_000), (500_400, 4_800_400), (500_400, 4_800_000), (500_000, 4_800_400)])


def report_on(config: EvidenceConfig) -> VectorReport:
    report = evaluate(config, GRID).reports["l0"]
    assert report.rows == report.used + report.outside + sum(report.set_aside.values())
    return report


def geojson(path: Path, geometries: list[Any], crs: str | None = None) -> None:
    features = [{"type": "Feature", "properties": {}, "geometry": g} for g in geometries]
    content: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs:
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(content))


def test_every_fault_is_counted_under_its_reason(believed: Believed) -> None:
    line = shapely.LineString([(501_000, 4_801_000), (502_000, 4_801_000)])
    needle = shapely.Polygon([(500_000, 4_800_000), (500_400, 4_800_000), (500_200, 4_800_000)])
    rows = [BOX, None, shapely.Polygon(), BOW_TIE, BOX, shapely.box(0, 0, 9, 9), line, needle, shapely.reverse(BOX)]
    report = report_on(believed(("expert_polygons", rows, {})))
    assert report.repaired == {"made valid": 1}
    assert report.set_aside == {
        "no geometry": 1,
        "empty geometry": 1,
        "a point or line where areas are needed (radius_m would make areas)": 1,
        "nothing is left of it after repair": 1,
        "copy of another row": 2,
    }
    assert (report.rows, report.used, report.outside) == (9, 2, 1)
    assert report.examples["no geometry"] == [2]  # the file's own feature ids, which count from 1 in a GeoPackage


def test_a_bow_tie_keeps_its_area(believed: Believed) -> None:
    prior = evaluate(believed(("expert_polygons", [BOW_TIE], {"items_per_ha": {"ap": 1.0}})), GRID)
    assert prior.contributions["l0"]["ap"].sum() == pytest.approx(8)  # two triangles of 400 m by 200 m


def test_copies_count_where_they_are_meant(believed: Believed) -> None:
    twice = [shapely.Point(502_050, 4_801_450)] * 2
    once = evaluate(believed(("accidents", twice, {})), GRID)
    kept = evaluate(believed(("accidents", twice, {"duplicates": "keep"})), GRID)
    assert kept.contributions["l0"]["ap"] == pytest.approx(2 * once.contributions["l0"]["ap"], rel=1e-6)
    assert kept.reports["l0"].repaired == {"kept although it is a copy of another row": 1}


def test_rows_of_one_place_with_other_values_are_no_copies(believed: Believed) -> None:
    points = [shapely.Point(502_050, 4_801_450)] * 2
    keys = {"count_column": "n", "columns": {"n": [1, 2]}}
    assert report_on(believed(("craters", points, keys))).used == 2


def test_accidents_of_one_village_are_no_copies_if_anything_else_differs(believed: Believed) -> None:
    village = [shapely.Point(502_050, 4_801_450)] * 4
    keys = {"columns": {"day": ["1996-05-01", "1999-08-12", None, None], "victims": [1.0, 1.0, np.nan, np.nan]}}
    report = report_on(believed(("accidents", village, keys)))
    assert (report.used, report.set_aside) == (3, {"copy of another row": 1})


def test_another_crs_is_brought_to_the_grid(believed: Believed) -> None:
    to_degrees = pyproj.Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)
    moved = shapely.transform(BOX, lambda p: np.column_stack(to_degrees.transform(p[:, 0], p[:, 1])))
    prior = evaluate(believed(("expert_polygons", [moved], {"file_crs": "EPSG:4326"})), GRID)
    assert prior.rate["ap"][10:20, 10:20] == pytest.approx(5.01, rel=1e-3)
    assert prior.contributions["l0"]["ap"].sum() == pytest.approx(500, rel=1e-3)


def test_metres_that_pass_for_degrees_are_set_aside_and_can_be_restated(believed: Believed) -> None:
    wrong = report_on(believed(("expert_polygons", [BOX], {"file_crs": "EPSG:4326"})))
    (reason,) = wrong.set_aside
    assert "no degrees" in reason
    restated = report_on(believed(("expert_polygons", [BOX], {"file_crs": "EPSG:4326", "crs": GRID.crs})))
    assert restated.used == 1
    assert restated.repaired == {"placed by the stated crs, not by the file's": 1}
    assert report_on(believed(("expert_polygons", [BOX], {"file_crs": None, "crs": GRID.crs}))).repaired == {}


def test_a_file_without_a_crs_is_set_aside_until_it_is_stated(believed: Believed) -> None:
    assert report_on(believed(("expert_polygons", [BOX], {"file_crs": None}))).set_aside == {
        "the file has no CRS (state it with crs)": 1
    }
    assert report_on(believed(("expert_polygons", [BOX], {"file_crs": None, "crs": GRID.crs}))).used == 1


def test_swapped_axes_are_told_and_not_guessed_at(believed: Believed) -> None:
    lon, lat = pyproj.Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(502_050, 4_801_450)
    keys = {"file_crs": "EPSG:4326"}
    report = report_on(believed(("accidents", [shapely.Point(lat, lon), shapely.Point(60, 60)], keys)))
    assert (report.used, report.outside, report.outside_but_swapped) == (0, 2, 1)


def test_rings_that_no_library_reads_and_numbers_that_are_none(tmp_path: Path, believed: Believed) -> None:
    config = believed(("expert_polygons", [BOX], {"crs": GRID.crs}))
    path = tmp_path / "odd.geojson"
    ring = [[501_000, 4_801_000], [502_000, 4_801_000], [502_000, 4_802_000], [501_000, 4_801_000]]
    geojson(
        path,
        [
            {"type": "Polygon", "coordinates": [ring]},
            {"type": "Polygon", "coordinates": [ring[:2]]},
            {"type": "Point", "coordinates": []},
            {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": [ring[1:] + ring[1:2]]}]},
        ],
    )
    entry = config.layers[0].model_copy(update={"path": str(path)})
    report = report_on(config.model_copy(update={"layers": (entry,)}))
    assert report.rows == 4
    assert report.used >= 1
    assert any("coord dimension" in remark for remark in report.reader)


def test_points_and_lines_become_areas_where_a_radius_says_so(believed: Believed) -> None:
    prior = evaluate(believed(("expert_polygons", [shapely.Point(501_500, 4_801_500)], {"radius_m": 50})), GRID)
    assert prior.contributions["l0"]["ap"].sum() == pytest.approx(5 * np.pi * 0.25, rel=0.01)


def test_areas_are_taken_at_their_centroid_where_points_are_needed(believed: Believed) -> None:
    report = report_on(believed(("accidents", [BOX], {})))
    assert (report.used, report.repaired) == (1, {"taken at its centroid": 1})


def test_a_condition_chooses_rows(believed: Believed) -> None:
    keys = {"where": "n > 1", "columns": {"n": [1, 2, 3]}}
    points = [shapely.Point(502_050 + n, 4_801_450) for n in range(3)]
    assert report_on(believed(("accidents", points, keys))).rows == 2


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"path": "none.gpkg"}, InputError, "no such file; layer 'l0'"),
        ({"layer": "none"}, InputError, "check path, layer and where"),
        ({"where": "none = 1"}, InputError, "check path, layer and where"),
        ({"method_column": "none"}, ConfigError, "needs the column none"),
        ({"crs": "EPSG:0"}, ConfigError, "is no CRS"),
    ],
)
def test_what_the_configuration_gets_wrong_is_an_error(
    believed: Believed, change: dict[str, Any], error: type[Exception], said: str
) -> None:
    config = believed(("earlier_clearance", [BOX], change))
    with pytest.raises(error, match=said):
        evaluate(config, GRID)


def test_a_text_file_is_no_layer(tmp_path: Path, believed: Believed) -> None:
    config = believed(("accidents", [BOX], {"path": "notes.txt"}))
    (tmp_path / "notes.txt").write_text("no vector file")
    with pytest.raises(InputError, match="cannot be read"):
        evaluate(config, GRID)


@pytest.mark.slow
def test_bosnian_files_as_they_are(shared_data: Path, world: Callable[..., Path]) -> None:
    folder = shared_data / "minefields-bih"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    area = {"location_error_m": 50, "date": 2005}
    path = world(
        ("minefield_records", [], {**area, "path": str(folder / "suspect_areas_simplyfied.geojson")}),
        ("earlier_clearance", [], {**area, "path": str(folder / "cleared_areas_simplyfied.geojson")}),
        ("accidents", [], {**area, "path": str(folder / "incidents.geojson")}),
    )
    grid = grid_from(bounds=(300_000, 4_890_000, 330_000, 4_920_000), crs="EPSG:32634")
    reports = evaluate(load_evidence(path), grid).reports
    for report in reports.values():
        assert report.rows == report.used + report.outside + sum(report.set_aside.values())
        assert report.used > 0
    suspect, clearance, accidents = (reports[name] for name in ("l0", "l1", "l2"))
    assert (suspect.rows, suspect.set_aside["no geometry"]) == (11_068, 3_094)
    assert (clearance.rows, clearance.set_aside["no geometry"]) == (8_329, 108)
    assert suspect.repaired["made valid"] == 467
    assert accidents.rows == 1_442
