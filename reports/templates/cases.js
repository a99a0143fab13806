// The case browser: a list that draws only the rows in view, and one case beside it. The list is drawn from an index of
// all cases; the cases themselves are in the page, or in files beside it that are loaded when they are looked at.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const two = data.runs.length > 1;
const byId = (id) => document.getElementById(id);
const letters = ["A", "B"];
let index = null; // ids, states, words and scores of all cases, as columns
let words = null; // which words are in which cases
let shown = []; // numbers of the cases that pass the filters, in the chosen order
let current = -1; // number of the case that is shown

// ---- what is loaded ----------------------------------------------------------------------------------------------

const awaited = new Map(); // name of a file that is loading -> what to call with its value

/** What a file beside the page calls. */
window.reportPiece = (name, text) => awaited.get(name)?.(JSON.parse(text));

/** The value of a file beside the page. */
function load(name) {
  return new Promise((resolve, reject) => {
    const script = make("script", { src: `${data.folder}/${name}.js` });
    const end = () => { awaited.delete(name); script.remove(); };
    awaited.set(name, (value) => { end(); resolve(value); });
    script.addEventListener("error", () => { end(); reject(new Error(name)); });
    document.head.append(script);
  });
}

/** Say that a file is not there. */
function sayUnloaded() {
  const folder = data.folder.split("/")[0];
  byId("unloaded").textContent = `The cases cannot be loaded. If the report was written again meanwhile, reload the page; ` +
    `if it was copied, copy the folder ${folder} with it.`;
  byId("unloaded").hidden = false;
}

const MAX_PIECES = 8; // that are kept
const pieces = new Map(); // number -> promise of {cases, images, missing}, the one that was used last at the end

/** The piece that holds a case, and the case. */
async function caseAt(number) {
  if (!data.folder) {
    images ??= JSON.parse(byId("images").textContent);
    return [data.cases[number], { images, missing: data.missing }];
  }
  const at = Math.floor(number / data.size);
  const piece = pieces.get(at) ?? load(String(at).padStart(4, "0"));
  pieces.delete(at);
  pieces.set(at, piece);
  if (pieces.size > MAX_PIECES) pieces.delete(pieces.keys().next().value);
  try {
    const found = await piece;
    return [found.cases[number % data.size], found];
  } catch (error) {
    pieces.delete(at);
    throw error;
  }
}

let images = null; // parsed when the first case is shown: it is most of a page that has its cases

/** An element: make("td", {className: "x"}, child, "text", ...). */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function score(value) {
  return value === null || value === undefined ? "–" : value.toFixed(2);
}

// ---- facets and orders -------------------------------------------------------------------------------------------

const STATES = { f: "failed", t: "truncated", e: "empty", c: "complete", n: "failed" };

/** What became of an answer: failed, truncated, empty or complete. */
function stateOf(answer) {
  if (!answer || answer.finish === "error") return STATES.f;
  if (answer.words === 0) return STATES.e;
  return answer.finish === "length" ? STATES.t : STATES.c;
}

/** The columns that count one kind of error of a report: [place, name]. */
const ERRORS = data.columns.flatMap(({ name, higher }, at) =>
  name.startsWith("Report-errors-") && !higher ? [[at, name.slice("Report-errors-".length).replaceAll("-", " ")]] : []);

/** The kinds of errors of an answer; ["none"] where it was looked at and has none. */
function errorKindsOf(run, number) {
  if (ERRORS.every(([at]) => run.scores[at][number] === null)) return [];
  const found = ERRORS.filter(([at]) => run.scores[at][number] > 0).map(([, name]) => name);
  return found.length ? found : ["none"];
}

/** Both have a name and a function of the number of a case; made when the index is there. */
let facets = [];
const orders = [{ name: "suite order", of: null }];

function buildFacets() {
  facets = [
    { name: "prior image", of: (number) => [index.priors[number] === "1" ? "with prior" : "without prior"] },
    ...index.runs.map((run, at) => ({
      name: two ? `answer of ${letters[at]}` : "answer",
      of: (number) => [STATES[run.states[number]]],
    })),
    ...(ERRORS.length ? index.runs.map((run, at) => ({
      name: two ? `errors of ${letters[at]}` : "errors",
      of: (number) => errorKindsOf(run, number),
    })) : []),
    ...index.facets.map(({ name, values, of }) => ({ name, of: (number) => [of[number]].flat().map((at) => values[at]) })),
  ];
}

function buildOrders() {
  data.columns.forEach((column, at) => {
    const values = index.runs.map((run) => run.scores[at]);
    values.forEach((of, which) => {
      const name = two ? `${column.name} of ${letters[which]}` : column.name;
      orders.push({ name, higher: column.higher, of: (number) => of[number] });
    });
    if (two) {
      const [a, b] = values;
      orders.push({
        name: `${column.name}, B − A`,
        higher: column.higher,
        of: (number) => (a[number] === null || b[number] === null ? null : b[number] - a[number]),
      });
    }
  });
  index.runs.forEach((run, which) => {
    const name = two ? `words of ${letters[which]}` : "words in the answer";
    orders.push({ name, higher: true, of: (number) => (run.words[number] < 0 ? null : run.words[number]), whole: true });
  });
}

function buildControls() {
  const sort = byId("sort");
  orders.forEach((order, at) => sort.append(new Option(order.name, at)));
  for (const facet of facets) {
    const counts = new Map();
    for (let number = 0; number < index.ids.length; number++) {
      for (const value of new Set(facet.of(number))) counts.set(value, (counts.get(value) || 0) + 1);
    }
    if (counts.size < 2) continue;
    facet.select = make("select");
    facet.select.append(new Option("any", ""));
    const sorted = [...counts].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }));
    for (const [value, count] of sorted) facet.select.append(new Option(`${value} (${count})`, `=${value}`));
    facet.select.addEventListener("change", refresh);
    byId("facets").append(make("label", {}, make("span", {}, facet.name), facet.select));
  }
  const drawnFacets = facets.filter((facet) => facet.select).length;
  byId("filters").hidden = drawnFacets === 0;
  byId("filters").open = drawnFacets <= 4 && window.innerWidth > 760;
  sort.addEventListener("change", refresh);
  byId("direction").addEventListener("change", refresh);
  byId("search").addEventListener("input", refresh);
  byId("reset").addEventListener("click", reset);
  buildMarks();
}

// ---- what is marked in the texts ---------------------------------------------------------------------------------

const marked = { words: true }; // "words": the word diff; else a metric whose matches are marked

/** A legend of which each item can be switched: the word diff, and each metric that matched something. */
function buildMarks() {
  const kinds = data.marks;
  const box = byId("marks");
  box.hidden = !data.text;
  marked.words = !kinds.includes("report_errors"); // statements say more than words, and both at once are a muddle
  box.append("marked:", markSwitch("words", make("span", { className: "extra" }, "only in the answer"),
    make("span", { className: "missed" }, "only in the reference")));
  for (const kind of kinds) {
    marked[kind] = kind === "report_errors" || (kind.startsWith("temporal") && marked.words);
    const samples = kind === "report_errors" ? OUTCOMES : [[kind, "span"]];
    box.append(markSwitch(kind, ...samples.map(([name, className]) => make("span", { className }, name))));
  }
}

/** What becomes of a statement -> its class; what is none of the three is matched with an error. */
const OUTCOMES = [
  ["matched", "statement agreed"], ["wrong in part", "statement partly"],
  ["false finding", "statement false"], ["missing finding", "statement missing"],
];

/** The class of a metric's span; report_errors labels it "outcome: statement". */
function classOf(kind, label) {
  if (kind !== "report_errors") return "span";
  const outcome = label.slice(0, label.indexOf(":"));
  return (OUTCOMES.find(([name]) => name === outcome) || OUTCOMES[1])[1];
}

function markSwitch(kind, ...words) {
  const input = make("input", { type: "checkbox", checked: marked[kind] });
  input.addEventListener("change", () => {
    marked[kind] = input.checked;
    if (current >= 0) drawCase();
  });
  return make("label", {}, input, ...words);
}

// ---- search ------------------------------------------------------------------------------------------------------

/** Which cases have a word in one of their words or in their id: a byte per case. */
function casesWith(part) {
  const found = new Uint8Array(index.ids.length);
  index.ids.forEach((id, number) => { if (String(id).toLowerCase().includes(part)) found[number] = 1; });
  if (!words) return found;
  let line = 0;
  let from = 0;
  for (let at = words.words.indexOf(part); at >= 0; at = words.words.indexOf(part, from)) {
    while (words.starts[line + 1] <= at) line++;
    from = words.starts[line + 1];
    let number = -1;
    for (let byte = words.ends[line] - words.lengths[line]; byte < words.ends[line]; byte++) {
      let step = 0;
      let shift = 0;
      for (; words.cases.charCodeAt(byte) > 127; byte++, shift += 7) step |= (words.cases.charCodeAt(byte) & 127) << shift;
      number += step | (words.cases.charCodeAt(byte) << shift);
      found[number] = 1;
    }
    if (from >= words.words.length) break;
  }
  return found;
}

/** The index of words, ready to be searched: starts of the words, ends of their bytes. */
function readWords(read) {
  const lines = read.words === "" ? [] : read.words.split("\n");
  const starts = new Uint32Array(lines.length + 1);
  const ends = new Uint32Array(lines.length);
  lines.forEach((word, line) => {
    starts[line + 1] = starts[line] + word.length + 1;
    ends[line] = (line ? ends[line - 1] : 0) + read.lengths[line];
  });
  return { words: read.words, starts, ends, lengths: read.lengths, cases: atob(read.cases) };
}

let wordsAsked = null;

/** Load the index of words when it is needed first; the list is drawn again when it is there. */
function askForWords() {
  if (words || wordsAsked || !data.text) return;
  if (!data.folder) {
    words = readWords(data.words);
    return;
  }
  byId("count").textContent = "searching …";
  wordsAsked = load("words").then((read) => { words = readWords(read); refresh(); }, sayUnloaded);
}

function refresh() {
  const parts = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  if (parts.length) askForWords();
  const masks = parts.map(casesWith);
  const chosen = facets.filter((facet) => facet.select?.value).map(({ of, select }) => [of, select.value.slice(1)]);
  shown = [];
  for (let number = 0; number < index.ids.length; number++) {
    if (masks.every((mask) => mask[number]) && chosen.every(([of, value]) => of(number).includes(value))) shown.push(number);
  }
  const order = orders[byId("sort").value || 0];
  byId("direction").disabled = !order.of;
  if (order.of) {
    const sign = (byId("direction").value === "worst") === order.higher ? 1 : -1;
    const values = new Float64Array(index.ids.length);
    for (const number of shown) values[number] = order.of(number) === null ? Infinity : sign * order.of(number);
    shown.sort((a, b) => (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : a - b));
  }
  const waits = parts.length && data.text && !words;
  byId("count").textContent = waits ? "searching …" : `${shown.length} of ${index.ids.length} cases`;
  byId("list").scrollTop = 0;
  drawList(true);
}

function reset() {
  byId("search").value = "";
  byId("sort").value = 0;
  for (const facet of facets) if (facet.select) facet.select.value = "";
  refresh();
}

// ---- the list ----------------------------------------------------------------------------------------------------

const SHORT_ID = 16; // letters beside the badges; a longer id has lines of its own, of about 30 letters
let ROW = 58; // pixels
let drawn = "";

/** Make the rows as high as the longest id needs. */
function sizeRows() {
  const longest = index.ids.reduce((most, id) => Math.max(most, String(id).length), 0);
  const lines = longest > SHORT_ID ? Math.ceil(longest / 30) : 0;
  ROW = 58 + 22 * lines;
  byId("rows").style.setProperty("--row", `${ROW}px`);
  byId("rows").classList.toggle("long", lines > 0);
}

function drawList(force) {
  if (!index) return;
  const list = byId("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 6);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 6);
  if (!force && drawn === `${first}-${last}`) return;
  drawn = `${first}-${last}`;
  const focused = document.activeElement?.dataset?.index;
  const rows = byId("rows");
  rows.style.height = `${shown.length * ROW}px`;
  rows.replaceChildren();
  for (let place = first; place < last; place++) rows.append(rowOf(shown[place], place));
  if (focused !== undefined) rows.querySelector(`[data-index="${focused}"]`)?.focus({ preventScroll: true });
  byId("nothing").hidden = shown.length > 0;
}

function rowOf(number, place) {
  const order = orders[byId("sort").value || 0];
  const value = order.of ? order.of(number) : null;
  const badges = [...new Set(index.runs.map((run) => STATES[run.states[number]]))].filter((state) => state !== STATES.c);
  const link = make("a", { href: hashOf(number), className: "row" },
    make("span", { className: "id" }, String(index.ids[number])),
    index.priors[number] === "1" ? make("span", { className: "badge quiet" }, "prior") : null,
    ...badges.map((badge) => make("span", { className: "badge" }, badge)),
    order.of ? make("span", { className: "value" }, order.whole && value !== null ? String(value) : score(value)) : null,
    make("span", { className: "snippet" }, index.snippets[number] || ""),
  );
  link.dataset.index = number;
  if (number === current) link.setAttribute("aria-current", "true");
  else link.tabIndex = -1; // Tab goes past the list in one step; arrows go through it
  const row = make("li", {}, link);
  row.style.top = `${place * ROW}px`;
  row.setAttribute("aria-setsize", shown.length);
  row.setAttribute("aria-posinset", place + 1);
  return row;
}

function scrollToCurrent() {
  const list = byId("list");
  const place = shown.indexOf(current);
  if (place < 0) return;
  if (place * ROW < list.scrollTop) list.scrollTop = place * ROW;
  if ((place + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (place + 1) * ROW - list.clientHeight;
}

// ---- one case ----------------------------------------------------------------------------------------------------

function hashOf(number) {
  return `#case=${encodeURIComponent(index.ids[number])}`;
}

/** Draw the current case: at once where it is in memory, else when it is there and still the current one. */
async function drawCase() {
  const wanted = current;
  const place = shown.indexOf(current);
  byId("where").textContent = place < 0 ? "" : `${place + 1} of ${shown.length}`;
  byId("case-title").textContent = `Case ${index.ids[current]}`;
  let item, piece;
  try {
    [item, piece] = await caseAt(current);
  } catch {
    if (wanted === current) byId("case").replaceChildren();
    sayUnloaded();
    return;
  }
  if (wanted !== current) return;
  byId("unloaded").hidden = true;
  const body = byId("case");
  body.replaceChildren();
  if (data.images) body.append(imagesOf(item, piece));
  const notes = Object.entries(item.fields).map(([name, value]) =>
    make("span", { className: "fact" }, make("b", {}, name), ` ${plain(value)}`));
  if (item.labels) notes.push(make("span", { className: "fact" }, make("b", {}, "labels"), ` ${item.labels.join(", ") || "none"}`));
  if (notes.length) body.append(make("p", { className: "facts" }, ...notes));
  if (data.text) {
    if (item.prompt) {
      body.append(make("details", { open: true }, make("summary", {}, "Prompt"), make("p", { className: "text" }, item.prompt)));
    }
    body.append(textsOf(item));
  }
  if (data.columns.length) body.append(scoresOf(item));
}

/** A field's value in words. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (value === null) return "";
  return typeof value === "object" ? Object.values(value).map(plain).filter(Boolean).join(" ") : String(value);
}

function imagesOf(item, piece) {
  const figures = item.images.map((key, at) => {
    const what = item.roles[at];
    const source = piece.images[key];
    const placeholder = make("div", { className: "placeholder" }, "no image: ", piece.missing[key] || "cannot be shown");
    if (!source) return make("figure", {}, placeholder, make("figcaption", {}, what));
    const image = make("img", { src: source, alt: `${what} radiograph of case ${item.id}` });
    const button = make("button", { type: "button", className: "zoom", title: "Enlarge" }, image);
    image.addEventListener("error", () => button.replaceWith(placeholder));
    button.addEventListener("click", () => enlarge(source, image.alt));
    return make("figure", {}, button, make("figcaption", {}, what));
  });
  return make("div", { className: "images" }, ...figures);
}

function enlarge(source, alt) {
  byId("large").src = source;
  byId("large").alt = alt;
  byId("enlarged").showModal();
}

/** References and answers side by side, each answer compared with the reference that it is nearest to. */
function textsOf(item) {
  const references = item.refs.map((text) => ({ text, words: wordsOf(text), missed: null, nearest: [] }));
  const answers = item.answers.map((answer, which) => {
    const text = answer?.text || "";
    const words = wordsOf(text);
    let best = null;
    for (const reference of references) {
      const [mine, theirs] = sharedWords(words, reference.words);
      const count = mine.filter(Boolean).length;
      const share = count / Math.max(1, words.length + reference.words.length - count);
      if (!best || share > best.share) best = { share, mine, theirs, reference };
    }
    if (best) {
      best.reference.nearest.push(letters[which]);
      best.reference.missed = best.theirs.map((found, at) => !found && (best.reference.missed?.[at] ?? true));
    }
    const marks = marked.words && best ? unsharedMarks(words, best.mine, "extra", "not in the reference") : [];
    return { answer, text, marks: [...marks, ...spansOf(answer, "prediction")], which };
  });
  const columns = references.map((reference, at) => {
    const shared = (reference.missed || []).map((missed) => !missed);
    const marks = marked.words && reference.missed ? unsharedMarks(reference.words, shared, "missed", "not in the answer") : [];
    const side = at === 0 ? "reference" : `reference ${at + 1}`;
    marks.push(...item.answers.flatMap((answer) => spansOf(answer, side)));
    const several = references.length > 1;
    const title = several ? `Reference ${at + 1}${reference.nearest.length ? ", nearest" : ""}` : "Reference";
    return make("section", {}, make("h3", {}, title), markedText(reference.text, marks), errorList(item.answers, side));
  });
  const stack = make("div", { className: "stack" }, ...columns);
  if (!columns.length) stack.append(make("section", {}, make("h3", {}, "Reference"), make("p", { className: "none" }, "none")));
  const box = make("div", { className: "texts" }, stack, ...answers.map(answerColumn));
  return box;
}

function answerColumn({ answer, text, marks, which }) {
  const title = two ? `${letters[which]}: ${data.runs[which].name}` : "Prediction";
  const state = stateOf(answer);
  const box = make("section", {}, make("h3", {}, title,
    state === STATES.c ? null : make("span", { className: "badge" }, state)));
  box.append(text ? markedText(text, marks) : make("p", { className: "none" }, answer ? "no text" : "no answer"));
  if (answer?.written !== undefined) {
    box.append(make("details", {}, make("summary", {}, "As written, before cleaning"), make("p", { className: "text" }, answer.written)));
  }
  const errors = errorList([answer], "prediction");
  if (errors) box.append(errors);
  if (answer?.error) box.append(make("p", { className: "error" }, answer.error));
  const facts = [];
  if (answer?.tokens) facts.push(`${answer.tokens} tokens`);
  if (answer?.seconds) facts.push(`${answer.seconds.toFixed(1)} s`);
  if (facts.length) box.append(make("p", { className: "small" }, facts.join(", ")));
  if (answer?.more?.length) {
    const items = answer.more.map((other) =>
      make("li", {}, other.score === null || other.score === undefined ? "" : `(${other.score.toFixed(3)}) `, other.text));
    box.append(make("details", {}, make("summary", {}, `${items.length} alternatives`), make("ol", {}, ...items)));
  }
  return box;
}

function spansOf(answer, side) {
  return (answer?.spans || []).filter((span) => span[0] === side && marked[span[3]])
    .map(([, start, end, kind, label]) => ({ start, end, className: classOf(kind, label), title: `${kind}: ${label}` }));
}

/** The errors that report_errors found in a text, in words: a mark shows where, not what. */
function errorsOf(answer, side) {
  const errors = (answer?.spans || []).filter(([at, , , kind, label]) =>
    at === side && marked[kind] && !["span", OUTCOMES[0][1]].includes(classOf(kind, label)));
  return [...new Set(errors.map((span) => span[4]))];
}

function errorList(answers, side) {
  const items = answers.flatMap((answer, at) =>
    errorsOf(answer, side).map((label) => make("li", {}, two && answers.length > 1 ? `${letters[at]}: ${label}` : label)));
  return items.length ? make("ul", { className: "errors small" }, ...items) : null;
}

function scoresOf(item) {
  const head = make("tr", {}, make("th", { scope: "col" }, "Score of this case"),
    ...data.runs.map((run, at) => make("th", { scope: "col", className: "value" }, two ? letters[at] : "value")),
    two ? make("th", { scope: "col", className: "value" }, "B − A") : null);
  const rows = data.columns.map((column, at) => {
    const values = item.answers.map((answer) => answer?.scores[at] ?? null);
    const cells = values.map((value) => make("td", { className: "value" }, score(value)));
    if (two) {
      const change = values[0] === null || values[1] === null ? null : values[1] - values[0];
      const good = change && (change > 0) === column.higher;
      cells.push(make("td", { className: `value ${change ? (good ? "better" : "worse") : ""}` },
        change === null ? "–" : `${change > 0 ? "+" : ""}${change.toFixed(2)}`));
    }
    return make("tr", {}, make("th", { scope: "row" }, `${column.name} ${column.higher ? "↑" : "↓"}`), ...cells);
  });
  return make("table", { className: "scores" }, make("thead", {}, head), make("tbody", {}, ...rows));
}

// ---- getting around ----------------------------------------------------------------------------------------------

function show(number) {
  current = number;
  if (!shown.includes(number)) reset();
  drawCase();
  scrollToCurrent();
  drawList(true);
}

function step(by) {
  if (!shown.length) return;
  const place = shown.indexOf(current);
  const next = place < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, place + by));
  history.replaceState(null, "", hashOf(shown[next])); // a step is no page to go back to
  show(shown[next]);
}

function view(name) {
  for (const part of ["summary", "cases"]) {
    byId(part).hidden = part !== name;
    byId(`to-${part}`).setAttribute("aria-current", part === name ? "page" : "false");
  }
}

/** The part of the address after #; as it is where it is badly encoded. */
function hashText() {
  const hash = location.hash.slice(1);
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}

function follow() {
  const hash = hashText();
  if (!hash.startsWith("case")) {
    view("summary");
    return;
  }
  view("cases");
  if (!index) {
    byId("count").textContent = "loading …";
    return;
  }
  const number = index.ids.findIndex((id) => `case=${id}` === hash);
  byId("unknown").hidden = number >= 0 || hash === "cases";
  if (number >= 0) show(number);
  else if (hash === "cases" && shown.length) show(current >= 0 ? current : shown[0]);
  else drawList(true);
}

const KEYS = {
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
  Home: () => step(-Infinity), End: () => step(Infinity),
  "/": () => byId("search").focus(), "?": () => byId("help").showModal(),
  s: () => { location.hash = "summary"; }, c: () => { location.hash = "cases"; },
  m: () => byId("marks").querySelector("input").click(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog[open]");
  if (event.key === "Escape" && event.target === byId("search")) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = KEYS[event.key];
  const moves = ["ArrowDown", "ArrowUp", "Home", "End", "j", "k", "/"].includes(event.key);
  if (!act || (moves && (byId("cases").hidden || !index))) return;
  event.preventDefault();
  act();
});

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
byId("list").addEventListener("scroll", () => drawList(false), { passive: true });
window.addEventListener("resize", () => drawList(true));
window.addEventListener("hashchange", follow);
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("keys").addEventListener("click", () => byId("help").showModal());
byId("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  document.documentElement.dataset.theme = dark ? "light" : "dark";
});

/** Start with the index of all cases. */
function begin(read) {
  index = read;
  sizeRows();
  buildFacets();
  buildOrders();
  buildControls();
  refresh();
  follow();
  performance.mark("ready");
}

if (data.folder) {
  follow();
  load("index").then(begin, sayUnloaded);
} else {
  begin(data.index);
}
