"""Training files of any size and shape."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from benchmarks.errors import InputError
from libra_bench.training import samples as samples_module
from libra_bench.training.samples import SampleFile, images_of


def sample(number: int, words: str = "Any change?", **more: object) -> dict:
    turns = [{"from": "human", "value": f"<image>\n{words}"}, {"from": "gpt", "value": "Né, unchanged. ✓"}]
    return {"id": number, "image": ["a.png"], "conversations": turns, **more}


@pytest.mark.parametrize("chunk", [7, 64, 1 << 22])
@pytest.mark.parametrize("form", ["list", "indented", "lines", "bom", "unescaped"])
def test_every_sample_is_found(tmp_path, monkeypatch, chunk, form):
    monkeypatch.setattr(samples_module, "CHUNK", chunk)
    whole = [sample(number, words='He said: "{[}]," \\ and é') for number in range(9)]
    text = {
        "list": json.dumps(whole),
        "indented": json.dumps(whole, indent=2),
        "lines": "\n".join(json.dumps(one) for one in whole),
        "bom": "\ufeff" + json.dumps(whole),
        "unescaped": json.dumps(whole, ensure_ascii=False),
    }[form]
    path = tmp_path / "train.json"
    path.write_text(text, encoding="utf-8")
    found = SampleFile(path)
    assert [found[number] for number in range(len(found))] == whole
    assert found[3] == whole[3]


@pytest.mark.parametrize("part", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_text(tmp_path, monkeypatch, part):
    """Read in pieces of 4 MiB, or everything an eighth of its size."""
    monkeypatch.setattr(samples_module, "CHUNK", samples_module.CHUNK // part)
    path = tmp_path / "train.json"
    with path.open("w") as stream:
        stream.write("[")
        stream.write(",\n".join(json.dumps(sample(number, "word " * 4000)) for number in range(2000 // part)))
        stream.write("]")
    tracemalloc.start()
    found = SampleFile(path)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 35_000_000 / part
    assert held < 1_000_000 / part
    assert peak < 30_000_000 / part
    assert found[2000 // part - 1]["id"] == 2000 // part - 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no samples"),
        ("[]", "has no samples"),
        ('[{"id": 1,\n "conversations": oops}]', r"train.json:2: not valid JSON"),
        ('[{"id": 1', "not valid JSON"),
        ("[\n" + '{"id":' * 5000, "train.json:2: not valid JSON .nested more than 64 deep"),
        ("[1, 2]", r"train.json:1: expected a JSON object"),
        ('{"id": 7, "conversations": []}', "sample 7 has no conversation"),
        ('[{"id": 7, "conversations": [{"from": "doctor", "value": "x"}]}]', "sample 7 has no conversation"),
        ('[{"id": 7, "conversations": [{"from": "human"}]}]', "sample 7 has no conversation"),
    ],
)
def test_a_malformed_file(tmp_path, text, message):
    path = tmp_path / "train.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        SampleFile(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        SampleFile(tmp_path / "train.json")


def test_images():
    assert images_of({}) == []
    assert images_of({"image": "a.png"}) == ["a.png"]
    with pytest.raises(InputError, match="one or two names"):
        images_of({"id": 1, "image": ["a", "b", "c"]})
