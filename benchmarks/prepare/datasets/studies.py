"""Studies with a report and images, whatever data set they are of, become samples: with priors by date."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.prepare.datasets.layout import filled
from benchmarks.prepare.mimic_reports import CONTEXT_SECTIONS, Section
from benchmarks.prepare.output import Built, images_by_role, one_line, report_of, with_context


@dataclass(frozen=True, slots=True)
class Study:
    """One study of a data set."""

    study_id: str
    patient: str
    frontal: str
    """Path of the frontal image; empty: there is none."""
    lateral: str
    sections: Mapping[str, str]
    """findings, impression, indication, history, comparison, technique; as far as the report has them."""
    moment: str = ""
    """By which a patient's studies are ordered, as texts are: a date, a padded number. Empty: unknown, so no prior."""
    date: str = ""
    """ISO; empty: unknown."""
    split: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What else is known: view, age, sex, ..."""

    @property
    def report(self) -> str:
        """Findings and impression as one text."""
        return report_of(self.sections.get("findings", ""), self.sections.get("impression", ""))


def study_samples(
    studies: Sequence[Study],
    section: Section,
    *,
    split: str = "",
    prompt: str,
    context: bool = True,
    steps: dict[str, int],
) -> Iterator[Built]:
    """One sample per study that has the section and a frontal image.

    The prior is the patient's latest study of an earlier moment that has a frontal image, whatever its split.

    Args:
        studies: all of them, also those of other splits.
        section: what is to be written.
        split: only studies of this split; empty: all.
        prompt: without clinical context.
        context: put the clinical context behind the prompt, and into fields of its own.
        steps: filled with how many studies are left after each step.
    """
    earlier = _Priors(studies)
    steps["studies in the files"] = len(studies)
    if split:
        studies = [study for study in studies if study.split == split]
        steps[f"of the split {split}"] = len(studies)
    with_section = [study for study in studies if one_line(study.sections.get(section, ""))]
    steps[f"with {section}"] = len(with_section)
    with_frontal = [study for study in with_section if study.frontal]
    steps["with a frontal image"] = len(with_frontal)
    for study in with_frontal:
        prior = earlier.of(study)
        clinical = {name: one_line(study.sections.get(name, "")) for name in CONTEXT_SECTIONS} if context else {}
        yield {
            "question_id": study.study_id,
            "image": images_by_role(
                study.frontal, study.lateral, prior.frontal if prior else "", prior.lateral if prior else ""
            ),
            "text": with_context(prompt, {name.capitalize(): text for name, text in clinical.items()}),
            "reference": one_line(study.sections[section]),
            "subject_id": study.patient,
            "study_id": study.study_id,
            "has_prior": prior is not None,
            **filled(
                {
                    **clinical,
                    "prior_report": prior.report if prior else "",
                    "study_date": study.date,
                    "prior_date": prior.date if prior else "",
                    **study.fields,
                    "split": study.split,
                }
            ),
        }


class _Priors:
    """Of each patient, the studies that can be a prior, in order of time."""

    def __init__(self, studies: Sequence[Study]) -> None:
        self._of: dict[str, list[Study]] = {}
        for study in studies:
            if study.patient and study.moment and study.frontal:
                self._of.setdefault(study.patient, []).append(study)
        for of_patient in self._of.values():
            of_patient.sort(key=lambda study: study.moment)

    def of(self, study: Study) -> Study | None:
        """The latest one before this study."""
        if not study.moment:
            return None
        candidates = self._of.get(study.patient, [])
        place = bisect_left(candidates, study.moment, key=lambda one: one.moment)
        return candidates[place - 1] if place else None
