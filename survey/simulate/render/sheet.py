"""A contact sheet of a bank: a row a kind, to see whether a person would recognise the things."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.files import write_bytes
from survey.simulate.light import GAMMA
from survey.simulate.render.bank import BankSprite

TILE_PX = 110
COLUMNS = 6
"""Sprites shown of a kind."""
GROUND = (130, 118, 105)


def write_sheet(path: Path, sprites: Sequence[BankSprite]) -> None:
    """Write a PNG with up to `COLUMNS` sprites of every kind, in two halves side by side."""
    kinds = dict.fromkeys(sprite.kind for sprite in sprites)
    rows = [_row(kind, [s for s in sprites if s.kind == kind][:COLUMNS]) for kind in kinds]
    if len(rows) % 2:
        rows.append(np.zeros_like(rows[0]))
    half = len(rows) // 2
    sheet = np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])])
    write_bytes(path, cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())


def _row(kind: str, sprites: Sequence[BankSprite]) -> NDArray[np.uint8]:
    blank = np.full((TILE_PX, TILE_PX, 3), GROUND, np.uint8)
    tiles = [_tile(sprite) for sprite in sprites]
    row = np.ascontiguousarray(np.hstack(tiles + [blank] * (COLUMNS - len(tiles))))
    cv2.putText(row, kind, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
    return row


def _tile(sprite: BankSprite) -> NDArray[np.uint8]:
    """Return a sprite on plain ground with its shadow, fitted into a tile."""
    left = (1 - sprite.shadow[..., None]).clip(0, 1) ** (1 / GAMMA)
    alpha = sprite.alpha[..., None]
    laid = np.array(GROUND, np.float32) * left * (1 - alpha) + sprite.rgb * alpha
    scale = min(1.0, TILE_PX / max(laid.shape[:2]))
    laid = cv2.resize(laid, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:TILE_PX, :TILE_PX]
    tile = np.full((TILE_PX, TILE_PX, 3), GROUND, np.float32)
    top, at = (TILE_PX - laid.shape[0]) // 2, (TILE_PX - laid.shape[1]) // 2
    tile[top : top + laid.shape[0], at : at + laid.shape[1]] = laid
    return tile.astype(np.uint8)
