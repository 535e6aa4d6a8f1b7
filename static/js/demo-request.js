// One request of a demo: asked, read to its end, stopped. `run` ends with the answer, or throws what was refused.
export function Request(answer, { address, token, say }) {
  let source = null;
  let stopAddress = "";
  let finish = () => {};
  let stopped = false;
  const post = (to, body) =>
    fetch(to, {
      method: "POST",
      headers: { "X-CSRFToken": token, "Content-Type": "application/json" },
      body: JSON.stringify(body ?? {}),
      keepalive: body === undefined,
    });

  this.run = async (asked) => {
    answer.wait(say("sent"));
    const response = await post(address, asked).catch(() => null);
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
  function read(stream) {
    return new Promise((resolve, reject) => {
      finish = resolve;
      source = new EventSource(stream);
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
