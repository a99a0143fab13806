"""The arms of an audit: the same studies, asked with other images, another prior, other words.

An arm changes what a model sees of a study and nothing else; references stay.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from benchmarks.catalog import CONTEXT, FINDINGS_PROMPT, IMPRESSION_PROMPT
from benchmarks.errors import UnknownNameError
from benchmarks.schema import PRIOR_REPORT, Role, Sample
from libra_bench.experiments.arm_images import REDRAWN

Subject: TypeAlias = Literal["image", "prior", "context", "prompt", "robustness"]
"""What an arm asks about."""

CONTEXT_FIELDS = ("indication", "history", "technique", "comparison", "examination")
"""Fields of a suite that models may read as the clinical context, besides the prompt."""
REWORDED: Mapping[str, Sequence[str]] = {
    FINDINGS_PROMPT: (
        "Describe the findings in this radiology image in detail.",
        "Write the findings section of a radiology report for this image.",
        "What are the findings in this radiology image? Give a detailed description.",
    ),
    IMPRESSION_PROMPT: (
        "Describe the impression of this radiology image in detail.",
        "Write the impression section of a radiology report for this image.",
        "What is the impression of this radiology image? Give a detailed description.",
    ),
}
"""Instruction -> three others that ask the same."""


@dataclass(frozen=True, slots=True)
class Studies:
    """The studies of an audit, and the other patient's study that goes with each."""

    samples: Sequence[Sample]
    donors: Mapping[int, int]
    """Place of a study -> place of a study of another patient, with as many images where there is one."""
    prior_donors: Mapping[int, int]
    """Place -> place of a study of another patient that has a prior image."""


Change: TypeAlias = Callable[[Studies, int], Sample | None]
"""(studies, place) -> the study as this arm asks it; None where it does not apply."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to change what is asked."""

    name: str
    subject: Subject
    change: Change
    why_not: str
    """The reason if no study can be asked."""
    redraw: str | None = None
    """What is done to the images (`arm_images.REDRAWN`); None: nothing."""


def studies_of(samples: Sequence[Sample], seed: int = 0) -> Studies:
    """Choose for each study one of another patient: a derangement over patients, the same for the same seed.

    Args:
        samples: the studies; `subject_id` is the patient, a study without one is a patient of its own.
        seed: of the order of the patients.
    """
    patients: dict[object, list[int]] = {}
    for place, sample in enumerate(samples):
        patients.setdefault(sample.fields.get("subject_id", ("study", place)), []).append(place)
    order = list(patients)
    random.Random(seed).shuffle(order)  # noqa: S311
    donors: dict[int, int] = {}
    prior_donors: dict[int, int] = {}
    for turn, patient in enumerate(order):
        others = [place for step in range(1, len(order)) for place in patients[order[(turn + step) % len(order)]]]
        with_prior = [place for place in others if _has_prior(samples[place])]
        for number, place in enumerate(patients[patient]):
            alike = [other for other in others if len(samples[other].images) == len(samples[place].images)]
            if others:
                donors[place] = _taken(alike or others, number)
            if with_prior:
                prior_donors[place] = _taken(with_prior, number)
    return Studies(samples, donors, prior_donors)


def _taken(places: Sequence[int], number: int) -> int:
    return places[number % len(places)]


def _has_prior(sample: Sample) -> bool:
    return sample.has_prior and len(sample.images) == 2 and sample.images[0] != sample.images[1]


def _as_it_is(studies: Studies, place: int) -> Sample | None:
    sample = studies.samples[place]
    return sample if sample.images else None


def _other_patient(studies: Studies, place: int) -> Sample | None:
    if place not in studies.donors or not studies.samples[place].images:
        return None
    donor = studies.samples[studies.donors[place]]
    return replace(studies.samples[place], images=donor.images, laterals=donor.laterals)


def _with_prior(
    images: Callable[[Studies, int], tuple[str, ...] | None],
    report: Callable[[Studies, int], object] = lambda studies, place: studies.samples[place].fields.get(PRIOR_REPORT),
) -> Change:
    """Other images, and the prior report that goes with them (None: none), for models that read it."""

    def change(studies: Studies, place: int) -> Sample | None:
        sample = studies.samples[place]
        chosen = images(studies, place) if _has_prior(sample) else None
        if chosen is None:
            return None
        laterals: dict[Role, str] = {role: path for role, path in sample.laterals.items() if role != "prior_lateral"}
        fields = {name: value for name, value in sample.fields.items() if name != PRIOR_REPORT}
        if (told := report(studies, place)) is not None:
            fields[PRIOR_REPORT] = told
        return replace(sample, images=chosen, laterals=laterals, fields=fields)

    return change


def _other_prior(studies: Studies, place: int) -> tuple[str, ...] | None:
    if place not in studies.prior_donors:
        return None
    return studies.samples[place].images[0], studies.samples[studies.prior_donors[place]].images[1]


def _other_report(studies: Studies, place: int) -> object:
    return studies.samples[studies.prior_donors[place]].fields.get(PRIOR_REPORT)


def _context(sample: Sample) -> tuple[str, dict[str, object]]:
    said = sample.text.partition(CONTEXT)[2]
    return said, {name: sample.fields[name] for name in CONTEXT_FIELDS if sample.fields.get(name)}


def _no_context(studies: Studies, place: int) -> Sample | None:
    sample = studies.samples[place]
    if not any(_context(sample)):
        return None
    fields = {name: value for name, value in sample.fields.items() if name not in CONTEXT_FIELDS}
    return replace(sample, text=sample.text.partition(CONTEXT)[0].rstrip(), fields=fields)


def _other_context(studies: Studies, place: int) -> Sample | None:
    bare = _no_context(studies, place)
    if bare is None or place not in studies.donors:
        return None
    said, fields = _context(studies.samples[studies.donors[place]])
    text = bare.text + (f"{_gap(studies.samples[place])}{CONTEXT}{said}" if said else "")
    return replace(bare, text=text, fields={**bare.fields, **fields})


def _gap(sample: Sample) -> str:
    before = sample.text.partition(CONTEXT)[0]
    return before[len(before.rstrip()) :]


def _reworded(number: int) -> Change:
    def change(studies: Studies, place: int) -> Sample | None:
        sample = studies.samples[place]
        instruction, mark, said = sample.text.partition(CONTEXT)
        others = REWORDED.get(instruction.strip())
        if others is None:
            return None
        return replace(sample, text=others[number] + _gap(sample) + mark + said if mark else others[number])

    return change


_NO_IMAGES = "no study has an image"
_ONE_PATIENT = "there is only one patient"
_NO_PRIOR = "no study has a prior image"
_NO_CONTEXT = "no study has a clinical context"
_OWN_PROMPT = "no other wording is known for this suite's prompt"

ARMS: tuple[Arm, ...] = (
    Arm("blank", "image", _as_it_is, _NO_IMAGES, redraw="blank"),
    Arm("noise", "image", _as_it_is, _NO_IMAGES, redraw="noise"),
    Arm("other-patient", "image", _other_patient, _ONE_PATIENT),
    Arm(
        "no-prior",
        "prior",
        _with_prior(lambda studies, place: studies.samples[place].images[:1], lambda studies, place: None),
        _NO_PRIOR,
    ),
    Arm(
        "repeated-prior", "prior", _with_prior(lambda studies, place: studies.samples[place].images[:1] * 2), _NO_PRIOR
    ),
    Arm("other-prior", "prior", _with_prior(_other_prior, _other_report), _NO_PRIOR),
    Arm("swapped-order", "prior", _with_prior(lambda studies, place: studies.samples[place].images[::-1]), _NO_PRIOR),
    Arm("no-context", "context", _no_context, _NO_CONTEXT),
    Arm("other-context", "context", _other_context, _NO_CONTEXT),
    *(Arm(f"other-prompt-{number + 1}", "prompt", _reworded(number), _OWN_PROMPT) for number in range(3)),
    *(
        Arm(name, "robustness", _as_it_is, _NO_IMAGES, redraw=name)
        for name in REDRAWN
        if name not in ("blank", "noise")
    ),
)
"""In the order in which they are shown."""
GROUPS: Mapping[str, Sequence[str]] = {
    "other-prompt": [arm.name for arm in ARMS if arm.subject == "prompt"],
    "robustness": [arm.name for arm in ARMS if arm.subject == "robustness"],
}
"""Names of groups of arms."""


def chosen_arms(names: Iterable[str] | None) -> list[Arm]:
    """The arms of these names or groups; None: all but those of robustness.

    Raises:
        UnknownNameError: there is no such arm.
    """
    if names is None:
        return [arm for arm in ARMS if arm.subject != "robustness"]
    wanted: list[str] = []
    known = [arm.name for arm in ARMS]
    for name in names:
        if name not in known and name not in GROUPS:
            raise UnknownNameError("arm", name, [*known, *GROUPS])
        wanted += GROUPS.get(name, [name])
    return [arm for arm in ARMS if arm.name in wanted]


@dataclass(frozen=True, slots=True)
class Asked:
    """An arm's studies."""

    arm: Arm
    samples: Sequence[Sample] = field(default_factory=tuple)


def ask_arm(arm: Arm, studies: Studies) -> Asked:
    """The studies to which an arm applies, as it asks them."""
    changed = [arm.change(studies, place) for place in range(len(studies.samples))]
    return Asked(arm, [sample for sample in changed if sample is not None])
