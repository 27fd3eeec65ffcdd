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
  return { toggle };
})();
