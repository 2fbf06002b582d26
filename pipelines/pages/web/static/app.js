"use strict";
// Charts, lists that are replaced in place, and sliders that show their value. Every page works without this file.
(function () {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = new Map();

  function format(value, unit) {
    if (value === null || value === undefined) return "–";
    if (unit === "share" || unit === "probability") return (100 * value).toFixed(value < 0.1 ? 1 : 0) + "%";
    if (unit === "s") {
      const hours = value / 3600;
      return hours >= 48 ? (hours / 24).toFixed(1) + " d" : hours >= 2 ? hours.toFixed(1) + " h" : (value / 60).toFixed(0) + " min";
    }
    return Math.abs(value) >= 10 ? Math.round(value).toLocaleString("en-GB") : (+value.toFixed(1)).toString();
  }

  function when(seconds, days) {
    const at = new Date(seconds * 1000);
    const parts = days || at.getUTCHours() + at.getUTCMinutes() === 0 ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    return at.toLocaleString("en-GB", Object.assign({ timeZone: "UTC" }, parts));
  }

  function options(chart, width) {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const light = { "#0072b2": "#5cb0e6", "#d55e00": "#f08a4b", "#009e73": "#4cc9a0" };
    const tint = (colour) => (dark && light[colour]) || colour;
    const series = [{ label: chart.days ? "Date" : "Time", value: (_, t) => (t === null ? "–" : when(t, chart.days)) }];
    const bands = [];
    chart.series.forEach((line) => {
      const colour = tint(line.colour);
      series.push({
        label: line.label, stroke: colour, width: 2, dash: line.dashed ? [6, 4] : undefined,
        points: { show: chart.x.length < 40 }, value: (_, v) => format(v, chart.unit),
      });
      if (line.low) {
        const edge = { stroke: colour + "55", width: 1, points: { show: false }, value: (_, v) => format(v, chart.unit) };
        series.push(Object.assign({ label: "Likely high" }, edge), Object.assign({ label: "Likely low" }, edge));
        bands.push({ series: [series.length - 2, series.length - 1], fill: colour + "22" });
      }
    });
    const axis = { stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line") }, font: "12px system-ui" };
    return {
      width: width, height: Math.min(300, Math.max(200, width * 0.4)), series: series, bands: bands,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
      scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 1) <= 0 ? 1 : high * 1.05] } },
      axes: [Object.assign({ space: chart.days ? 70 : 60, values: (_, ticks) => ticks.map((t) => when(t, chart.days)) }, axis), Object.assign({ values: (_, ticks) => ticks.map((v) => format(v, chart.unit)), size: 64 }, axis)],
    };
  }

  function draw(place) {
    const block = document.getElementById(place.dataset.chart);
    if (!block || typeof uPlot === "undefined") return;
    const chart = JSON.parse(block.textContent);
    const columns = [chart.x];
    chart.series.forEach((line) => {
      columns.push(line.values);
      if (line.low) columns.push(line.high, line.low);
    });
    const old = drawn.get(place);
    if (old) old.destroy();
    place.textContent = "";
    drawn.set(place, new uPlot(options(chart, place.clientWidth || 320), columns, place));
  }

  function drawAll(root) {
    (root || document).querySelectorAll(".plot[data-chart]").forEach(draw);
  }

  // A slider shows its value beside it: <input type="range" data-unit="%"><output>.
  function showValue(input) {
    const output = input.parentElement.querySelector("output");
    if (output) output.textContent = input.value + (input.dataset.unit || "");
  }

  // Links that page or sort a list replace the list alone.
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[data-list]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button || typeof htmx === "undefined") return;
    if (!document.getElementById("list")) return;
    event.preventDefault();
    htmx.ajax("GET", link.href, { target: "#list", select: "#list", swap: "outerHTML" }).then(() => {
      history.pushState({}, "", link.href);
      shown = here();
      const list = document.getElementById("list");
      if (list) { list.setAttribute("tabindex", "-1"); list.focus({ preventScroll: true }); }
    });
  });
  // A filter keeps the order that a link of the list chose.
  document.addEventListener("htmx:configRequest", (event) => {
    const sort = new URLSearchParams(location.search).get("sort");
    if (sort && event.target.matches("form.filters")) event.detail.parameters["sort"] = sort;
  });
  const here = () => location.pathname + location.search;
  let shown = here();
  document.addEventListener("htmx:pushedIntoHistory", () => { shown = here(); });
  addEventListener("popstate", () => { if (here() !== shown) location.reload(); });
  document.addEventListener("input", (event) => { if (event.target.type === "range") showValue(event.target); });
  document.addEventListener("htmx:afterSwap", () => drawAll());
  document.addEventListener("DOMContentLoaded", () => {
    drawAll();
    document.querySelectorAll("input[type=range]").forEach(showValue);
  });
  let wait = 0;
  addEventListener("resize", () => { clearTimeout(wait); wait = setTimeout(() => drawAll(), 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
})();
