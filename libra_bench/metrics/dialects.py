"""Dialects: one set of metric parameters for each group whose numbers one may want to match.

A dialect says how that group prepares, splits and counts text; the metrics are the same ones. What was checked:

- `libra`: the published evaluation, which is every metric's default. Checked against recorded results of the original.
- `rexrank` (ReXrank, through CXR-Report-Metric): BLEU is the mean of each report's BLEU-2 on lower-cased text with full
  stops split off, smoothed. Checked against the package that it runs (fast_bleu 0.0.90). Its key is BLEU2; the other
  orders follow the same rule, but ReXrank prints none of them. BERTScore collapses runs of spaces; RadGraph reads cased
  text; RadCliQ has idf off. These follow its code as read, which needs packages that can no longer be installed. It
  scores "Findings: ... Impression: ..." as the reference of whole reports, which is for the reference file to have; it
  cannot score an empty report; its leaderboard prints 1 / RadCliQ-v1 (how it averages is not published: here 1 / mean).
- `radeval` (RadEval 2.2.1): everything reads the text as it is. BLEU splits it at white space; ROUGE-L stems; BERTScore
  is rescaled; RadGraph is cased; RadCliQ has idf on, and its number is 1 / mean. Checked by running its modules on tiny
  weights, all but temporal F1, whose code was read (its extra entity recogniser adds nothing that the keywords don't
  find). It prints BLEU4 as `bleu`, no METEOR, and scores of 0 to 1, rounded to 4 places. Its RadCliQ takes BLEU-2 from
  its own BLEU; that coefficient is 4e-12. RaTEScore and SRR-BERT are those metrics' defaults; after a
  report without a sentence, its RaTEScore compares reports with a neighbour's.
- `coco` (coco-caption, pycocoevalcap 1.2): Penn-Treebank words without punctuation; its own BLEU, ROUGE-L and CIDEr.
  Checked by running it, its Java tokenizer included (`metrics/ptb.py` says how close). Its METEOR is a Java program
  with its own paraphrase table, and is not reproduced.
- `llava-med` (LLaVA-Med 1.5): yes/no accuracy of closed questions and word recall of open ones, as its evaluation
  prints them, flaws included (`llava_med.py`). Checked by running its functions on made-up answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.errors import InputError, UnknownNameError
from libra_bench.metrics.registry import metric_targets, split_names


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one group scores."""

    summary: str
    parameters: Mapping[str, Mapping[str, str]]
    """Metric -> its parameters; the metrics, in order, are what the group prints."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Metric -> why it cannot be had in this dialect."""


DIALECTS: Mapping[str, Dialect] = {
    "libra": Dialect(
        "the published evaluation of Libra (every metric's default)",
        {"bleu": {}, "meteor": {}, "rouge_l": {}, "bertscore": {}, "temporal_f1": {}},
    ),
    "rexrank": Dialect(
        "ReXrank: mean sentence BLEU-2, rescaled distilroberta BERTScore",
        {
            "bleu": {"norm": "lower", "tokenizer": "period", "scheme": "sentence"},
            "bertscore": {"model": "distilroberta-base", "rescale": "yes", "norm": "spaces"},
            "radgraph": {"model": "radgraph", "norm": "none"},
            "chexbert": {},
            "radcliq_v1": {"norm": "spaces", "reciprocal": "yes"},
            "radcliq_v0": {"norm": "spaces"},
            "ratescore": {},
        },
    ),
    "radeval": Dialect(
        "RadEval 2: coco's BLEU on raw text, stemmed ROUGE-L, rescaled BERTScore",
        {
            "bleu": {"norm": "none", "tokenizer": "whitespace", "scheme": "coco"},
            "rouge_l": {"norm": "none", "stem": "yes"},
            "bertscore": {"rescale": "yes", "norm": "none"},
            "temporal_f1": {"norm": "none"},
            "radgraph": {"norm": "none"},
            "chexbert": {"norm": "none"},
            "radcliq_v1": {"idf": "yes", "norm": "none", "reciprocal": "yes"},
            "ratescore": {},
            "srr_bert": {},
        },
    ),
    "coco": Dialect(
        "the caption evaluation: Penn-Treebank words, coco's BLEU, ROUGE-L and CIDEr",
        {
            "bleu": {"norm": "none", "tokenizer": "ptb", "scheme": "coco"},
            "rouge_l": {"norm": "none", "tokenizer": "ptb", "scheme": "coco"},
            "cider": {"norm": "none", "tokenizer": "ptb"},
        },
        {"meteor": "its METEOR is a Java program with its own paraphrase table"},
    ),
    "llava-med": Dialect(
        "LLaVA-Med: yes/no accuracy of closed questions, word recall of open ones",
        {"open_closed": {"scheme": "llava-med"}},
    ),
}


def in_dialect(dialect: str, names: Iterable[str] | None = None) -> list[str]:
    """Metric names with the parameters of a dialect, for `make_metric`.

    Args:
        dialect: a key of `DIALECTS`.
        names: metrics, perhaps with parameters of their own, which win; None: what the group prints.

    Raises:
        UnknownNameError: no such dialect, no such metric.
        InputError: a metric that the dialect does not define. (`libra` defines all: it is the defaults.)
    """
    if dialect not in DIALECTS:
        raise UnknownNameError("dialect", dialect, DIALECTS)
    chosen = DIALECTS[dialect]
    return [_named(dialect, name) for name in (chosen.parameters if names is None else names)]


def _named(dialect: str, text: str) -> str:
    name, _, rest = text.partition("[")
    chosen = DIALECTS[dialect]
    if name not in metric_targets():
        raise UnknownNameError("metric", name, metric_targets())
    if name not in chosen.parameters and dialect != "libra":
        reason = f": {chosen.absent[name]}" if name in chosen.absent else ""
        raise InputError(
            f"the {dialect} dialect has no {name}{reason}",
            where="--dialect",
            hint=f"it has {', '.join(chosen.parameters)}; score {name} without --dialect",
        )
    given = split_names(rest.removesuffix("]"))
    own = {item.partition("=")[0].strip() for item in given}
    preset = [f"{key}={value}" for key, value in chosen.parameters.get(name, {}).items() if key not in own]
    parameters = ",".join([*preset, *given])
    return f"{name}[{parameters}]" if parameters else name
