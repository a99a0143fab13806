// Text as marked pieces: which words two texts don't share, and what the metrics matched in them.

/** The words of a text: {start, end, word}, word in lower case; punctuation belongs to no word. */
function wordsOf(text) {
  const found = [];
  for (const match of text.matchAll(/[\p{L}\p{N}_]+/gu)) {
    found.push({ start: match.index, end: match.index + match[0].length, word: match[0].toLowerCase() });
  }
  return found;
}

const MAX_CELLS = 4_000_000; // beyond this (about 2,000 words against 2,000) words are compared as sets

/** Which words of each list take part in a longest common subsequence: [booleans of one, booleans of other]. */
function sharedWords(one, other) {
  const inOne = new Array(one.length).fill(false);
  const inOther = new Array(other.length).fill(false);
  if (one.length * other.length > MAX_CELLS) {
    const words = new Set(one.map((item) => item.word));
    const others = new Set(other.map((item) => item.word));
    return [one.map((item) => others.has(item.word)), other.map((item) => words.has(item.word))];
  }
  const width = other.length + 1;
  const length = new Uint16Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      length[i * width + j] = one[i].word === other[j].word
        ? length[(i + 1) * width + j + 1] + 1
        : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  for (let i = 0, j = 0; i < one.length && j < other.length;) {
    if (one[i].word === other[j].word) {
      inOne[i++] = inOther[j++] = true;
    } else if (length[(i + 1) * width + j] >= length[i * width + j + 1]) {
      i++;
    } else {
      j++;
    }
  }
  return [inOne, inOther];
}

/** A text as an element; `marks` are {start, end, className, title}, which may overlap. */
function markedText(text, marks) {
  const box = document.createElement("p");
  box.className = "text";
  const cuts = new Set([0, text.length]);
  for (const mark of marks) {
    cuts.add(Math.min(mark.start, text.length));
    cuts.add(Math.min(mark.end, text.length));
  }
  const places = [...cuts].sort((a, b) => a - b);
  for (let index = 0; index + 1 < places.length; index++) {
    const [start, end] = [places[index], places[index + 1]];
    const over = marks.filter((mark) => mark.start <= start && mark.end >= end);
    const piece = text.slice(start, end);
    if (!over.length) {
      box.append(piece);
      continue;
    }
    const element = document.createElement("span");
    element.className = [...new Set(over.map((mark) => mark.className))].join(" ");
    const titles = [...new Set(over.map((mark) => mark.title).filter(Boolean))];
    if (titles.length) element.title = titles.join("; ");
    element.textContent = piece;
    box.append(element);
  }
  return box;
}

/** Marks for the words that are not shared. */
function unsharedMarks(words, shared, className, title) {
  return words.filter((_, index) => !shared[index]).map(({ start, end }) => ({ start, end, className, title }));
}
