// Light or dark as the system says, until the reader chooses; and the buttons that copy code.
(function () {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("tinygen-theme"); } catch { return null; } };
  const follow = () => { root.dataset.theme = stored() || (system.matches ? "dark" : "light"); };
  follow();
  system.addEventListener("change", follow);

  function copy(text) {
    if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");  // a page opened from a file may have no clipboard object
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("no clipboard"));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("theme")) {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("tinygen-theme", root.dataset.theme); } catch { /* a private window keeps nothing */ }
    }
    if (button.classList.contains("copy")) {
      const said = (word) => { button.textContent = word; setTimeout(() => { button.textContent = "Copy"; }, 1200); };
      copy(button.parentElement.querySelector("pre").textContent).then(() => said("Copied"), () => said("Not copied"));
    }
  });
})();
