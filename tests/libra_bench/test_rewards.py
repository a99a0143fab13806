"""Metrics as rewards: TRL's contract, what is refused, what is kept."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import tiny_encoders as tiny
from every_case import every_case
from repository import ROOT

from benchmarks.errors import InputError, MetricUnavailableError, MissingColumnError, RewardError, RewardWarning
from libra_bench.metrics.extractors.cache import ExtractionCache
from libra_bench.metrics.metric import Key, MetricResult
from libra_bench.metrics.registry import make_metric
from libra_bench.rewards import reward

SAID = ["The effusion has increased.", "Clear lungs.", ""]
TRUE = ["The effusion has increased.", "The lungs are clear.", "No effusion."]


@dataclass(frozen=True)
class Fake:
    """A metric that gives what it is told to, and remembers how it was asked."""

    given: tuple[float | None, ...] = ()
    calls: list[int] = field(default_factory=list, compare=False)
    id: ClassVar[str] = "fake"

    @property
    def keys(self):
        return (Key("Fake"),)

    def missing(self):
        return None

    def score(self, predictions, references, fields=None):
        self.calls.append(len(predictions))
        n = len(predictions)
        values: list[Any] = (
            list(self.given[:n]) if len(self.calls) > 2 else [1.0] * n
        )  # the first two calls are the probe
        return MetricResult({"Fake": 0.0}, samples={"Fake": values, "Other": [0.5] * n})


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["rouge_l", "meteor", "temporal_f1", "exact_match"])
def test_a_reward_is_the_metric_s_own_value_per_report(name):
    expected = next(iter(make_metric(name).score(SAID, [[text] for text in TRUE]).samples.values()))
    assert reward(name)(SAID, ground_truth=TRUE) == pytest.approx(expected, abs=1e-12)


def test_every_other_column_is_ignored_and_the_reference_may_have_any_name():
    function = reward("rouge_l", reference="findings")
    assert function(
        prompts=["p"] * 3, completions=SAID, completion_ids=[[1], [2], [3]], findings=TRUE, trainer_state=object()
    ) == reward("rouge_l")(SAID, ground_truth=TRUE)


def test_several_references_and_conversations():
    messages: list[Any] = [
        [{"role": "assistant", "content": "An effusion."}, {"role": "assistant", "content": SAID[0]}],
        [{"role": "assistant", "content": [{"type": "image"}, {"type": "text", "text": SAID[1]}]}],
        [],
    ]
    references: list[Any] = [[TRUE[0], "nothing"], [{"role": "assistant", "content": TRUE[1]}], TRUE[2]]
    assert reward("rouge_l")(messages, ground_truth=references) == reward("rouge_l")(SAID, ground_truth=TRUE)


def test_none_passes_through_and_its_neighbours_are_scored():
    function = reward("rouge_l")
    assert function([SAID[0], None, SAID[1]], ground_truth=[TRUE[0], TRUE[1], None]) == [100.0, None, None]
    assert function([None], ground_truth=[None]) == [None]
    assert function([[{"role": "assistant", "content": None}]], ground_truth=["a"]) == [None]


def test_empty_batches_and_empty_reports():
    assert reward("rouge_l")([], ground_truth=[]) == []
    assert reward("rouge_l")(["", "a"], ground_truth=["", ""]) == [0.0, 0.0]
    assert reward("temporal_f1")([""], ground_truth=[""]) == pytest.approx([100.0])


def test_a_report_of_ten_thousand_words():
    long = "small left effusion has increased. " * 2_000
    for name, key in (("rouge_l", None), ("meteor", None), ("temporal_change_f1", "Temporal_change_score")):
        (value,) = reward(name, key=key)([long], ground_truth=[long])
        assert value == pytest.approx(100.0, abs=0.1)


def test_a_key_is_needed_where_there_are_several():
    with pytest.raises(ValueError, match=r"several values per report.*Temporal_change_score, Temporal_direction"):
        reward("temporal_change_f1")
    function = reward("temporal_change_f1", key="Temporal_direction_score")
    assert function(["Effusion has increased."], ground_truth=["Edema has increased."]) == [100.0]
    with pytest.raises(ValueError, match="did you mean 'Temporal_change_score'"):
        reward("temporal_change_f1", key="Temporal_change")


def test_a_metric_s_own_choice_of_key():
    @dataclass(frozen=True)
    class Chooses(Fake):
        reward_key: ClassVar[str] = "Other"

    assert reward(Chooses())(["a"], ground_truth=["b"]) == [0.5]
    errors = reward("report_errors")
    assert errors.__name__ == "Report-errors-score"
    copy, invented = errors([SAID[0], "Large right tension pneumothorax."], ground_truth=[SAID[0], SAID[0]])
    assert copy == 100.0
    assert invented is not None
    assert invented < 50.0
    assert reward(Chooses(), key="Other").__name__ == "Other"


@pytest.mark.parametrize("key", [None, "BLEU4"])
def test_corpus_bleu_says_which_bleu_has_a_value_per_report(key):
    with pytest.raises(RewardError, match=r"whole corpus.*bleu\[scheme=sentence\] with key='BLEU4'"):
        reward("bleu", key=key)
    assert reward("bleu[scheme=sentence]", key="BLEU4")([TRUE[1]], ground_truth=[TRUE[1]]) == pytest.approx([100.0])


def test_a_missing_column_is_a_key_error_whose_message_is_not_quoted():
    with pytest.raises(KeyError) as caught:
        reward("rouge_l")(["a"], truth=["b"], prompts=["p"])
    assert isinstance(caught.value, MissingColumnError)
    assert str(caught.value).startswith("the dataset has no column 'ground_truth'; it has prompts, truth;")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_raises(value):
    function = reward(Fake((2.0, value)))
    with pytest.raises(ValueError, match="Fake of completion 2 is") as caught:
        function(["a", None, "b"], ground_truth=["a", "b", "c"])
    assert isinstance(caught.value, RewardError)
    with pytest.raises(ValueError, match=r"which transform made of 3\.0"):
        reward(Fake((3.0,)), transform=lambda _: value)(["a"], ground_truth=["b"])


def test_a_metric_s_none_passes_through_transform_and_sum():
    function = reward([Fake((None, 4.0)), "rouge_l"], transform=lambda value: 2 * value)
    assert function(["a", "b"], ground_truth=["a", "b"]) == [None, 208.0]


def test_several_metrics_are_a_weighted_sum_in_their_units():
    one, two = reward("rouge_l")(SAID, ground_truth=TRUE), reward("meteor")(SAID, ground_truth=TRUE)
    both = reward(["rouge_l", "meteor"], weights=[0.25, 0.75])
    assert both(SAID, ground_truth=TRUE) == pytest.approx(
        [0.25 * a + 0.75 * b for a, b in zip(one, two, strict=True)]  # type: ignore[operator]
    )
    assert both.__name__ == "ROUGE-L+METEOR"
    mixed = reward(["rouge_l", "temporal_change_f1"], key=[None, "Temporal_change_score"])
    assert mixed(SAID[:1], ground_truth=TRUE[:1]) == [200.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": []}, "no metric was given"),
        ({"metric": ["rouge_l", "meteor"], "weights": [1.0]}, "2 metrics need 2 finite weights"),
        ({"metric": ["rouge_l", "meteor"], "weights": [1.0, math.nan]}, "2 metrics need 2 finite weights"),
        ({"metric": ["rouge_l", "meteor"], "key": "ROUGE-L"}, "2 metrics need 2 keys"),
        ({"metric": ["rouge_l", "meteor"], "key": ["ROUGE-L"]}, "1 for key, but 2 metrics"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, message):
    with pytest.raises(ValueError, match=message):
        reward(**arguments)


def test_lower_is_better_must_be_turned_round():
    with pytest.raises(ValueError, match="Repetition is better when it is lower"):
        reward("diagnostics")
    for function in (reward("diagnostics", transform=lambda value: -value), reward(["diagnostics"], weights=[-1.0])):
        assert function(["No edema. No edema."], ground_truth=["No edema."]) == [-50.0]


def test_a_value_that_depends_on_the_batch_is_warned_of():
    with pytest.warns(RewardWarning, match="CIDEr weighs words by how rare they are"):
        reward("cider")


@every_case(
    ("completions", "references", "message"),
    [
        (["a"], [], "1 completions, but 0 references"),
        (["a"], "a", "1 completions, but 'a'"),
        (["a"], None, "1 completions, but None"),
        ([3], ["a"], "completion 0: a completion is a text"),
        ([{"role": "assistant", "content": 3}], ["a"], "completion 0: a message's content is"),
        (["a"], [[]], "ground_truth 0: a reference is a text"),
        (["a"], [7], "ground_truth 0: a reference is a text"),
    ],
)
def test_batches_that_cannot_be_read(completions, references, message):
    with pytest.raises(RewardError, match=message):
        reward("rouge_l")(completions, ground_truth=references)


def test_weights_that_are_missing_are_said_before_any_training(tmp_path):
    with pytest.raises(MetricUnavailableError, match=r"chexbert: .* is not a file; pass model=FILE\.pth"):
        reward(f"chexbert[model={tmp_path / 'nothing.pth'}]")
    with pytest.raises(InputError, match="unknown metric 'rogue'"):
        reward("rogue")


def test_a_batch_is_scored_once_for_two_keys():
    fake = Fake((1.0, 2.0))
    one, two = reward(fake), reward(fake, key="Other")
    before = len(fake.calls)
    for function in (one, two):
        function(["a", "b"], ground_truth=["c", "d"])
    assert len(fake.calls) == before + 1


def test_a_metric_that_cannot_be_hashed_and_a_column_called_self():
    class Mutable(Fake):
        __hash__ = None  # type: ignore[assignment]

    assert reward(Mutable((2.0,)))(["a"], ground_truth=["b"], self=[1], weights=[2]) == [2.0]


def test_what_is_found_in_references_is_kept_and_in_completions_is_not():
    function = reward(f"chexbert[model={tiny.CHEXBERT},backbone={tiny.BERT}]")
    (value,) = function(["Small left effusion."], ground_truth=["No effusion."])
    assert value is not None
    cache = next((ExtractionCache("", "").path.parent).glob("chexbert-*.sqlite3"))
    kept = ExtractionCache("", "")
    kept.path = cache
    assert list(kept.get(["Small left effusion.", "No effusion."])) == ["No effusion."]


def test_bertscore_of_a_copy_of_another_report_and_of_nothing(tmp_path):
    function = reward(f"bertscore[model={tiny.distilbert(tmp_path / 'distilbert')},num_layers=2]")
    copy, other, empty = function([TRUE[1], "Right pneumothorax.", ""], ground_truth=[TRUE[1]] * 3)
    assert copy == pytest.approx(100.0, abs=1e-3)
    assert empty == 0.0
    assert other is not None
    assert other < 100.0


def test_the_document_s_example_gives_what_it_says():
    code, _ = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "rewards.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    said = re.search(r"# (\[.*\])", code)
    assert said
    assert names["rouge"](SAID[:2], ground_truth=TRUE[:2]) == json.loads(said.group(1))


def test_importing_rewards_imports_nothing_heavy():
    check = (
        "import libra_bench, sys; libra_bench.rewards.reward('rouge_l')(['a'], ground_truth=['a']);"
        "print([name for name in ('torch', 'transformers', 'pandas', 'trl', 'nltk') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
