"use strict";
(() => {
  const form = document.getElementById("filter");
  const status = document.getElementById("filter-status");
  const all = [...document.querySelectorAll("[data-outcome]")];
  const texts = new Map(all.map((one) => [one, `${one.id} ${one.dataset.clause} ${one.textContent}`.toLowerCase()]));
  const groups = [...document.querySelectorAll(".filtered tbody")];
  const names = ["text", "outcome", "level", "role"];
  let followed = null;

  const apply = () => {
    const { outcome, level, role } = form.elements;
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const one of all) {
      const fits = (!outcome.value || one.dataset.outcome === outcome.value)
        && (!level.value || one.dataset.level.split(" ").includes(level.value))
        && (!role.value || one.dataset.role.split(" ").includes(role.value))
        && words.every((word) => texts.get(one).includes(word));
      one.hidden = !fits && one !== followed;
      count += one.hidden ? 0 : 1;
    }
    for (const group of groups) {
      group.hidden = ![...group.querySelectorAll("[data-outcome]")].some((one) => !one.hidden);
    }
    const filtered = names.some((name) => form.elements[name].value);
    document.body.classList.toggle("is-filtered", filtered);
    status.textContent = filtered ? `${count} of ${all.length} requirements and cases shown` : "";
  };

  const remember = () => {
    const query = new URLSearchParams();
    for (const name of names) {
      if (form.elements[name].value) { query.set(name, form.elements[name].value); }
    }
    const address = new URL(location.href);
    address.search = query.toString();
    try { history.replaceState(null, "", address); } catch { /* Some browsers keep no state for a file. */ }
  };

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) { return; }
    followed = target.closest("[data-outcome]");
    apply();
    for (let folded = target.closest("details"); folded; folded = folded.parentElement.closest("details")) {
      folded.open = true;
    }
    target.scrollIntoView();
  };

  const change = () => { followed = null; apply(); remember(); };
  const query = new URLSearchParams(location.search);
  for (const name of names) { form.elements[name].value = query.get(name) ?? ""; }
  const box = document.getElementById("search");
  box.hidden = false;
  box.open = matchMedia("(min-width: 68rem)").matches || location.search.length > 1;
  form.addEventListener("input", change);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(change));
  addEventListener("hashchange", reveal);
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) { reveal(); }
  });
  apply();
  reveal();
})();
