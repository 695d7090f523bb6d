"""The report's sentences in English: what other catalogues are translated from, and fall back to."""

from collections.abc import Mapping

ENGLISH: Mapping[str, str] = {
    "title": "Remote survey annex",
    "subtitle": "What drone imagery shows of explosive ordnance: candidates and risk for people to judge",
    "run": "Run",
    "model": "Model",
    "date": "Date of this report",
    "not_stated": "not stated",
    "not_provided": "Not provided.",
    "not_provided_by": "Not provided. `{command}` makes it; name its folder with `{option}`.",
    "yes": "yes",
    "no": "no",
    "caution": (
        "This report proposes candidates. No detection is not absence of ordnance: imagery does not show what is buried, "
        "overgrown or smaller than its pixels allow. Nothing in it releases land; that follows the national mine action "
        "standards, on the ground."
    ),
    "card.flown": "hectares flown",
    "card.searched": "hectares searched",
    "card.items": "candidate items",
    "card.expected": "items expected, seen and unseen",
    "contents": "Contents",
    # Flights
    "flights": "Flights",
    "flights.about": (
        "What the imagery's own tags tell, and what was stated for this report. The time in a tag is mostly that of "
        "stitching, not of flying. Height and overlap do not survive in orthomosaics."
    ),
    "flights.number": "No.",
    "flights.image": "Image",
    "flights.date": "Date and time",
    "flights.sensor": "Sensor, software",
    "flights.gsd": "GSD (cm)",
    "flights.height": "Height (m)",
    "flights.overlap": "Overlap",
    "flights.size": "Pixels",
    "flights.state": "Imagery now",
    "flights.novelty": "Like what the model knows",
    "flights.tag": "{value} (tag of the file)",
    # Area
    "area": "Area covered and area searched",
    "area.about": (
        "Flown: some image has valid pixels there. Searched: the model looked at them, at a scale that it can work with, "
        "in imagery of a kind that it knows. Searched ground is not proven ground."
    ),
    "area.what": "Ground",
    "area.ha": "Hectares",
    "area.share": "Share of what was flown",
    "area.flown": "flown",
    "area.searched": "searched",
    "area.unsearched": "flown, not searched",
    "area.disturbed": "searched, looks disturbed (craters, trenches, dug soil: candidates)",
    "area.cells": "hectares touched",
    "unsearched": "Ground that was not searched, and why",
    "unsearched.none": "All that was flown was searched. What was not flown is unknown.",
    "unsearched.about": (
        "{blocks} of {all} blocks could not be searched. Such ground is nodata in the map of disturbance, and keeps its "
        "prior risk."
    ),
    "unsearched.reason": "Reason",
    "cover": "Cover",
    "cover.none": (
        "Not provided: this run has no map of vegetation, water or shadow. Recall is taken to be the same on all searched "
        "ground, so under cover the risk is told too low."
    ),
    "cover.about": "Share of the model's recall that is left under the cover of the searched ground.",
    # Risk
    "risk": "Risk per hectare",
    "risk.about": (
        "The posterior of each hectare: what was believed before, what the search took away in proportion to what it could "
        "have seen, what the sightings added. Hectares that nobody flew are blank: nothing is said of them."
    ),
    "risk.expected": "items expected in all flown hectares",
    "risk.by_group": "of them {ap:.3g} anti-personnel mines, {at:.3g} anti-tank mines, {submunition:.3g} submunitions, "
    "{uxo:.3g} other unexploded ordnance",
    "risk.highest": "Hectares with the most expected items",
    "risk.cell": "Hectare",
    "risk.p": "P(at least one)",
    "risk.p_unseen": "P(at least one unseen)",
    "risk.items": "Expected",
    "risk.interval": "90 % interval",
    "risk.searched": "Searched",
    "risk.detections": "Candidate items",
    # Model
    "model.title": "Model and how well it finds",
    "model.about": "Measured on sites that the model was not trained on. On other ground it may find less.",
    "model.id": "Model",
    "model.sha": "SHA-256 of card and weights",
    "model.trained": "Trained on",
    "model.measured": "Measured on",
    "model.not_learnt": "Never learnt from examples",
    "model.gsd": "Ground scale",
    "model.gsd.value": "{gsd:.3g} cm; imagery coarser than {most:.3g} cm is not searched",
    "model.absent": (
        "The model's folder is not here, or is not the run's any more: what follows is what the run itself recorded. "
        "Name the folder with `--model`."
    ),
    "froc": "Recall against false alarms (FROC)",
    "froc.source": "From {file} of the model, SHA-256 {sha}; the manifest does not vouch for this file.",
    "froc.none": "The curve is not provided; the operating point below is all that is known.",
    "froc.alarms": "False alarms per hectare",
    "froc.recall": "Recall",
    "froc.interval": "95 % interval",
    "froc.score": "At a score of",
    "froc.label": "Recall against false alarms per hectare, with the operating point",
    "point": "Operating point",
    "point.score": "Least score",
    "point.score.own": "{score:g} (the model's own)",
    "point.score.set": "{score:g} (set for this run; the figures below hold for the model's own, {own:g})",
    "point.recall": "Recall (Pd)",
    "point.recall.value": "{value:.3f}, 95 % interval {low:.3f} to {high:.3f}, {found} of {items} items",
    "point.alarms": "False alarms per hectare",
    "point.alarms.value": ("{value:.3g}, 95 % interval {low:.3g} to {high:.3g}, {count} in {ha:.3g} ha ({by})"),
    "point.terrain": "Terrain",
    "point.here": "On this ground",
    "point.here.none": "not measured: no review of this run gives recall or false alarms of this site",
    "point.position": "Position error",
    "point.position.value": "{error:.2f} m (root mean square, within the image's own georeference)",
    # Detections
    "detections": "Candidate detections",
    "detections.none": "The model saw nothing above its score. That is not absence of ordnance.",
    "detections.about": (
        "{items} items from {sightings} sightings, most probable first. Sightings of one thing in several images count "
        "once. The probability is calibrated on the model's sites; the error of a place is one sigma, within the image's "
        "own georeference."
    ),
    "detections.chips": "Chips of the {n} most probable of {all} items. Up is up in the image, not north.",
    "detections.chips.all": "Chips of all {n} items. Up is up in the image, not north.",
    "detections.unseen": "{n} chips cannot be shown: the imagery is not where it was, or has changed.",
    "detections.rows": "The {n} most probable of {all} items; detections.gpkg holds all.",
    "detections.number": "No.",
    "detections.id": "Best sighting",
    "detections.class": "Class",
    "detections.score": "Score",
    "detections.probability": "Probability",
    "detections.size": "Size (m)",
    "detections.error": "Error (m)",
    "detections.east": "East",
    "detections.north": "North",
    "detections.sightings": "Sightings",
    "detections.image": "Image",
    "detections.verdict": "Verdict",
    # Review
    "review": "Review",
    "review.none": "Not reviewed: no verdict of a person on any candidate is recorded with this run.",
    "review.about": "{judged} of {all} items were judged, by {reviewers}.",
    "review.item": "an item",
    "review.none_of_it": "no item",
    "review.unsure": "unsure",
    "review.disputed": "disputed",
    "review.rows": "The first {n} of {all} decisions; review.sqlite holds all.",
    "review.sha": "All decisions as JSON, SHA-256 {sha}.",
    "review.number": "No.",
    "review.kind": "About",
    "review.reviewer": "Reviewer",
    "review.verdict": "Verdict",
    "review.time": "Time",
    # Evidence
    "evidence": "Evidence, direct and indirect",
    "evidence.about": "Classes by the standard named in the settings: {standard}.",
    "evidence.layer": "Layer",
    "evidence.kind": "Kind",
    "evidence.class": "Evidence",
    "evidence.source": "Source, date",
    "evidence.rows": "Rows used",
    "evidence.change": "Change of expected items",
    "evidence.absence": "speaks of absence",
    "evidence.cells": "{direct} hectares with direct evidence, {indirect} with indirect, {none} with none that is notable, "
    "which is no evidence of absence.",
    "evidence.imagery": (
        "Candidate detections and disturbed ground are remote visual observation. Whether that is direct or indirect "
        "evidence is for the national standard to say; this run's settings do not state it."
    ),
    # Candidates
    "candidates": "Candidate areas",
    "candidates.about": "Proposed by the rule in the settings, for a survey team to confirm, change or reject.",
    "candidates.none": "The folder holds no candidate area. That says nothing of the land.",
    # Plan
    "plan": "Priorities",
    "plan.about": (
        "{planned} of {all} work areas are in the plan: {ha:.0f} ha, {items:.3g} of {total:.3g} expected items found, "
        "{weeks:.3g} of {available:.3g} team-weeks. Gap to the best possible plan: {gap:.2%}."
    ),
    "plan.rank": "Rank",
    "plan.area": "Work area",
    "plan.method": "Method, crew",
    "plan.completion": "Completion",
    "plan.items": "Expected items",
    "plan.ha": "ha",
    "plan.reason": "Reason",
    "plan.rows": "The first {n} of {all} work areas; work_areas.gpkg holds all.",
    "linked.same": "Made from this run's products.",
    "linked.other": "NOT made from this run's products as they are now.",
    # Patterns
    "patterns": "Laying patterns",
    "patterns.about": (
        "{rows} rows among {items} items. A row is a hypothesis to look for what was left behind; nothing of it is part "
        "of the risk."
    ),
    "patterns.number": "Row",
    "patterns.members": "Members",
    "patterns.length": "Length (m)",
    "patterns.spacing": "Spacing (m)",
    "patterns.p": "p-value",
    "patterns.within": "Unseen within",
    "patterns.beyond": "Unseen beyond its ends",
    # Limits
    "limits": "Limits",
    "limits.1": "No detection is not absence of ordnance. Imagery does not show what is buried or under cover.",
    "limits.2": "Ground that was not flown or not searched is unknown. It is nodata, never low risk.",
    "limits.3": "Figures of the model hold for the sites that it was measured on. Nothing was measured on this ground "
    "unless the section on the operating point says so.",
    "limits.4": "The risk takes items as independent of each other; laid rows break that.",
    "limits.5": "Places are as good as the imagery's own georeference, which this run does not check.",
    "limits.6": "Figures are for ordering work. They decide nothing about any piece of land.",
    # Hashes
    "hashes": "Fingerprints",
    "hashes.about": (
        "SHA-256 of all that went in and came out, as the manifest has them. `survey verify` compares them again, with "
        "blocks, imagery and model."
    ),
    "hashes.same": "When this report was made, all {n} products were as the manifest says.",
    "hashes.changed": "When this report was made, products differed from the manifest:",
    "hashes.file": "File",
    "hashes.kind": "Kind",
    "hashes.sha": "SHA-256",
    "hashes.product": "product",
    "hashes.input": "input",
    "hashes.model": "model",
    "hashes.manifest": "manifest",
    "hashes.versions": "Versions",
    "hashes.settings": "Settings that decide",
    # Maps
    "map.north": "N",
    "map.searched.label": "Map of searched ground",
    "map.searched.caption": "Searched ground. Blank: not flown, nothing is known of it.",
    "map.p_at_least_one.label": "Map of the probability of at least one item in each hectare",
    "map.p_at_least_one.caption": "P(at least one item) of each hectare after the search.",
    "map.p_at_least_one.unit": "probability of at least one item in the hectare",
    "map.expected_items.label": "Map of the expected number of items in each hectare",
    "map.expected_items.caption": "Expected items of each hectare after the search, seen and unseen.",
    "map.expected_items.unit": "expected items per hectare",
    "map.visible.label": "Map of cover",
    "map.detections.label": "Map of candidate detections",
    "map.detections.caption": "Candidate detections.",
    "map.backdrop": "Below: the imagery, paled, {n} of {all} images.",
    "map.no_backdrop": "The imagery is not here or cannot be read whole, so the map has no picture below it.",
    "map.most": "The {n} most probable of {all} items are drawn.",
    "map.plan.label": "Map of work areas",
    "map.plan.caption": "Work areas with their ranks.",
    "map.candidates.label": "Map of candidate areas",
    "map.candidates.caption": "Candidate areas.",
    "map.patterns.label": "Map of laying patterns",
    "map.patterns.caption": "Rows, from the first member to the last.",
    "legend.searched": "searched",
    "legend.searched_outline": "edge of searched ground",
    "legend.not_searched": "flown, not searched",
    "legend.not_searched_prior": "flown, not searched: counts with its prior risk",
    "legend.not_flown": "not flown, not searched (blank)",
    "legend.outline": "outline of an image",
    "legend.item": "candidate item, the {n} most probable numbered",
    "legend.plan": "in the plan",
    "legend.plan.other": "not in the plan: its risk remains",
    "legend.candidates": "candidate area",
    "legend.candidates.other": "candidate area, geometry repaired or remarked on",
    "legend.patterns": "row",
    "legend.patterns.other": "row of weaker evidence (p above 0.01)",
}
"""Keys are in the order of the page."""
