"""Real imagery with the released model's features: known ground passes, what should not be searched does not.

What holds here was also looked at when the quantile was chosen; the orthomosaics and the photograph were not.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from survey.characterise.altered import ALTERED, indoor
from survey.characterise.config import CharacteriseConfig
from survey.characterise.false_colours import FALSE_COLOURS
from survey.characterise.hues import fit_hues
from survey.characterise.rates import Probe
from survey.characterise.reference import by_site, cut, fit_reference, hue_windows, sign_sites
from survey.config import load_config
from survey.datasets.datalist import FrameEntry, GroundEntry, load_data_list
from survey.datasets.sources import Picture, load_frames, load_grounds
from survey.detect.model import find_model, load_card, load_network
from survey.labels import Boxes
from survey.novelty.hues import cells_of
from survey.novelty.meter import load_reference, signer_of
from survey.resources import configs_folder, models_folder

pytestmark = pytest.mark.slow
LEAST_CHROMA = 0.1
"""Ground nearer to grey on average, as a share of brightness, looks natural with its channels swapped too."""
LEAST_PLANTS = 0.3
"""Of the ground; near infrared, red, green as they are show bare soil brown."""


@pytest.fixture(scope="module")
def sites(shared_data: Path) -> dict[str, list[Picture]]:
    """Up to eight pictures of each real ground of the released model's list; a game's ground is none."""
    pictures: list[Picture] = []
    for entry in load_data_list(configs_folder() / "train-data.yaml").without(("terrain-0ad",)).entries:
        if isinstance(entry, GroundEntry):
            pictures += load_grounds(entry, shared_data)
        elif isinstance(entry, FrameEntry):
            pictures += load_frames(entry, shared_data)
    return {
        site: [all_[n] for n in np.unique(np.linspace(0, len(all_) - 1, 8).round().astype(int))]
        for site, all_ in by_site(pictures).items()
    }


@pytest.fixture(scope="module")
def probe(sites: dict[str, list[Picture]]) -> Probe:
    folder = find_model("default", models=models_folder())
    card = load_card(folder)
    sign = signer_of(load_network(folder, card), gsd_m=card.gsd_m)
    config = load_config(CharacteriseConfig, overrides=["windows_per_site=32", "seed=1"])
    windows = sign_sites(sites, sign, origins={}, gsd_m=card.gsd_m, max_gsd_m=card.max_gsd_m, config=config)
    return Probe(sign, fit_reference(windows, quantile=config.quantile), card.gsd_m, 1)


@pytest.fixture(scope="module")
def released() -> Probe:
    """The released model as it is used: its reference has ground that is not in the folder of real imagery too."""
    folder = find_model("default", models=models_folder())
    card = load_card(folder)
    assert card.novelty is not None
    reference = load_reference(folder, card.novelty)
    if reference.hues is None:
        pytest.skip(
            "the released model was characterised before false colour was told; run `survey characterise` on it"
        )
    return Probe(signer_of(load_network(folder, card), gsd_m=card.gsd_m), reference, card.gsd_m, 1)


def flagged(probe: Probe, pictures: list[Picture], kind: str | None = None) -> list[bool]:
    """Tell of each picture whether it is flagged, as it is or altered."""
    rng = np.random.default_rng(0)
    views = [cut(picture, gsd_m=probe.gsd_m, most=6) for picture in pictures]
    return [probe.flags([ALTERED[kind](w, rng, probe.gsd_m) if kind else w for w in windows]) for windows in views]


def test_no_known_ground_is_flagged(probe: Probe, sites: dict[str, list[Picture]]) -> None:
    for site, pictures in sites.items():
        assert not any(flagged(probe, pictures)), site


@pytest.mark.parametrize("kind", [kind for kind in ALTERED if "colour" not in kind])
def test_thermal_blurred_and_dark_pictures_of_every_ground_are_flagged(
    probe: Probe, sites: dict[str, list[Picture]], kind: str
) -> None:
    for site, pictures in sites.items():
        assert np.mean(flagged(probe, pictures[:4], kind)) >= 0.75, site


def chroma_and_plants(pictures: list[Picture], gsd_m: float) -> tuple[float, float]:
    """Return the mean distance from grey, and the share that is green, of some pictures."""
    cells = np.concatenate([cells_of(w).reshape(-1, 3) for p in pictures for w in cut(p, gsd_m=gsd_m, most=6)])
    red, green, blue = (cells / (cells.mean(axis=1, keepdims=True) + 8.0)).T
    distance = np.hypot((2 * red - green - blue) / np.sqrt(6), (green - blue) / np.sqrt(2))
    return float(distance.mean()), float(np.mean(2 * green - red - blue > 0.1))


def told(kind: str, *, chroma: float, plants: float) -> bool:
    """Tell whether false colour of a kind can be told on such ground."""
    if kind == "false colour, near infrared":
        return plants >= LEAST_PLANTS
    return chroma >= LEAST_CHROMA or kind not in ("false colour, red and blue swapped", "false colour, hue turned")


@pytest.mark.parametrize("kind", [kind for kind in FALSE_COLOURS if kind != "false colour, near infrared for red"])
def test_false_colour_is_flagged_on_every_ground_where_it_can_be_told(
    released: Probe, sites: dict[str, list[Picture]], kind: str
) -> None:
    of = {site: chroma_and_plants(pictures, released.gsd_m) for site, pictures in sites.items()}
    asked = [site for site, (chroma, plants) in of.items() if told(kind, chroma=chroma, plants=plants)]
    rates = {site: float(np.mean(flagged(released, sites[site][:4], kind))) for site in asked}
    assert len(rates) >= 2, of
    assert min(rates.values()) >= 0.75, rates


def test_the_released_model_flags_no_ground_of_true_colour(released: Probe, sites: dict[str, list[Picture]]) -> None:
    for site, pictures in sites.items():
        assert not any(flagged(released, pictures)), site


@pytest.mark.parametrize("kind", ["false colour, red edge for blue", "false colour, vegetation index"])
def test_false_colour_is_flagged_on_ground_that_the_fit_did_not_see(
    probe: Probe, sites: dict[str, list[Picture]], kind: str
) -> None:
    """Told by four sites other kinds pass: `survey characterise` has the rates of the released model's seven."""
    others = {site: pictures for site, pictures in sites.items() if site != "pom-drone"}
    config = load_config(CharacteriseConfig, overrides=["windows_per_site=32", "seed=1"])
    windows = sign_sites(others, probe.sign, origins={}, gsd_m=probe.gsd_m, max_gsd_m=0.025, config=config)
    unaware = replace(probe, reference=replace(probe.reference, hues=fit_hues(hue_windows(windows))))
    assert not any(flagged(unaware, sites["pom-drone"]))
    assert np.mean(flagged(unaware, sites["pom-drone"], kind)) >= 0.75


def test_rooms_are_flagged(released: Probe) -> None:
    rng = np.random.default_rng(3)
    assert all(released.flags([indoor(rng)]) for _ in range(4))


def test_a_photograph_of_a_person_indoors_is_flagged(released: Probe) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if not path.is_file():
        pytest.skip("matplotlib came without its sample photograph")
    photograph = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert photograph is not None
    assert released.flags([np.asarray(photograph, np.uint8)])


def test_an_orthomosaic_of_new_ground_is_not_flagged(probe: Probe, shared_data: Path) -> None:
    with rasterio.open(shared_data / "ortho" / "australia.tif") as dataset:
        pixels: NDArray[np.uint8] = np.ascontiguousarray(dataset.read((1, 2, 3)).transpose(1, 2, 0))
    assert flagged(probe, [Picture("australia", "ortho", pixels, 0.018, Boxes.none(), (), 1.0)]) == [False]
