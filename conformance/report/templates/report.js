"use strict";
(() => {
  const form = document.getElementById("filter");
  const rows = [...document.querySelectorAll("#requirement-table tbody tr[data-outcome]")];
  const status = document.getElementById("filter-status");
  const apply = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { outcome, level, role } = form.elements;
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = (!outcome.value || row.dataset.outcome === outcome.value)
        && (!level.value || row.dataset.level === level.value)
        && (!role.value || row.dataset.role.split("+").includes(role.value))
        && words.every((word) => text.includes(word));
      row.hidden = !fits;
      count += fits ? 1 : 0;
    }
    for (const group of document.querySelectorAll("#requirement-table tbody")) {
      group.hidden = ![...group.querySelectorAll("tr[data-outcome]")].some((row) => !row.hidden);
    }
    status.textContent = `${count} of ${rows.length} shown`;
  };
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("[hidden]")) { form.reset(); apply(); target.scrollIntoView(); }
    const folded = target && target.closest("details");
    if (folded) { folded.open = true; target.scrollIntoView(); }
  };
  if (!form) { return; }
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  addEventListener("hashchange", reveal);
  apply();
  reveal();
})();
