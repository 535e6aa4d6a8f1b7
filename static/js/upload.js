// The upload page: every file is sent by itself as it is chosen, then one small request commits what has been sent.
// A file that has arrived has a receipt, so a failed commit, or one that is tried again, sends nothing twice.

const AT_ONCE = 2;
const SETTLED = new Set(["done", "failed"]);

const form = document.querySelector("form[data-upload]");
if (form) install(form);

function install(form) {
  const text = JSON.parse(document.getElementById("upload-texts").textContent);
  const zone = form.querySelector("[data-zone]");
  const list = form.querySelector("[data-list]");
  const template = form.querySelector("template");
  const summary = form.querySelector("[data-summary]");
  const overall = form.querySelector("[data-overall]");
  const problem = form.querySelector("[data-problem]");
  const commitButton = form.querySelector("[data-commit]");
  const folder = form.elements.folder;
  const token = form.elements.csrfmiddlewaretoken.value;
  const items = new Map(); // path below the folder -> item
  let committing = false;
  let committed = false;

  form.querySelectorAll("[data-without-script]").forEach((part) => part.remove());
  form.querySelectorAll("[data-with-script]").forEach((part) => (part.hidden = false));

  // --- choosing ---------------------------------------------------------------------------------------------
  form.querySelectorAll("[data-pick]").forEach((input) => {
    input.addEventListener("change", () => {
      for (const file of input.files) add(file.webkitRelativePath || file.name, file);
      input.value = "";
    });
  });
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("is-over");
    });
  }
  zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) zone.classList.remove("is-over");
  });
  // A file that misses the zone must not replace the page.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  zone.addEventListener("drop", async (event) => {
    zone.classList.remove("is-over");
    // The list of dropped things is empty after the first pause, so all entries are taken before one is read.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) for (const file of event.dataTransfer.files) add(file.name, file);
    for (const entry of entries) await walk(entry, "");
  });

  async function walk(entry, prefix) {
    const path = prefix + entry.name;
    if (entry.isFile) {
      add(path, await new Promise((resolve, reject) => entry.file(resolve, reject)));
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      // A folder's reader gives its entries in portions.
      const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!portion.length) return;
      for (const inner of portion) await walk(inner, `${path}/`);
    }
  }

  function add(path, file) {
    if (committing || path.split("/").some((part) => part === ".git" || part === ".DS_Store")) return;
    remove(items.get(path));
    const row = template.content.firstElementChild.cloneNode(true);
    const item = { path, file, row, state: "waiting", sent: 0, receipt: "", request: null };
    row.querySelector("[data-name]").textContent = path;
    row.querySelector("[data-size]").textContent = sizeOf(file.size);
    row.querySelector("[data-remove]").setAttribute("aria-label", fill(text.remove, { name: path }));
    row.querySelector("[data-remove]").addEventListener("click", () => remove(item));
    row.querySelector("[data-retry]").setAttribute("aria-label", fill(text.retryNamed, { name: path }));
    row.querySelector("[data-retry]").addEventListener("click", () => {
      item.state = "waiting";
      item.sent = 0;
      show(item, "");
      next();
    });
    row.querySelector("progress").setAttribute("aria-label", path);
    items.set(path, item);
    list.append(row);
    show(item, "");
    next();
  }

  function remove(item) {
    if (!item || committing) return;
    items.delete(item.path);
    item.state = "removed";
    item.request?.abort();
    item.row.remove();
    update();
    next();
  }

  // --- sending ----------------------------------------------------------------------------------------------
  function next() {
    const all = [...items.values()];
    const busy = all.filter((item) => item.state === "sending").length;
    for (const item of all.filter((item) => item.state === "waiting").slice(0, AT_ONCE - busy)) send(item);
    update();
  }

  function send(item) {
    const request = new XMLHttpRequest();
    item.state = "sending";
    item.request = request;
    // fetch() cannot tell how much of a body has gone; this can, and it streams the file from the disk.
    request.upload.addEventListener("progress", (event) => {
      item.sent = event.loaded;
      show(item, "");
    });
    request.addEventListener("load", () => {
      const answer = parse(request.responseText);
      if (request.status === 201 && answer.receipt) {
        item.receipt = answer.receipt;
        item.sent = item.file.size;
        settle(item, "done", "");
      } else {
        settle(item, "failed", answer.error || fill(text.refused, { status: request.status }));
      }
    });
    request.addEventListener("error", () => settle(item, "failed", text.broken));
    request.open("PUT", address(item.path));
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(item.file);
  }

  function settle(item, state, message) {
    if (item.state === "removed") return;
    item.state = state;
    item.request = null;
    show(item, message);
    next();
  }

  function address(path) {
    const encoded = destination(path).split("/").map(encodeURIComponent).join("/");
    return `${form.dataset.upload}/${encoded}`;
  }

  function destination(path) {
    const below = folder.value.trim().replace(/^\/+|\/+$/g, "");
    return below ? `${below}/${path}` : path;
  }

  // --- showing ----------------------------------------------------------------------------------------------
  function show(item, message) {
    const { row, state, file, sent } = item;
    const bar = row.querySelector("progress");
    bar.max = file.size || 1;
    bar.value = state === "done" ? bar.max : sent;
    row.dataset.state = state;
    row.querySelector("[data-state]").textContent =
      state === "sending" ? fill(text.percent, { percent: Math.floor((100 * sent) / (file.size || 1)) }) : text[state];
    row.querySelector("[data-message]").textContent = message;
    row.querySelector("[data-retry]").hidden = state !== "failed";
    update();
  }

  function update() {
    const all = [...items.values()];
    const size = all.reduce((sum, item) => sum + item.file.size, 0);
    const sent = all.reduce((sum, item) => sum + Math.min(item.sent, item.file.size), 0);
    const failed = all.filter((item) => item.state === "failed").length;
    const ready = all.length > 0 && all.every((item) => item.state === "done");
    overall.hidden = all.length === 0;
    overall.max = size || 1;
    overall.value = ready ? overall.max : sent;
    commitButton.disabled = !ready || committing;
    const said = !all.length
      ? text.nothing
      : failed
        ? fill(text.someFailed, { failed })
        : ready
          ? fill(text.ready, { count: all.length, size: sizeOf(size) })
          : fill(text.sending, { sent: sizeOf(sent), size: sizeOf(size) });
    summary.textContent = said;
    // Assistive technology hears of turning points, not of every percent.
    const turn = all.every((item) => SETTLED.has(item.state)) ? said : "";
    const live = document.getElementById("announcer");
    if (live && turn && live.textContent !== turn) live.textContent = turn;
  }

  // --- committing -------------------------------------------------------------------------------------------
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (commitButton.disabled) return;
    committing = true;
    problem.hidden = true;
    commitButton.classList.add("busy");
    update();
    const files = [...items.values()].map((item) => ({ path: destination(item.path), receipt: item.receipt }));
    try {
      const response = await fetch(form.dataset.upload, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: JSON.stringify({
          title: form.elements.title?.value ?? "",
          description: form.elements.description?.value ?? "",
          way: form.elements.way?.value ?? "",
          draft: form.elements.draft?.checked ?? false,
          files,
        }),
      });
      const answer = parse(await response.text());
      if (!response.ok || !answer.address) throw new Error(answer.error || fill(text.refused, { status: response.status }));
      committed = true;
      location.assign(answer.address);
    } catch (error) {
      committing = false;
      commitButton.classList.remove("busy");
      problem.hidden = false;
      problem.querySelector("[data-problem-text]").textContent = error instanceof TypeError ? text.broken : error.message;
      update();
    }
  });

  addEventListener("beforeunload", (event) => {
    if (items.size && !committed) event.preventDefault();
  });
  update();
}

function parse(body) {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}

function fill(pattern, values) {
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

function sizeOf(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const language = document.documentElement.lang;
  return `${value.toLocaleString(language, { maximumSignificantDigits: 3 })}\u00a0${units[unit]}`;
}
