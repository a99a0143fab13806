"""The published evaluation of Libra as one call: two files of JSON lines in, eight percentages out."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.files import read_jsonl
from benchmarks.schema import QuestionId
from benchmarks.wording import first_few
from libra_bench.metrics.many_texts import score_many_texts
from libra_bench.metrics.registry import make_metric

TEXT_KEYS = ("reference", "findings", "impression", "text")
"""Fields that may hold the text, in references and in predictions; the first of these that exists counts."""

RESULT_KEYS = ("BLEU1", "BLEU2", "BLEU3", "BLEU4", "METEOR", "ROUGE-L", "Bert_score", "Temporal_entity_score")


def evaluate_report(
    *, references: str | Path, predictions: str | Path, bertscore: str | Path | None = None
) -> dict[str, float]:
    """Evaluate reports as the published evaluation does.

    Texts are lower-cased and cleaned. ROUGE-L is the plain mean, which the published median of random bootstrap means
    estimates (they differ by 0.01 at times).

    Args:
        references: JSON lines with `question_id` and a text under reference, findings, impression or text; it may be a
            list of alternative references.
        predictions: JSON lines with the same ids in the same order, and one text each.
        bertscore: weights for BERTScore, as a folder or a hub name (None: distilbert-base-uncased), or a whole metric,
            "bertscore[model=DIR,num_layers=5]".

    Returns:
        BLEU1..BLEU4, METEOR, ROUGE-L, Bert_score, Temporal_entity_score, in percent, rounded to 2 places; without
        usable BERTScore weights that key is left out, and one warning says how to give them.

    Raises:
        InputError: a file that cannot be read, a line without a text, or ids that don't match; names them.
    """
    reference_rows = _rows(Path(references), alternatives=True)
    prediction_rows = _rows(Path(predictions), alternatives=False)
    _check_ids([row for row, _ in prediction_rows], [row for row, _ in reference_rows], predictions, references)
    prediction_texts = [texts[0] for _, texts in prediction_rows]
    reference_texts = [texts for _, texts in reference_rows]
    metrics = []
    for name in ("bleu", "meteor", "rouge_l", _bertscore_name(bertscore), "temporal_f1"):
        metric = make_metric(name)
        if missing := metric.missing():
            warnings.warn(f"no {metric.id}: {missing.reason}; {missing.hint}", stacklevel=2)
        else:
            metrics.append(metric)
    values: dict[str, float] = {}
    found = score_many_texts(metrics, prediction_texts, reference_texts)
    for metric, (result, failed) in zip(metrics, found, strict=True):
        values |= result.values
        if failed:
            where = first_few([f"line {text.sample + 1} of the {text.side}s" for text in failed])
            warnings.warn(f"{metric.id} fails on {len(failed)} texts, which count as empty: {where}", stacklevel=2)
    return {key: round(values[key], 2) for key in RESULT_KEYS if key in values}


def _bertscore_name(weights: str | Path | None) -> str:
    if weights is None or str(weights).partition("[")[0] == "bertscore":
        return str(weights or "bertscore")
    return f"bertscore[model={weights}]"


def _rows(path: Path, *, alternatives: bool) -> list[tuple[QuestionId, list[str]]]:
    """(id, its texts) of every line; only where `alternatives` are allowed can there be several."""
    rows = []
    for number, record in read_jsonl(path):
        where = f"{path}:{number}"
        if "question_id" not in record:
            raise InputError("no question_id", where=where, hint="give each line the id of its study")
        rows.append((record["question_id"], _texts(record, where, alternatives=alternatives)))
    if not rows:
        raise InputError("the file is empty", where=path, hint="give at least one line")
    return rows


def _texts(record: Mapping[str, Any], where: str, *, alternatives: bool) -> list[str]:
    key = next((key for key in TEXT_KEYS if key in record), None)
    if key is None:
        raise InputError(
            f"question_id {record['question_id']!r} has no text", where=where, hint=f"put it under {_or(TEXT_KEYS)}"
        )
    value = record[key]
    texts = value if alternatives and isinstance(value, list) and value else [value]
    if not all(isinstance(text, str) for text in texts):
        kinds = "a text or a list of texts" if alternatives else "a text"
        raise InputError(f"{key} is not {kinds}", where=where, hint='an empty text is ""')
    return list(texts)


def _check_ids(
    predicted: Sequence[QuestionId], wanted: Sequence[QuestionId], predictions: object, references: object
) -> None:
    for ids, file in ((predicted, predictions), (wanted, references)):
        counted = Counter(map(str, ids))
        if twice := [question_id for question_id in dict.fromkeys(ids) if counted[str(question_id)] > 1]:
            raise InputError(f"{_some(twice)} more than once", where=file, hint="keep one line per id")
    if predicted == wanted:
        return
    known, answered = set(wanted), set(predicted)
    missing = [question_id for question_id in wanted if question_id not in answered]
    unknown = [question_id for question_id in predicted if question_id not in known]
    if missing or unknown:
        faults = [f"no prediction for {_some(missing)}"] if missing else []
        faults += [f"no reference for {_some(unknown)}"] if unknown else []
    else:
        line, (first, second) = next(
            (line, pair) for line, pair in enumerate(zip(predicted, wanted, strict=True), start=1) if pair[0] != pair[1]
        )
        faults = [f"the order differs from entry {line} on: {first!r}, where {references} has {second!r}"]
    raise InputError(
        " and ".join(faults), where=predictions, hint="predictions and references must have the same ids, in one order"
    )


def _some(ids: Sequence[QuestionId]) -> str:
    return f"{len(ids)} ids ({first_few([*map(repr, ids)])})"


def _or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
