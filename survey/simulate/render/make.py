"""Render a bank into a folder; a killed one goes on."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from survey.errors import ResumeError
from survey.files import make_folder, write_bytes
from survey.simulate.render.bank import FORMAT, INDEX, encoded, files_of
from survey.simulate.render.catalogue import kind_of
from survey.simulate.render.sprite import EXTENT_PX, Rendered, render_sprite

RECIPE = 2
"""Number of the way things are rendered: a bank is never finished by another one than began it."""
log = logging.getLogger(__name__)


def make_bank(out: Path, *, count: int, seed: int, workers: int = 1, extent_px: int = EXTENT_PX) -> Path:
    """Render sprites 0 to `count` of the bank of a seed; what is there already stays.

    Sprite n depends on (seed, n) alone, so a bank of more sprites begins with those of a smaller one.

    Args:
        out: Folder: new, empty, or of this seed.
        count: Number of sprites.
        seed: Decides all of them.
        workers: Processes, of one thread each.
        extent_px: Pixels along a thing's longest extent.

    Returns:
        The folder.

    Raises:
        ResumeError: The folder holds a bank of another seed or size.
        ConfigError: Mitsuba is not installed.
    """
    make_folder(out)
    plan = {"format": FORMAT, "recipe": RECIPE, "seed": seed, "extent_px": extent_px}
    _check(out / "plan.json", plan)
    missing = [n for n in range(count) if not _record(out, n).is_file()]
    jobs = [(out, n, seed, extent_px) for n in missing]
    for done, number in enumerate(_run(jobs, workers), start=1):
        if done % 50 == 0 or done == len(jobs):
            log.info("%d of %d sprites", count - len(jobs) + done, count)
        log.debug("sprite %d", number)
    records = [json.loads(_record(out, n).read_text()) for n in range(count)]
    write_bytes(out / INDEX, json.dumps({**plan, "count": count, "sprites": records}, indent=1).encode())
    return out


def sprite_of(number: int, *, seed: int, extent_px: int = EXTENT_PX) -> Rendered:
    """Render sprite `number` of the bank of a seed."""
    rng = np.random.default_rng([seed, number])
    return render_sprite(kind_of(number, seed=seed), rng=rng, extent_px=extent_px)


def _run(jobs: list[tuple[Path, int, int, int]], workers: int) -> Iterator[int]:
    if workers == 1:
        yield from map(_one, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_one, jobs, chunksize=4)


def _one(job: tuple[Path, int, int, int]) -> int:
    out, number, seed, extent_px = job
    rendered = sprite_of(number, seed=seed, extent_px=extent_px)
    colour, shadow, record = encoded(rendered.sprite)
    first, second = files_of(out, number)
    write_bytes(first, colour)
    write_bytes(second, shadow)
    more = {"pose": rendered.pose, "tilt_deg": rendered.tilt_deg, "sunk": rendered.sunk}
    whole = {"number": number, **record, **more, "off_nadir_deg": rendered.off_nadir_deg}
    write_bytes(_record(out, number), json.dumps(whole).encode())
    return number


def _record(out: Path, number: int) -> Path:
    """Return the file that says that a sprite is whole: written last."""
    return out / f"{number:05d}.json"


def _check(path: Path, plan: dict[str, Any]) -> None:
    if not path.is_file():
        write_bytes(path, json.dumps(plan).encode())
    elif json.loads(path.read_text()) != plan:
        msg = f"{path.parent}: holds sprites of another seed, size or version of the renderer; use another --out"
        raise ResumeError(msg)
