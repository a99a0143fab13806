"""The suites that have a name: what each asks, how large it is, and where its file comes from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from benchmarks.errors import SuiteError, UnknownNameError

ENTRY_POINT_GROUP = "libra_bench.suites"
DEMO = Path(__file__).parent / "data" / "demo"
DEMO_TRAIN = DEMO / "train" / "train.jsonl"
"""Phantoms of other patients, in the format of a suite: training data for the baselines that learn."""


@dataclass(frozen=True, slots=True)
class SuiteCard:
    """What is known of a suite before its file is read."""

    name: str
    description: str
    prompt: str = ""
    """The prompt that the published file carries (clinical context may follow it); empty where each line asks its own
    question. For building suites: a run takes the prompt of the line."""
    sections: tuple[str, ...] = ()
    """The report sections (or kind of answer) that its references hold."""
    published_samples: int | None = None
    """The number of samples of the published test split; None: unknown."""
    source: str = ""
    """How to get the file, where it cannot be shipped."""
    file: Path | None = None
    """The suite's file, where it is shipped."""
    data_sets: tuple[str, ...] = ()
    """Whose test split this is: a model whose card says that it was trained on one of them is marked."""
    metrics: tuple[str, ...] = ()
    """Metrics to compute when none are asked for; empty: the published ones, `report_errors` and `chexpert_rules`."""
    train_file: Path | None = None
    """A training file that is shipped with the suite; baselines that learn use it unless one is given."""
    homepage: str = ""
    """Where the data set is published."""
    licence: str = ""
    """The data set's licence or agreement, in short."""


CONTEXT = "Following clinical context:"
FINDINGS_PROMPT = "Provide a detailed description of the findings in the radiology image."
IMPRESSION_PROMPT = "Provide a detailed description of the impression in the radiology image."

REPORT_METRICS = (
    "bleu", "meteor", "rouge_l", "bertscore", "temporal_f1", "temporal_change_f1", "report_errors", "chexpert_rules",
)  # fmt: skip
QUESTION_METRICS = ("exact_match", "token_f1", "yes_no", "label_set")
CAPTION_METRICS = ("bleu", "meteor", "rouge_l", "cider", "exact_match", "open_closed", "difference_f1")
PHANTOM_CHANGE_METRICS = ("bleu", "meteor", "rouge_l", "cider", "exact_match", "yes_no", "temporal_change_f1")
"""Without difference_f1, which reads the wording of MIMIC-Diff-VQA alone."""
OPEN_QUESTION_METRICS = ("open_closed", "exact_match", "token_f1", "yes_no")
TEMPORAL_METRICS = ("temporal_labels", "temporal_change_f1", "report_errors", "rouge_l")

SUITES = (
    SuiteCard(
        "findings",
        "MIMIC-CXR test split: write the findings section from the current and the prior image",
        prompt=FINDINGS_PROMPT,
        sections=("findings",),
        published_samples=2461,
        data_sets=("MIMIC-CXR",),
        source="get MIMIC-CXR-JPG and MIMIC-CXR's reports from physionet.org (credentialed access), then "
        "`libra-bench data build findings --mimic-root DIR --split test --out findings.jsonl`",
        homepage="https://physionet.org/content/mimic-cxr/",
        licence="PhysioNet Credentialed Health Data License 1.5.0",
    ),
    SuiteCard(
        "impressions",
        "MIMIC-CXR test split: write the impression section from the current and the prior image",
        prompt=IMPRESSION_PROMPT,
        sections=("impression",),
        data_sets=("MIMIC-CXR",),
        source="get MIMIC-CXR-JPG and MIMIC-CXR's reports from physionet.org (credentialed access), then "
        "`libra-bench data build impressions --mimic-root DIR --split test --out impressions.jsonl`",
        homepage="https://physionet.org/content/mimic-cxr/",
        licence="PhysioNet Credentialed Health Data License 1.5.0",
    ),
    SuiteCard(
        "vqa",
        "MIMIC-Ext-MIMIC-CXR-VQA test split: answer a question about one image",
        sections=("answer", "labels"),
        data_sets=("MIMIC-CXR", "MIMIC-Ext-MIMIC-CXR-VQA"),
        source="get MIMIC-Ext-MIMIC-CXR-VQA and MIMIC-CXR-JPG from physionet.org (credentialed access), then "
        "`libra-bench data build vqa --mimic-root DIR --split test --out vqa.jsonl`",
        metrics=QUESTION_METRICS,
        homepage="https://physionet.org/content/mimic-ext-mimic-cxr-vqa/",
        licence="PhysioNet Credentialed Health Data License 1.5.0",
    ),
    SuiteCard(
        "diff-vqa",
        "MIMIC-Diff-VQA test split: answer a question about an image or its difference from the prior one",
        sections=("answer",),
        data_sets=("MIMIC-CXR", "MIMIC-Diff-VQA"),
        source="get MIMIC-Diff-VQA and MIMIC-CXR-JPG from physionet.org (credentialed access), then "
        "`libra-bench data build diff-vqa --mimic-root DIR --split test --out diff-vqa.jsonl`",
        metrics=CAPTION_METRICS,
        homepage="https://physionet.org/content/medical-diff-vqa/",
        licence="PhysioNet Credentialed Health Data License 1.5.0",
    ),
    SuiteCard(
        "demo",
        "synthetic chest phantoms: write the findings of a drawn chest and its change since the prior one",
        prompt=FINDINGS_PROMPT,
        sections=("findings",),
        file=DEMO / "demo.jsonl",
        train_file=DEMO_TRAIN,
        metrics=REPORT_METRICS,
        homepage="",
        licence="Apache-2.0, as this package: drawn and written by it",
    ),
    SuiteCard(
        "demo-vqa",
        "synthetic chest phantoms: answer a question about one image",
        sections=("answer", "labels"),
        file=DEMO / "demo-vqa.jsonl",
        metrics=QUESTION_METRICS,
        homepage="",
        licence="Apache-2.0, as this package: drawn and written by it",
    ),
    SuiteCard(
        "demo-diff-vqa",
        "synthetic chest phantoms: answer a question about the change since the prior image",
        sections=("answer",),
        file=DEMO / "demo-diff-vqa.jsonl",
        metrics=PHANTOM_CHANGE_METRICS,
        homepage="",
        licence="Apache-2.0, as this package: drawn and written by it",
    ),
    SuiteCard(
        "demo-temporal",
        "synthetic chest phantoms with a prior image: tell how each labelled finding progressed",
        prompt=FINDINGS_PROMPT,
        sections=("findings", "labels"),
        file=DEMO / "demo-temporal.jsonl",
        train_file=DEMO_TRAIN,
        metrics=TEMPORAL_METRICS,
        homepage="",
        licence="Apache-2.0, as this package: drawn and written by it",
    ),
    SuiteCard(
        "ms-cxr-t",
        "MS-CXR-T: tell from two MIMIC-CXR images how five findings progressed (improving, stable, worsening)",
        prompt=FINDINGS_PROMPT,
        sections=("labels",),
        data_sets=("MIMIC-CXR", "MS-CXR-T"),
        source="get MS-CXR-T and MIMIC-CXR-JPG from physionet.org (credentialed access), then "
        "`libra-bench data build ms-cxr-t DIR --mimic-root DIR --out ms-cxr-t.jsonl`",
        metrics=("temporal_labels",),
        homepage="https://physionet.org/content/ms-cxr-t/",
        licence="PhysioNet Credentialed Health Data License 1.5.0",
    ),
    SuiteCard(
        "chextemporal",
        "CheXTemporal, gold labels: tell from two images how findings progressed (new, worse, stable, ...)",
        prompt=FINDINGS_PROMPT,
        sections=("labels",),
        data_sets=("CheXTemporal", "CheXpert", "MIMIC-CXR", "ReXGradient-160K"),
        source="get its labels from the hub and the images from CheXpert, MIMIC-CXR and ReXGradient, then "
        "`libra-bench data build chextemporal DIR --image-root DIR --out chextemporal.jsonl`",
        metrics=("temporal_labels",),
        homepage="https://arxiv.org/abs/2605.11304",
        licence="labels CC BY-NC 4.0; the images under the terms of their data sets",
    ),
    SuiteCard(
        "rexgradient",
        "ReXGradient-160K test split: write the findings section",
        prompt=FINDINGS_PROMPT,
        sections=("findings",),
        published_samples=10000,
        data_sets=("ReXGradient-160K",),
        source="get rajpurkarlab/ReXGradient-160K from huggingface.co (terms to accept), then "
        "`libra-bench data build rexgradient DIR --split test --out rexgradient.jsonl`",
        homepage="https://huggingface.co/datasets/rajpurkarlab/ReXGradient-160K",
        licence="the terms that its page on the hub asks to accept",
    ),
    SuiteCard(
        "chexpert-plus",
        "CheXpert Plus, valid split: write the findings section",
        prompt=FINDINGS_PROMPT,
        sections=("findings",),
        data_sets=("CheXpert", "CheXpert Plus"),
        source="get CheXpert Plus from Stanford AIMI (agreement to accept), then "
        "`libra-bench data build chexpert-plus DIR --split valid --out chexpert-plus.jsonl`",
        homepage="https://stanfordaimi.azurewebsites.net/datasets/5158c524-d3ab-4e02-96e9-6ee9efc110a1",
        licence="Stanford University Dataset Research Use Agreement",
    ),
    SuiteCard(
        "iu-xray",
        "IU X-ray with ReXrank's test split: write the findings section",
        prompt=FINDINGS_PROMPT,
        sections=("findings",),
        data_sets=("IU X-ray",),
        source="get ReXRank_IUXray_test.json from github.com/rajpurkarlab/ReXrank and the images of IU X-ray, then "
        "`libra-bench data build iu-xray ReXRank_IUXray_test.json --image-root DIR --out iu-xray.jsonl`",
        homepage="https://openi.nlm.nih.gov/",
        licence="CC BY-NC-ND 4.0 (Open-i, Indiana University)",
    ),
    SuiteCard(
        "padchest-gr",
        "PadChest-GR: write the report's sentences from the current and the prior image",
        prompt=FINDINGS_PROMPT,
        sections=("findings", "labels"),
        data_sets=("PadChest", "PadChest-GR"),
        source="get PadChest-GR from bimcv.cipf.es (agreement to sign), then "
        "`libra-bench data build padchest-gr DIR --split test --out padchest-gr.jsonl`",
        metrics=(*REPORT_METRICS, "temporal_labels"),
        homepage="https://bimcv.cipf.es/bimcv-projects/padchest-gr/",
        licence="PadChest Dataset Research Use Agreement",
    ),
    SuiteCard(
        "rexvqa",
        "ReXVQA test split: answer a multiple-choice question about one study",
        sections=("answer",),
        data_sets=("ReXGradient-160K", "ReXVQA"),
        source="get rajpurkarlab/ReXVQA and ReXGradient-160K's images from huggingface.co (terms to accept), then "
        "`libra-bench data build rexvqa DIR --split test --out rexvqa.jsonl`",
        metrics=("multiple_choice", "exact_match"),
        homepage="https://huggingface.co/datasets/rajpurkarlab/ReXVQA",
        licence="the terms that its page on the hub asks to accept",
    ),
    SuiteCard(
        "vqa-rad",
        "VQA-RAD test split: answer a question about one radiological image",
        sections=("answer",),
        published_samples=451,
        data_sets=("VQA-RAD",),
        source="get VQA-RAD from osf.io/89kps, then "
        '`libra-bench data build vqa-rad "VQA_RAD Dataset Public.json" --split test --out vqa-rad.jsonl`',
        metrics=OPEN_QUESTION_METRICS,
        homepage="https://osf.io/89kps/",
        licence="CC0 1.0",
    ),
    SuiteCard(
        "slake",
        "SLAKE test split, English: answer a question about one radiological image",
        sections=("answer",),
        published_samples=1061,
        data_sets=("SLAKE",),
        source="get SLAKE from med-vqa.com/slake, then "
        "`libra-bench data build slake Slake1.0/test.json --out slake.jsonl`",
        metrics=OPEN_QUESTION_METRICS,
        homepage="https://www.med-vqa.com/slake/",
        licence="the terms on its page",
    ),
)
"""One entry per suite."""


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _load(point: EntryPoint) -> SuiteCard:
    try:
        card = point.load()
    except (ImportError, AttributeError) as error:
        raise SuiteError(
            f"suite {point.name!r} cannot be imported ({error})", where=point.value, hint="install what it needs"
        ) from error
    if not isinstance(card, SuiteCard):
        raise SuiteError(
            f"suite {point.name!r} is not a SuiteCard but of type {type(card).__name__}",
            where=point.value,
            hint="let the entry point name a benchmarks.catalog.SuiteCard",
        )
    return dataclasses.replace(card, name=point.name)


def suite_names() -> list[str]:
    """Every suite's name: ours, then those of installed packages; nothing is imported."""
    return list(dict.fromkeys([*(card.name for card in SUITES), *_installed()]))


def suite_card(name: str) -> SuiteCard:
    """The card of a suite (ours take precedence).

    Raises:
        UnknownNameError: no suite has this name.
        SuiteError: another package offers it, but it cannot be imported.
    """
    for card in SUITES:
        if card.name == name:
            return card
    installed = _installed()
    if name not in installed:
        raise UnknownNameError("suite", name, suite_names(), hint="or give a .jsonl, .csv or .parquet file")
    return _load(installed[name])


def list_suites() -> list[SuiteCard]:
    """Every suite's card, for the listing; one that cannot be imported says so in its description."""
    cards = []
    for name in suite_names():
        try:
            cards.append(suite_card(name))
        except SuiteError as error:
            cards.append(SuiteCard(name, str(error)))
    return cards
