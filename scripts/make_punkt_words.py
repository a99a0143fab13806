"""Derive the few words that NLTK's English sentence splitter (punkt_tab) needs for lower-cased text.

    python scripts/make_punkt_words.py FOLDER [--out libra_bench/metrics/data/punkt_english.json]

FOLDER is `tokenizers/punkt_tab/english` of nltk's data. Of its 20,368 orthographic records only those matter to
lower-cased text that belong to words seen in lower case at the start of a sentence and never with a capital.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

STARTS_LOWER, WITH_CAPITAL = 1 << 4, (1 << 1) + (1 << 2) + (1 << 3)


def main() -> None:
    """Read the model's four files, write the words."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder with abbrev_types.txt, collocations.tab, ...")
    parser.add_argument("--out", type=Path, default=Path("libra_bench/metrics/data/punkt_english.json"))
    arguments = parser.parse_args()
    pairs = [line.split("\t") for line in (arguments.folder / "collocations.tab").read_text().splitlines() if line]
    records = [line.split("\t") for line in (arguments.folder / "ortho_context.tab").read_text().splitlines() if line]
    words = {
        "abbreviations": sorted(filter(None, (arguments.folder / "abbrev_types.txt").read_text().split("\n"))),
        "collocations": sorted(pairs),
        "lower_case_starters": sorted(
            word for word, flags in records if int(flags) & STARTS_LOWER and not int(flags) & WITH_CAPITAL
        ),
    }
    arguments.out.write_text(json.dumps(words, indent=1) + "\n")
    print(f"{arguments.out}: {', '.join(f'{len(found)} {name}' for name, found in words.items())}")


if __name__ == "__main__":
    main()
