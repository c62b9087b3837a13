"use strict";
// Comfort only: the page is complete without it. Values under the pointer, legends that hide lines, tables that sort.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const make = (tag, parent, text, name) => {
    const node = parent.appendChild(document.createElement(tag));
    if (text !== undefined) node.textContent = text;
    if (name) node.className = name;
    return node;
  };

  const three = (value) => {
    const size = Math.abs(value);
    const digits = size >= 100 || !value ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };
  const duration = (ms) => ms >= 999.5 ? `${three(ms / 1000)} s` : ms > 0 && ms < 0.9995 ? `${Math.round(ms * 1000)} µs` : `${three(ms)} ms`;
  const clock = (seconds) => {
    const whole = Math.round(seconds), hours = Math.floor(whole / 3600), two = (n) => String(n).padStart(2, "0");
    const minutes = Math.floor(whole / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  };

  const nearest = (times, time) => {
    let low = 0, high = times.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle; else high = middle;
    }
    return Math.abs(times[low] - time) <= Math.abs(times[high] - time) ? low : high;
  };

  const charts = [...document.querySelectorAll("svg.timed")];
  const source = document.getElementById("timeline");
  const data = source ? JSON.parse(source.textContent) : null;
  if (data && data.time.length && charts.length) {
    const tip = make("div", document.body, undefined, "tip");
    const crosses = charts.map((chart) => {
      const cross = chart.appendChild(document.createElementNS(SVG, "line"));
      cross.setAttribute("class", "cross hidden");
      cross.setAttribute("y1", chart.dataset.top);
      cross.setAttribute("y2", chart.dataset.bottom);
      return cross;
    });
    const row = (name, value) => {
      const line = make("div", tip);
      make("span", line, name);
      make("span", line, value);
    };
    const hide = () => {
      tip.style.display = "none";
      crosses.forEach((cross) => cross.classList.add("hidden"));
    };
    const show = (chart, event) => {
      const box = chart.getBoundingClientRect(), { left, right, end } = chart.dataset;
      const place = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
      const time = (place - left) / (right - left) * end;
      if (time < 0 || time > Number(end)) return hide();
      const at = nearest(data.time, time);
      const x = Number(left) + data.time[at] / end * (right - left);
      crosses.forEach((cross) => {
        cross.setAttribute("x1", x);
        cross.setAttribute("x2", x);
        cross.classList.remove("hidden");
      });
      tip.replaceChildren();
      make("b", tip, clock(data.start[at]));
      row("requests/s", three(data.rps[at]));
      if (data.failures[at]) row("failures/s", three(data.failures[at]));
      for (const name of ["p50", "p95", "p99", "max"]) if (data[name][at] !== null) row(name, duration(data[name][at]));
      row("users", data.users[at].toLocaleString("en"));
      for (const { name, unit, time: times, values } of data.watched) {
        if (times.length) row(name, `${three(values[nearest(times, time)])} ${unit}`);
      }
      tip.style.display = "block";
      const beside = event.clientX + 18 + tip.offsetWidth > innerWidth ? event.clientX - 18 - tip.offsetWidth : event.clientX + 18;
      tip.style.left = `${Math.max(beside, 4)}px`;
      tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 4)}px`;
    };
    charts.forEach((chart) => {
      chart.addEventListener("pointermove", (event) => show(chart, event));
      chart.addEventListener("pointerleave", hide);
    });
  }

  for (const key of document.querySelectorAll(".key[data-for]")) {
    const toggle = () => {
      const off = key.classList.toggle("off");
      key.setAttribute("aria-pressed", String(!off));
      const figure = key.closest("figure");
      figure.querySelectorAll(`[data-series="${key.dataset.for}"]`).forEach((mark) => mark.classList.toggle("hidden", off));
    };
    key.setAttribute("role", "button");
    key.setAttribute("aria-pressed", "true");
    key.tabIndex = 0;
    key.addEventListener("click", toggle);
    key.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); }
    });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    table.querySelectorAll("thead th").forEach((head, column) => {
      if (head.dataset.fixed !== undefined) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "descending" ? false
          : head.getAttribute("aria-sort") === "ascending" ? true : head.classList.contains("n");
        table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
        const number = head.classList.contains("n");
        const compare = (a, b) => number ? Number(value(a)) - Number(value(b)) : value(a).localeCompare(value(b));
        const rows = [...body.rows].sort(compare);
        body.append(...(descending ? rows.reverse() : rows));
      });
    });
    if (body.rows.length > 12) {
      const input = document.createElement("input");
      input.type = "search";
      input.className = "filter";
      input.placeholder = input.ariaLabel = `Find among ${body.rows.length}`;
      table.closest(".scroll").before(input);
      input.addEventListener("input", () => {
        const wanted = input.value.toLowerCase();
        for (const line of body.rows) line.classList.toggle("hidden", !line.cells[0].textContent.toLowerCase().includes(wanted));
      });
    }
  }
})();
