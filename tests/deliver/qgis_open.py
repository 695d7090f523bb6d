"""Open files in QGIS as a user does, and tell what it sees: run by the system's Python, which has QGIS.

Arguments: a JSON file to write, then sources. A `.qgz` is opened as a project and drawn to `<json>.png`.
"""

import json
import sys
from pathlib import Path

from PyQt5.QtCore import QSize
from PyQt5.QtGui import QColor
from qgis.core import (
    QgsApplication,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)


def facts(layer):
    """Return what QGIS knows of a layer."""
    renderer = layer.renderer() if layer.isValid() else None
    told = {"name": layer.name(), "valid": layer.isValid(), "crs": layer.crs().authid()}
    told["renderer"] = renderer.type() if renderer else None
    told["legend"] = [item.label() for item in renderer.legendSymbolItems()] if hasattr(renderer, "categories") else []
    if isinstance(layer, QgsVectorLayer):
        told["features"] = layer.featureCount()
    elif renderer is not None:
        told["legend"] = [label for label, _ in renderer.legendSymbologyItems()]
    return told


def draw(project, path):
    """Draw the layers that are shown, and return the share of pixels that are not white."""
    settings = QgsMapSettings()
    settings.setLayers([n.layer() for n in project.layerTreeRoot().findLayers() if n.isVisible()])
    settings.setDestinationCrs(project.crs())
    settings.setOutputSize(QSize(1000, 800))
    settings.setBackgroundColor(QColor("white"))
    settings.setExtent(project.viewSettings().defaultViewExtent())
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    picture = job.renderedImage()
    picture.save(str(path))
    colours = {}
    for x in range(0, 1000, 2):
        for y in range(0, 800, 2):
            name = picture.pixelColor(x, y).name()
            colours[name] = colours.get(name, 0) + 1
    return {"errors": [e.message for e in job.errors()], "colours": colours}


def main():
    """Open every source."""
    report, sources = Path(sys.argv[1]), sys.argv[2:]
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], False)
    application.initQgis()
    found = {}
    for source in sources:
        if source.endswith(".qgz"):
            project = QgsProject.instance()
            told = {"read": project.read(source), "crs": project.crs().authid(), "title": project.title()}
            told["layers"] = [facts(layer) for layer in project.layerTreeRoot().layerOrder()]
            told |= draw(project, report.with_suffix(".png"))
            found[source] = told
        elif source.endswith(".tif"):
            found[source] = facts(QgsRasterLayer(source, "raster"))
        else:
            found[source] = facts(QgsVectorLayer(source, "vector", "ogr"))
    report.write_text(json.dumps(found))
    QgsProject.instance().clear()
    application.exitQgis()


main()
