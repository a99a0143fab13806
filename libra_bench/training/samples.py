"""Training data on disk: a JSON list of any size, read one sample at a time.

The file is gone through once, a few MB at a time; what stays in memory is where each sample begins and how long it
is (16 bytes per sample), so memory does not grow with the text.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from benchmarks.errors import InputError
from benchmarks.files import reading
from benchmarks.files.json_text import TOO_DEEP, parse_json, too_deep_at

CHUNK = 1 << 22
"""Bytes read at a time."""
MAX_SAMPLE_BYTES = 1 << 24
"""What has not ended by then is not one sample."""
SPEAKERS = ("human", "gpt")


class SampleFile:
    """The samples of a training file: `{"id", "image", "conversations"}`, in a JSON list or in JSON lines.

    A line of a suite with a reference is a sample, too: its prompt is asked and its reference is the reply.

    Args:
        path: the file.

    Raises:
        InputError: the file is missing, empty or malformed; names the line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts = array("q")
        self._sizes = array("i")
        self._lengths = array("i")
        digest = hashlib.sha256()
        with reading(path), path.open("rb") as stream:
            for start, raw in _objects(stream, path, digest):
                sample = _decode(raw, path, len(self._starts))
                self._starts.append(start)
                self._sizes.append(len(raw))
                self._lengths.append(modality_length(sample))
        if not self._starts:
            raise InputError("has no samples", where=path, hint="give a JSON list of conversations")
        self.sha256 = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """The sample at this place, counted from 0."""
        with self.path.open("rb") as stream:
            stream.seek(self._starts[number])
            return _decode(stream.read(self._sizes[number]), self.path, number)

    @property
    def modality_lengths(self) -> array[int]:
        """Words of each sample's conversation; negative where it has no image."""
        return self._lengths


def images_of(sample: Mapping[str, Any]) -> list[str]:
    """The image names of a sample: none, the current one, or current and prior.

    Raises:
        InputError: neither a name nor a list of one or two names.
    """
    names = sample.get("image")
    if names is None:
        return []
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > 2:
        raise InputError(
            f"sample {sample.get('id')!r}: image must be a name or a list of one or two names", hint="correct the data"
        )
    return names


def modality_length(sample: Mapping[str, Any]) -> int:
    """Words of the conversation; negative where the sample has no image."""
    words = sum(len(turn["value"].split()) for turn in sample["conversations"])
    return words if "image" in sample else -words


def in_turn(turns: Sequence[Mapping[str, Any]]) -> list[str]:
    """The words, human first; a leading reply is left out, as in the original.

    Raises:
        InputError: the speakers do not take turns, or there is no question.
    """
    if turns and turns[0]["from"] == SPEAKERS[1]:
        turns = turns[1:]
    speakers = [turn["from"] for turn in turns]
    if not turns or speakers != [SPEAKERS[number % 2] for number in range(len(turns))]:
        raise InputError(
            f"the speakers are {', '.join(map(repr, speakers)) or 'none'}",
            hint="human and gpt must take turns, human first",
        )
    return [turn["value"] for turn in turns]


def _objects(stream: IO[bytes], path: Path, digest: Any) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of every object; the file is held a few MB at a time."""
    held, offset, line, closed = b"", 0, 1, False
    scan = json.JSONDecoder()
    while True:
        chunk = stream.read(CHUNK)
        digest.update(chunk)
        if not offset and not held:
            skipped = 3 if chunk.startswith(b"\xef\xbb\xbf") else 0
            opening = chunk[skipped:].lstrip()
            if opening.startswith(b"["):
                skipped = chunk.index(b"[") + 1
            line += chunk[:skipped].count(b"\n")
            chunk, offset = chunk[skipped:], skipped
        held += chunk
        text, place, taken = held.decode("utf-8", errors="surrogateescape"), 0, 0
        deep = too_deep_at(text)
        text = text[:deep]
        while True:
            while place < len(text) and text[place] in " \t\r\n,":
                line += text[place] == "\n"
                place, taken = place + 1, taken + 1
            if place == len(text):
                break
            if text[place] == "]":
                closed = True
                place, taken = place + 1, taken + 1
                continue
            if closed or text[place] != "{":
                raise InputError("expected a JSON object", where=f"{path}:{line}", hint="give a list of conversations")
            try:
                _, end = scan.raw_decode(text, place)
            except json.JSONDecodeError as error:
                if deep is None and chunk and len(text) - place < MAX_SAMPLE_BYTES:
                    break  # the object may end in the next chunk
                at = line + text[place : error.pos].count("\n")
                what = error.msg if deep is None else TOO_DEEP
                raise InputError(
                    f"not valid JSON ({what})", where=f"{path}:{at}", hint="each sample must be one JSON object"
                ) from error
            raw = text[place:end].encode("utf-8", errors="surrogateescape")
            yield offset + taken, raw
            line += raw.count(b"\n")
            place, taken = end, taken + len(raw)
        held, offset = held[taken:], offset + taken
        if not chunk:
            return


def _as_conversation(sample: dict[str, Any]) -> dict[str, Any]:
    """A line of a suite (`text`, `reference`) as a conversation of one round; all else as it is."""
    if "conversations" in sample or not isinstance(text := sample.get("text"), str):
        return sample
    reply = sample.get("reference")
    names = sample.get("image") or []
    mark = "<image>\n" if names else ""
    return {
        "id": sample.get("question_id"),
        **({"image": names} if names else {}),
        "conversations": [{"from": "human", "value": mark + text}, {"from": "gpt", "value": reply}],
    }


def _decode(raw: bytes, path: Path, number: int) -> dict[str, Any]:
    """A sample that has the fields it needs.

    Raises:
        InputError: names the sample.
    """
    try:
        sample: dict[str, Any] = _as_conversation(parse_json(raw))
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=f"{path}, sample {number + 1}", hint="save it as UTF-8") from error
    turns = sample.get("conversations")
    whole = isinstance(turns, list) and bool(turns)
    if not whole or not all(
        isinstance(turn, dict) and turn.get("from") in SPEAKERS and isinstance(turn.get("value"), str)
        for turn in turns or ()
    ):
        raise InputError(
            f"sample {sample.get('id', number)!r} has no conversation",
            where=f"{path}, sample {number + 1}",
            hint='give "conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]',
        )
    return sample
