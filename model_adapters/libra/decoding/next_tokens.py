"""From a step's logits to the next tokens of every study: n-gram filter, then greedy, sampled or the best of all beams.

Shape legend: R rows (studies in the batch), W beams, V vocabulary, K candidates, X all continuations of a study.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from model_adapters.adapter import Decoding
from model_adapters.generation.search import BeamSearch, SingleSearch
from model_adapters.libra.decoding.open_study import Study


def choose(logits_RWV: Tensor, studies: Sequence[Study | None], decoding: Decoding, eos_ids: Collection[int]) -> None:
    """Choose the next tokens of every study: each study's search takes its step.

    Args:
        logits_RWV: what the model says.
        studies: R of them, None for a free row.
        decoding: beams, n-gram filter, temperature.
        eos_ids: tokens that end a sequence; a beam search must look at that many more candidates.
    """
    log_probs_RWV = log_probabilities(logits_RWV)
    if decoding.no_repeat_ngram_size:
        _forbid(log_probs_RWV, studies)
    if decoding.num_beams > 1:
        _choose_beams(log_probs_RWV, studies, max(2, 1 + len(eos_ids)) * decoding.num_beams)
        return
    log_probs_RV = log_probs_RWV[:, 0]
    tokens_R = _sample(log_probs_RV, studies, decoding) if decoding.is_sampling else log_probs_RV.argmax(-1)
    chosen = log_probs_RV.gather(1, tokens_R[:, None])[:, 0].tolist()
    for study, token, log_prob in zip(studies, tokens_R.tolist(), chosen, strict=True):
        if study is not None and isinstance(study.search, SingleSearch):
            if np.isnan(log_prob):
                study.fail()
            else:
                study.search.advance(token, log_prob)


def log_probabilities(logits_RWV: Tensor) -> Tensor:
    """Log-probabilities [R, W, V] in float32."""
    return logits_RWV.to(dtype=torch.float32).contiguous().log_softmax(dim=-1)


def best_continuations(log_probs_RWV: Tensor, totals_RW: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The sums of the k best continuations of each study's beams, best first, and their index into W x V: [R, k]."""
    totals_RX = (log_probs_RWV + totals_RW[:, :, None]).view(len(totals_RW), -1)
    best_RK, index_RK = totals_RX.topk(k)
    return best_RK, index_RK


def _forbid(log_probs_RWV: Tensor, studies: Sequence[Study | None]) -> None:
    """Take the tokens away that would repeat an n-gram of prompt and text."""
    width, vocabulary = log_probs_RWV.shape[1:]
    rows, tokens = [], []
    for row, study in enumerate(studies):
        if study is not None:
            sequences, forbidden = study.search.forbidden()
            rows.append(sequences + row * width)
            tokens.append(forbidden)
    if rows:
        flat_rows, flat_tokens = np.concatenate(rows), np.concatenate(tokens)
        producible = flat_tokens < vocabulary  # the image's id is not
        index = torch.from_numpy(np.stack([flat_rows[producible], flat_tokens[producible]])).to(log_probs_RWV.device)
        log_probs_RWV.view(-1, vocabulary)[index[0], index[1]] = -torch.inf


def _choose_beams(log_probs_RWV: Tensor, studies: Sequence[Study | None], num_candidates: int) -> None:
    width, vocabulary = log_probs_RWV.shape[1:]
    totals = [study.search.totals if study else np.zeros(width, np.float32) for study in studies]  # type: ignore[union-attr]
    totals_RW = torch.from_numpy(np.stack(totals)).to(log_probs_RWV.device)
    best_RK, index_RK = (found.cpu().numpy() for found in best_continuations(log_probs_RWV, totals_RW, num_candidates))
    for row, study in enumerate(studies):
        if study is not None and isinstance(study.search, BeamSearch):
            if np.isnan(best_RK[row]).any():
                study.fail()
            else:
                study.search.advance(best_RK[row], index_RK[row] % vocabulary, index_RK[row] // vocabulary)


def _sample(log_probs_RV: Tensor, studies: Sequence[Study | None], decoding: Decoding) -> Tensor:
    """Draw one token per row, from the row's own random numbers: the batch around it makes no difference."""
    draws = [study.random.random() if study else 0.0 for study in studies]
    probs_RV = (log_probs_RV / decoding.temperature).softmax(-1)
    probs_RV, order_RV = probs_RV.sort(dim=-1, descending=True, stable=True)
    before_RV = probs_RV.cumsum(-1) - probs_RV
    if decoding.top_p is not None:  # the smallest set of likeliest tokens that holds top_p, at least one
        beyond_RV = before_RV >= decoding.top_p
        beyond_RV[:, 0] = False
        probs_RV = probs_RV.masked_fill(beyond_RV, 0)
    sums_RV = probs_RV.cumsum(-1)
    draws_R1 = torch.tensor(draws, device=sums_RV.device)[:, None] * sums_RV[:, -1:]
    places_R1 = torch.searchsorted(sums_RV, draws_R1, right=True).clamp(max=sums_RV.shape[1] - 1)
    return order_RV.gather(1, places_R1)[:, 0]
