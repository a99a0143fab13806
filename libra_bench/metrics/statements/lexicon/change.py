# ruff: noqa: E501 - tables of words
"""Words of change.

Directions are of the disease: "larger" is more of it, or worse; "smaller" is less of it, or better. An increase of what is
good ("quantity" in the tables: aeration, lung volumes) is therefore smaller. "increased" and "decreased" may describe
("increased interstitial markings") and then state no change; "more" and "less" state one only beside an earlier picture;
"changed" counts only where it is denied.

Forms:
    auto       either before its finding ("unchanged effusion") or behind it ("effusion is unchanged")
    noun       "increase in the effusion", "effusion with increase"; denied: unchanged
    behind     only behind its finding
    before     only in front of its finding
    done       behind its finding, where something has happened to it ("has been placed"); "removed" also alone
    perfect    a change only behind has or have ("has enlarged"; "is enlarged" describes)
    weak       as auto, but gives way to a stronger word about the same finding ("persistent but improved")
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Form: TypeAlias = Literal["auto", "noun", "behind", "before", "done", "perfect", "weak"]

_SEEN = "(seen|noted|visible|visualized|present|evident|identified|apparent|appreciated|demonstrated|detected|observed|found|imaged|discernible|there)"
_EXTENT = "(conspicuous|distinct|prominent|extensive|pronounced|dense|confluent|apparent|severe|evident|marked|widespread|visible|numerous|substantial|opaque)"
_ALMOST = "(nearly|near|almost|partially|partly|incompletely|mostly|largely|substantially|virtually)"

CUES: tuple[tuple[str, Form, str], ...] = (
    ("unchanged", "auto", """
        unchanged; stable; stably; stability; unaltered; constant; static; similar; similarly; comparable; steady; unresolved; unimproved
        (minimally|barely|scarcely|hardly|little) (changed|altered); no different; nonresolving; similar appearing; stable appearing
        not [significantly|appreciably|substantially|much|really] (changed|altered|different|new); of (similar|unchanged|stable) (size|appearance)
        changed (little|minimally); as before; remain//s/ed (stable|unchanged)
    """),
    ("unchanged", "behind", "[essentially|about] the same; not xxxx since; failed to (improve|resolve|clear|decrease); (did|does|do) not change"),
    ("unchanged", "noun", """
        (little|minimal) [interval|significant|overall|relevant|appreciable|substantial|other] [interval] (change|changes); (no|without|little) xxxx change/s; failure to (resolve|clear|improve)
        stability of; lack of [interval|significant] (change|resolution|improvement)
    """),
    ("unchanged", "weak", "but not [yet|completely|fully|entirely] (resolved|cleared)"),
    ("unchanged", "weak", f"""
        persistent; persistently; persisting; persist//s/ed; persistence of; continued; continuing; continue/s [to be]; ongoing; still; again; remain//s/ed
        redemonstrated; re demonstrated; redemonstration of; re demonstration of; redemonstrating; again {_SEEN}; once again; (is|are) again; still {_SEEN}
        [as] {_SEEN} (previously|before); [also] {_SEEN} on [the] [most recent] (prior|previous|old|earlier|comparison) [ct|chest] [exam|examination|study|radiograph|radiographs|film|films|ct]; lingering
    """),
    ("changed", "noun", f"""
        [interval] change/s [in]; change/s (from|since); [interval] change/s (is|are|was) {_SEEN} [in]; alteration/s [in]; difference/s [in]
    """),
    ("changed", "auto", "changed; altered; different"),
    ("new", "auto", f"""
        new; newly; newly {_SEEN}; developing; new (from|since); recurrent; recurring; recurred; reappeared; reaccumulated; reaccumulating; de novo
        not previously {_SEEN}
    """),
    ("new", "before", "there (is|are) now; there (has|have) (developed|appeared|arisen); received"),
    ("new", "noun", """
        [interval] (development|onset|introduction|recurrence|reappearance|reaccumulation|re accumulation) [of]; interval appearance of
        [interval] (placement|insertion|implantation|exchange) of; interval (placement|insertion|implantation|exchange)
    """),
    ("new", "behind", f"now {_SEEN}; not {_SEEN} (previously|before|yesterday|earlier); not {_SEEN} on [the] [most] [recent] (prior|previous|last|comparison|earlier) [exam|examination|study|radiograph|film]"),
    ("new", "done", "developed; appeared; arisen; occurred; returned; placed; inserted; introduced; implanted; exchanged; replaced; reinserted"),
    ("larger", "auto", f"""
        increasing; enlarging; larger; bigger; greater; progressed; progressive; progressing; progresses; growing; grown; grew; denser; spreading
        increased (size|extent|number) [of]
        more {_EXTENT}; increases; increased in (size|extent|conspicuity|prominence|density|number|volume|severity|degree|amount); interval increased
    """),
    ("larger", "noun", """
        [interval] increase/s [in|of]; [interval|further] (growth|progression|accumulation) [of|in]
        (interval|further) (enlargement|widening|expansion) [of|in]
    """),
    ("larger", "perfect", "enlarged; widened; extended; spread; accumulated; thickened"),
    ("smaller", "auto", f"""
        decreasing; smaller; lessened; lessening; regressed; regressing; shrunk; shrunken; receded; receding; subsided; subsiding; resolving; fainter
        less {_EXTENT}; {_ALMOST} [complete|completely|entirely|totally] (resolved|cleared|disappeared); clearing; waning; diminishing; fading
        decreased in (size|extent|conspicuity|prominence|density|number|volume|severity|degree|amount); decreases; less than (before|previously)
        decreased (size|extent|number) [of]
    """),
    ("smaller", "noun", """
        [interval] (decrease|decreases|reduction|regression|diminution|shrinkage|clearing) [in|of]
        (near|nearly|almost|partial|incomplete|substantial) [complete|total] [interval] (resolution|clearing|clearance|disappearance) [of]
    """),
    ("more", "before", "more"),
    ("less", "before", "less; fewer"),
    ("increased", "auto", "increased; higher"),
    ("decreased", "auto", "decreased; diminished; reduced"),
    ("replaced", "done", "(replaced|exchanged) (by|with|for)"),
    ("resolved", "before", "(no|without) [definite|significant|appreciable|convincing] [evidence of] [definite|significant] residual"),
    ("resolved", "auto", "[completely|essentially] (resolved|cleared|disappeared|vanished|abated|normalized); returned to normal; gone"),
    ("resolved", "noun", "[interval] [complete] (resolution|disappearance|clearance|removal|withdrawal|normalization) [of]; complete clearing of"),
    ("resolved", "done", "removed; withdrawn; pulled; discontinued; taken out; explanted; evacuated"),
    ("resolved", "behind", f"""
        no longer [definitely|clearly] {_SEEN}; no longer (enlarged|in place); not {_SEEN} (today|now|currently|any more|any longer|anymore)
        not {_SEEN} (on|in) [the] (current|present|today's|this) [study|exam|examination|radiograph|film|image]
    """),
    ("worse", "auto", "worse; worsened; worsening; worsens; deteriorated; deteriorating; exacerbated; aggravated"),
    ("worse", "noun", "[interval] worsening (of|in); [interval] deterioration [of|in]; [interval] exacerbation (of|in)"),
    ("better", "auto", "improved; improving; improves; better; ameliorated"),
    ("better", "noun", "[interval] improvement/s [of|in]"),
)  # fmt: skip

_WHEN = (
    "(prior|previous|preceding|earlier|last|most recent|recent|comparison|old|outside|multiple prior|multiple previous)"
)
_STUDY = "(study|studies|exam|exams|examination|examinations|radiograph|radiographs|film|films|image|images|imaging|ct|scan|x ray|report|day)"
COMPARISONS = f"""
    interval; interim; in the (interval|interim); compared; comparison; since; yesterday; in comparison; dating back to
    (compared|in comparison) (to|with); as compared (to|with); when compared (to|with); (since|than) [that] (before|previously)
    (since|compared to|compared with|in comparison to|in comparison with|relative to|from|than on|than|on|to|with) [the|a] {_WHEN}
    (since|compared to|compared with|in comparison to|in comparison with|relative to|from|than on|to) [the|a] xxxx {_STUDY}
    [the|a] {_WHEN} [chest|recent|pa|ap|portable|frontal] {_STUDY}; (since|than) that; no comparison {_STUDY}
"""
"""An earlier picture is meant: "increased" compares."""

EARLIER_PICTURES = frozenset(
    [
        "prior",
        "previous",
        "preceding",
        "earlier",
        "last",
        "recent",
        "comparison",
        "old",
        "outside",
        "to",
        "with",
        "since",
        "than",
    ]
)
"""Behind these a word for the examination means the earlier one: "since the prior (chest radiograph)"."""

EARLIER = "previously; formerly; was; were; had been; initially; originally; earlier; used to be; from"
EARLIER_VERBS = frozenset({"was", "were", "had been", "used to be"})
NOW = f"now; currently; today; presently; (on|in) (the|this) (current|present) {_STUDY}; (on|in) [the] today's {_STUDY}"
"""Which of two grades or measures is the earlier one: "previously small, now large"."""

DESCRIBE: dict[str, str] = {"enlarged": "enlarged", "widened": "enlarged", "thickened": "thickened"}
"""What a perfect form says where it is no change: "the heart is enlarged"."""
