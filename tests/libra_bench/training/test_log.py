"""The training log: whole lines alone are read, and the mean loss is that of all steps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from libra_bench.training.log import LogFile, mean_loss, read_log


def test_the_mean_loss_weighs_lines_by_their_steps():
    lines = [{"step": 3, "loss": 2.0}, {"step": 3, "eval_loss": 9.0}, {"step": 4, "loss": 6.0}]
    assert mean_loss(lines) == pytest.approx((2.0 * 3 + 6.0) / 4)
    assert mean_loss([]) is None


def test_a_continued_run_writes_the_mean_of_all_steps(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"step": 1, "loss": 4.0}\n{"step": 2, "loss": 2.0}\n{"step": 2, "train_loss": 3.0}\n'
        '{"step": 3, "loss": 8.0}\n{"ste'
    )
    log, state = LogFile(path, after=2), SimpleNamespace(is_world_process_zero=True, global_step=2)
    log.on_train_begin(None, state, None)
    state.global_step = 3
    log.on_log(None, state, None, logs={"loss": 3.0})
    log.on_log(None, state, None, logs={"train_loss": 3.0})
    assert [line for line in read_log(path) if "train_loss" in line] == [{"step": 3, "train_loss": 3.0}]
    assert read_log(path)[-2:] == [{"step": 3, "loss": 3.0}, {"step": 3, "train_loss": 3.0}]
