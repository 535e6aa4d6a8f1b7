// While a pass runs, the page of the storage looks again by itself. Without this, whoever reads it reloads.

const EVERY_MS = 3000;
const NAME = "[data-storage]";

async function look() {
  if (!document.hidden) {
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (response.ok && !response.redirected) show(await response.text());
    } catch {
      // The hub is away for a moment: the next look tells.
    }
  }
  if (document.querySelector(`${NAME}[data-running]`)) setTimeout(look, EVERY_MS);
}

function show(html) {
  const old = document.querySelector(NAME);
  const news = new DOMParser().parseFromString(html, "text/html").querySelector(NAME);
  if (!news) return;
  const open = new Set([...old.querySelectorAll("details[open]")].map((details) => details.id));
  for (const details of news.querySelectorAll("details")) details.open = open.has(details.id);
  // Whoever stands in there with the keyboard is left in peace until they go on.
  if (old.contains(document.activeElement)) {
    if (!news.hasAttribute("data-running")) old.removeAttribute("data-running");
    return;
  }
  old.replaceWith(news);
  if (!news.hasAttribute("data-running")) document.getElementById("announcer").textContent = news.dataset.storage;
}

if (document.querySelector(`${NAME}[data-running]`)) setTimeout(look, EVERY_MS);
