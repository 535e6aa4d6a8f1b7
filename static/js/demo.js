// The demo of a model: asks, shows the answer as it comes, and stops. The words that it says stand on the element itself.
import { Answer, short } from "./demo-answer.js";
import { codeFor } from "./demo-code.js";
import { Request } from "./demo-request.js";

const NUMBERS = ["temperature", "top_p", "beams", "max_new_tokens", "sequences", "seed"];

for (const root of document.querySelectorAll("[data-demo]")) new Demo(root);

function Demo(root) {
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const say = (name, values = {}) =>
    root.dataset[`say${name[0].toUpperCase()}${name.slice(1)}`].replace(/\{(\w+)\}/g, (_all, key) => values[key]);

  const talk = find("[data-talk]");
  const composer = find("[data-composer]");
  const settings = find("[data-settings]");
  const text = composer.elements.text;
  const runButton = find("[data-run]");
  const stopButton = find("[data-stop]");
  let task = root.dataset.task;
  let messages = []; // of the chat so far
  let running = null;

  for (const element of all("[data-with-script]")) element.hidden = false;
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    }
    if (event.key === "Escape" && running) {
      event.preventDefault();
      stop();
    }
  });
  stopButton.addEventListener("click", stop);
  find("[data-again]")?.addEventListener("click", again);
  find("[data-new]")?.addEventListener("click", () => {
    stop();
    messages = [];
    talk.replaceChildren();
    refresh();
    text.focus();
  });
  for (const button of all("[data-example]")) {
    button.addEventListener("click", () => {
      text.value = button.dataset.example;
      refresh();
      text.focus();
    });
  }
  for (const button of all("[data-insert]")) {
    button.addEventListener("click", () => {
      text.setRangeText(button.dataset.insert, text.selectionStart, text.selectionEnd, "end");
      refresh();
      text.focus();
    });
  }
  for (const button of all("[data-choose-task]")) {
    button.addEventListener("click", () => {
      stop();
      task = button.dataset.chooseTask;
      for (const other of all("[data-choose-task]")) other.ariaPressed = String(other === button);
      messages = [];
      talk.replaceChildren();
      place();
      refresh();
    });
  }
  text.addEventListener("input", refresh);
  settings?.addEventListener("input", refresh);
  settings?.addEventListener("submit", (event) => event.preventDefault());
  // Nobody waits on a page that is left: the worker need not go on until the hub notices.
  addEventListener("pagehide", () => running?.leave());
  refresh();

  // What is set, for this task and this strategy alone.
  function sampling() {
    if (task !== "chat" && task !== "text-generation") return undefined;
    // Beside the card there is nothing to set.
    if (!settings) return { max_new_tokens: Number(root.dataset.newTokens) };
    const chosen = { strategy: settings.elements.strategy.value };
    for (const name of NUMBERS) {
      const field = settings.elements[name];
      if (!shown(field.closest(".field")) || field.value.trim() === "") continue;
      chosen[name] = Number.isNaN(Number(field.value)) ? field.value : Number(field.value);
    }
    return chosen;
  }

  function shown(part) {
    const strategy = settings?.elements.strategy.value;
    const forStrategy = !part.dataset.strategies || part.dataset.strategies.split(" ").includes(strategy);
    return forStrategy && (!part.dataset.forTask || part.dataset.forTask === task);
  }

  function conversation(last) {
    const system = settings?.elements.system?.value.trim();
    return [...(system ? [{ role: "system", content: system }] : []), ...messages, ...last];
  }

  // A chat grows above the line that is written next; an answer stands below its question.
  function place() {
    if (task === "chat") composer.before(talk);
    else composer.after(talk);
  }

  function refresh() {
    for (const part of all("[data-strategies], [data-for-task]")) part.hidden = !shown(part);
    const againButton = find("[data-again]");
    if (againButton) againButton.hidden ||= !messages.length || Boolean(running);
    const newButton = find("[data-new]");
    if (newButton) newButton.hidden ||= !talk.childElementCount;
    for (const output of all("output[for]")) output.value = short.format(document.getElementById(output.htmlFor).value);
    // Nothing typed yet: the code asks what the first example asks, so that it can be pasted and runs.
    const typed = text.value || find("[data-example]")?.dataset.example || root.dataset.prompt;
    const inputs = task === "chat" ? conversation([{ role: "user", content: typed }]) : typed;
    const code = codeFor({ ...root.dataset, task, inputs, sampling: sampling() });
    for (const box of all("[data-code]")) box.textContent = code[box.dataset.code];
  }

  function send() {
    if (running) return;
    if (!text.value.trim()) {
      complain(say("empty"), "inputs");
      return;
    }
    if (task !== "chat") {
      talk.replaceChildren();
      run(text.value);
      return;
    }
    messages.push({ role: "user", content: text.value });
    const asked = clone("[data-asked]");
    asked.querySelector("[data-out]").textContent = text.value;
    talk.append(asked);
    text.value = "";
    run(conversation([]));
  }

  function again() {
    if (running || !messages.length) return;
    if (messages.at(-1).role === "assistant") {
      messages.pop();
      talk.lastElementChild.remove();
    }
    run(conversation([]));
  }

  async function stop() {
    await running?.stop();
  }

  async function run(inputs) {
    complain("");
    const answer = new Answer(clone("[data-answer]"), say, clone);
    if (task === "text-generation") answer.given = inputs;
    talk.append(answer.element);
    running = new Request(answer, { address: root.dataset.ask, token: composer.elements.csrfmiddlewaretoken.value, say });
    busy(true);
    const request = running;
    try {
      await request.run({ task, revision: root.dataset.revision, inputs, sampling: sampling() });
      find("[data-load-note]")?.remove();
      if (task === "chat" && answer.texts[0]) messages.push({ role: "assistant", content: answer.texts[0] });
    } catch (refusal) {
      answer.element.remove();
      complain(refusal.message, refusal.field);
      // What could not be answered goes back to where it can be changed.
      if (task === "chat" && messages.at(-1)?.role === "user") {
        text.value ||= messages.pop().content;
        talk.lastElementChild?.remove();
      }
    } finally {
      if (running === request) running = null;
      busy(false);
    }
  }

  function busy(on) {
    talk.ariaBusy = String(on);
    stopButton.hidden = !on;
    // Not disabled: the keyboard's place must not be lost.
    runButton.hidden = on;
    if (on && document.activeElement === document.body) stopButton.focus();
    if (!on && document.activeElement === document.body) text.focus();
    refresh();
  }

  function complain(message, field = "") {
    const place = find("[data-problem]");
    place.replaceChildren();
    for (const input of all("[aria-invalid]")) input.removeAttribute("aria-invalid");
    if (!message) return;
    const line = document.createElement("p");
    line.className = "err";
    const input = settings?.elements[field] ?? (field === "inputs" || field === "messages" ? text : null);
    // The API's name of a setting means nothing to who sees its label.
    line.textContent = input?.labels?.[0] ? message.replace(`“${field}”`, `“${nameOf(input)}”`) : message;
    place.append(line);
    if (input instanceof HTMLElement) {
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  }

  function nameOf(input) {
    const label = input.labels[0];
    return (label.querySelector("span:not(.muted)") ?? label.firstChild).textContent.trim();
  }

  function clone(selector) {
    return find(`template${selector}`).content.firstElementChild.cloneNode(true);
  }
}
