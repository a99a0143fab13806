"""Derive the word table that METEOR needs from the WordNet 3.0 database files.

    python scripts/make_wordnet_table.py FOLDER [--out libra_bench/metrics/data/wordnet30.txt.gz]

FOLDER holds index.{noun,verb,adj,adv}, data.* and *.exc, for example Debian's package wordnet-base
(`apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb x`, then x/usr/share/wordnet).

The table is text, a section a part of speech, with the lines

    "[n]" (v, a, r)     the section begins;
    "word ids"          the synsets of a word (ids are numbers of this table, each the difference to the one before);
                        a "!" after an id: the synset spells the word otherwise (a capital, an underscore);
    ">"                 after the words;
    "form word word"    then: an irregular form and the words it is of (the exception lists).

A synset without any name that a lower-cased single word could equal matches nothing in METEOR and is left out.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections import defaultdict
from pathlib import Path

PARTS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
MARKER = re.compile(r"\([^()]*\)$")


def synset_names(folder: Path, part: str) -> dict[str, list[str]]:
    """Offset -> names, as spelled, of every synset of a part of speech."""
    names = {}
    for line in (folder / f"data.{part}").read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            continue
        columns = line.split("|")[0].split()
        count = int(columns[3], 16)
        names[columns[0]] = [MARKER.sub("", name) for name in columns[4 : 4 + 2 * count : 2]]
    return names


def index_entries(folder: Path, part: str) -> dict[str, list[str]]:
    """Lower-cased word -> the offsets of its synsets."""
    entries = {}
    for line in (folder / f"index.{part}").read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            columns = line.split()
            entries[columns[0]] = columns[-int(columns[2]) :]
    return entries


def section(folder: Path, letter: str, first_id: int) -> tuple[list[str], int]:
    """The lines of a part of speech, and the first id of the next."""
    part = PARTS[letter]
    names = synset_names(folder, part)
    useful = {offset for offset, spelled in names.items() if any(n == n.lower() and "_" not in n for n in spelled)}
    words: dict[str, list[str]] = defaultdict(list)
    ids: dict[str, int] = {}
    entries = index_entries(folder, part)
    for word in sorted(entries):
        for offset in entries[word]:
            if offset in useful:
                ids.setdefault(offset, first_id + len(ids))
                words[word].append(offset)
    lines = [f"[{letter}]"]
    for word, offsets in words.items():
        previous, shown = 0, []
        for number, offset in sorted((ids[offset], offset) for offset in offsets):
            literal = word in names[offset] and "_" not in word
            shown.append(f"{number - previous}{'' if literal else '!'}")
            previous = number
        lines.append(f"{word} {' '.join(shown)}")
    lines.append(">")
    for line in (folder / f"{part}.exc").read_text(encoding="utf-8").splitlines():
        lines.append(line.strip())
    return lines, first_id + len(ids)


def main() -> None:
    """Read the database files, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder with data.noun, index.noun, noun.exc, ...")
    parser.add_argument("--out", type=Path, default=Path("libra_bench/metrics/data/wordnet30.txt.gz"))
    arguments = parser.parse_args()
    lines: list[str] = []
    next_id = 1
    for letter in PARTS:
        more, next_id = section(arguments.folder, letter, next_id)
        lines += more
    with arguments.out.open("wb") as stream, gzip.GzipFile("", "wb", 9, stream, mtime=0) as packed:
        packed.write(("\n".join(lines) + "\n").encode())
    print(f"{arguments.out}: {len(lines)} lines, {next_id - 1} synsets, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
