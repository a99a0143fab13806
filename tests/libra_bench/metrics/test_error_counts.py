"""The errors between two lots of statements, computed by hand; the reader has no part in it."""

from __future__ import annotations

import itertools
import math

import pytest
from every_case import every_case
from hypothesis import given
from hypothesis import strategies as st

from libra_bench.metrics.clinical_significance import CLINICAL, EQUAL, NOT_COUNTED, SIGNIFICANCE, WEIGHTS
from libra_bench.metrics.error_counts import CATEGORIES, NORMAL, REST, count_errors, in_words, marks
from libra_bench.metrics.finding_relations import DESCRIBES, FAMILIES, INCLUDES
from libra_bench.metrics.report_alignment import align, gather
from libra_bench.metrics.statements.lexicon import ENTRIES
from libra_bench.metrics.statements.statement import Statement


def said(finding, presence="present", side=None, severity=None, change=None, start=0):
    return Statement(finding, None, presence, side, severity, change, start, start + 1)


def absent(finding, **told):
    return said(finding, "absent", **told)


def errors(prediction, reference, significance=CLINICAL):
    return count_errors(align(gather(tuple(prediction)), gather(tuple(reference))), significance)


def counted(prediction, reference):
    found = errors(prediction, reference)
    return {name: n for name, n in zip(CATEGORIES, found.counts, strict=True) if n}


LEFT, RIGHT = said("pleural effusion", side="left"), said("pleural effusion", side="right")
EFFUSION, HEART, PNEUMOTHORAX = said("pleural effusion"), said("heart"), said("pneumothorax")
NORMAL_CHEST = (absent("heart"), absent("lungs"), absent("pleural effusion"), absent("pneumothorax"))


@every_case(
    ("prediction", "reference", "expected"),
    [
        ([PNEUMOTHORAX], [HEART], {"false-finding": 1, "missing-finding": 1}),
        ([], [EFFUSION, PNEUMOTHORAX], {"missing-finding": 2}),
        ([absent("pneumothorax")], [PNEUMOTHORAX], {"missing-finding": 1}),
        ([LEFT], [RIGHT], {"location": 1}),
        ([LEFT], [LEFT, RIGHT], {"location": 1}),
        ([EFFUSION], [LEFT, RIGHT], {}),
        ([LEFT, RIGHT], [EFFUSION], {}),
        ([said("heart", severity="mild")], [said("heart", severity="severe")], {"severity": 1}),
        ([said("heart", severity="mild")], [HEART], {}),
        ([said("heart", change="larger")], [HEART], {"false-comparison": 1}),
        ([HEART], [said("heart", change="larger")], {"missing-comparison": 1}),
        ([HEART], [said("heart", change="unchanged")], {}),
        ([said("heart", change="unchanged")], [HEART], {"false-comparison": 1}),
        (
            [said("heart", change="smaller")],
            [said("heart", change="larger")],
            {"false-comparison": 1, "missing-comparison": 1},
        ),
        ([absent("edema")], [absent("edema", change="resolved")], {"missing-comparison": 1}),
        ([absent("study", change="unchanged")], [absent("study")], {"false-comparison": 1}),
        ([said("opacity")], [said("pneumonia")], {}),
        ([said("opacity", side="left")], [said("pneumonia", side="right")], {"false-finding": 1, "missing-finding": 1}),
        ([said("pneumonia"), said("opacity")], [said("pneumonia")], {}),
        ([said("pneumonia")], [said("pneumonia"), said("opacity")], {}),
        ([said("pneumonia"), said("nodule")], [said("pneumonia")], {"false-finding": 1}),
        ([HEART, said("lung volumes", change="smaller")], [HEART], {"false-comparison": 1}),
        ([said("nipple shadow")], [said("azygos fissure")], {}),
        ([*NORMAL_CHEST], [*NORMAL_CHEST], {}),
    ],
)
def test_categories(prediction, reference, expected):
    assert counted(prediction, reference) == expected


def test_each_side_has_its_own_severity_and_change():
    prediction = [said("pleural effusion", side="left", severity="mild", change="larger"), RIGHT]
    reference = [
        said("pleural effusion", side="left", severity="mild"),
        said("pleural effusion", side="right", severity="severe", change="larger"),
    ]
    assert counted(prediction, reference) == {"false-comparison": 1, "missing-comparison": 1}


@every_case(
    ("prediction", "reference", "matched", "share", "wrong"),
    [
        ([LEFT], [LEFT], 0.5, 1, 0),
        ([LEFT], [RIGHT], 0.5, 1, 0.5 * 0.5),
        ([LEFT], [LEFT, RIGHT], 0.5, 1, 0.25 * 0.5),
        ([LEFT, PNEUMOTHORAX], [LEFT], 0.5, 1, 1),
        ([LEFT], [LEFT, HEART], 0.5, 2 / 3, 0.25),
        ([LEFT, said("granuloma")], [LEFT], 0.5, 1, 0.05),
        ([LEFT, said("edema", severity="mild")], [LEFT], 0.5, 1, 0.25),
        ([LEFT, said("edema", severity="severe")], [LEFT], 0.5, 1, 1),
        ([said("edema", severity="severe")], [said("edema")], 1, 1, 0),
        ([LEFT, said("a finding of no table")], [LEFT], 0.5, 1, 0.25),
        ([said("pleural effusion", "uncertain")], [EFFUSION], 0.5 * 0.75, 0.75, 0.5 * 0.25),
        ([said("pleural effusion", "uncertain")], [said("pleural effusion", "uncertain")], 0.25, 1, 0),
        ([LEFT, said("pneumothorax", "uncertain")], [LEFT], 0.5, 1, 0.5),
        ([said("opacity")], [said("pneumonia")], 0.375, 0.75, 0.125),
        ([said("atelectasis")], [said("pneumonia")], 0.25, 0.5, 0.25),
        ([said("heart", severity="severe")], [said("heart", severity="mild")], 0.5, 1, 0.5 * 0.5),
        ([said("heart", severity="moderate")], [said("heart", severity="mild")], 0.25, 1, 0.25 * 0.25),
        ([said("heart", change="larger")], [said("heart", change="smaller")], 0.25, 1, 0.5 * 0.25),
        ([said("heart", change="unchanged")], [HEART], 0.25, 1, 0.1 * 0.25),
        ([absent("heart")], [PNEUMOTHORAX], 0, 0, 1),
        ([absent("heart")], [said("granuloma", "uncertain")], 0, 0, 0.025),
    ],
)
def test_the_score_is_matched_over_matched_plus_errors(prediction, reference, matched, share, wrong):
    assert errors(prediction, reference).score == pytest.approx(ratio(matched, wrong, share))


def ratio(matched, wrong, share=1.0, serious=0.5):
    """The score where a share of the reference's findings, by weight, is matched."""
    cost, matched = together(wrong, serious), matched + REST * share
    part = matched / (matched + cost) if matched else 0.0
    return part + (1 - part) * 0.1 * 0.25 / (0.25 + cost)


def together(wrong, serious=0.5):
    """An actionable error alone (0.5) costs double its weight."""
    return wrong + wrong**2 / serious


def test_attribute_errors_cost_no_more_than_the_finding():
    worst = [said("heart", side="left", severity="mild", change="larger")]
    reference = [said("heart", side="right", severity="severe", change="smaller")]
    assert errors(worst, reference).score == pytest.approx(ratio(0.5, 0.5))


@every_case(
    ("prediction", "expected"),
    [
        (NORMAL_CHEST, 1),
        ((absent("study"),), 1),
        ((*NORMAL_CHEST, PNEUMOTHORAX), NORMAL / (NORMAL + 3)),
        ((*NORMAL_CHEST, said("granuloma")), NORMAL / (NORMAL + 0.055)),
        ((absent("scoliosis"),), 0.25 / (0.25 + 0.0625 * 1.125)),
        ((*NORMAL_CHEST, absent("scoliosis")), 1),
        (
            (absent("pneumothorax"), absent("nodule"), absent("heart"), absent("edema")),
            0.25 / (0.25 + 0.015625 * 1.03125),
        ),
        ((), 0),
    ],
)
def test_a_normal_reference(prediction, expected):
    """Clear lungs deny edema and nodules, too; the last prediction is silent about the effusion."""
    assert errors(prediction, NORMAL_CHEST).score == pytest.approx(expected, abs=1e-9)


def test_no_change_does_not_say_that_nothing_is_there():
    found = errors([absent("study", change="unchanged")], NORMAL_CHEST)
    assert found.score == pytest.approx(NORMAL / (NORMAL + together(0.25 * 0.25 + 0.1 * 0.25)))


def test_comparisons_of_what_is_no_finding_are_marked():
    prediction = (absent("study", change="unchanged"), absent("edema"), absent("heart"))
    reference = (absent("edema", change="resolved"), absent("heart"))
    labels = [(side, label) for side, _, label in marks(align(gather(prediction), gather(reference)))]
    assert labels == [
        ("prediction", "false comparison: study, unchanged"),
        ("prediction", "matched: no edema"),
        ("prediction", "matched: normal heart"),
        ("reference", "missing comparison: edema, resolved"),
        ("reference", "matched: normal heart"),
    ]


@every_case(
    ("statement", "words"),
    [
        (said("pneumothorax", side="left", severity="severe", change="new"), "severe left pneumothorax, new"),
        (absent("pneumothorax"), "no pneumothorax"),
        (said("pneumonia", "uncertain"), "possible pneumonia"),
        (absent("lungs"), "normal lungs"),
        (said("hilum", side="right"), "abnormal right hilum"),
        (said("heart", severity="mild"), "mild cardiomegaly"),
        (absent("heart", change="unchanged"), "normal heart, unchanged"),
    ],
)
def test_a_statement_in_words(statement, words):
    assert in_words(statement) == words


def test_two_silent_reports_agree():
    assert errors([], []).score == 1
    assert errors([HEART], []).score == errors([], [HEART]).score == 0
    assert errors([], [absent("heart")]).score == errors([absent("heart")], []).score == 0


@every_case("name", sorted(SIGNIFICANCE))
def test_a_normal_report_never_passes_for_a_finding(name):
    for presence, severity, significance in itertools.product(
        ("present", "uncertain"), (None, "mild", "severe"), (CLINICAL, EQUAL)
    ):
        assert errors(NORMAL_CHEST, [said(name, presence, severity=severity)], significance).score <= 0.1


@pytest.mark.parametrize(
    ("said_mm", "true_mm", "error"), [(14, 12, 1 / 7), (20, 12, 0.4), (11, 10.5, 0), (None, 12, 0)]
)
def test_sizes(said_mm, true_mm, error):
    one, other = said("nodule"), said("nodule", side="left")
    sizes = {statement: size for statement, size in ((one, said_mm), (other, true_mm)) if size}
    found = count_errors(align(gather((one,), sizes), gather((other,), sizes)), CLINICAL)
    assert found.score == pytest.approx(ratio(0.5, 0.5 * 0.5 * error))
    assert found.counts[CATEGORIES.index("severity")] == bool(error)


def test_equal_weights():
    prediction, reference = [LEFT, PNEUMOTHORAX], [LEFT, said("granuloma")]
    assert errors(prediction, reference, EQUAL).score == pytest.approx(ratio(1, 2, 1 / 2, serious=math.inf))


def test_precision_and_recall_count_findings():
    found = errors([LEFT, HEART, said("opacity"), PNEUMOTHORAX], [RIGHT, said("pneumonia"), said("fracture")])
    assert (found.matched, found.predicted, found.expected) == (1.75, 4, 3)


STATEMENTS = st.builds(
    Statement,
    finding=st.sampled_from([*sorted(SIGNIFICANCE), *sorted(NOT_COUNTED), "study", "something else"]),
    category=st.none(),
    presence=st.sampled_from(["present", "absent", "uncertain"]),
    side=st.sampled_from([None, "left", "right"]),
    severity=st.sampled_from([None, "mild", "moderate", "severe"]),
    change=st.sampled_from([None, "new", "larger", "smaller", "resolved", "unchanged"]),
    start=st.integers(0, 99),
    end=st.just(100),
)
REPORTS = st.lists(STATEMENTS, max_size=8)


@given(REPORTS)
def test_a_copy_has_no_error(report):
    found = errors(report, report)
    assert found.score == 1
    assert not any(found.counts)
    assert found.matched == found.predicted == found.expected


@given(REPORTS, REPORTS, st.randoms())
def test_bounds_order_and_repetition(prediction, reference, random):
    found = errors(prediction, reference)
    assert 0 <= found.score <= 1
    assert found.matched <= min(found.predicted, found.expected)
    shuffled = random.sample([*prediction, *prediction], 2 * len(prediction))
    assert errors(shuffled, reference).score == pytest.approx(found.score)


@given(REPORTS, REPORTS)
def test_false_in_one_direction_is_missing_in_the_other(prediction, reference):
    forth, back = errors(prediction, reference), errors(reference, prediction)
    assert forth.counts[:4] == (back.counts[1], back.counts[0], *back.counts[2:4])
    assert (forth.matched, forth.predicted) == (back.matched, back.expected)


@given(REPORTS, REPORTS)
def test_every_finding_is_marked(prediction, reference):
    aligned = align(gather(tuple(prediction)), gather(tuple(reference)))
    marked = {(side, statement) for side, statement, _ in marks(aligned)}
    for side, report in (("prediction", prediction), ("reference", reference)):
        for one in report:
            if one.presence != "absent" and one.finding not in {"study", *NOT_COUNTED}:
                assert (side, one) in marked


def test_the_tables_speak_of_the_lexicon():
    """A finding of the lexicon that they don't name is not actionable, as the default says."""
    names = {entry.name for entry in ENTRIES} | {finding for entry in ENTRIES for finding, _ in entry.signs.values()}
    assert set(SIGNIFICANCE) | NOT_COUNTED <= names
    assert not {entry.name for entry in ENTRIES if entry.category} & NOT_COUNTED
    related = set().union(*FAMILIES, *INCLUDES.values(), *DESCRIBES.values()) | {*INCLUDES, *DESCRIBES}
    assert related <= set(SIGNIFICANCE)


def test_weights_are_in_order():
    assert list(WEIGHTS.values()) == sorted(WEIGHTS.values(), reverse=True)
    for name in SIGNIFICANCE:
        assert CLINICAL.weight(name, "mild") < CLINICAL.weight(name) == CLINICAL.weight(name, "moderate")
        assert CLINICAL.weight(name) <= CLINICAL.weight(name, "severe") <= 1
        assert EQUAL.weight(name, "mild") == EQUAL.weight(name, "severe") == 1
