// Light or dark as the system says, until the reader chooses; the buttons that copy code; where one is on the page.
(() => {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("tinygen-theme"); } catch { return null; } };
  const follow = () => { root.dataset.theme = stored() || (system.matches ? "dark" : "light"); };
  follow();
  system.addEventListener("change", follow);
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button.theme, button.copy");
    if (button?.classList.contains("theme")) {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("tinygen-theme", root.dataset.theme); } catch { /* a private window keeps nothing */ }
    } else if (button) {
      const said = (word) => { button.textContent = word; setTimeout(() => { button.textContent = "Copy"; }, 1200); };
      const copied = navigator.clipboard?.writeText(button.parentElement.querySelector("pre").textContent);
      (copied || Promise.reject()).then(() => said("Copied"), () => said("Not copied"));
    }
  });
  document.addEventListener("DOMContentLoaded", () => {
    const links = [...document.querySelectorAll(".side ol a")];
    const mark = () => {
      const passed = links.filter((a) => document.getElementById(a.hash.slice(1)).getBoundingClientRect().top < 120);
      links.forEach((a) => a.ariaCurrent = a === passed.at(-1) ? "true" : null);
    };
    addEventListener("scroll", () => requestAnimationFrame(mark), { passive: true });
    mark();
  });
})();
