"""One kind of thing that can be rendered: how it is built, how it comes to lie, what it is called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from survey.simulate.items import CLASSES
from survey.simulate.render.draw import Draw
from survey.simulate.render.mesh import Solid

Build = Callable[[Draw], Solid]
CLUTTER = "distractor:"
"""What the names of kinds begin with that are not ordnance."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of ordnance, or of clutter where `class_name` is empty."""

    class_name: str
    title: str
    build: Build
    poses: Sequence[str] = ("up",)
    """Ways it lies (see `pose.posed`), each as likely; a way may stand there more than once."""
    deepest: float = 0.6
    """Largest share of its height that may be sunk into the soil."""
    extent_m: tuple[float, float, float] | None = None
    """Published length, width and height as it is built, metres; None: it has no one size."""
    spread: float = 0.12
    """Its proportions vary by up to this share: other marks and makes of the same family."""

    def __post_init__(self) -> None:
        if self.class_name and self.class_name not in CLASSES:
            msg = f"{self.title}: unknown class '{self.class_name}', expected one of {', '.join(CLASSES)}"
            raise ValueError(msg)
