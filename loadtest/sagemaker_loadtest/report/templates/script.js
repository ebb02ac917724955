"use strict";
// Numbers under the pointer, and with the arrow keys. The page says everything without this script.
const D = JSON.parse(document.getElementById("data").textContent);
const NS = "http://www.w3.org/2000/svg";
const f3 = (v) => v === null || v === undefined ? "–" : v >= 100 ? Math.round(v).toLocaleString("en") : v >= 10 ? v.toFixed(1) : v >= 1 ? v.toFixed(2) : v.toPrecision(3);
const at = (s) => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");
const bins = D.rate.answered.length, all = D.dist.all || [];
const nines = (p) => Math.log10(100 / (100 - Math.min(p, 99.9999)));
const farthest = nines(Math.max(99, ...Object.values(D.dist).filter((c) => c.length).map((c) => c[c.length - 1][0])));
const time = (lines) => ({
  count: bins,
  index: (share) => Math.floor(share * D.span / D.bin),
  share: (i) => Math.min(1, (i + .5) * D.bin / D.span),
  lines: (i) => [at(i * D.bin) + " to " + at(Math.min((i + 1) * D.bin, D.span)), ...lines(i)],
});
const KINDS = {
  lat: time((i) => ["p99", "p95", "p50"].map((k) => `${k}  ${f3(D.lat[k][i])} ms`).concat(`${f3(D.rate.answered[i])}/s answered`)),
  rate: time((i) => [...(D.rate.offered[i] === null ? [] : [`offered  ${f3(D.rate.offered[i])}/s`]), `answered  ${f3(D.rate.answered[i])}/s`]),
  err: time((i) => Object.keys(D.err).map((k) => `${k}  ${D.err[k][i]}`)),
  dist: {
    count: all.length,
    index: (share) => all.reduce((best, q, i) => Math.abs(nines(q[0]) / farthest - share) < Math.abs(nines(all[best][0]) / farthest - share) ? i : best, 0),
    share: (i) => Math.min(1, nines(all[i][0]) / farthest),
    lines: (i) => [all[i][0] + " % within", ...Object.keys(D.dist).map((k) => { const q = D.dist[k].find((x) => x[0] === all[i][0]); return `${k === "all" ? "all requests" : k}  ${q ? f3(q[1]) + " ms" : "–"}`; })],
  },
};
for (const [kind, chart] of Object.entries(D.lines))
  KINDS[kind] = time((i) => Object.entries(chart.of).map(([name, values]) => `${name}  ${f3(values[i])} ${chart.unit}`));
for (const box of document.querySelectorAll(".plot")) {
  const tip = document.createElement("div"); tip.className = "tip"; tip.hidden = true; tip.setAttribute("role", "status"); box.append(tip);
  let i = -1, cross = null;
  const shown = () => [...box.querySelectorAll("svg[data-kind]")].find((s) => s.getBoundingClientRect().width > 0);
  const hide = () => { i = -1; tip.hidden = true; if (cross) { cross.remove(); cross = null; } };
  const show = () => {
    const svg = shown(), kind = KINDS[svg.dataset.kind];
    if (cross) cross.remove();
    const x0 = +svg.dataset.x0, x1 = +svg.dataset.x1, x = x0 + (x1 - x0) * kind.share(i), scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    cross = document.createElementNS(NS, "line");
    for (const [k, v] of Object.entries({x1: x, x2: x, y1: svg.dataset.y1, y2: svg.dataset.y0, class: "cross"})) cross.setAttribute(k, v);
    svg.append(cross);
    const [title, ...lines] = kind.lines(i), b = document.createElement("b");
    b.textContent = title; tip.replaceChildren(b, ...lines.map((t) => { const d = document.createElement("div"); d.textContent = t; return d; }));
    tip.hidden = false;
    const px = x * scale, w = tip.offsetWidth;
    tip.style.left = (px + 14 + w > box.clientWidth ? Math.max(0, px - 14 - w) : px + 14) + "px";
  };
  const pick = (e) => {
    const svg = shown(), kind = svg && KINDS[svg.dataset.kind];
    if (!kind || !kind.count) return;
    const r = svg.getBoundingClientRect(), scale = r.width / svg.viewBox.baseVal.width;
    const share = ((e.clientX - r.left) / scale - svg.dataset.x0) / (svg.dataset.x1 - svg.dataset.x0);
    i = Math.min(kind.count - 1, Math.max(0, kind.index(Math.min(1, Math.max(0, share))))); show();
  };
  box.addEventListener("pointermove", pick); box.addEventListener("pointerdown", pick);
  box.addEventListener("pointerleave", hide); box.addEventListener("blur", hide);
  box.addEventListener("keydown", (e) => {
    const svg = shown(), kind = svg && KINDS[svg.dataset.kind];
    if (!kind || !kind.count || (e.key !== "ArrowRight" && e.key !== "ArrowLeft")) return;
    e.preventDefault(); i = Math.min(kind.count - 1, Math.max(0, i + (e.key === "ArrowRight" ? 1 : -1))); show();
  });
}
