"use strict";
// Light or dark, as the system has it until somebody chooses; kept for the other pages.
const THEME = (() => {
  const root = document.documentElement;
  const kept = (value) => {
    try {
      if (value) localStorage.setItem("spatialbench-theme", value);
      return localStorage.getItem("spatialbench-theme");
    } catch { return null; }
  };
  const before = kept();
  if (before === "light" || before === "dark") root.dataset.theme = before;
  function toggle() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    kept(root.dataset.theme);
  }
  document.addEventListener("DOMContentLoaded", () => document.querySelector("#theme").addEventListener("click", toggle));
  // A link to a part of this page leaves the address alone, which keeps filters and sorting.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const part = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!part || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
    part.scrollIntoView();
  });
  return { toggle };
})();
