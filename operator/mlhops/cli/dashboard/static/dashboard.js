// What a script adds to pages that are whole without one: they come anew when something has changed, and times go on.
"use strict";

const LEAST = 1500; // milliseconds between two loads, however much changes
const live = document.getElementById("live");
let source = null;
let waiting = 0;
let loaded = Date.now();

function main() {
  return document.getElementById("main");
}

function told(words, isLive) {
  live.hidden = false;
  live.textContent = words;
  live.classList.toggle("off", !isLive);
}

// Loaded as a document and never as text, so that nothing of it can run.
function load(done) {
  const request = new XMLHttpRequest();
  request.open("GET", window.location.href);
  request.responseType = "document";
  request.onload = () => done(request.status, request.response);
  request.onerror = () => done(0, null);
  request.send();
}

function refresh() {
  waiting = 0;
  load((status, page) => {
    loaded = Date.now();
    const fresh = page && page.getElementById("main");
    if (!fresh) {
      told(status === 401 ? "Not live: log in again" : "Not live: the dashboard does not answer", false);
      return;
    }
    replace(fresh);
    document.title = page.title;
    const footer = page.querySelector("footer");
    if (footer) document.querySelector("footer").replaceWith(footer);
  });
}

function replace(fresh) {
  const old = main();
  const focused = document.activeElement;
  // Who fills in a form or selects words is not disturbed; the next change comes soon enough.
  if (focused && old.contains(focused) && /^(INPUT|SELECT)$/.test(focused.tagName)) return later();
  if (String(window.getSelection())) return later();
  const place = focused && old.contains(focused) ? path(focused, old) : null;
  const open = [...old.querySelectorAll("details")].map((each) => each.open);
  if (fresh.dataset.said && fresh.dataset.said !== old.dataset.said) {
    document.getElementById("announce").textContent = fresh.dataset.said;
  }
  old.replaceWith(fresh);
  fresh.querySelectorAll("details").forEach((each, i) => {
    if (i < open.length) each.open = open[i];
  });
  const again = place && find(place, fresh);
  if (again) again.focus({ preventScroll: true });
  tick();
}

// Where something stands: by the link it is, else by its place among its like.
function path(element, inside) {
  const href = element.getAttribute("href");
  const like = [...inside.querySelectorAll(element.tagName)];
  return { tag: element.tagName, href, index: like.indexOf(element) };
}

function find(place, inside) {
  const like = [...inside.querySelectorAll(place.tag)];
  return like.find((each) => place.href && each.getAttribute("href") === place.href) || like[place.index];
}

function later() {
  if (!waiting) waiting = setTimeout(refresh, Math.max(100, loaded + LEAST - Date.now()));
}

function listen() {
  if (source) source.close();
  const address = main().dataset.stream;
  if (!address) return;
  source = new EventSource(address);
  source.onopen = () => told("Live", true);
  source.onerror = () => told("Not live: connecting again", false);
  source.addEventListener("change", later);
  source.addEventListener("stale", () => {
    source.close();
    load((status, page) => {
      const fresh = page && page.getElementById("main");
      if (!fresh) return setTimeout(listen, 5000);
      replace(fresh);
      setTimeout(listen, LEAST);
    });
  });
}

// Lengths of time as the plug-in writes them: their two largest units.
function length(seconds) {
  let left = Math.max(0, Math.floor(seconds));
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
    const many = Math.floor(left / size);
    left %= size;
    if (many || (unit === "s" && !parts.length)) parts.push(many + unit);
    else if (parts.length) break;
    if (parts.length === 2) break;
  }
  return parts.join("");
}

function tick() {
  const now = Date.now();
  document.querySelectorAll("time[data-count]").forEach((each) => {
    const apart = (now - Date.parse(each.dateTime)) / 1000;
    let said = length(apart);
    if (each.dataset.count === "left") said = apart >= 0 ? "its time is over" : length(-apart) + " left";
    if (each.textContent !== said) each.textContent = said;
  });
}

listen();
setInterval(tick, 1000);
