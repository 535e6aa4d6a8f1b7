// The demo of a model: asks, shows the answer as it comes, and stops. The words that it says stand on the element itself.
import { codeFor } from "./demo-code.js";

const NUMBERS = ["temperature", "top_p", "beams", "max_new_tokens", "sequences", "seed"];
const GIVEN = 160; // characters of a prompt that stand before its continuation
const language = document.documentElement.lang || "en";
const whole = new Intl.NumberFormat(language);
const short = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const size = new Intl.NumberFormat(language, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });

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
    running = new Request(answer);
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

  // One request: asked, read to its end, stopped. `run` ends with the answer, or throws what was refused.
  function Request(answer) {
    let source = null;
    let stopAddress = "";
    let finish = () => {};
    let stopped = false;
    const token = composer.elements.csrfmiddlewaretoken.value;
    const post = (address, body) =>
      fetch(address, {
        method: "POST",
        headers: { "X-CSRFToken": token, "Content-Type": "application/json" },
        body: JSON.stringify(body ?? {}),
        keepalive: body === undefined,
      });

    this.run = async (asked) => {
      answer.wait(say("sent"));
      const response = await post(root.dataset.ask, asked).catch(() => null);
      if (!response) throw new Error(say("lost"));
      const said = await response.json().catch(() => ({ error: say("lost") }));
      if (!response.ok) throw Object.assign(new Error(said.error), { field: said.field });
      stopAddress = said.stop;
      if (stopped) {
        post(stopAddress);
        answer.end({ type: "done", finish: ["cancelled"] });
        return;
      }
      await read(said.stream);
    };

    this.stop = async () => {
      if (stopped) return;
      stopped = true;
      if (!stopAddress) return;
      source?.close();
      answer.end({ type: "done", finish: ["cancelled"] });
      finish();
      await post(stopAddress).catch(() => null);
    };

    this.leave = () => {
      if (stopAddress) post(stopAddress).catch(() => null);
    };

    // Where the connection is lost, the browser comes back by itself and names the last event that it has seen.
    function read(address) {
      return new Promise((resolve, reject) => {
        finish = resolve;
        source = new EventSource(address);
        source.onmessage = ({ data }) => {
          const event = JSON.parse(data);
          if (event.type === "failed") {
            source.close();
            if (!answer.begun) reject(new Error(event.message));
            else resolve(answer.fail(event.message));
          } else if (answer.take(event)) {
            source.close();
            resolve();
          }
        };
        source.onerror = () => {
          if (source.readyState !== EventSource.CLOSED) return;
          if (!answer.begun) reject(new Error(say("lost")));
          else resolve(answer.fail(say("lost")));
        };
      });
    }
  }
}

// What has come so far, and how it is shown.
class Answer {
  constructor(element, say, clone) {
    Object.assign(this, { element, say, clone, given: "", texts: [], pieces: 0, begun: false, asked: performance.now() });
    this.out = element.querySelector("[data-out]");
    element.querySelector("[data-who]").textContent = say("model");
  }

  wait(message, done = 0, total = 0) {
    const bar = this.element.querySelector("[data-wait-bar]");
    this.element.querySelector("[data-wait]").hidden = false;
    this.element.querySelector("[data-wait-text]").textContent = message;
    if (total) bar.value = done / total;
    else bar.removeAttribute("value");
  }

  // Takes one event; tells whether it was the last.
  take(event) {
    if (event.type === "queued") this.wait(this.say("queued", { place: whole.format(event.place) }));
    if (event.type === "progress") this.progress(event);
    if (event.type === "token" || event.type === "text") this.write(event.sequence, event.text);
    if (event.type === "result") this.scores(event.result);
    if (event.type !== "done" && event.type !== "result") return false;
    this.end(event);
    return true;
  }

  progress({ stage, done, total }) {
    const amounts = { done: size.format(done / 1e6), total: size.format(total / 1e6) };
    if (["fetching", "starting", "loading"].includes(stage)) this.wait(this.say(stage, amounts), done, total);
  }

  begin() {
    if (this.begun) return;
    this.begun = true;
    this.first = (performance.now() - this.asked) / 1000;
    this.element.querySelector("[data-wait]").hidden = true;
  }

  write(sequence, piece) {
    this.begin();
    this.pieces += 1;
    while (this.texts.length <= sequence) {
      this.texts.push("");
      const part = document.createElement("p");
      if (this.given) part.append(this.before());
      this.out.append(part);
      if (sequence > 0) this.out.classList.add("demo-many");
      this.number();
    }
    this.texts[sequence] += piece;
    this.out.querySelectorAll("p")[sequence].append(piece);
    this.foot([this.say("writing")]);
  }

  // A continuation reads on from the end of what was given.
  before() {
    const given = document.createElement("span");
    given.className = "demo-given";
    given.textContent = this.given.length > GIVEN ? `…${this.given.slice(-GIVEN)}` : this.given;
    return given;
  }

  // Several continuations are numbered, one is not.
  number() {
    const parts = this.out.querySelectorAll("p");
    if (parts.length > 1) parts.forEach((part, n) => (part.dataset.number = this.say("sequence", { number: n + 1 })));
  }

  scores(rows) {
    this.begin();
    const table = this.clone("[data-scores]");
    for (const row of rows) {
      const line = table.tBodies[0].insertRow();
      const name = document.createElement("th");
      name.scope = "row";
      const label = row.sequence ?? row.label;
      name.append(row.token_str === undefined ? label : this.filled(row));
      name.append(meter(Math.min(1, row.score)));
      line.append(name);
      const score = line.insertCell();
      score.className = "r num";
      score.textContent = row.score.toFixed(4);
    }
    this.out.append(table);
  }

  filled(row) {
    const line = document.createElement("span");
    const word = document.createElement("b");
    word.textContent = row.token_str.trim();
    line.append(word, " ");
    const whole = document.createElement("span");
    whole.className = "soft small";
    whole.textContent = row.sequence;
    line.append(whole);
    return line;
  }

  end({ finish = [], completion_tokens: tokens, seconds }) {
    this.element.querySelector("[data-wait]").hidden = true;
    const facts = [];
    const count = tokens ?? this.pieces;
    if (seconds && tokens) facts.push(this.say("rate", { count: short.format(tokens / seconds) }));
    if (this.first && this.texts.length) facts.push(this.say("first", { seconds: short.format(this.first) }));
    if (this.texts.length) facts.push(this.say("tokens", { count: whole.format(count) }));
    facts.push(this.say("done", { seconds: short.format((performance.now() - this.asked) / 1000) }));
    if (finish.includes("cancelled")) facts[facts.length - 1] = this.say("stopped");
    if (finish.includes("length")) facts.push(this.say("length"));
    this.foot(facts);
    const copy = this.element.querySelector("[data-copy-answer]");
    if (this.texts.length) {
      copy.dataset.copy = this.texts.join("\n\n");
      copy.hidden = false;
    }
  }

  fail(message) {
    this.end({});
    const line = document.createElement("span");
    line.className = "err";
    line.textContent = message;
    this.element.querySelector("[data-foot]").replaceChildren(line);
  }

  foot(facts) {
    const foot = this.element.querySelector("[data-foot]");
    foot.hidden = false;
    if (foot.textContent === facts.join("")) return;
    foot.replaceChildren(
      ...facts.map((fact) => Object.assign(document.createElement("span"), { textContent: fact })),
    );
  }
}

function meter(share) {
  const draw = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const drawing = draw("svg", { class: "meter", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(draw("rect", { class: "trk", width: 100, height: 6 }));
  drawing.append(draw("rect", { class: "val", width: (share * 100).toFixed(1), height: 6 }));
  return drawing;
}
