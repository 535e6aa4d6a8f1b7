// The page of an evaluation follows it; the form suggests datasets. Both work without: by looking again, by typing the name.

const EVERY_MS = 2000;
const WAIT_MS = 250;

const place = document.querySelector("[data-live]");
if (place) follow(place, document.querySelector("[data-log]"));

const form = document.querySelector("[data-evaluate]");
if (form) suggest(form, form.elements.dataset, document.getElementById("datasets-known"));

function follow(place, lines) {
  const log = lines.parentElement;
  const announcer = document.getElementById("announcer");
  let state = "";

  async function look() {
    if (!document.hidden) {
      try {
        const response = await fetch(`${place.dataset.live}?after=${lines.dataset.log}`);
        if (response.ok && show(await response.text())) return;
      } catch {
        // The hub is away for a moment: the next look tells.
      }
    }
    setTimeout(look, EVERY_MS);
  }

  function show(html) {
    const news = new DOMParser().parseFromString(html, "text/html").querySelector("[data-state]");
    if (!news) return false;
    if (news.hasAttribute("data-finished")) {
      location.reload();
      return true;
    }
    place.querySelector("[data-progress]").replaceChildren(...news.querySelector("[data-progress]").childNodes);
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
    for (const line of news.querySelectorAll("[data-line]")) {
      lines.append(line);
      lines.dataset.log = line.dataset.line;
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
    if (state && state !== news.dataset.state) announcer.textContent = news.dataset.stateName;
    state = news.dataset.state;
    return false;
  }

  log.scrollTop = log.scrollHeight;
  setTimeout(look, EVERY_MS);
}

function suggest(form, input, list) {
  // Not form.dataset: that is the field of this name.
  const address = form.getAttribute("data-evaluate");
  let timer = 0;
  let latest = 0;

  async function ask() {
    const mine = ++latest;
    try {
      const response = await fetch(`${address}?${new URLSearchParams({ q: input.value.trim() })}`);
      const { names } = await response.json();
      if (mine !== latest) return;
      list.replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
    } catch {
      // What was suggested before stays.
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  });
}
