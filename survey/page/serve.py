"""`survey review`: the page on this computer, until it is stopped."""

import ipaddress
import secrets
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.errors import InputError, OutputError
from survey.export import read_layer
from survey.page.desk import Desk
from survey.page.far import FOLDER
from survey.page.vectors import ShapeLayer
from survey.review.material import Material, load_material
from survey.review.store import Draw, ReviewStore
from survey.review.tiles import draw_tiles, searched_tiles, tile_at
from survey.rounds.current import current_of

LEAST_TILES = 30
"""Tiles drawn of each stratum at the least: with no miss in 30, recall of unsighted ground is bounded at all."""


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """How a review is served."""

    images: tuple[Path, ...] = ()
    patterns: Path | None = None
    priority: Path | None = None
    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    """Further names that browsers may call this server by."""
    port: int = 0
    """0: any that is free."""
    token: bool = False
    """Demand a token on the loopback too."""
    read_only: bool = False
    tile_share: float = 0.02
    seed: int = 0
    language: str = "en"


def serve_review(run: Path, settings: ReviewSettings, *, tell: Callable[[str], None]) -> None:
    """Serve the review of a finished run until the process is interrupted.

    Args:
        run: Run folder.
        settings: How.
        tell: Called with lines for the user, among them the address.

    Raises:
        InputError: The run cannot be reviewed, or FastAPI and uvicorn are not installed.
        OutputError: The address cannot be taken.
    """
    try:
        import uvicorn  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        msg = f"{error.name} is not installed; install it with pip install 'survey[review]'"
        raise InputError(msg) from error
    with ExitStack() as held:
        served, cache = _served(run, settings, held)
        served.shelf.start_far_views(cache)
        taken = held.enter_context(_taken(settings))
        port = int(taken.getsockname()[1])
        app, address = guarded(served, settings, port)
        for line in served.desk.material.not_there:
            tell(f"not there: {line}")
        tell(f"hectares show the risk of {current_of(run).words}")
        tell(f"review of run {served.desk.material.run_id} at {address}")
        tell("stop with Ctrl-C; every decision is on the disk when the page shows it")
        # h11: no other parser to keep up with; no access log, for addresses of a map are places.
        config = uvicorn.Config(
            app, http="h11", ws="none", lifespan="off", log_level="warning", access_log=False, server_header=False
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[taken])


def guarded(served: Any, settings: ReviewSettings, port: int) -> tuple[Any, str]:
    """Return the application behind its guard, and the address to open."""
    from survey.page.app import make_app  # noqa: PLC0415 - an extra
    from survey.page.guard import Guard, Rules  # noqa: PLC0415

    local = is_loopback(settings.host)
    names = {"127.0.0.1", "localhost", "::1"} if local else {settings.host, *settings.names}
    token = secrets.token_urlsafe(24) if settings.token or not local else None
    rules = Rules.on(sorted(names), port, token=token, read_only=settings.read_only)
    name = settings.names[0] if settings.names and not local else settings.host
    shown = f"[{name}]" if ":" in name else name
    return Guard(make_app(served), rules), f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


def is_loopback(host: str) -> bool:
    """Tell whether only this computer reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _served(run: Path, settings: ReviewSettings, held: ExitStack) -> tuple[Any, Path]:
    """Open everything that the page shows; return it and the folder for coarse views."""
    from survey.page.app import Served  # noqa: PLC0415 - an extra
    from survey.page.disturbance import DisturbanceTiles  # noqa: PLC0415
    from survey.page.recompute import Recomputing  # noqa: PLC0415
    from survey.page.shelf import Shelf  # noqa: PLC0415

    material = load_material(run, images=settings.images)
    store = held.enter_context(ReviewStore(run, read_only=settings.read_only))
    shelf = Shelf.of(material)
    held.callback(shelf.close)
    ground = DisturbanceTiles(run / "products" / "disturbance.tif")
    held.callback(ground.close)
    desk = Desk.over(material, store, prepare_draws(material, store, settings))
    layers = _layers(material, settings)
    cache = run / FOLDER
    if settings.read_only and not cache.is_dir():
        cache = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="survey-review-")))
    recomputing = Recomputing.of(run, crs=material.crs)
    held.callback(recomputing.wait)  # a round is written whole, however the server ends
    owner = is_loopback(settings.host) and not settings.read_only
    return Served(desk, shelf, layers, ground, settings.read_only, settings.language, recomputing, owner), cache


def prepare_draws(material: Material, store: ReviewStore, settings: ReviewSettings) -> Sequence[Draw]:
    """Return the run's draws of tiles; draw and keep what the settings ask for beyond them."""
    if not store.read_only and settings.tile_share > 0:
        found, lead = material.found, material.found.leaders
        sighted = {tile_at(x, y) for x, y in zip(found.x[lead], found.y[lead], strict=True)}
        for draw in draw_tiles(
            searched_tiles(material.searched),
            sighted,
            share=settings.tile_share,
            least=LEAST_TILES,
            seed=settings.seed,
            run_id=material.run_id,
        ):
            store.record(draw)
    return [draw for draw in store.draws() if draw.run_id == material.run_id]


def _layers(material: Material, settings: ReviewSettings) -> dict[str, ShapeLayer]:
    package = material.folder / "products" / "detections.gpkg"
    wanted: list[tuple[str, Path, tuple[str, ...], str | None]] = [
        ("searched_area", package, ("state", "reason", "area_ha"), None)
    ]
    if settings.patterns is not None:
        rows = ("pattern", "members", "length_m", "p_value", "spacing_m")
        wanted.append(("patterns", settings.patterns / "patterns.gpkg", rows, "members"))
        wanted.append(
            ("places", settings.patterns / "patterns.gpkg", ("pattern", "unseen_items", "q05", "q95"), "unseen_items")
        )
    if settings.priority is not None:
        areas = ("rank", "work_area", "planned", "method", "crew", "area_ha", "expected_items", "reason")
        wanted.append(("work_areas", settings.priority / "work_areas.gpkg", areas, None))
    layers = {}
    for name, path, columns, weight in wanted:
        layers[name] = ShapeLayer.of(read_layer(path, name).to_crs(material.crs), columns=columns, weight=weight)
    return layers


def _taken(settings: ReviewSettings) -> socket.socket:
    """Return a socket bound to the address."""
    try:
        family, kind, number, _, place = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, number)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(place)
        taken.listen()  # whoever opens the address as soon as it is told waits, instead of being refused
    except OSError as error:
        msg = f"{settings.host}:{settings.port} cannot be taken ({error.strerror or error}); use another --port"
        raise OutputError(msg) from error
    return taken
