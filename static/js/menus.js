// Menus are <details class="menu">: they open without scripts. Here they also close, one at a time, on Escape or a click elsewhere.
// Filters are open without scripts and start folded on small screens.

export function installMenus() {
  const open = () => document.querySelectorAll("details.menu[open]");

  document.addEventListener("click", (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  if (matchMedia("(max-width: 59.99rem)").matches) {
    document.querySelector("details[data-filters]")?.removeAttribute("open");
  }
}
