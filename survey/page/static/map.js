// The map: imagery on its own pixels, layers by the part that is looked at, drawing.
import { get } from "./server.js";
import { say, sayName } from "./words.js";

const { ol } = window;
const STATES = { open: "#c2189b", confirmed: "#0b6e4f", rejected: "#6b7280", unsure: "#a15c00", disputed: "#5b2a86" };
const MOST_IMAGES = 40; // layers at a time; of more only the outlines are shown
const FINEST = 8; // screen pixels along an image pixel at the closest zoom

const stroke = (color, width = 1.5, lineDash = undefined) => new ol.style.Stroke({ color, width, lineDash });
const fill = (color) => new ol.style.Fill({ color });

function label(text, { color = "#fff", halo = "#1d2733", offsetY = 0 } = {}) {
  return new ol.style.Text({ text, fill: fill(color), stroke: stroke(halo, 3), font: "600 12px system-ui, sans-serif", offsetY });
}

export class ReviewMap {
  constructor(run, images, { viewer, picked, shapePicked }) {
    this.run = run;
    this.viewer = viewer;
    this.shown = { imagery: true, items: true, searched_area: true, disturbance: true, hectares: false,
      patterns: true, places: true, work_areas: true };
    this.projection = new ol.proj.Projection({ code: run.crs, units: "m", axisOrientation: "enu" });
    this.imageLayers = new Map();
    this.vectors = {};
    this.waiting = {};
    this.finest = Math.min(...images.map((image) => image.resolutions.at(-1)));
    this.extent = images.map((image) => image.bounds).reduce((all, one) => ol.extent.extend(all, one), ol.extent.createEmpty());
    const view = new ol.View({ projection: this.projection, center: ol.extent.getCenter(this.extent), resolution: this.finest,
      minResolution: this.finest / FINEST, maxResolution: Math.max(1, ...ol.extent.getSize(this.extent)) / 200,
      enableRotation: false, smoothResolutionConstraint: false });
    this.map = new ol.Map({ target: "map", view, layers: [], controls: ol.control.defaults.defaults({ attribution: false, rotate: false })
      .extend([new ol.control.ScaleLine({ minWidth: 90 })]) });
    this.images = images;
    this.addGround();
    for (const name of ["hectares", "searched_area", "work_areas", "places", "patterns"]) {
      if (run.layers.includes(name)) this.addVector(name, 10, (feature) => this.shapeStyle(name, feature));
    }
    this.addVector("items", 20, (feature) => this.itemStyle(feature));
    this.marker = this.addVector("marker", 30, () => new ol.style.Style({ stroke: stroke("#ffd500", 3), fill: null }));
    this.drawings = this.addVector("drawings", 31, () => new ol.style.Style({ stroke: stroke("#ffd500", 2), fill: fill("rgba(255,213,0,.2)") }));
    this.map.on("moveend", () => this.refresh());
    this.map.on("singleclick", (event) => {
      if (this.drawing) return;
      const hit = this.map.forEachFeatureAtPixel(event.pixel, (feature) => feature, { hitTolerance: 4,
        layerFilter: (layer) => layer === this.vectors.items });
      if (hit?.get("subject")) picked(hit.get("subject"));
      else if (hit?.get("count")) view.animate({ center: hit.getGeometry().getCoordinates(), resolution: view.getResolution() / 3, duration: 200 });
      else {
        const shape = this.map.forEachFeatureAtPixel(event.pixel, (feature, layer) => [layer.get("name"), feature.getProperties()],
          { layerFilter: (layer) => ["hectares", "work_areas", "patterns", "places", "searched_area"].includes(layer.get("name")) });
        if (shape) shapePicked(shape[0], shape[1]);
      }
    });
  }

  // Coarse views are made while the page is open already.
  setImages(images) {
    this.images = images;
    this.placeImages();
  }

  placeImages() {
    const seen = this.map.getView().calculateExtent(this.map.getSize());
    const resolution = this.map.getView().getResolution();
    const wanted = this.images.filter((image) => ol.extent.intersects(seen, image.bounds) && this.fits(image, resolution));
    for (const image of wanted.slice(0, MOST_IMAGES)) {
      if (!this.imageLayers.has(image.id)) {
        const layer = this.imageLayer(image);
        this.imageLayers.set(image.id, layer);
        this.map.addLayer(layer);
      }
    }
    for (const [id, layer] of this.imageLayers) {
      if (!wanted.some((image) => image.id === id)) {
        this.map.removeLayer(layer);
        this.imageLayers.delete(id);
      }
    }
  }

  // Without overviews near tiles are not asked for from afar: each would have to be made of the whole image.
  fits(image, resolution) {
    const near = image.resolutions[0] * 1.5;
    if (image.needs_far) return resolution <= near;
    if (image.far) return resolution > image.resolutions.at(-1) / 2 * 1.5;
    return true;
  }

  // Each image has a grid of its own, so that tiles are its own pixels.
  imageLayer(image) {
    const grid = new ol.tilegrid.TileGrid({ extent: image.bounds, origin: [image.bounds[0], image.bounds[3]],
      resolutions: image.resolutions, tileSize: image.tile_px });
    const source = new ol.source.TileImage({ projection: this.projection, tileGrid: grid, interpolate: false, transition: 0,
      cacheSize: 128, tileUrlFunction: ([z, x, y]) => `/tiles/${image.id}/${z}/${x}/${y}` });
    return new ol.layer.Tile({ source, extent: image.bounds, zIndex: image.far ? 0 : 1, visible: this.shown.imagery, preload: 0,
      properties: { name: "imagery" } });
  }

  addGround() {
    const about = this.run.disturbance;
    if (!about) return;
    const grid = new ol.tilegrid.TileGrid({ extent: about.bounds, origin: [about.bounds[0], about.bounds[3]],
      resolutions: about.resolutions, tileSize: about.tile_px });
    const source = new ol.source.TileImage({ projection: this.projection, tileGrid: grid, interpolate: false, transition: 0,
      tileUrlFunction: ([z, x, y]) => `/disturbance/${z}/${x}/${y}` });
    this.ground = new ol.layer.Tile({ source, extent: about.bounds, zIndex: 5, properties: { name: "disturbance" } });
    this.map.addLayer(this.ground);
  }

  addVector(name, zIndex, style) {
    const layer = new ol.layer.Vector({ source: new ol.source.Vector(), style, zIndex, updateWhileAnimating: true,
      properties: { name }, visible: this.shown[name] ?? true });
    this.vectors[name] = layer;
    this.map.addLayer(layer);
    return layer;
  }

  show(name, visible) {
    this.shown[name] = visible;
    if (name === "imagery") this.imageLayers.forEach((layer) => layer.setVisible(visible));
    else if (name === "disturbance") this.ground?.setVisible(visible);
    else {
      this.vectors[name]?.setVisible(visible);
      if (visible) this.refresh();
    }
  }

  // Asks for what is in view, with a margin, so that short moves need nothing new.
  async refresh() {
    this.placeImages();
    const size = this.map.getSize();
    if (!size) return;
    const resolution = this.map.getView().getResolution();
    const seen = this.map.getView().calculateExtent(size);
    const wide = ol.extent.buffer(seen, Math.max(ol.extent.getWidth(seen), ol.extent.getHeight(seen)) * 0.25);
    const names = ["items", ...this.run.layers].filter((name) => this.shown[name]);
    await Promise.all(names.map((name) => this.load(name, wide, resolution)));
  }

  async load(name, [west, south, east, north], resolution) {
    this.waiting[name]?.abort();
    const control = (this.waiting[name] = new AbortController());
    const where = { west, south, east, north, resolution };
    try {
      const told = name === "items" ? await get("/api/items", { ...where, ...this.viewer() }, control.signal)
        : await get(`/api/layers/${name}`, where, control.signal);
      const source = this.vectors[name].getSource();
      source.clear(true);
      source.addFeatures(name === "items" ? itemFeatures(told) : new ol.format.GeoJSON().readFeatures(told));
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  itemStyle(feature) {
    const count = feature.get("count");
    const color = STATES[feature.get("state")] ?? STATES.open;
    if (count) {
      const radius = Math.min(24, 9 + 2.2 * Math.log2(count));
      const share = feature.get("judged") / count;
      return new ol.style.Style({ image: new ol.style.Circle({ radius, fill: fill(share === 1 ? STATES.rejected : "rgba(194,24,155,.82)"),
        stroke: stroke("#fff", 2) }), text: label(String(count), { halo: "rgba(0,0,0,.35)" }) });
    }
    const dash = feature.get("drawn") ? [6, 4] : undefined;
    const near = this.map.getView().getResolution() < 0.03;
    const shape = feature.getGeometry();
    const radius = Math.max(7, feature.get("size") / 2 / this.map.getView().getResolution() * 1.6);
    const text = near ? label(feature.get("text"), { offsetY: -radius - 11 }) : undefined;
    if (shape.getType() === "Polygon") return new ol.style.Style({ stroke: stroke(color, 2, dash), text });
    return [new ol.style.Style({ image: new ol.style.Circle({ radius, stroke: stroke("rgba(255,255,255,.9)", 4) }) }),
      new ol.style.Style({ image: new ol.style.Circle({ radius, stroke: stroke(color, 2), fill: fill("rgba(0,0,0,.01)") }), text })];
  }

  shapeStyle(name, feature) {
    if (name === "searched_area") {
      return feature.get("state") === "searched" ? new ol.style.Style({ stroke: stroke("#2a7fa8", 2) })
        : new ol.style.Style({ stroke: stroke("#3d3d3d", 2, [4, 4]), fill: fill("rgba(61,61,61,.35)") });
    }
    if (name === "hectares") {
      return new ol.style.Style({ stroke: stroke("#5b6770", 1), fill: fill(rampColour(this.run.risk_ramp, feature.get("p_at_least_one"), 0.45)) });
    }
    if (name === "work_areas") {
      return new ol.style.Style({ stroke: stroke("#7a4b00", 2.5, [10, 4]), text: label(String(feature.get("rank") ?? "")) });
    }
    if (name === "patterns") return new ol.style.Style({ stroke: stroke("#004d66", 2.5, [2, 6]) });
    return new ol.style.Style({ image: new ol.style.RegularShape({ points: 4, radius: 5, angle: Math.PI / 4, stroke: stroke("#004d66", 1.5) }) });
  }

  // Marks a thing and goes there; at native scale the map shows one image pixel a screen pixel.
  focus(thing) {
    const source = this.marker.getSource();
    source.clear();
    const view = this.map.getView();
    if (thing.bounds) {
      source.addFeature(new ol.Feature(ol.geom.Polygon.fromExtent(thing.bounds)));
      view.fit(thing.bounds, { padding: [24, 24, 24, 24] });
    } else {
      const radius = Math.max(thing.size_m ?? 0.2, 0.1) * 1.5;
      source.addFeature(new ol.Feature(thing.ring ? new ol.geom.Polygon([thing.ring]) : new ol.geom.Circle([thing.x, thing.y], radius)));
      view.setCenter([thing.x, thing.y]);
      view.setResolution(this.finest / 2);
    }
  }

  whole() {
    this.map.getView().fit(this.run.searched_bounds ?? this.extent, { padding: [20, 20, 20, 20] });
  }

  zoom(factor) {
    const view = this.map.getView();
    view.animate({ resolution: view.getConstrainedResolution(view.getResolution() * factor), duration: 120 });
  }

  imagesInView() {
    const seen = this.map.getView().calculateExtent(this.map.getSize());
    return this.images.filter((image) => !image.far && ol.extent.intersects(seen, image.bounds)).map((image) => image.id);
  }

  // Calls back with the corners of a box drawn from corner to corner; stops by `stopDrawing`.
  draw(done) {
    this.stopDrawing();
    this.drawing = new ol.interaction.Draw({ source: this.drawings.getSource(), type: "Circle",
      geometryFunction: ol.interaction.Draw.createBox() });
    this.drawing.on("drawend", (event) => done(event.feature.getGeometry().getCoordinates()[0].slice(0, 4)));
    this.map.addInteraction(this.drawing);
    document.body.classList.add("drawing");
  }

  stopDrawing() {
    if (this.drawing) this.map.removeInteraction(this.drawing);
    this.drawing = undefined;
    this.drawings.getSource().clear();
    document.body.classList.remove("drawing");
  }
}

function itemFeatures(told) {
  const features = (told.items ?? []).map(([subject, x, y, size, name, probability, state]) => new ol.Feature({
    geometry: new ol.geom.Point([x, y]), subject, size, state,
    text: `${sayName("class", name)} ${probability.toFixed(2)}` }));
  for (const [x, y, count, judged] of told.clusters ?? []) {
    features.push(new ol.Feature({ geometry: new ol.geom.Point([x, y]), count, judged }));
  }
  for (const thing of told.drawn ?? []) {
    features.push(new ol.Feature({ geometry: thing.ring ? new ol.geom.Polygon([thing.ring]) : new ol.geom.Point([thing.x, thing.y]),
      subject: thing.subject, size: thing.size_m ?? 0.2, state: thing.state, drawn: true,
      text: `${sayName("class", thing.class)} · ${say("kind.missed")}` }));
  }
  return features;
}

export function rampColour(ramp, value, alpha) {
  if (value === null || value === undefined) return "rgba(0,0,0,0)";
  const at = ramp.findIndex(([stop]) => stop >= value);
  const [[low, from], [high, to]] = at <= 0 ? [ramp[0], ramp[0]] : [ramp[at - 1], ramp[at]];
  const share = high > low ? (value - low) / (high - low) : 0;
  const part = (colour, n) => parseInt(colour.slice(1 + 2 * n, 3 + 2 * n), 16);
  const mixed = [0, 1, 2].map((n) => Math.round(part(from, n) + share * (part(to, n) - part(from, n))));
  return `rgba(${mixed.join(",")},${alpha})`;
}
