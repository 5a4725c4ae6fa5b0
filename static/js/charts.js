// Draws what <div data-chart="kind" data-source="id"> names; the figures come from a json_script element.
// The table with the same figures is on the page from the start: the picture replaces it only when it could be drawn.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const echarts = window.echarts;
const english = document.documentElement.lang === "en";
const grouped = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const number = (value) => {
  const [whole, rest] = String(value).split(".");
  return grouped(whole) + (rest ? `.${rest}` : "");
};
const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
const scale = (px) => Math.round((px * rem()) / 16);

function look() {
  const font = css("--font");
  return {
    ink: css("--ink"), ink2: css("--ink-2"), ink3: css("--ink-3"), line: css("--line"), font,
    cat: [1, 2, 3, 4, 5, 6].map((n) => css(`--cat-${n}`)), seq: [1, 2, 3, 4, 5].map((n) => css(`--seq-${n}`)),
    base: { textStyle: { fontFamily: font, color: css("--ink-2") }, animation: false },
    tip: {
      renderMode: "richText", confine: true, backgroundColor: css("--ink"), borderWidth: 0, padding: [8, 12],
      textStyle: { color: "#fff", fontSize: scale(14), fontFamily: font },
    },
  };
}

const GAP = 14;
const legend = (l, names) => ({
  top: 0, left: 0, itemWidth: 10, itemHeight: 10, itemGap: GAP, icon: "roundRect", type: "plain",
  data: names, textStyle: { color: l.ink2, fontSize: scale(12) },
});

/** How high the legend is, which goes on in the next line when the names do not fit into one. */
function legendHeight(l, names, width) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${scale(12)}px ${l.font}`;
  let lines = 1;
  let at = 0;
  for (const name of names) {
    const wide = 10 + 5 + pen.measureText(name).width;
    if (at > 0 && at + wide > width) {
      lines += 1;
      at = 0;
    }
    at += wide + GAP;
  }
  return lines * (Math.max(10, scale(12)) + GAP) + scale(4);
}

/** data: {categories: [...], series: [{name, data}], unit, stack} */
function columns(l, data, type, width) {
  const many = data.series.length > 1;
  const last = data.series.length - 1;
  return {
    ...l.base,
    tooltip: {
      ...l.tip, trigger: "axis", valueFormatter: (value) => `${number(value ?? 0)} ${data.unit ?? ""}`,
      axisPointer: type === "line" ? { type: "line" } : { type: "shadow", shadowStyle: { color: "rgba(10,107,75,.06)" } },
    },
    legend: many ? legend(l, data.series.map((s) => s.name)) : undefined,
    grid: { left: 4, right: 8, top: many ? legendHeight(l, data.series.map((s) => s.name), width + scale(44)) : 10, bottom: 2, containLabel: true },
    xAxis: {
      type: "category", data: data.categories, boundaryGap: type !== "line", axisTick: { show: false },
      axisLine: { lineStyle: { color: l.line } }, axisLabel: { color: l.ink3, fontSize: scale(12), interval: width / data.categories.length >= scale(29) ? 0 : "auto" },
    },
    yAxis: {
      type: "value", splitNumber: 3, axisLabel: { color: l.ink3, fontSize: scale(12), formatter: number },
      splitLine: { lineStyle: { color: l.line } },
    },
    series: data.series.map((s, i) => ({
      name: s.name, type, stack: type === "bar" && data.stack !== false ? "all" : undefined, data: s.data,
      barMaxWidth: scale(18), symbolSize: 6, smooth: false, lineStyle: { width: 2.5 },
      itemStyle: { color: l.cat[i % 6], borderColor: "#fff", borderWidth: type === "bar" ? 0.6 : 0, borderRadius: type === "bar" && i === last ? [3, 3, 0, 0] : 0 },
    })),
  };
}

/** data: {items: [{name, value}], unit}: the first item is drawn on top. */
function ranking(l, data) {
  const items = [...data.items].reverse();
  const radius = [0, 7, 7, 0];
  return {
    ...l.base,
    tooltip: { ...l.tip, trigger: "item", formatter: (p) => `${p.name}\n${number(p.value)} ${data.unit ?? ""}` },
    grid: { left: 4, right: scale(64), top: 0, bottom: 0, containLabel: true },
    xAxis: { type: "value", show: false, max: "dataMax" },
    yAxis: {
      type: "category", data: items.map((d) => d.name), axisLine: { show: false }, axisTick: { show: false },
      axisLabel: { color: l.ink, fontSize: scale(14), margin: 10, width: scale(120), overflow: "truncate" },
    },
    series: [{
      type: "bar", data: items.map((d) => d.value), barWidth: 14, itemStyle: { color: css("--green-600"), borderRadius: radius },
      showBackground: true, backgroundStyle: { color: css("--green-50"), borderRadius: radius },
      label: { show: true, position: "right", formatter: (p) => number(p.value), color: l.ink, fontSize: scale(13), fontWeight: 600 },
    }],
  };
}

/** data: {items: [{name, value}], unit} */
function ring(l, data) {
  return {
    ...l.base, color: l.cat,
    tooltip: { ...l.tip, trigger: "item", formatter: (p) => `${p.name}\n${number(p.value)} ${data.unit ?? ""} (${p.percent}%)` },
    legend: legend(l, data.items.map((d) => d.name)),
    series: [{
      type: "pie", radius: ["48%", "74%"], center: ["50%", "56%"], data: data.items, itemStyle: { borderColor: "#fff", borderWidth: 2 },
      label: { color: l.ink2, fontSize: scale(12), formatter: "{b} {d}%" },
    }],
  };
}

/** English names of the delta's cities are longer than the cities are wide: moved aside, in pixels of normal print. */
const ASIDE = { 442000: [-18, 4], 440300: [20, 2], 441900: [4, -4], 445200: [-10, -2], 440500: [4, 4] };

/** data: {items: [{code, name, value, href}], bounds: [800, 2000, 4000, 8000], unit}: names as in the base map. */
function choropleth(l, data, geo) {
  const b = data.bounds;
  const names = Object.fromEntries(geo.features.map((f) => [f.properties.adcode, f.properties.name]));
  const short = (name) => (english ? name : name.replace("市", ""));
  const pieces = l.seq.map((color, i) => ({
    color, ...(i > 0 ? { gte: b[i - 1] } : {}), ...(i < 4 ? { lt: b[i] } : {}),
    label: i === 0 ? `< ${number(b[0])}` : i === 4 ? `≥ ${number(b[3])}` : `${number(b[i - 1])}–${number(b[i])}`,
  })).reverse();
  const label = (value) => (value >= b[2]
    ? { color: "#fff", fontWeight: 600, textBorderColor: "rgba(4,38,27,.85)", textBorderWidth: 2.5 }
    : { color: l.ink, textBorderColor: "rgba(255,255,255,.75)", textBorderWidth: 2 });
  const aside = (code) => (english && ASIDE[code] ? ASIDE[code].map(scale) : [0, 0]);
  const titles = Object.fromEntries(data.items.map((d) => [names[d.code] ?? d.name, d.name]));
  return {
    ...l.base,
    tooltip: { ...l.tip, trigger: "item", formatter: (p) => `${titles[p.name] ?? p.name}\n${Number.isNaN(p.value) ? "–" : number(p.value)} ${data.unit ?? ""}` },
    visualMap: { type: "piecewise", right: 0, bottom: 0, itemWidth: 18, itemHeight: 12, itemGap: 6, itemSymbol: "roundRect", textStyle: { color: l.ink2, fontSize: scale(12) }, pieces },
    series: [{
      type: "map", map: "region", nameProperty: "name", left: 4, right: 4, top: 0, bottom: 2, aspectScale: 0.92,
      preserveAspect: "contain", selectedMode: false, itemStyle: { borderColor: "#fff", borderWidth: 1.2, areaColor: "#e9efeb" },
      label: { show: true, fontSize: scale(12), color: l.ink, formatter: (p) => short(titles[p.name] ?? p.name) },
      emphasis: { label: { show: true, color: l.ink, fontWeight: 600 }, itemStyle: { areaColor: css("--data-emphasis"), borderColor: "#fff" } },
      data: data.items.map((d) => ({ name: names[d.code] ?? d.name, value: d.value, href: d.href, label: { ...label(d.value), offset: aside(d.code) } })),
    }],
  };
}

const maps = new Map();

/** Fetched and registered once a page, however often the picture is drawn anew. */
function baseMap(url) {
  if (!maps.has(url)) {
    maps.set(url, fetch(url).then(async (answer) => {
      if (!answer.ok) throw new Error(`base map answered ${answer.status}`);
      const geo = await answer.json();
      echarts.registerMap("region", geo);
      return geo;
    }));
  }
  return maps.get(url);
}

async function options(node, data) {
  const l = look();
  if (node.dataset.chart === "hbar") return ranking(l, data);
  if (node.dataset.chart === "pie") return ring(l, data);
  if (node.dataset.chart === "map") {
    return choropleth(l, data, await baseMap(node.dataset.map));
  }
  return columns(l, data, node.dataset.chart, node.clientWidth - scale(44));
}

/** What a reader hears instead of the picture: its heading and its numbers, in the page's language. */
function spoken(node, data) {
  const heading = document.getElementById(`${node.id}-title`)?.textContent ?? "";
  const parts = data.items
    ? data.items.map((d) => `${d.name} ${number(d.value)}`)
    : data.series.map((s) => s.name);
  return `${heading} (${data.unit ?? ""}): ${parts.join(", ")}`;
}

async function draw(node) {
  const data = JSON.parse(document.getElementById(node.dataset.source).textContent);
  const table = document.getElementById(`${node.id}-table`);
  node.hidden = false;
  const option = await options(node, data).catch((error) => {
    node.hidden = true;
    throw error;
  });
  if (table) table.hidden = true;
  option.aria = { enabled: true, label: { description: spoken(node, data) } };
  const chart = echarts.init(node, null, { renderer: "canvas" });
  chart.setOption(option);
  chart.on("click", (at) => { if (at.data?.href) location.assign(at.data.href); });
  let waiting = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(async () => {
      if (node.hidden) return;
      chart.resize();
      chart.setOption(await options(node, data));
    });
  }).observe(node);
  const toggle = document.querySelector(`[data-chart-toggle="${node.id}"]`);
  if (!toggle) return;
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const asTable = !node.hidden;
    node.hidden = asTable;
    table.hidden = !asTable;
    toggle.setAttribute("aria-pressed", String(asTable));
  });
}

function drawAll(scope) {
  if (!echarts) return;
  scope.querySelectorAll("[data-chart]:not([data-drawn])").forEach((node) => {
    node.dataset.drawn = "1";
    // The table stays when the picture fails: nothing is lost but the picture.
    draw(node).catch((error) => console.warn(`chart ${node.id}: ${error.message}`));
  });
}

drawAll(document);
document.addEventListener("htmx:afterSettle", (event) => drawAll(event.target));
