"""vLLM itself: started with a model, fed with prompts as it has room for them, read token by token.

When a text ends is decided here, by the same rules as in our own decoder.
"""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from benchmarks.errors import GenerationError, ModelError
from benchmarks.wording import first_line
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.checkpoints.precision import dtype_name
from model_adapters.generation.generated import Generated, Hypothesis, not_finite
from model_adapters.generation.search import SingleSearch
from model_adapters.generation.stopping import StopRule
from model_adapters.vllm.guard import guard
from model_adapters.vllm.package import deaths, imported
from model_adapters.vllm.requests import Request

ENGINE_OPTIONS: Mapping[str, Any] = {
    "tensor_parallel_size": Annotated[int, Ge(1), Le(1_024)],
    "gpu_memory_utilization": Annotated[float, Gt(0), Le(1)],
    "engine": dict,
}
"""Options of the adapter that are arguments of `vllm.LLM`; `engine` is a JSON object of any others."""
MEMORY_SHARE = 0.8
"""Of the accelerator's memory that vLLM may take; tower and connector of a Libra model need some of the rest."""
AT_ONCE = 8
"""Prompts that are handed over between two looks at what has been written."""


@dataclass(slots=True)
class _Open:
    request: Request
    search: SingleSearch
    started: float
    finite: bool = True


class Engine:
    """A model in vLLM.

    Args:
        folder: the model, as vLLM reads it.
        spec: type, and `ENGINE_OPTIONS`.
        batch_size: studies decoded together.
        arguments: further ones of `vllm.LLM`.

    Raises:
        ModelError: vLLM is not installed, or cannot run the model.
    """

    def __init__(self, folder: Path, spec: ModelSpec, *, batch_size: int, **arguments: Any) -> None:
        vllm = imported()
        self._batch_size, self._number = batch_size, 0
        self.seconds = 0.0
        """Spent waiting for it."""
        self.prefill_tokens = self.decode_tokens = 0
        settings: dict[str, Any] = {
            "model": str(folder),
            "dtype": dtype_name(spec),
            "max_num_seqs": batch_size,
            "max_model_len": -1,  # as long as the model and the memory allow
            "gpu_memory_utilization": spec.options.get("gpu_memory_utilization", MEMORY_SHARE),
            "tensor_parallel_size": spec.options.get("tensor_parallel_size", 1),
            "seed": 0,
            **arguments,
            **spec.options.get("engine", {}),
        }
        before = set(multiprocessing.active_children())
        try:
            self._llm = vllm.LLM(**settings)
        except (RuntimeError, ValueError, TypeError, OSError, ImportError, AssertionError) as error:
            raise ModelError(
                f"vLLM cannot run it ({first_line(error)})",
                where=folder,
                hint="its messages are above; without --adapter vllm it is run by transformers",
            ) from error
        started = set(multiprocessing.active_children()) - before
        self._guard = guard(process.pid for process in started if process.pid is not None)

    def write(
        self,
        requests: Iterator[Request],
        decoding: Decoding,
        rule: StopRule,
        on_tokens: Callable[[Hashable, list[int]], None] | None = None,
    ) -> Iterator[Generated]:
        """Yield each study's text as soon as it is written; requests are taken as there is room for them.

        Args:
            requests: what is asked.
            decoding: greedy, or temperature and top_p.
            rule: when a text ends.
            on_tokens: is told a study's tokens so far.

        Raises:
            GenerationError: vLLM has stopped; what was yielded before is whole.
        """
        engine, in_work = self._llm.llm_engine, dict[str, _Open]()
        exhausted = False
        try:
            while in_work or not exhausted:
                room = 0 if exhausted else self._batch_size + AT_ONCE - len(in_work)
                batch = list(islice(requests, min(room, AT_ONCE)))
                exhausted = exhausted or len(batch) < min(room, AT_ONCE)
                for request in batch:
                    refusal = self._begin(request, decoding, rule, in_work)
                    if refusal is not None:
                        yield refusal
                if in_work:
                    yield from self._advance(in_work, on_tokens)
        finally:
            engine.abort_request(list(in_work))

    def beam_search(
        self, requests: Sequence[Request], decoding: Decoding, end_ids: Collection[int]
    ) -> Iterator[Generated]:
        """vLLM's own beam search, which differs from transformers': see docs/vllm.md.

        Args:
            requests: with words; it takes no embeddings.
            decoding: beams, length penalty, limit.
            end_ids: tokens that end a text; of several, vLLM knows the tokenizer's alone.

        Raises:
            GenerationError: vLLM has stopped.
        """
        params = imported().sampling_params.BeamSearchParams(
            beam_width=decoding.num_beams,
            max_tokens=decoding.max_new_tokens,
            length_penalty=decoding.length_penalty,
        )
        for start in range(0, len(requests), self._batch_size):
            yield from self._beam_batch(requests[start : start + self._batch_size], params, decoding, end_ids)

    def _beam_batch(
        self, requests: Sequence[Request], params: Any, decoding: Decoding, end_ids: Collection[int]
    ) -> Iterator[Generated]:
        """A batch of studies; one at a time where vLLM refuses one of them."""
        began = time.perf_counter()
        try:
            outputs = self._llm.beam_search([dict(request.prompt) for request in requests], params)
        except ValueError as error:
            if len(requests) == 1:
                yield Generated(requests[0].key, (), 0.0, _refused(error))
            else:
                for request in requests:
                    yield from self._beam_batch([request], params, decoding, end_ids)
            return
        except deaths() as error:
            raise _stopped(error) from error
        took = time.perf_counter() - began
        self.seconds += took
        for request, output in zip(requests, outputs, strict=True):
            kept = output.sequences[: decoding.num_return_sequences]
            hypotheses = tuple(_hypothesis(sequence, decoding, end_ids) for sequence in kept)
            self.decode_tokens += len(hypotheses[0].token_ids)
            yield Generated(request.key, hypotheses, took)

    def _begin(
        self, request: Request, decoding: Decoding, rule: StopRule, in_work: dict[str, _Open]
    ) -> Generated | None:
        """Hand a request over; what comes back is why it was refused."""
        began = time.perf_counter()
        params = imported().SamplingParams(
            temperature=decoding.temperature,
            top_p=1.0 if decoding.top_p is None else decoding.top_p,
            seed=request.seed,
            max_tokens=decoding.max_new_tokens,
            stop_token_ids=sorted(rule.eos_ids),
            ignore_eos=True,  # those of the rule alone
            logprobs=0,  # of the token that was taken
            detokenize=False,
            output_kind=imported().sampling_params.RequestOutputKind.DELTA,
        )
        self._number += 1
        name = str(self._number)
        try:
            self._llm.llm_engine.add_request(name, dict(request.prompt), params)
        except ValueError as error:
            return Generated(request.key, (), 0.0, _refused(error))
        finally:
            self.seconds += time.perf_counter() - began
        in_work[name] = _Open(request, SingleSearch(request.token_ids, decoding, rule), began)
        return None

    def _advance(
        self, in_work: dict[str, _Open], on_tokens: Callable[[Hashable, list[int]], None] | None
    ) -> Iterator[Generated]:
        """Read what has been written since; yield what is finished."""
        began = time.perf_counter()
        engine = self._llm.llm_engine
        try:
            outputs = engine.step()
        except deaths() as error:
            raise _stopped(error) from error
        finally:
            self.seconds += time.perf_counter() - began
        for output in outputs:
            study = in_work.get(output.request_id)
            if study is None:
                continue
            (text,) = output.outputs
            for token, chosen in zip(text.token_ids, text.logprobs, strict=True):
                log_probability = chosen[token].logprob
                study.finite = study.finite and not math.isnan(log_probability)
                if not study.search.done:
                    study.search.advance(token, log_probability)
            if on_tokens is not None:
                on_tokens(study.request.key, study.search.leading)
            if study.search.done or output.finished:
                del in_work[output.request_id]
                if not output.finished:
                    engine.abort_request([output.request_id])
                self.prefill_tokens += len(output.prompt_token_ids or study.request.prompt["prompt_embeds"])
                self.decode_tokens += study.search.num_new
                yield _generated(study)


def _generated(study: _Open) -> Generated:
    seconds = time.perf_counter() - study.started
    if not study.finite:
        return Generated(study.request.key, (), seconds, not_finite())
    return Generated(study.request.key, tuple(study.search.results()), seconds)


def _hypothesis(sequence: Any, decoding: Decoding, end_ids: Collection[int]) -> Hypothesis:
    """A sequence of vLLM's beam search; its score is made as ours is, over the generated tokens alone."""
    ids = tuple(sequence.tokens[len(sequence.orig_prompt["prompt_token_ids"]) :])
    score = sequence.cum_logprob / max(1, len(ids)) ** decoding.length_penalty
    return Hypothesis(ids, float(score), "stop" if ids and ids[-1] in end_ids else "length")


def _refused(error: Exception) -> GenerationError:
    return GenerationError(
        f"vLLM does not take it ({first_line(error)})", hint="shorten the prompt, or check its images"
    )


def _stopped(error: Exception) -> GenerationError:
    return GenerationError(
        f"vLLM has stopped ({first_line(error)})",
        hint="its messages are above; the same command continues, with a smaller --batch-size if memory ran out",
    )
