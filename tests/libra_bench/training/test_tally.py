"""What a training counts: of all processes, of one epoch, and over a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import InputError
from libra_bench.training.tally import Tally


def batch(positions: int, padding: int, **more: object) -> dict[str, object]:
    return {"positions": (positions, padding), **more}


def test_positions_are_those_of_an_epoch_and_samples_those_of_the_training() -> None:
    tally = Tally()
    tally.begin(0)
    tally.add(batch(10, 4, skipped=[(7, "no image")], truncated=["long"]), learned=True)
    tally.add(batch(100, 90, truncated=[8]), learned=False)  # a validation
    assert tally.padding_share == 0.4
    tally.begin(1)
    assert tally.padding_share is None
    tally.add(batch(10, 1, skipped=[(7, "no image")]), learned=True)
    assert (tally.padding_share, tally.skipped, [*tally.truncated]) == (0.1, {"7": "no image"}, ["long", "8"])


def test_a_checkpoint_keeps_it_and_the_epoch_goes_on(tmp_path: Path) -> None:
    tally = Tally()
    tally.begin(2)
    tally.add(batch(10, 4, skipped=[(7, "no image")], truncated=["long"]), learned=True)
    tally.of_all_processes().write(tmp_path)
    again = Tally.of_checkpoint(tmp_path)
    assert again == tally
    again.begin(2)
    again.add(batch(10, 0), learned=True)
    assert again.padding_share == 0.2


def test_a_checkpoint_of_an_earlier_version_has_counted_nothing(tmp_path: Path) -> None:
    assert Tally.of_checkpoint(tmp_path) == Tally()


@pytest.mark.parametrize("text", ["[]", '{"skipped": [1, 2]}', '{"positions": -1}', '{"truncated": "id"}', "{", "null"])
def test_a_damaged_file_is_one_line_with_advice(tmp_path: Path, text: str) -> None:
    (tmp_path / "tally.json").write_text(text)
    with pytest.raises(InputError) as caught:
        Tally.of_checkpoint(tmp_path)
    assert (caught.value.hint or "").startswith(f"remove {tmp_path.name}")
