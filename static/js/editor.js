// The text editor: Tab indents, Escape gives Tab back to the keyboard, Ctrl+S commits, the preview opens in place,
// and leaving with unsent text asks first.
import { preview } from "./preview.js";

const form = document.querySelector("form[data-editor]");
if (form) install(form);

function install(form) {
  const area = form.elements.text;
  const before = area.value;
  let keepTab = true;
  let sending = false;

  area.addEventListener("focus", () => (keepTab = true));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") keepTab = false;
    if (event.key !== "Tab" || !keepTab || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey) outdent(area);
    else indent(area);
  });

  form.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey) && !event.altKey) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-preview")) {
      event.preventDefault();
      preview(form, event.submitter);
      return;
    }
    sending = true;
  });

  addEventListener("beforeunload", (event) => {
    if (!sending && area.value !== before) event.preventDefault();
  });
}

// Writes as typing does, so that the browser's own undo takes it back.
function type(area, start, end, text) {
  area.setSelectionRange(start, end);
  if (!document.execCommand("insertText", false, text)) area.setRangeText(text, start, end, "end");
}

function indent(area) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  if (!value.slice(start, end).includes("\n")) {
    type(area, start, end, "  ");
    return;
  }
  const from = value.lastIndexOf("\n", start - 1) + 1;
  const text = value.slice(from, end).replace(/^(?=.)/gm, "  ");
  type(area, from, end, text);
  area.setSelectionRange(from, from + text.length);
}

function outdent(area) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const from = value.lastIndexOf("\n", start - 1) + 1;
  const old = value.slice(from, end);
  const text = old.replace(/^( {1,2}|\t)/gm, "");
  if (text === old) return;
  type(area, from, end, text);
  area.setSelectionRange(from, from + text.length);
}
