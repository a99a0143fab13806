// The page that tries a model: two images and a prompt go to the server, the text comes back while it is written.
"use strict";
const settings = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const NUMBERS = ["num_beams", "max_new_tokens", "temperature"];
let waiting = null; // aborts the request under way

/** A word as a shell reads it. */
function quoted(word) {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function drawCommand() {
  const files = ["current", "prior"].map((id) => byId(id).files[0]?.name);
  const asked = NUMBERS.filter((id) => byId(id).value !== "").map((id) => [`--${id.replaceAll("_", "-")}`, byId(id).value]);
  const command = [...settings.command]; // what the server was started with, where the page does not ask otherwise
  for (const [flag] of asked) if (command.includes(flag)) command.splice(command.indexOf(flag), 2);
  const words = ["libra-bench", "describe", files[0] || "CURRENT", ...(files[1] ? [files[1]] : []), ...command];
  words.push("--prompt", byId("prompt").value.replace(/\s+$/, ""), "--protocol", byId("protocol").value, ...asked.flat());
  byId("command").textContent = words.map(quoted).join(" ");
}

/** Show what the server sees of an image: browsers cannot read DICOM. */
async function preview(input) {
  const drop = input.closest(".drop");
  drop.querySelector("img")?.remove();
  drop.parentElement.querySelector(".remove")?.remove();
  const file = input.files[0];
  drop.querySelector(".name").textContent = file ? file.name : input.id === "prior" ? "optional" : "drop or choose a file";
  drawCommand();
  if (!file) return;
  const remove = Object.assign(document.createElement("button"), { type: "button", className: "remove", textContent: "Remove" });
  remove.addEventListener("click", () => {
    input.value = "";
    preview(input);
  });
  drop.after(remove);
  const body = new FormData();
  body.append("image", file);
  try {
    const response = await fetch("preview", { method: "POST", body });
    if (!response.ok) throw new Error((await response.json()).error);
    const image = Object.assign(document.createElement("img"), { alt: `${input.getAttribute("aria-label")}: ${file.name}` });
    image.src = URL.createObjectURL(await response.blob());
    if (input.files[0] === file) drop.prepend(image);
  } catch (error) {
    drop.querySelector(".name").textContent = `${file.name}: ${error.message}`;
  }
}

function takeFile(input, event) {
  event.preventDefault();
  input.closest(".drop").classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  const files = new DataTransfer();
  files.items.add(event.dataTransfer.files[0]);
  input.files = files.files;
  preview(input);
}

/** Lines of JSON as they arrive. */
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

function say(text, className = "small") {
  byId("state").textContent = text;
  byId("state").className = className;
}

async function describe(event) {
  event.preventDefault();
  if (waiting) {
    waiting.abort();
    return;
  }
  const body = new FormData();
  for (const id of ["current", "prior"]) if (byId(id).files[0]) body.append(id, byId(id).files[0]);
  for (const id of ["prompt", "protocol", ...NUMBERS]) if (byId(id).value !== "") body.append(id, byId(id).value);
  waiting = new AbortController();
  byId("go").textContent = "Stop";
  byId("answer").textContent = "";
  byId("answer").className = "text going";
  say("sending");
  try {
    const response = await fetch("describe", { method: "POST", body, signal: waiting.signal });
    for await (const message of linesOf(response)) {
      if (message.state) say(message.state);
      if (message.text !== undefined) byId("answer").textContent = message.text;
      if (message.error) say(message.error, "error");
      if (message.done) say(message.done);
    }
  } catch (error) {
    say(error.name === "AbortError" ? "stopped" : `the server does not answer (${error.message})`, "error");
  }
  byId("answer").className = "text";
  byId("go").textContent = "Describe";
  waiting = null;
}

for (const id of ["current", "prior"]) {
  const input = byId(id);
  const drop = input.closest(".drop");
  input.addEventListener("change", () => preview(input));
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => takeFile(input, event));
}
byId("form").addEventListener("input", drawCommand);
byId("form").addEventListener("submit", describe);
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("command").textContent);
  byId("copy").textContent = "Copied";
  setTimeout(() => { byId("copy").textContent = "Copy"; }, 1500);
});
drawCommand();
