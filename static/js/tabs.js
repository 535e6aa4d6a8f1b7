// Where tabs are wider than the screen, the one in force stands in the middle: what is cut on both sides tells that they scroll.
export function installTabs() {
  for (const tabs of document.querySelectorAll(".tabs")) {
    const current = tabs.querySelector("[aria-current]");
    if (current) tabs.scrollLeft = current.offsetLeft - tabs.offsetLeft + (current.offsetWidth - tabs.clientWidth) / 2;
  }
}
