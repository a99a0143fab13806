"""What a run will do, decided before anything slow begins: suite, model, decoding, metrics, fingerprint, folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.files import is_folder_name, json_list, sha256_file, sha256_texts
from benchmarks.predictions.cleaning import NO_CLEANING, rule_for_section, rule_named
from benchmarks.records.run import DecidingFacts
from benchmarks.schema import QuestionId
from benchmarks.suites import Suite, load_suite
from libra_bench.metrics.choice import DEFAULT_METRICS, ChosenMetrics, choose_metrics
from libra_bench.runs import provenance
from libra_bench.runs.cautions import cautions_about_data, cautions_for_suite, cautions_without_card, own_decoding
from libra_bench.runs.options import RunOptions
from libra_bench.runs.processes import local_device
from libra_bench.runs.protocols import CARD_PROTOCOL, DEFAULT_PROTOCOL, decoding_with, protocol_named
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.baselines.replay import OracleAdapter
from model_adapters.cards.image_policy import left_out
from model_adapters.models import resolve_model
from model_adapters.registry import adapter_class

RUNS_FOLDER = Path("runs")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided before the model is loaded."""

    suite: Suite
    spec: ModelSpec
    protocol: str | None
    """None: no protocol decides the texts, since they do not depend on the decoding."""
    decoding: Decoding
    overrides: Mapping[str, Any]
    chosen: ChosenMetrics
    facts: DecidingFacts
    """What decides the answers."""
    fingerprint: str
    folder: Path
    options: RunOptions
    warnings: tuple[str, ...] = ()
    """What the user should know about this model on this suite."""
    cleaning: str = NO_CLEANING
    """How its texts are cleaned before they are scored."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What the suite has and the model does not read -> in how many studies."""

    @property
    def model_id(self) -> str:
        """What the model is called in files, and its folder."""
        return self.options.model_name or path_name(self.spec.name)

    @property
    def order(self) -> list[QuestionId]:
        """The question ids in suite order."""
        return [sample.question_id for sample in self.suite.samples]


def plan_run(suite: str | Path, model: str, options: RunOptions, *, scoring: bool = True) -> Plan:
    """Resolve names, settings and metrics; refuse what cannot work before anything slow begins.

    Args:
        suite: a suite's name or file.
        model: a model's name, path or hub id.
        options: everything else that the user said.
        scoring: False chooses no metrics, for who only generates.

    Raises:
        InputError: any of its kinds; one line says what and the hint.
    """
    loaded_suite = load_suite(suite, data=options.data, image_root=options.image_root, limit=options.limit)
    return plan_suite(loaded_suite, model, options, scoring=scoring)


def plan_suite(loaded_suite: Suite, model: str, options: RunOptions, *, scoring: bool = True) -> Plan:
    """As `plan_run`, for a suite that is loaded already, whatever the options say of where it is.

    Raises:
        InputError: any of its kinds; one line says what and the hint.
    """
    spec, protocol, decoding, overrides = model_and_decoding(model, options, train_file=loaded_suite.card.train_file)
    _refuse_training_on_the_suite(spec, loaded_suite)
    facts = provenance.deciding_facts(loaded_suite.samples, _identity(spec, loaded_suite), decoding)
    mark = provenance.fingerprint(facts)
    return Plan(
        suite=loaded_suite,
        spec=spec,
        protocol=protocol if options.protocol or adapter_class(spec.adapter).follows_decoding else None,
        decoding=decoding,
        overrides=overrides,
        chosen=_metrics(loaded_suite, options) if scoring else ChosenMetrics({}),
        facts=facts,
        fingerprint=mark,
        folder=Path(
            options.out or RUNS_FOLDER / loaded_suite.name / (options.model_name or path_name(spec.name)) / mark
        ),
        options=options,
        warnings=(
            *cautions_about_data(loaded_suite),
            *cautions_for_suite(spec, loaded_suite.samples),
            *cautions_without_card(spec, options),
        ),
        cleaning=rule_for_section(
            rule_named(options.cleaning or spec.card.get("cleaning") or NO_CLEANING), loaded_suite.card.sections
        ),
        left_out=left_out(loaded_suite.samples, adapter_class(spec.adapter).reads(spec)),
    )


def _metrics(suite: Suite, options: RunOptions) -> ChosenMetrics:
    return choose_metrics(options.metrics, suite.card.metrics or DEFAULT_METRICS, dialect=options.dialect)


def _identity(spec: ModelSpec, suite: Suite) -> dict[str, Any]:
    """What decides a model's answers, known before it is loaded."""
    adapter, name = adapter_class(spec.adapter), path_name(spec.name)
    if issubclass(adapter, OracleAdapter):
        references = sha256_texts(json_list(sample.references for sample in suite.samples))
        return {"adapter": "replay", "name": name, "references_sha256": references}  # as in the runs so far
    return {"adapter": spec.adapter, "name": name, **adapter.identity(spec)}


def _refuse_training_on_the_suite(spec: ModelSpec, suite: Suite) -> None:
    """What learns must not learn from the references that it is measured by."""
    train = Path(spec.options.get("train") or "")
    if train.is_file() and sha256_file(train) == suite.sha256:
        raise InputError(
            "is the suite itself: a baseline must not see the evaluated references",
            where=f"--train {train}",
            hint="give a training file",
        )


def model_and_decoding(
    model: str, options: RunOptions, *, train_file: Path | None = None
) -> tuple[ModelSpec, str, Decoding, dict[str, Any]]:
    """The model (see `model_spec`), the name of the protocol, the decoding, and what the user's flags changed in it.

    Raises:
        InputError: any of its kinds; among them settings that the model does not have.
    """
    spec = model_spec(model, options, train_file=train_file)
    protocol = protocol_named(options.protocol or default_protocol(spec), spec.card)
    given = {name: value for name, value in options.decoding_overrides.items() if value is not None}
    decoding, overrides = decoding_with(protocol, {**own_decoding(spec, options), **given})
    adapter_class(spec.adapter).check_decoding(spec, decoding)
    if decoding.without_effect:
        flags = " and ".join("--" + name.replace("_", "-") for name in decoding.without_effect)
        logger.warning("%s: no effect, since nothing is sampled (%s)", flags, decoding)
    return spec, protocol.name, decoding, overrides


def model_spec(model: str, options: RunOptions, *, train_file: Path | None = None) -> ModelSpec:
    """The model that a name and the options mean.

    Args:
        model: the value of `--model`.
        options: everything else that the user said.
        train_file: what adapters that learn may learn from where the user names nothing.
    """
    return resolve_model(
        model,
        adapter=options.adapter,
        options=options.all_adapter_options,
        weights=options.weights,
        train_file=train_file,
        model_base=options.model_base,
        conv_mode=options.conv_mode,
        device=local_device(options.device),
        dtype=options.dtype,
        batch_size=options.batch_size,
    )


def default_protocol(spec: ModelSpec) -> str:
    """The protocol's name where the user names none: the card's, else the adapter's, else the program's."""
    if spec.card.get("protocol"):
        return str(spec.card["protocol"])
    if spec.card.get("decoding"):
        return CARD_PROTOCOL
    return adapter_class(spec.adapter).default_protocol or DEFAULT_PROTOCOL


def path_name(name: str) -> str:
    """A model's name as the name of one folder: of a path, its last part."""
    last = Path(name.rstrip("/")).name if "/" in name else name
    return (last if is_folder_name(last) else Path(name).resolve().name or "model").replace(":", "-")
