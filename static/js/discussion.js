// A discussion: editing in place, drafts that survive an accident, and what others say while the page is open.
// Without this module each of them is a page of its own, or a reload.

const ASK_EVERY_MS = 10_000;

for (const form of document.querySelectorAll("form[data-draft]")) keepDraft(form);
installEditing();
installFeet();
const thread = document.querySelector("ol[data-news]");
if (thread) listen(thread);

// What is typed is kept for this tab until the server has it: a log-in that ran out loses nothing.
function keepDraft(form) {
  const key = `draft:${form.dataset.draft}`;
  const area = form.elements.text;
  // A post that worked leads to the discussion, at the place of what was posted; one that did not, never.
  if (location.hash && sessionStorage.getItem(`${key}:sent`)) sessionStorage.removeItem(key);
  sessionStorage.removeItem(`${key}:sent`);
  if (!location.pathname.endsWith("/new") && document.referrer.endsWith("/discussions/new")) sessionStorage.removeItem(`draft:${new URL(document.referrer).pathname}`);
  if (!area.value) area.value = sessionStorage.getItem(key) ?? "";
  area.addEventListener("input", () => sessionStorage.setItem(key, area.value));
  form.addEventListener("submit", (event) => {
    if (!event.submitter?.hasAttribute("data-preview")) sessionStorage.setItem(`${key}:sent`, "1");
  });
}

function installEditing() {
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-edit]");
    const comment = link?.closest(".comment");
    if (comment) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      link.closest("details.menu").open = false;
      await openEditor(link, comment);
      return;
    }
    const cancel = event.target.closest(".comment [data-cancel]");
    if (cancel) {
      event.preventDefault();
      const around = cancel.closest(".comment");
      around.querySelector("form.disc-edit").remove();
      around.querySelector("[data-body]").hidden = false;
      around.querySelector(".disc-tools summary").focus();
    }
  });
}

async function openEditor(link, comment) {
  try {
    const response = await fetch(link.href, { headers: { "X-Fragment": "form" }, cache: "no-store" });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    comment.insertAdjacentHTML("beforeend", await response.text());
    comment.querySelector("[data-body]").hidden = true;
    comment.querySelector("textarea").focus();
  } catch {
    location.assign(link.href);
  }
}

// A sign or a vote: only what stands under the comment changes.
function installFeet() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const foot = form.closest("[data-foot]");
    const button = event.submitter;
    if (!foot || !button || form.hasAttribute("data-plain")) return;
    event.preventDefault();
    try {
      const body = new FormData(form, button);
      const response = await fetch(form.action, { method: "POST", body, headers: { "X-Fragment": "foot" } });
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      const holder = document.createElement("template");
      holder.innerHTML = await response.text();
      const next = holder.content.querySelector("[data-foot]");
      foot.replaceWith(next);
      const same = button.name === "wanted" ? "[name=wanted]" : `.chip[value="${CSS.escape(button.value)}"]`;
      (next.querySelector(same) ?? next.querySelector("summary"))?.focus();
    } catch {
      // The server's own answer says more than a script could.
      form.setAttribute("data-plain", "");
      button.click();
    }
  });
}

// Asks for newer events while somebody looks at the page.
function listen(thread) {
  let asking = false;

  async function ask() {
    if (document.hidden || asking) return;
    asking = true;
    try {
      const response = await fetch(`${thread.dataset.news}?after=${thread.dataset.newest}`, { cache: "no-store" });
      if (response.status === 200) show(thread, await response.text());
      // What is no longer there, or no longer ours to read, is not asked for again.
      if (response.status >= 400 && response.status < 500) clearInterval(timer);
    } catch {
      // The hub is away for a moment; the next time will tell.
    } finally {
      asking = false;
    }
  }

  const timer = setInterval(ask, ASK_EVERY_MS);
  document.addEventListener("visibilitychange", ask);
}

function show(thread, html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const state = holder.content.querySelector("[data-state]");
  document.querySelector("[data-state]")?.replaceWith(state);
  thread.dataset.newest = holder.content.querySelector("[data-newest]").dataset.newest;
  let added = 0;
  for (const item of holder.content.querySelectorAll("li[data-event]")) {
    if (document.getElementById(item.id)) continue;
    thread.append(item);
    added += 1;
  }
  const live = document.getElementById("announcer");
  if (added && live) live.textContent = thread.dataset.said;
}
