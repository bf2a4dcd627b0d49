# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the page does by itself: it filters rows and changes its colours. Without it everything is shown."""

from __future__ import annotations

SCRIPT = """
"use strict";
(function () {
  var form = document.getElementById("filter"), text = document.getElementById("search"), told = document.getElementById("told");
  var boxes = Array.prototype.slice.call(form.querySelectorAll("input[type=checkbox]"));
  var rows = Array.prototype.slice.call(document.querySelectorAll("[data-row]"));
  var words = null;
  function show() {
    if (!words) { words = rows.map(function (row) { return row.textContent.toLowerCase(); }); }
    var wanted = text.value.trim().toLowerCase().split(/\\s+/).filter(Boolean), shown = 0;
    var states = boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    var every = states.length === 0;
    rows.forEach(function (row, at) {
      var fits = (every || states.indexOf(row.getAttribute("data-row")) >= 0) &&
        wanted.every(function (word) { return words[at].indexOf(word) >= 0; });
      if (fits) { row.removeAttribute("data-hidden"); shown += 1; } else { row.setAttribute("data-hidden", ""); }
    });
    told.textContent = shown + " of " + rows.length + " rows";
    if (wanted.length) {
      document.querySelectorAll("details").forEach(function (part) {
        if (part.querySelector("[data-row]:not([data-hidden])")) { part.open = true; }
      });
    }
  }
  var waiting = 0;
  form.addEventListener("input", function () { clearTimeout(waiting); waiting = setTimeout(show, 80); });
  form.addEventListener("submit", function (event) { event.preventDefault(); show(); });
  form.addEventListener("reset", function () { setTimeout(show, 0); });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (part) { part.open = true; });
  });
  var theme = document.getElementById("theme");
  theme.addEventListener("click", function () {
    var root = document.documentElement, now = root.getAttribute("data-theme");
    var dark = now ? now === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
    root.setAttribute("data-theme", dark ? "light" : "dark");
  });
  form.hidden = false;
  theme.hidden = false;
})();
"""
