"""What looks wrong in a text that should be a report."""

from __future__ import annotations

from every_case import every_case

from benchmarks.catalog import DEMO, FINDINGS_PROMPT
from benchmarks.schema import Answer
from benchmarks.suites import read_samples
from libra_bench.runs.suspicious_texts import count_suspicions, suspicions

PROMPT = f"{FINDINGS_PROMPT} Following clinical context: Indication: Cough and fever for three days."
SOUND = "The lungs are clear. There is no pleural effusion or pneumothorax. The heart size is normal."


@every_case(
    ("text", "wrong"),
    [
        ("  ", ("empty",)),
        (f"{PROMPT} {SOUND}", ("prompt echoed",)),
        ("**Lungs**: clear.", ("Markdown",)),
        ("- Clear lungs.\n- No effusion.", ("Markdown",)),
        ("Findings: clear lungs.", ("heading",)),
        ('{"findings": "Clear lungs."}', ("JSON",)),
        ('```json\n[{"finding": "none"}]\n```', ("JSON", "Markdown")),
        (f"{SOUND}<|im_end|>", ("chat tokens",)),
        ("I'm sorry, but I can't interpret medical images.", ("refusal",)),
        ("As an AI, I cannot provide a medical diagnosis.", ("refusal",)),
        ("Please consult a radiologist.", ("refusal",)),
        ("\u53cc\u80ba\u6e05\u6670\uff0c\u672a\u89c1\u80f8\u8154\u79ef\u6db2\u3002", ("other language",)),
        ("Die Lunge ist klar, kein Erguss und kein Pneumothorax, das Herz ist normal.", ("other language",)),
        ("No effusion is seen on this image. " * 5, ("repeats itself",)),
        ("The endotracheal tube ends 4 cm above the carina. * Sternotomy wires.", ()),
        ("No cardiomegaly; effusion with des Moines sign.", ()),
        ("I see no pneumothorax, but I cannot exclude a small effusion.", ()),
        (SOUND, ()),
    ],
)
def test_each_fault_has_its_name(text: str, wrong: tuple[str, ...]) -> None:
    assert suspicions(text, prompt=PROMPT) == wrong


def test_what_was_cut_off_is_truncated() -> None:
    assert suspicions(SOUND, finish="length") == ("truncated",)


def test_reports_of_radiologists_look_right() -> None:
    for sample in read_samples(DEMO / "demo.jsonl"):
        assert suspicions(sample.references[0], prompt=sample.text, finish="stop") == ()


def test_what_the_cleaning_takes_away_is_not_counted() -> None:
    answers = [Answer(1, PROMPT, "**Findings**: clear lungs."), Answer(2, PROMPT, "I am unable to view images.")]
    assert count_suspicions(answers, "none") == {"Markdown": 1, "heading": 1, "refusal": 1}
    assert count_suspicions(answers, "report-1") == {"refusal": 1}
    failed = Answer(3, PROMPT, "", metadata={"finish": "error"})
    assert count_suspicions([failed, Answer(4, PROMPT, "")], "none") == {}
