"""What the page asks for: ids and numbers come in, never a path or an address."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from rasterio.errors import RasterioIOError

from survey.errors import InputError, OutputError
from survey.export.palette import DETECTION_COLOUR, GROUND_COLOURS, RISK_RAMP
from survey.locales import LANGUAGES, load_catalogue
from survey.page.asked import DecisionAsked, UndoAsked, opinion_of
from survey.page.desk import MODES, Desk, Viewer
from survey.page.disturbance import DisturbanceTiles
from survey.page.pixels import Picture
from survey.page.recompute import Recomputing
from survey.page.shelf import CHIPS_M, Shelf
from survey.page.vectors import Bounds, ShapeLayer

_STATIC = {
    "ol.js": "text/javascript",
    "ol.css": "text/css",
    "review.css": "text/css",
    "main.js": "text/javascript",
    "map.js": "text/javascript",
    "panel.js": "text/javascript",
    "server.js": "text/javascript",
    "words.js": "text/javascript",
}
_KEEP = {"cache-control": "private, max-age=3600"}
"""Tiles are named by the hash of their image: what a browser keeps of them cannot become wrong."""
_ASK_AGAIN = {"cache-control": "no-store"}

Name = Annotated[str, Path(max_length=40, pattern=r"^[0-9a-z-]+$")]
Number = Annotated[int, Path(ge=0, le=10_000_000)]
Subject = Annotated[str, Query(max_length=200)]
Coordinate = Annotated[float, Query(ge=-1e9, le=1e9, allow_inf_nan=False)]
Resolution = Annotated[float, Query(gt=0, le=1e6, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """All that the page shows."""

    desk: Desk
    shelf: Shelf
    layers: Mapping[str, ShapeLayer]
    """Shapes by layer: searched_area, and where given patterns, places, work_areas."""
    disturbance: DisturbanceTiles | None
    read_only: bool
    language: str
    recomputing: Recomputing
    owner: bool
    """Whoever reaches the page may have the risk computed: it is this computer's, and decisions are taken."""


def _viewer(
    reviewer: Annotated[str, Query(max_length=100)] = "", blind_round: Annotated[int, Query(ge=0, le=99)] = 0
) -> Viewer:
    return Viewer(reviewer, blind_round)


def _bounds(west: Coordinate, south: Coordinate, east: Coordinate, north: Coordinate) -> Bounds:
    return west, south, east, north


Looking = Annotated[Viewer, Depends(_viewer)]
Within = Annotated[Bounds, Depends(_bounds)]


def make_app(served: Served) -> FastAPI:
    """Return the application; `Guard` has to stand before it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_page(app)
    _add_pictures(app, served)
    _add_reading(app, served)
    _add_writing(app, served)
    _add_rounds(app, served)

    @app.exception_handler(InputError)
    async def refused(_: Request, error: InputError) -> Response:
        return JSONResponse({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        # The framework's own answer repeats what was sent, and fails where that is no JSON.
        told = [f"{'.'.join(map(str, one['loc']))[:100]}: {one['msg'][:200]}" for one in error.errors()[:3]]
        return JSONResponse({"error": "; ".join(told)}, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(OutputError)
    async def not_kept(_: Request, error: OutputError) -> Response:
        return JSONResponse({"error": str(error)}, HTTPStatus.SERVICE_UNAVAILABLE)

    @app.exception_handler(RasterioIOError)
    async def damaged(_: Request, error: RasterioIOError) -> Response:
        return JSONResponse({"error": f"pixels cannot be read: {error}"}, HTTPStatus.NOT_FOUND)

    return app


def _add_page(app: FastAPI) -> None:
    folder = files("survey.page") / "static"
    content = {name: (folder / name).read_bytes() for name in (*_STATIC, "index.html")}

    @app.get("/")
    async def page() -> Response:
        return Response(content["index.html"], media_type="text/html; charset=utf-8", headers=_ASK_AGAIN)

    @app.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in _STATIC:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        return Response(
            content[name], media_type=f"{_STATIC[name]}; charset=utf-8", headers={"cache-control": "no-cache"}
        )

    @app.get("/favicon.ico")
    async def icon() -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _add_pictures(app: FastAPI, served: Served) -> None:
    @app.get("/tiles/{name}/{z}/{col}/{row}")
    def tile(name: Name, z: Number, col: Number, row: Number) -> Response:
        return _picture(lambda: served.shelf.tile(name, z, col, row))

    @app.get("/chips/{name}/{scale}")
    def chip(name: Name, scale: Number) -> Response:
        return _picture(lambda: served.shelf.chip(name, scale))

    @app.get("/disturbance/{z}/{col}/{row}")
    def ground(z: Number, col: Number, row: Number) -> Response:
        return _picture(lambda: served.disturbance.tile(z, col, row) if served.disturbance else None)


def _add_reading(app: FastAPI, served: Served) -> None:
    desk = served.desk

    @app.get("/api/run")
    def run() -> Response:
        return _json(_about(served))

    @app.get("/api/images")
    def images() -> Response:
        return _json(served.shelf.about())

    @app.get("/api/words/{language}")
    def words(language: Annotated[str, Path(max_length=8)]) -> Response:
        catalogue = load_catalogue(language)
        return _json({"language": language, "texts": dict(catalogue.texts), "missing": catalogue.missing})

    @app.get("/api/items")
    def items(viewer: Looking, bounds: Within, resolution: Resolution) -> Response:
        return _json(desk.items(viewer, bounds, resolution=resolution))

    @app.get("/api/layers/{name}")
    def layer(name: str, bounds: Within, resolution: Resolution) -> Response:
        shapes = served.recomputing.hectares if name == "hectares" else served.layers.get(name)
        if shapes is None:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        return _json(shapes.view(bounds, resolution=resolution))

    @app.get("/api/thing")
    def thing(viewer: Looking, subject: Subject) -> Response:
        return _json(desk.thing(viewer, subject))

    @app.get("/api/queue")
    def queue(viewer: Looking, mode: Annotated[str, Query(max_length=20)] = MODES[0]) -> Response:
        return _json(desk.queue(viewer, mode=mode))

    @app.get("/api/progress")
    def progress(viewer: Looking) -> Response:
        return _json(desk.progress(viewer))


def _add_writing(app: FastAPI, served: Served) -> None:
    desk = served.desk

    @app.post("/api/decisions")
    def decide(asked: DecisionAsked) -> Response:
        return _json(desk.decide(opinion_of(asked, desk)))

    @app.post("/api/undo")
    def undo(asked: UndoAsked) -> Response:
        return _json({"undone": desk.take_back(Viewer(asked.reviewer, asked.blind_round))})


def _add_rounds(app: FastAPI, served: Served) -> None:
    @app.get("/api/round")
    def told() -> Response:
        return _json(asdict(served.recomputing.told))

    @app.post("/api/round")
    def compute() -> Response:
        if not served.owner:
            words = "the risk is computed anew on the computer that holds the run: `survey risk RUN`"
            return JSONResponse({"error": words}, HTTPStatus.FORBIDDEN)
        return _json(asdict(served.recomputing.start(crs=served.desk.material.crs)))


def _about(served: Served) -> dict[str, Any]:
    material = served.desk.material
    return {
        "run_id": material.run_id,
        "model": material.model,
        "crs": material.crs,
        "searched_ha": material.searched_ha,
        "searched_bounds": None if material.searched.is_empty else material.searched.bounds,
        "images_missing": material.not_there,
        "classes": material.classes,
        "layers": ["hectares", *served.layers],
        "disturbance": served.disturbance.about() if served.disturbance else None,
        "chips_m": CHIPS_M,
        "read_only": served.read_only,
        "owner": served.owner,
        "language": served.language,
        "languages": LANGUAGES,
        "risk_ramp": RISK_RAMP,
        "ground_colours": {code.name.lower(): colour for code, colour in GROUND_COLOURS.items()},
        "detection_colour": DETECTION_COLOUR,
    }


def _picture(make: Callable[[], Picture | None]) -> Response:
    picture = make()
    if picture is None:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    return Response(picture.content, media_type=picture.media_type, headers=_KEEP)


def _json(content: Any) -> Response:
    return JSONResponse(content, headers=_ASK_AGAIN)
