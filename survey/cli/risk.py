"""Commands about risk: prior, evidence, explain, risk, patterns, candidates, prioritise and the calibrations."""

from pathlib import Path
from typing import Annotated

import typer

from survey.cli.app import ConfigFile, Out, Overrides, RoundNumber, app

prior_app = typer.Typer(help="Learn from ground whose past is known how likely other ground is contaminated.")
app.add_typer(prior_app, name="prior")


@prior_app.command("fit")
def prior_fit(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV: a row a cell, with features, label and place.")],
    *,
    out: Out,
    config: ConfigFile = None,
    overrides: Overrides = None,
    test: Annotated[Path | None, typer.Option(metavar="TABLE", help="Other cells, scored once at the end.")] = None,
) -> None:
    """Learn the probability of contamination, choosing and calibrating on blocks of ground left out."""
    from survey.config import load_config
    from survey.prior import PriorConfig, fit_prior

    settings = load_config(PriorConfig, config, overrides=overrides or ())
    typer.echo(fit_prior(settings, table=table, out=out, test=test))


@prior_app.command("apply")
def prior_apply(
    model: Annotated[Path, typer.Argument(metavar="PRIOR", help="Folder that `survey prior fit` wrote.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV with the same features.")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Table (.csv) or raster (.tif) to write.")],
) -> None:
    """Write the prior probability of each cell, and how far from training its features lie."""
    from survey.prior import apply_prior

    typer.echo(apply_prior(model, table=table, out=out))


@app.command()
def evidence(
    path: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML of the layers; see configs/evidence.yaml.")],
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the prior: new, empty or an earlier one.")
    ],
    like: Annotated[Path | None, typer.Option(metavar="RASTER", help="Raster that covers the area.")] = None,
    bounds: Annotated[
        tuple[float, float, float, float] | None, typer.Option(help="X_MIN Y_MIN X_MAX Y_MAX in metres of --crs.")
    ] = None,
    crs: Annotated[str | None, typer.Option(metavar="CODE", help="Such as EPSG:32633.")] = None,
) -> None:
    """Turn layers of evidence into a prior for each hectare and group of ordnance."""
    from survey.evidence import grid_from, run_evidence

    result = run_evidence(path, out, grid=grid_from(like=like, bounds=bounds, crs=crs))
    typer.echo("\n".join(result.lines))
    raise typer.Exit(result.exit_code)


@app.command("explain", context_settings={"ignore_unknown_options": True})
def explain_hectare(
    x: Annotated[float, typer.Argument(metavar="X", help="East, or longitude with --crs EPSG:4326.")],
    y: Annotated[float, typer.Argument(metavar="Y", help="North, or latitude.")],
    *,
    run_folder: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="Finished run: explains all that its risk is made of.")
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of `survey evidence`: its prior alone, or where the run's lies now."),
    ] = None,
    crs: Annotated[str | None, typer.Option(metavar="CODE", help="CRS of X and Y, else that of the results.")] = None,
    number: RoundNumber = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say why a hectare has its risk: prior, each layer of evidence, search, sightings, and what is believed now."""
    from json import dumps

    from survey.explain import explain_cell

    explanation = explain_cell(x, y, run=run_folder, evidence=evidence, crs=crs, number=number)
    typer.echo(dumps(explanation.as_dict(), sort_keys=True) if json else explanation)


@app.command()
def risk(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    *,
    review: Annotated[
        Path | None, typer.Option(metavar="FILE", help="review.sqlite; else the run's own, if it has one.")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of `survey evidence`: its prior instead of the run's.")
    ] = None,
    results: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="YAML as configs/results.yaml; repeatable.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="List the rounds that there are.")] = False,
) -> None:
    """Compute a finished run's risk again with what became known since: review, evidence, work on the ground."""
    from survey import rounds

    if history:
        typer.echo(rounds.history(run_folder))
        return
    result = rounds.compute_round(run_folder, review=review, evidence=evidence, results=results or ())
    typer.echo(result.text)
    raise typer.Exit(result.exit_code)


@app.command()
def patterns(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    *,
    out: Out,
    least: Annotated[float, typer.Option(min=0, max=1, help="Least probability of an item.")] = 0.0,
    width: Annotated[float, typer.Option(metavar="M", help="Largest standard deviation across a row.")] = 0.5,
    gap: Annotated[float, typer.Option(metavar="M", help="Longest stretch of a row without a sighting.")] = 20.0,
    level: Annotated[float, typer.Option(help="Chance of any false row.")] = 0.05,
    simulations: Annotated[int, typer.Option(help="Sites simulated for the p-values.")] = 199,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulations.")] = 0,
    number: RoundNumber = None,
) -> None:
    """Find rows in which items were laid, and where along and beyond them some may have been left behind."""
    from survey.patterns import PatternSettings, run_patterns

    settings = PatternSettings(
        width_m=width, gap_m=gap, jitter_m=10 * width, level=level, simulations=simulations, seed=seed
    )
    typer.echo(run_patterns(run_folder, out=out, settings=settings, least=least, number=number))


@app.command()
def candidates(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the proposals.")],
    evidence: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder written by `survey evidence`.")] = None,
    patterns: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder written by `survey patterns`.")] = None,
    review: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="review.sqlite, or what `survey review --export` wrote; else the round's."),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    number: RoundNumber = None,
) -> None:
    """Propose candidate SHA and candidate CHA polygons by a rule, for people to judge."""
    from survey.candidates import CandidatesConfig, propose
    from survey.config import load_config

    rule = load_config(CandidatesConfig, config, overrides=overrides or ())
    proposed = propose(
        run_folder, rule=rule, out=out, evidence=evidence, patterns=patterns, review=review, number=number
    )
    typer.echo(proposed.text)


@app.command()
def prioritise(
    risk: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|ROUND|RASTER",
            help="Finished run (its latest round), a round, or a raster of risk per hectare.",
        ),
    ],
    *,
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="YAML as configs/priority.yaml.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the plan.")],
    number: RoundNumber = None,
) -> None:
    """Plan work areas by risk and exposure: method, order and dates within teams, budget and horizon."""
    from survey.priority import prioritise as plan_work

    typer.echo(plan_work(risk, settings=config, out=out, number=number).text)


@app.command(name="calibrate-risk")
def calibrate_risk(
    *,
    out: Out,
    hectares: Annotated[int, typer.Option(min=1000, help="Simulated hectares of each world.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything drawn.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads; they change no result.")] = 1,
) -> None:
    """Check on simulated campaigns whether the risk is right about its own uncertainty, and where it is not."""
    from survey.worlds import calibrate_risk as calibrate

    typer.echo(calibrate(out, hectares=hectares, seed=seed, threads=threads).text)


@app.command(name="calibrate-flights")
def calibrate_flights(
    *,
    out: Out,
    flights: Annotated[int, typer.Option(min=2, help="Simulated flights that are scored.")] = 24,
    measuring: Annotated[int, typer.Option(min=2, help="Flights before them that give the card.")] = 12,
    area: Annotated[float, typer.Option(metavar="HA", min=0.02, help="Of one flight.")] = 1.0,
    items: Annotated[float, typer.Option(metavar="N", min=0.01, help="Prior items per hectare.")] = 3.0,
    model: Annotated[str, typer.Option("--model", metavar="ID|PATH", help="Released model or folder.")] = "default",
    seed: Annotated[int, typer.Option(min=0, help="Decides everything drawn.")] = 1,
) -> None:
    """Check the risk on whole simulated flights through the detector; an interrupted call goes on."""
    from survey.worlds import FlightSettings
    from survey.worlds import calibrate_flights as calibrate

    settings = FlightSettings(area_ha=area, seed=seed, model=model, prior_items_per_ha=items)
    done = calibrate(
        out, flights=flights, measuring=measuring, settings=settings, tell=lambda line: typer.echo(line, err=True)
    )
    typer.echo(done.text)
