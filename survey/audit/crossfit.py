"""Which model may judge which site: one that did not train on it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from survey.detect import Detector
from survey.errors import ConfigError
from survey.evaluate.run import seen_in_training


def choose_models(
    given: Sequence[str], *, sites: Sequence[str], load: Callable[[str], Detector]
) -> dict[str, Detector]:
    """Return the model for each site that has one.

    Args:
        given: `MODEL` for every site that none is named for, or `SITE=MODEL`.
        sites: What is audited.
        load: Loads a released model or a model folder.

    Raises:
        ConfigError: A model was trained on the site that it should judge, a site is not audited, or a site has two.
        ModelError: There is no such model.
    """
    named: dict[str, str] = {}
    for value in given:
        site, sign, model = value.partition("=")
        if not sign or (site not in sites and Path(value).is_dir()):
            site, model = "", value
        elif site not in sites:
            msg = f"--model {value}: no site {site} is audited, only {', '.join(sites)}"
            raise ConfigError(msg)
        if site in named:
            msg = (
                f"--model {value}: {f'site {site}' if site else 'every other site'} has the model {named[site]} already"
            )
            raise ConfigError(msg)
        named[site] = model
    wanted = {site: named.get(site, named.get("")) for site in sites}
    loaded = {model: load(model) for model in dict.fromkeys(wanted.values()) if model is not None}
    chosen = {site: loaded[model] for site, model in wanted.items() if model is not None}
    _refuse_trained(chosen)
    return chosen


def _refuse_trained(chosen: Mapping[str, Detector]) -> None:
    """Refuse models on sites of their training: what they learnt from a label, or its absence, cannot judge it."""
    for detector in dict.fromkeys(chosen.values()):
        own = [site for site, judge in chosen.items() if judge is detector]
        if seen := sorted(seen_in_training(detector.card, own)):
            msg = (
                f"model {detector.card.id} was trained on {', '.join(seen)}, so what it finds there repeats the labels "
                f"that it learnt; give a model that did not see it: --model {seen[0]}=FOLDER, or leave the site to the "
                "checks without a model: name the other sites' models as --model SITE=FOLDER"
            )
            raise ConfigError(msg)
