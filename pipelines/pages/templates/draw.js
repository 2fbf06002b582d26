"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const figures = document.querySelectorAll("figure.picture");

  const ink = () => {
    const [text, grid] = dark.matches ? ["#b9c2ce", "#2f3741"] : ["#4a5462", "#e6e9ed"];
    return {
      font: "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif",
      view: { stroke: null },
      axis: {
        labelColor: text, titleColor: text, gridColor: grid, domainColor: grid, tickColor: grid,
        labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal",
      },
      legend: { labelColor: text, titleColor: text, labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal" },
    };
  };

  const draw = (figure) => {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const place = figure.querySelector(".chart");
    // The interpreter ("ast") needs no code made from text, so the page can forbid it.
    return vegaEmbed(place, spec, { actions: false, ast: true, renderer: "svg", config: ink() }).catch(() => {
      place.textContent = "This picture could not be drawn; the table has its numbers.";
    });
  };

  // One after another, with a breath between them, so that the page can be scrolled meanwhile.
  const drawAll = async () => {
    for (const figure of figures) {
      await draw(figure);
      await new Promise((resume) => setTimeout(resume));
    }
  };

  dark.addEventListener("change", drawAll);
  drawAll();
})();
