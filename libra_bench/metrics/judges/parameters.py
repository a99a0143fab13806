"""The parameters of every judge's metric: which model is asked, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from benchmarks.errors import InputError
from libra_bench.metrics.extractors.weights import encoder_missing, label
from libra_bench.metrics.judges.judge import Judge, JudgeSettings
from libra_bench.metrics.judges.local import LocalModel
from libra_bench.metrics.judges.models import JudgeModel
from libra_bench.metrics.judges.served import ServedModel
from libra_bench.metrics.metric import WITHOUT_EFFECT, Missing

JUDGE = "base_url=URL,model=NAME"
"""The parameters that name a judge."""
SERVER = "an OpenAI-compatible server, e.g. base_url=http://127.0.0.1:8000/v1"


@dataclass(frozen=True)
class JudgeParameters:
    """Which model is asked, and how."""

    base_url: str | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Address of an OpenAI-compatible server, http://HOST:PORT/v1; the key is taken from OPENAI_API_KEY alone."""
    model: str | None = None
    """The judge, as the server calls it; of a checkpoint: its name in the signature, where not the folder's."""
    checkpoint: str | None = field(default=None, metadata=WITHOUT_EFFECT)
    """A language model in Hugging Face's format, a folder or hub id, which is loaded instead of asking a server."""
    revision: str | None = None
    """What distinguishes this model from others of the same name: a commit, a date, a quantisation. Of a checkpoint it
    is a hash of its content."""
    repeats: Annotated[int, Ge(1), Le(100)] = 1
    """How often each pair is judged; from 2 on there are columns for the judge's own noise."""
    temperature: Annotated[float, Ge(0), Le(10)] | None = 0.0
    """None: not sent; of a checkpoint: 0."""
    max_tokens: Annotated[int, Ge(1), Le(1_000_000)] = 8192
    """Of a reply."""
    concurrency: Annotated[int, Ge(1), Le(1_000)] = field(default=8, metadata=WITHOUT_EFFECT)
    """Questions at once, to a server."""
    timeout: Annotated[float, Gt(0), Le(86_400)] = field(default=300.0, metadata=WITHOUT_EFFECT)
    """Seconds for one attempt."""
    retries: Annotated[int, Ge(0), Le(100)] = field(default=6, metadata=WITHOUT_EFFECT)
    device: str | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Of a checkpoint; None: the accelerator if there is one."""
    dtype: str | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Of a checkpoint, whose signature holds it; None: bfloat16 on an accelerator, float32 on a CPU."""
    batch_size: Annotated[int, Ge(1)] | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Questions at once, to a checkpoint; halved where they do not fit into memory."""
    price_in: Annotated[float, Ge(0)] | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Per million tokens of questions; with one of the prices there is a column for the cost."""
    price_out: Annotated[float, Ge(0)] | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Per million tokens of replies."""
    ask_above: Annotated[int, Ge(0)] = field(default=1_000, metadata=WITHOUT_EFFECT)
    """More questions are asked only after a "yes" on a terminal; elsewhere that is an error."""

    id: ClassVar[str]
    chat_template: ClassVar[str | None] = None
    """For a checkpoint that has no chat template."""

    @cached_property
    def judge(self) -> Judge:
        """Who is asked."""
        names = ("temperature", "max_tokens", "price_in", "price_out", "ask_above")
        return Judge(JudgeSettings(metric=self.id, **{name: getattr(self, name) for name in names}), self._model)

    @property
    def has_prices(self) -> bool:
        """Whether there is a column for the cost."""
        return self.price_in is not None or self.price_out is not None

    def judge_missing(self) -> Missing | None:
        """Why there is no judge, or None.

        Raises:
            InputError: two are named.
        """
        if self.checkpoint and (self.base_url or self.revision):
            other = "base_url" if self.base_url else "revision"
            raise InputError(f"checkpoint= and {other}= contradict each other", where=self.id, hint="leave one out")
        if self.checkpoint:
            return encoder_missing(self.checkpoint, parameter="checkpoint")
        if not (self.base_url and self.model):
            return Missing("no judge is named", f"pass {JUDGE} of {SERVER}, or checkpoint=FOLDER", JUDGE)
        return None

    def judge_facts(self) -> Mapping[str, str | None]:
        """What the signature says of a checkpoint, whose parameters do not say it."""
        if not self.checkpoint:
            return {}
        return {"model": self._model.name, "revision": self._model.revision, **self._model.decoding_facts}

    @cached_property
    def _model(self) -> JudgeModel:
        if self.checkpoint:
            return LocalModel(
                checkpoint=self.checkpoint,
                name=self.model or label(self.checkpoint),
                device=self.device,
                dtype=self.dtype,
                batch_size=self.batch_size,
                chat_template=self.chat_template,
            )
        return ServedModel(
            metric=self.id,
            base_url=self.base_url or "",
            name=self.model or "",
            revision=self.revision,
            at_once=self.concurrency,
            timeout=self.timeout,
            retries=self.retries,
        )
