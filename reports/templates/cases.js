// The case browser: a list that draws only the rows in view, and one case beside it.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const two = data.runs.length > 1;
const byId = (id) => document.getElementById(id);
const letters = ["A", "B"];
let images = null; // parsed when the first case is shown: it is most of the file
let shown = data.cases.map((_, index) => index); // what passes the filters, in the chosen order
let current = -1; // index into data.cases

/** An element: make("td", {className: "x"}, child, "text", ...). */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function number(value) {
  return value === null || value === undefined ? "–" : value.toFixed(2);
}

// ---- facets and orders -------------------------------------------------------------------------------------------

const STATES = { error: "failed", length: "truncated", empty: "empty", stop: "complete" };

/** What became of an answer: failed, truncated, empty or complete. */
function stateOf(answer) {
  if (!answer) return "failed";
  if (answer.finish === "error") return STATES.error;
  if (answer.words === 0) return STATES.empty;
  return answer.finish === "length" ? STATES.length : STATES.stop;
}

/** The columns that count one kind of error of a report: [place, name]. */
const ERRORS = data.columns.flatMap(({ name, higher }, at) =>
  name.startsWith("Report-errors-") && !higher ? [[at, name.slice("Report-errors-".length).replaceAll("-", " ")]] : []);

/** The kinds of errors of an answer; ["none"] where it was looked at and has none. */
function errorKindsOf(answer) {
  if (!answer || ERRORS.every(([at]) => answer.scores[at] === null)) return [];
  const found = ERRORS.filter(([at]) => answer.scores[at] > 0).map(([, name]) => name);
  return found.length ? found : ["none"];
}

const facets = [
  { name: "prior image", of: (item) => [item.prior ? "with prior" : "without prior"] },
  ...data.runs.map((run, at) => ({
    name: two ? `answer of ${letters[at]}` : "answer",
    of: (item) => [stateOf(item.answers[at])],
  })),
  ...(ERRORS.length ? data.runs.map((run, at) => ({
    name: two ? `errors of ${letters[at]}` : "errors",
    of: (item) => errorKindsOf(item.answers[at]),
  })) : []),
  ...data.facets.map((name) => ({
    name,
    of: (item) => {
      const value = name === "labels" ? item.labels : item.fields[name];
      return value === null || value === undefined ? [] : [value].flat().map(String);
    },
  })),
];

const orders = [{ name: "suite order", of: null }];
data.columns.forEach((column, at) => {
  data.runs.forEach((run, which) => {
    const name = two ? `${column.name} of ${letters[which]}` : column.name;
    orders.push({ name, higher: column.higher, of: (item) => item.answers[which]?.scores[at] ?? null });
  });
  if (two) {
    orders.push({
      name: `${column.name}, B − A`,
      higher: column.higher,
      of: ({ answers: [a, b] }) =>
        (a?.scores[at] ?? null) === null || (b?.scores[at] ?? null) === null ? null : b.scores[at] - a.scores[at],
    });
  }
});
data.runs.forEach((run, which) => {
  const name = two ? `words of ${letters[which]}` : "words in the answer";
  orders.push({ name, higher: true, of: (item) => item.answers[which]?.words ?? null, whole: true });
});

function buildControls() {
  const sort = byId("sort");
  orders.forEach((order, index) => sort.append(new Option(order.name, index)));
  for (const facet of facets) {
    const counts = new Map();
    for (const item of data.cases) {
      for (const value of new Set(facet.of(item))) counts.set(value, (counts.get(value) || 0) + 1);
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
  const kinds = [...new Set(data.cases.flatMap((item) => item.answers.flatMap((answer) =>
    (answer?.spans || []).map((span) => span[3]))))];
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

const searched = data.cases.map((item) =>
  [item.id, item.prompt, ...item.refs, ...item.answers.map((answer) => answer?.text)].join("\n").toLowerCase()
);

function refresh() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = facets.filter((facet) => facet.select?.value);
  shown = [];
  data.cases.forEach((item, index) => {
    const fits = words.every((word) => searched[index].includes(word)) &&
      chosen.every((facet) => facet.of(item).includes(facet.select.value.slice(1)));
    if (fits) shown.push(index);
  });
  const order = orders[byId("sort").value || 0];
  byId("direction").disabled = !order.of;
  if (order.of) {
    const values = data.cases.map(order.of);
    const sign = (byId("direction").value === "worst") === order.higher ? 1 : -1;
    shown.sort((a, b) => {
      if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null) || a - b;
      return sign * (values[a] - values[b]) || a - b;
    });
  }
  byId("count").textContent = `${shown.length} of ${data.cases.length} cases`;
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
const longestId = data.cases.reduce((most, item) => Math.max(most, String(item.id).length), 0);
const ID_LINES = longestId > SHORT_ID ? Math.ceil(longestId / 30) : 0;
const ROW = 58 + 22 * ID_LINES; // pixels
byId("rows").style.setProperty("--row", `${ROW}px`);
byId("rows").classList.toggle("long", ID_LINES > 0);
let drawn = "";

function drawList(force) {
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

function rowOf(index, place) {
  const item = data.cases[index];
  const order = orders[byId("sort").value || 0];
  const value = order.of ? order.of(item) : null;
  const badges = [...new Set(item.answers.map(stateOf))].filter((state) => state !== STATES.stop);
  const link = make("a", { href: hashOf(item), className: "row" },
    make("span", { className: "id" }, String(item.id)),
    item.prior ? make("span", { className: "badge quiet" }, "prior") : null,
    ...badges.map((badge) => make("span", { className: "badge" }, badge)),
    order.of ? make("span", { className: "value" }, order.whole && value !== null ? String(value) : number(value)) : null,
    make("span", { className: "snippet" }, item.answers[0]?.text?.slice(0, 160) || ""),
  );
  link.dataset.index = index;
  if (index === current) link.setAttribute("aria-current", "true");
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

function hashOf(item) {
  return `#case=${encodeURIComponent(item.id)}`;
}

function drawCase() {
  const item = data.cases[current];
  const place = shown.indexOf(current);
  byId("where").textContent = place < 0 ? "" : `${place + 1} of ${shown.length}`;
  byId("case-title").textContent = `Case ${item.id}`;
  const body = byId("case");
  body.replaceChildren();
  if (data.images) body.append(imagesOf(item));
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

function imagesOf(item) {
  images ??= JSON.parse(byId("images").textContent);
  const figures = item.images.map((key, at) => {
    const what = item.roles[at];
    const source = images[key];
    const placeholder = make("div", { className: "placeholder" }, "no image: ", data.missing[key] || "cannot be shown");
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
    state === STATES.stop ? null : make("span", { className: "badge" }, state)));
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
    const cells = values.map((value) => make("td", { className: "value" }, number(value)));
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

function show(index) {
  current = index;
  if (!shown.includes(index)) reset();
  drawCase();
  scrollToCurrent();
  drawList(true);
}

function step(by) {
  if (!shown.length) return;
  const place = shown.indexOf(current);
  const next = place < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, place + by));
  history.replaceState(null, "", hashOf(data.cases[shown[next]])); // a step is no page to go back to
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
  const index = data.cases.findIndex((item) => `case=${item.id}` === hash);
  byId("unknown").hidden = index >= 0 || hash === "cases";
  if (index >= 0) show(index);
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
  if (!act || (moves && byId("cases").hidden)) return;
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

buildControls();
refresh();
follow();
performance.mark("ready");
