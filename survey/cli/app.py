"""The application that commands join, and the options that several of them share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from survey.config import RunConfig

app = typer.Typer(
    name="survey",
    help="From drone flight imagery to per-hectare explosive-ordnance risk.",
    epilog="Exit status: 0 done, 1 a bug, 2 bad input, 3 done but with blocks that could not be searched.",
    pretty_exceptions_enable=False,
    add_completion=False,
)

Images = Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Orthomosaics: files, folders or globs.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results: new, empty or of this run.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="YAML with the keys that differ.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace one key of the configuration.")
]
Aoi = Annotated[Path | None, typer.Option("--aoi", metavar="FILE", help="Polygons; only what lies inside is searched.")]
Cover = Annotated[
    Path | None, typer.Option("--cover", metavar="FILE", help="Polygons or raster with classes of cover of the ground.")
]
ModelName = Annotated[str | None, typer.Option("--model", metavar="ID|PATH", help="Released model or model folder.")]
EvidenceFolder = Annotated[
    Path | None, typer.Option("--evidence", metavar="DIR", help="Folder written by `survey evidence`: the prior.")
]
RoundNumber = Annotated[
    int | None,
    typer.Option("--round", metavar="N", min=0, help="Round of `survey risk`; 0: the run before any; else the latest."),
]
Resume = Annotated[bool, typer.Option("--resume/--no-resume", help="Go on with an interrupted run, or start over.")]
Json = Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")]


def run_settings(
    path: Path | None, *, overrides: Sequence[str] | None, model: str | None, evidence: Path | None = None
) -> "RunConfig":
    """Return the configuration of a run; `--model` wins over `--set model=`, and `--evidence` likewise."""
    from survey.config import RunConfig, load_config

    settings = load_config(RunConfig, path, overrides=overrides or ())
    own = {"model": model} if model else {}
    return settings.model_copy(update=own | ({"evidence": str(evidence)} if evidence is not None else {}))
