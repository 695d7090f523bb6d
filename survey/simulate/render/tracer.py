"""Light traced through one scene with Mitsuba 3: what is seen of a thing, and what it takes from the ground."""

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError
from survey.simulate.render.sky import Light
from survey.simulate.render.weather import Skin

Field = NDArray[np.float64]
SUN_SAMPLES = 4
SKY_SAMPLES = 9
"""Squares, for stratified sampling; training reduces sprites, which averages the rest of the noise away."""
_DEPTH = 3
"""Bounces, the last one to the light: light that the ground throws back at the thing is in."""


class Scene(NamedTuple):
    """What is lit and looked at. Metres; x east, y north, z up."""

    triangles: Field
    """(m, 3, 3) of the thing."""
    skin: Skin
    """At its 3 m corners."""
    soil_points: Field
    soil_faces: NDArray[np.uint32]
    soil_albedo: tuple[float, float, float]
    view: Field
    """(3,) unit vector from the ground towards the camera."""
    center: tuple[float, float]
    """x, y on the ground that the middle of the picture looks at."""
    gsd_m: float
    shape: tuple[int, int]
    """Rows, columns; north is up."""


class Traced(NamedTuple):
    """What the camera gets, (h, w) each."""

    sun: Field
    """(h, w, 3) radiance of thing and ground together by the sun's disc."""
    sky: Field
    """(h, w, 3) the same by the sky; noisier, and without hard edges on the ground."""
    cover: Field
    """Share of the pixel that shows the thing."""


def trace(scene: Scene, light: Light, *, seed: int) -> Traced:
    """Trace a scene, sun and sky apart (each alone is nearly free of noise), and add them up.

    Args:
        scene: What is there.
        light: What lights it.
        seed: Decides the samples.

    Returns:
        Radiances that add up to a / pi on flat ground of albedo a far from the thing.

    Raises:
        ConfigError: Mitsuba is not installed.
    """
    mitsuba = _mitsuba()
    parts = {"thing": _thing(mitsuba, scene), "soil": _soil(mitsuba, scene)}
    sun, sky = light.tints()
    sky_image, cover = _picture(mitsuba, parts | {"sky": _sky(mitsuba, light)}, scene, (SKY_SAMPLES, seed))
    sun_image = np.zeros_like(sky_image)
    if not light.overcast:
        disc = {
            "type": "directional",
            "direction": [float(v) for v in -light.toward],
            "irradiance": {"type": "rgb", "value": [float(1 / light.sun.height)] * 3},
        }
        sun_image, sun_cover = _picture(mitsuba, parts | {"sun": disc}, scene, (SUN_SAMPLES, seed + 1))
        cover = (SKY_SAMPLES * cover + SUN_SAMPLES * sun_cover) / (SKY_SAMPLES + SUN_SAMPLES)
    return Traced(sun * sun_image, sky * sky_image, cover)


@cache
def _mitsuba() -> ModuleType:
    """Return Mitsuba with its scalar variant, which needs no LLVM and no GPU."""
    try:
        import mitsuba  # noqa: PLC0415 - an extra that few need
    except ImportError as error:
        msg = "rendering ordnance needs Mitsuba 3; install it with: pip install 'survey[simulate]'"
        raise ConfigError(msg) from error
    mitsuba.set_variant("scalar_rgb")
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    return mitsuba


def _picture(
    mitsuba: ModuleType, parts: dict[str, Any], scene: Scene, sampling: tuple[int, int]
) -> tuple[Field, Field]:
    """Return radiance (h, w, 3) and cover (h, w) for samples a pixel and a seed."""
    samples, seed = sampling
    whole = {"type": "scene", **parts, "camera": _camera(mitsuba, scene, samples)}
    whole["integrator"] = {
        "type": "aov",
        "aovs": "shape:shape_index",
        "light": {"type": "path", "max_depth": _DEPTH, "rr_depth": _DEPTH + 1},
    }
    image = np.array(mitsuba.render(mitsuba.load_dict(whole), spp=samples, seed=seed % 2**32), np.float64)
    # Shapes are counted from 1: the thing, then the soil; the mean over a pixel's samples lies between.
    return image[..., :3], np.clip(2 - image[..., -1], 0, 1)


def _camera(mitsuba: ModuleType, scene: Scene, samples: int) -> dict[str, Any]:
    rows, cols = scene.shape
    transform = mitsuba.ScalarTransform4f
    middle = np.array([*scene.center, 0.0])
    place = transform().look_at(
        origin=[float(v) for v in middle + 40 * scene.view], target=[float(v) for v in middle], up=[0.0, 1.0, 0.0]
    )
    half = scene.gsd_m * cols / 2
    return {
        "type": "orthographic",
        "to_world": place @ transform().scale([half, half, 1]),
        "near_clip": 0.1,
        "far_clip": 200.0,
        "film": {
            "type": "hdrfilm",
            "width": cols,
            "height": rows,
            "rfilter": {"type": "box"},
            "pixel_format": "rgb",
        },
        "sampler": {"type": "stratified", "sample_count": samples},
    }


def _thing(mitsuba: ModuleType, scene: Scene) -> Any:
    corners = scene.triangles.reshape(-1, 3)
    surface = {"type": "principled", "specular": 0.5}
    for name, key in (("vertex_color", "base_color"), ("vertex_rough", "roughness"), ("vertex_metal", "metallic")):
        surface[key] = {"type": "mesh_attribute", "name": name}
    faces = np.arange(len(corners), dtype=np.uint32).reshape(-1, 3)
    mesh = _mesh(mitsuba, corners, faces, {"type": "twosided", "surface": surface})
    mesh.add_attribute("vertex_color", 3, scene.skin.colour.astype(np.float32).ravel())
    mesh.add_attribute("vertex_rough", 1, scene.skin.rough.astype(np.float32))
    mesh.add_attribute("vertex_metal", 1, scene.skin.metal.astype(np.float32))
    return mesh


def _soil(mitsuba: ModuleType, scene: Scene) -> Any:
    albedo = {"type": "rgb", "value": list(scene.soil_albedo)}
    return _mesh(mitsuba, scene.soil_points, scene.soil_faces, {"type": "diffuse", "reflectance": albedo})


def _mesh(mitsuba: ModuleType, points: Field, faces: NDArray[np.uint32], surface: dict[str, Any]) -> Any:
    properties = mitsuba.Properties()
    properties["bsdf"] = mitsuba.load_dict(surface)
    mesh = mitsuba.Mesh("mesh", vertex_count=len(points), face_count=len(faces), props=properties)
    values = mitsuba.traverse(mesh)
    values["vertex_positions"] = points.astype(np.float32).ravel()
    values["faces"] = faces.ravel()
    values.update()
    return mesh


def _sky(mitsuba: ModuleType, light: Light) -> dict[str, Any]:
    """Return the dome turned so that its zenith is z; Mitsuba's own up is y."""
    transform = mitsuba.ScalarTransform4f
    return {"type": "envmap", "bitmap": mitsuba.Bitmap(light.dome()), "to_world": transform().rotate([1, 0, 0], 90)}
