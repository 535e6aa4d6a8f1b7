// Pictures in what people write: a button, pasting and dropping send a file to the hub and put its address into the text.
// Without this module texts take addresses of pictures all the same.

export function installAttaching() {
  for (const tools of document.querySelectorAll("[data-attach]")) tools.hidden = false;
  // Forms that come later, such as that for editing in place.
  new MutationObserver(() => {
    for (const tools of document.querySelectorAll("[data-attach][hidden]")) tools.hidden = false;
  }).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-attach-choose]");
    button?.closest("[data-attach]").querySelector("input[type=file]").click();
  });
  document.addEventListener("change", (event) => {
    const tools = event.target.matches("[data-attach] input[type=file]") && event.target.closest("[data-attach]");
    if (!tools) return;
    sendAll(tools, tools.closest("form").elements.text, [...event.target.files]);
    event.target.value = "";
  });
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  document.addEventListener("dragover", (event) => {
    if (toolsOf(event.target) && event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => take(event, event.dataTransfer));
}

function toolsOf(target) {
  return target.matches?.("textarea") ? target.form?.querySelector("[data-attach]") : null;
}

function take(event, transfer) {
  const tools = toolsOf(event.target);
  const files = [...(transfer?.files ?? [])];
  // A table copied from a spreadsheet has a picture of itself beside its text; the text is what is meant.
  if (!tools || !files.length || transfer.types.includes("text/plain")) return;
  event.preventDefault();
  sendAll(tools, event.target, files);
}

async function sendAll(tools, area, files) {
  for (const file of files) await sendOne(tools, area, file);
}

async function sendOne(tools, area, file) {
  const status = tools.querySelector("[data-attach-status]");
  const say = (text, failed) => {
    status.textContent = text;
    status.classList.toggle("crit", Boolean(failed));
  };
  if (file.size > Number(tools.dataset.most)) {
    say(tools.dataset.tooLarge, true);
    return;
  }
  // Brackets would end the words before their time.
  const name = file.name.replace(/\.[a-z]+$/i, "").replace(/[[\]\\<>`]/g, " ").trim();
  const holder = `![${tools.dataset.sending} ${name} #${Math.random().toString(36).slice(2, 8)}]()`;
  insert(area, holder);
  try {
    const address = await send(tools, file, (percent) => say(`${tools.dataset.sending}: ${percent} %`));
    replace(area, holder, `![${name}](${address})`);
    say(tools.dataset.sent);
  } catch (error) {
    replace(area, holder, "");
    say(error.message || tools.dataset.failed, true);
  }
}

// By XMLHttpRequest: `fetch` does not tell how much has gone out.
function send(tools, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", tools.dataset.attach);
    request.responseType = "json";
    request.setRequestHeader("X-CSRFToken", tools.closest("form").elements.csrfmiddlewaretoken.value);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.onprogress = (event) => event.total && progress(Math.round((100 * event.loaded) / event.total));
    request.onload = () => (request.status === 201 ? resolve(request.response.address) : reject(new Error(request.response?.error ?? "")));
    request.onerror = () => reject(new Error(""));
    request.send(file);
  });
}

function insert(area, text) {
  const before = area.selectionStart > 0 && area.value[area.selectionStart - 1] !== "\n" ? "\n" : "";
  area.focus();
  area.setRangeText(`${before}${text}\n`, area.selectionStart, area.selectionEnd, "end");
  changed(area);
}

function replace(area, holder, text) {
  const start = area.value.indexOf(holder);
  if (start < 0) return;
  area.setRangeText(text, start, start + holder.length, "preserve");
  changed(area);
}

// Drafts are kept by whoever listens to what is typed.
function changed(area) {
  area.dispatchEvent(new Event("input", { bubbles: true }));
}
