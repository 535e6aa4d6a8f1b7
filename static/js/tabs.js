// Where tabs, or the pages of the settings, are wider than the screen, the one in force stands in the middle: what is cut on both sides tells that they scroll.
export function installTabs() {
  for (const tabs of document.querySelectorAll(".tabs, .sidenav")) {
    const current = tabs.querySelector("[aria-current]");
    if (current) tabs.scrollLeft = current.offsetLeft - tabs.offsetLeft + (current.offsetWidth - tabs.clientWidth) / 2;
  }
}
