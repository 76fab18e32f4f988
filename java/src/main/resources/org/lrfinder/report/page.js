"use strict";

// Lets a reader walk along a curve, by pointer or by slider. The values are those of the page's
// table; a row's data attributes say where in the pictures it lies.
for (const figure of document.querySelectorAll("figure[data-values]")) {
  const table = document.getElementById(figure.dataset.values);
  const names = Array.from(table.tHead.rows[0].cells, (cell) => cell.textContent);
  const rows = Array.from(table.tBodies[0].rows);
  const places = rows.map((row) => Number(row.dataset.x));
  const reader = figure.querySelector(".reader");
  const slider = reader.querySelector("input");
  const output = reader.querySelector("output");
  const crosses = Array.from(figure.querySelectorAll("svg"), crossOver);

  function say(index) {
    const words = Array.from(rows[index].cells, (cell) => cell.textContent)
      .map((value, i) => (value === "" ? "" : names[i] + " " + value))
      .filter((part) => part !== "")
      .join(", ");
    output.textContent = words;
    slider.setAttribute("aria-valuetext", words);
  }

  function show(index) {
    slider.value = index;
    say(index);
    crosses.forEach((moveTo) => moveTo(rows[index].dataset));
  }

  slider.addEventListener("input", () => show(Number(slider.value)));
  for (const svg of figure.querySelectorAll("svg")) {
    const follow = (event) => show(nearest(places, shareOf(svg, event)));
    svg.addEventListener("pointermove", follow);
    svg.addEventListener("pointerdown", follow);
  }
  reader.hidden = false;
  say(Number(slider.value));
}

/** Puts a cross into a picture, unseen until it is moved; returns what moves it. */
function crossOver(svg) {
  const make = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) {
      element.setAttribute(key, value);
    }
    return element;
  };
  const { left, right, top, bottom } = svg.dataset;
  const cross = make("g", { class: "cross", visibility: "hidden", "aria-hidden": "true" });
  const line = make("line", { y1: top, y2: bottom, stroke: "#444444", "stroke-width": 1 });
  const loss = make("circle", { r: 4, fill: "#6f8fbf" });
  const trend = make("circle", { r: 5, fill: "#1f4e9c", stroke: "#ffffff", "stroke-width": 1.5 });
  cross.append(line, loss, trend);
  svg.append(cross);
  const across = (share) => Number(left) + share * (right - left);
  const down = (share) => Number(top) + share * (bottom - top);
  return (place) => {
    const x = across(place.x);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    loss.setAttribute("cx", x);
    loss.setAttribute("cy", down(place.y));
    trend.setAttribute("cx", x);
    trend.setAttribute("cy", down(place.trend || place.y));
    trend.setAttribute("visibility", place.trend === "" ? "hidden" : "inherit");
    cross.setAttribute("visibility", "visible");
  };
}

function shareOf(svg, event) {
  const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return (place.x - svg.dataset.left) / (svg.dataset.right - svg.dataset.left);
}

function nearest(places, share) {
  let best = 0;
  places.forEach((place, i) => {
    if (Math.abs(place - share) < Math.abs(places[best] - share)) {
      best = i;
    }
  });
  return best;
}
