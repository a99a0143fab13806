"""One fraction over metrics, files and reference points; one bar for it, on a terminal alone."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from pathlib import Path

import pytest

from libra_bench.cli import output
from libra_bench.metrics import many_texts
from libra_bench.metrics.choice import choose_metrics
from libra_bench.metrics.registry import make_metric
from libra_bench.scores.scoring import score_files
from libra_bench.scores.scoring_progress import cost_of

TEXTS = ["No effusion.", "Small left effusion, larger than before.", "The heart is enlarged."]


@pytest.mark.parametrize("many", [2, 1_000])
def test_the_share_grows_to_one_over_all_files_whether_reference_points_are_kept_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(many_texts, "MANY", many)
    monkeypatch.setattr(many_texts, "CHUNK", 1)
    references, *files = (tmp_path / name for name in ("r.jsonl", "a.txt", "b.txt"))
    references.write_text("".join(f'{{"question_id": {n}, "reference": "{text}"}}\n' for n, text in enumerate(TEXTS)))
    for path in files:
        path.write_text("\n".join(TEXTS))
    for _ in range(2):  # the second time, every reference point is known
        told: list[float] = []
        score_files(references, files, ["a", "b"], choose_metrics("bleu,rouge_l,cider"), tell=told.append)
        assert told == sorted(told)
        assert told[-1] == pytest.approx(1.0)
        assert told[0] == 0
        assert 0 < told[1] < 0.5


def test_a_model_or_a_judge_costs_more_than_rules() -> None:
    assert cost_of(make_metric("bleu")) == cost_of(make_metric("chexpert_rules")) == cost_of(make_metric("cider")) == 1
    assert cost_of(make_metric("green")) > cost_of(make_metric("radgraph")) > cost_of(make_metric("bertscore")) > 1


def test_the_bar_has_the_time_left_and_is_for_terminals_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with monkeypatch.context() as terminal, os.fdopen(theirs, "w") as stream:
        terminal.setattr(sys, "stderr", stream)
        _half_done()
        shown = ""
        while select.select([ours], [], [], 0.1)[0]:
            shown += os.read(ours, 10_000).decode()
    os.close(ours)
    assert "scoring" in shown
    assert " 50 % 00:00 left 00:00" in shown
    assert shown.rstrip("\r").endswith(" ")  # wiped out
    _half_done()
    assert capsys.readouterr().err == ""


def _half_done() -> None:
    with output.scoring_bar() as tell:
        time.sleep(1.01)  # files are read; no part of the time that scoring takes
        tell(0.0)
        time.sleep(0.11)  # tqdm draws ten times a second
        tell(0.5)
