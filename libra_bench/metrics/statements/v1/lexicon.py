# ruff: noqa: E501, SIM905 - tables of words
"""The words of change: findings, sides, directions, and what joins or parts them.

Patterns are matched without regard to case, on word boundaries; spaces match any white space. Directions are of the
thing itself: "larger" is more of a finding, "smaller" is less of it. "better" and "worse" are resolved to one of these by
the finding: a better effusion is smaller, better aeration is larger.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["new", "larger", "smaller", "resolved", "unchanged"]
DIRECTIONS: tuple[Direction, ...] = ("new", "larger", "smaller", "resolved", "unchanged")

FINDINGS: dict[str, tuple[str, ...]] = {
    "pleural effusion": (
        r"(?:hydro|haemo|hemo)thora(?:x|ces)",
        r"(?:pleural |pleuro-?)?effusions?",
        r"(?:pleural|loculated|layering) fluid",
        r"fluid collections?",
        r"hydropneumothora(?:x|ces)",
        r"empyema",
    ),
    "pneumothorax": (r"pneumothora(?:x|ces)", r"ptx", r"pleural air"),
    "atelectasis": (
        r"atelectas[ie]s",
        r"atelectatic (?:changes?|opacit(?:y|ies)|bands?|lung)",
        r"volume loss",
        r"collapse",
        r"(?:lobar |lung )collapse",
    ),
    "consolidation": (
        r"consolidations?",
        r"consolidative (?:opacit(?:y|ies)|changes?|process)",
        r"air[- ]?bronchograms?",
    ),
    "opacity": (
        r"(?:air[- ]?space|parenchymal|alveolar|interstitial|reticular|patchy|hazy|ground[- ]glass) (?:opacit(?:y|ies)|disease)",
        r"opacit(?:y|ies)",
        r"opacifications?",
        r"infiltrat(?:es?|ions?)",
        r"densit(?:y|ies)",
        r"haziness",
        r"air[- ]?space disease",
    ),
    "edema": (
        r"(?:interstitial |alveolar |pulmonary )*o?edema",
        r"(?:fluid|volume) overload",
        r"heart failure",
        r"chf",
    ),
    "congestion": (
        r"(?:pulmonary |central )*(?:vascular|venous) (?:congestion|engorgement|prominence)",
        r"congestion",
        r"cephali[sz]ation",
        r"vascular redistribution",
    ),
    "pulmonary vascularity": (r"(?:pulmonary )?vascular(?:ity|ature)",),
    "pneumonia": (r"(?:broncho)?pneumonias?", r"infectious process", r"infection", r"aspiration"),
    "nodule": (r"nodules?", r"nodular (?:opacit(?:y|ies)|densit(?:y|ies))", r"micronodules?"),
    "mass": (r"masses", r"mass", r"mass-?like (?:opacity|consolidation)", r"tumou?rs?", r"metastas[ie]s", r"lesions?"),
    "heart": (
        r"cardiomegaly",
        r"(?:cardiac|heart) (?:size|silhouettes?|shadow|contours?|enlargement)",
        r"cardiac(?=,? (?:and )?mediastinal)",
        r"cardio-?mediastinal (?:silhouettes?|contours?|shadow|structures|borders?)",
        r"enlarged heart",
        r"heart",
        r"pericardial effusions?",
    ),
    "mediastinum": (
        r"mediastinal (?:contours?|silhouettes?|widening|borders?|structures|shift)",
        r"(?:superior )?mediastinum",
        r"mediastinal(?= and hilar)",
    ),
    "hilum": (
        r"hilar (?:contours?|structures|enlargement|prominence|fullness|opacit(?:y|ies))",
        r"hilar(?= and mediastinal)",
        r"hila",
        r"hilum",
    ),
    "lymphadenopathy": (r"(?:hilar |mediastinal )*(?:lymph)?adenopathy", r"(?:enlarged )?lymph nodes?"),
    "subcutaneous emphysema": (
        r"(?:subcutaneous|soft tissue|chest wall) (?:emphysema|gas|air)",
        r"surgical emphysema",
    ),
    "emphysema": (r"emphysema(?:tous changes?)?", r"hyperinflation", r"copd", r"bullae", r"bullous disease"),
    "pneumomediastinum": (r"pneumomediastinum",),
    "pneumoperitoneum": (
        r"pneumoperitoneum",
        r"(?:free|subdiaphragmatic|intraperitoneal) (?:intraperitoneal |subdiaphragmatic )?air",
    ),
    "fracture": (r"(?:rib |clavicular |vertebral |compression )*fractures?", r"compression deformit(?:y|ies)"),
    "scarring": (r"(?:pleuro-?parenchymal |apical )?scar(?:s|ring)?", r"fibros[ie]s", r"fibrotic changes?"),
    "pleural thickening": (r"pleural (?:thickening|plaques?)",),
    "calcification": (r"calcifications?",),
    "granuloma": (r"granulomas?", r"granulomatous disease"),
    "diaphragm": (
        r"(?:hemi)?diaphragm(?:s|atic)?(?: elevation)?",
        r"elevated (?:hemi)?diaphragm",
    ),
    "lung volumes": (r"(?:lung|inspiratory) volumes?", r"inspiration", r"inspiratory effort"),
    "aeration": (r"aeration", r"lung expansion"),
    "interstitial markings": (
        r"(?:interstitial|lung|bronchovascular|pulmonary) markings",
        r"interstitial (?:abnormality|pattern|disease|prominence|thickening)",
        r"reticulations?",
    ),
    "bronchiectasis": (r"bronchiectas[ie]s",),
    "cavity": (r"cavit(?:y|ies|ations?)", r"abscess(?:es)?"),
    "hernia": (r"(?:hiatal |hiatus )?hernias?",),
    "aorta": (r"(?:thoracic )?aorta", r"aortic (?:arch|knob|contour|tortuosity|aneurysm|calcifications?)"),
    "scoliosis": (r"scoliosis", r"kyphosis"),
    "bones": (
        r"degenerative (?:changes?|disease)",
        r"osseous structures",
        r"bony structures",
        r"bones",
        r"osteophytes",
        r"spondylosis",
    ),
    "lungs": (r"lungs", r"lung fields", r"lung parenchyma"),
    "endotracheal tube": (r"endotracheal tubes?", r"et tubes?", r"ett"),
    "tracheostomy": (r"tracheostomy(?: tubes?| cannula)?",),
    "enteric tube": (
        r"(?:enteric|nasogastric|orogastric|nasoenteric|feeding|ng|og|dobb?hoff) (?:tubes?|catheters?)",
        r"dobb?hoff",
        r"ngt",
        r"ogt",
    ),
    "picc": (r"(?:picc|peripherally inserted central catheter)(?: lines?| catheters?)?",),
    "central line": (
        r"(?:(?:internal )?jugular |subclavian |ij |central )*(?:central )?(?:venous )(?:catheters?|lines?|access)",
        r"(?:internal )?jugular (?:central )?(?:catheters?|lines?|sheaths?)",
        r"(?:ij|subclavian|central|dialysis|hemodialysis) (?:lines?|catheters?|ports?)",
        r"port-?a-?caths?",
        r"(?:chest |infusion |mediport )?ports?",
        r"catheters?",
    ),
    "chest tube": (
        r"(?:chest|pleural|thoracostomy) (?:tubes?|drains?|catheters?)",
        r"pig-?tail(?: catheters?| drains?)?",
    ),
    "pacemaker": (
        r"(?:cardiac )?(?:pacemakers?|pacers?|defibrillators?)(?: leads?| wires?| device)?",
        r"icd(?: leads?)?",
        r"aicd",
        r"(?:pacing|pacer) (?:leads?|wires?)",
    ),
    "pulmonary artery catheter": (r"swan[- ]?ganz(?: catheters?)?", r"pulmonary art(?:ery|erial) catheters?"),
    "balloon pump": (r"(?:intra-?aortic )?balloon pumps?", r"iabp"),
    "sternotomy wires": (r"(?:median )?sternotomy(?: wires?)?", r"sternal wires?", r"(?:surgical )?clips"),
    "drain": (r"drains?",),
    "support devices": (
        r"(?:monitoring and )?(?:support|supporting)(?: and monitoring)? (?:devices?|apparatus|lines|hardware)",
        r"(?:monitoring|life support) devices?",
        r"lines and tubes",
        r"tubes and lines",
        r"(?:lines|tubes|hardware|devices?)",
    ),
    "study": (
        r"appearance of the (?:chest|thorax)",
        r"(?:stable |unchanged )?chest (?:x-?rays?|radiographs?|films?|findings|examination)",
        r"(?:cardiopulmonary|cardio-?pulmonary|overall|radiographic) (?:status|appearance|findings)",
        r"(?:exam|examination|study|radiographs?|films?)",
        r"chest(?! wall)",
    ),
}
"""Canonical finding -> how it is written. The first words of a longer phrase win over the shorter one."""

ANATOMY = frozenset({"lungs", "heart", "mediastinum", "hilum", "diaphragm", "aorta", "bones", "study", "scoliosis"})
"""Also places: "opacity behind the heart" is no statement about the heart."""

MIDLINE = frozenset({
    "heart", "mediastinum", "edema", "congestion", "lung volumes", "study", "endotracheal tube", "tracheostomy",
    "enteric tube", "balloon pump", "sternotomy wires", "support devices", "aorta", "lungs", "scoliosis", "bones",
    "pneumoperitoneum", "pneumomediastinum", "interstitial markings",
})  # fmt: skip
"""Do not inherit a side from the finding they are named together with."""

QUANTITIES = frozenset({"aeration", "lung volumes"})
"""More of it is better: "improved" is larger, "worse" is smaller."""

STATIC_ADJECTIVES = frozenset(
    {"pulmonary vascularity", "interstitial markings", "lung volumes", "scoliosis", "emphysema"}
)
"""Described, not compared: "increased interstitial markings" states no change unless the sentence compares."""

_ADVERB = (
    r"(?:significantly|substantially|considerably|markedly|slightly|mildly|moderately|minimally|somewhat|appreciably|notably|"
    r"greatly|much|very|essentially|relatively|overall|grossly|otherwise|definitely|clearly|probably|apparently|perhaps|"
    r"also|all|both|since|now|subsequently|further|even|progressively|gradually|rapidly|interval|completely|entirely|fully|"
    r"again|recently|only|mostly|generally|largely|quite|a bit|a little|in the interval|radiographically|dramatically|"
    r"at least|if anything|otherwise|likely|possibly|similarly|not|been|become|became|becoming|mild|slight|evidence of|"
    r"significant|marked|moderate|minimal|substantial|appreciable|definite|relevant|considerable|notable|obvious|any|an|a|"
    r"convincing|major|gross|further|overall|dramatic|some|interim|subtle|continued|the|to have|to be)"
)
ADVERBS = _ADVERB
"""What may come between a verb or a negation and the word of change it governs."""

_CHANGE_ADJECTIVES = (
    r"(?:(?:significant|substantial|relevant|appreciable|interval|definite|considerable|notable|marked|major|obvious|gross|"
    r"other|overall|interim|convincing|evidence of|convincing evidence of|real|radiographic|clinically|if any|further|great) )*"
)
_VISIBLE = (
    r"(?:seen|noted|visible|visuali[sz]ed|present|evident|identified|apparent|appreciated|demonstrated|detected|observed|"
    r"shown|imaged|discernible)"
)
_EXTENT = (
    r"(?:conspicuous|prominent|extensive|pronounced|dense|confluent|apparent|severe|evident|marked|widespread|diffuse|"
    r"distinct|visible|well-defined|numerous|focal|substantial)"
)
_OF = r"(?: (?:in|of)(?: the)? (?:size|extent|degree|number|volume|severity|amount|appearance|conspicuity|width|prominence|position))?(?: (?:in|of|to|for))?"

SEVERITY: dict[str, int] = {
    "trace": 0, "tiny": 1, "minimal": 1, "minor": 1, "small": 2, "mild": 2, "moderate": 3, "large": 4, "severe": 4,
    "marked": 4, "extensive": 4, "massive": 5,
}  # fmt: skip
_LEVEL = rf"(?:{'|'.join(SEVERITY)})"
LEVEL_CHANGES: tuple[str, ...] = (
    rf"(?:previously|formerly) (?P<was>{_LEVEL})\W+(?:\w+\W+){{0,3}}?now (?:\w+ )?(?P<now>{_LEVEL})",
    rf"now (?:\w+ )?(?P<now>{_LEVEL})\W+(?:\w+\W+){{0,3}}?(?:previously|formerly) (?P<was>{_LEVEL})",
    rf"from (?P<was>{_LEVEL}) to (?P<now>{_LEVEL})",
)
"""A change told by two degrees: "previously moderate, now small"."""

# (direction or "better"/"worse", form, pattern), the first that matches wins. Forms:
#   auto       either before its finding ("unchanged effusion") or after it ("effusion is unchanged")
#   noun       "increase in the effusion"; negated: unchanged
#   before     only in front of its finding
#   after      only behind its finding
#   perfect    a change only after has or have ("has enlarged"; "is enlarged" describes)
#   weak       as auto, but gives way to a stronger word about the same finding ("persistent but improved")
CUES: tuple[tuple[str, str, str], ...] = (
    ("unchanged", "noun", rf"(?:no|without(?: any)?|little|minimal|not any|lack of) {_CHANGE_ADJECTIVES}(?:changes?|alteration){_OF}"),
    ("unchanged", "auto", r"(?:minimally|barely|scarcely|hardly|little) (?:changed|altered)"),
    ("unchanged", "after", r"(?:has |have )?changed (?:little|minimally)"),
    ("unchanged", "auto", rf"(?:not|n't) (?:{_ADVERB} )*(?:changed|altered|different)"),
    ("smaller", "auto", r"(?:nearly|near|almost|partial(?:ly)?|incomplete(?:ly)?|mostly|largely|essentially|substantially|virtually)[- ](?:complete(?:ly)? )?(?:resolved|cleared|disappeared)"),
    ("smaller", "noun", r"(?:near|nearly|almost|partial|incomplete|substantial)(?:[- ](?:complete|total))? (?:interval )?(?:resolution|clearing|clearance|disappearance)(?: of)?"),
    ("resolved", "before", r"no residual"),
    ("resolved", "after", rf"no longer (?:{_ADVERB} )*{_VISIBLE}"),
    ("resolved", "auto", r"no longer"),
    ("resolved", "after", r"(?:is|are|has|have)(?: now)? gone"),
    ("unchanged", "after", r"(?:has |have )?failed to (?:improve|resolve|clear|decrease)"),
    ("unchanged", "after", rf"(?:did|does|do) not (?:{_ADVERB} )*change"),
    ("resolved", "after", rf"not (?:{_ADVERB} )*{_VISIBLE} (?:on|in|at) (?:the )?(?:current|present|today's|this)"),
    ("resolved", "after", rf"not (?:{_ADVERB} )*{_VISIBLE} (?:any ?more|any longer)"),
    ("new", "after", rf"not (?:{_ADVERB} )*(?:previously |clearly )?{_VISIBLE} (?:on|in|at) (?:the |a )?(?:most |recent )*(?:prior|previous|earlier|preceding|last|comparison)"),
    ("new", "after", rf"not (?:previously|formerly) {_VISIBLE}"),
    ("new", "after", rf"(?:was |were )?not {_VISIBLE} (?:previously|before|earlier|yesterday)"),
    ("resolved", "noun", r"(?:interval )?(?:complete )?(?:resolution|disappearance|clearance)(?: of)?"),
    ("resolved", "noun", r"(?:interval )?removal(?: of)?"),
    ("resolved", "auto", r"resolved|cleared|disappeared|vanished|abated"),
    ("resolved", "perfect", r"removed|withdrawn|pulled(?! back)|discontinued|taken out|explanted"),
    ("new", "noun", r"(?:interval )?(?:development|onset) of|interval appearance of"),
    ("new", "noun", r"(?:interval )?(?:placement|insertion|introduction|implantation) of"),
    ("new", "perfect", r"developed|appeared|arisen|occurred|placed|inserted|introduced|implanted"),
    ("new", "auto", rf"newly(?: {_VISIBLE})?"),
    ("new", "before", r"there (?:is|are) now"),
    ("new", "after", rf"now {_VISIBLE}"),
    ("new", "auto", r"new(?: (?:from|since|compared (?:with|to))(?: the)?(?: prior| previous)?(?: study| exam(?:ination)?)?)?"),
    ("larger", "noun", rf"(?:interval )?increases?{_OF}"),
    ("larger", "noun", rf"(?:interval )?(?:growth|progression|accumulation|re-?accumulation|expansion){_OF}"),
    ("larger", "noun", rf"interval (?:{_ADVERB} )*(?:enlargement|widening){_OF}"),
    ("larger", "noun", r"(?:enlargement|widening) (?=since|compared|from)"),
    ("worse", "noun", r"(?:interval )?(?:worsening|deterioration|exacerbation|aggravation) (?:of|in)"),
    ("better", "noun", rf"(?:interval )?improvements?{_OF}"),
    ("smaller", "noun", rf"(?:interval )?(?:decreases?|reductions?|regression|diminution|shrinkage){_OF}"),
    ("smaller", "noun", r"(?:interval )?clearing(?: of)?"),
    ("larger", "auto", rf"more {_EXTENT}"),
    ("smaller", "auto", rf"less {_EXTENT}"),
    ("larger", "perfect", r"enlarged|expanded|widened|extended|spread|re-?accumulated|accumulated|thickened"),
    ("larger", "auto", r"increased|increasing|increases|enlarging|larger|bigger|greater|progressed|progressive|progressing|progresses|grown|growing|denser|widening"),
    ("worse", "auto", r"worse|worsened|worsening|worsens|deteriorated|deteriorating|exacerbated|aggravated"),
    ("smaller", "auto", r"decreased|decreasing|decreases|diminished|diminishing|reduced|smaller|lessened|lessening|regressed|regressing|shrunk|shrunken|receded|subsided|subsiding|resolving|fainter"),
    ("better", "auto", r"improved|improving|improves|better"),
    ("smaller", "before", r"lower(?= (?:lung |inspiratory )?volumes)"),
    ("larger", "before", r"higher(?= (?:lung |inspiratory )?volumes)"),
    ("unchanged", "weak", r"(?:stable|unchanged|similar) (?=to (?:slightly|mildly|minimally|somewhat|marginally|possibly|perhaps) )"),
    ("unchanged", "auto", r"unchanged|stable|similar(?:ly)?|unaltered|constant|static|(?:the )?same|stably|stability|as before|not new"),
    ("unchanged", "weak", r"there remains?"),
    ("unchanged", "weak", rf"again (?:{_ADVERB} )*{_VISIBLE}|re-?demonstrated|re-?demonstration of|as (?:previously )?before"),
    ("unchanged", "weak", r"persistent|persistence of|persisting|continued|continuing|still|again"),
    ("unchanged", "weak-after", r"persists?|persisted|remains?|remained|continues?"),
)  # fmt: skip

WHOLE_STATEMENTS: tuple[tuple[str, Direction, str], ...] = (
    ("endotracheal tube", "resolved", r"(?:has|have) (?:since |now )?been (?:interval(?:ly)? )?extubated|(?:interval|status post|since) extubation|is now extubated"),
    ("endotracheal tube", "new", r"(?:has|have) (?:since |now )?been (?:interval(?:ly)? )?intubated|interval intubation|is now intubated"),
)  # fmt: skip
"""Phrases that name finding and change at once."""

NOT_CHANGE: tuple[str, ...] = (
    r"(?:greater|larger|bigger|more|worse|smaller|less)(?: \w+)? than (?:on |that on |in )?(?:the )?(?:left|right)",
    r"(?:greater|larger|bigger|more(?: \w+)?|worse|smaller|less(?: \w+)?) (?:on|in|at) the (?:left|right)(?: side)?(?: than (?:on |in )?(?:the )?(?:left|right))?",
    rf"(?:better|best) (?:{_VISIBLE}|evaluated|assessed|characteri[sz]ed|delineated|defined|depicted)",
    r"(?:right|left) (?:atri(?:um|al)|ventric(?:le|ular)|heart border|main(?:stem)? bronchus)",
    r"(?:cavo-?atrial junction|carina)",
    r"(?:document|ensure|confirm|assess for|evaluate for|to) (?:\w+ )?(?:resolution|clearing|stability|improvement|change)",
    r"hemodynamically stable",
    r"continued (?:concern|follow-?up|surveillance|attention|observation|symptoms|pain|cough)",
    r"greater than or equal",
    r"(?:since|than|as compared (?:to|with)|compared (?:to|with)|in comparison (?:to|with)|comparison is made (?:to|with)|relative to|on|from|to|with)"
    r"(?: (?:the|an?|most|recent|prior|previous|preceding|earlier|last|current|present|today's|comparison|outside|that|study|"
    r"chest|portable))* (?:prior|previous|preceding|earlier|last|current|comparison|recent|present)"
    r"(?: (?:chest|portable|pa|ap|frontal|lateral|ct))*(?: (?:study|studies|exam(?:ination)?s?|radiographs?|films?|images?|imaging|x-?rays?|ct|scan|one))?",
)  # fmt: skip
"""Words of change that compare two sides, or pictures, and not two times."""

COMPARISON = (
    r"interval|since|compared|comparison|prior|previous|previously|preceding|earlier|yesterday|than (?:on|before)|formerly|"
    r"again|no longer|redemonstrated|as before"
)
"""Language that only makes sense beside an earlier study."""

_STUDY_OF = r"(?: (?:stud(?:y|ies)|exam(?:ination)?s?|images?|imaging|films?|radiographs?|x-?rays?|chest|for|is|are|was|were|available|provided|direct|comparison|currently|to|compare|with))*"
NO_PRIOR = (
    r"\b(?:no|without(?: any)?|none) (?:(?:relevant|available|recent|direct|other|pertinent) )*(?:priors?|previous|comparisons?)"
    + _STUDY_OF
    + r"|(?:priors?|previous|comparisons?)"
    + _STUDY_OF
    + r" (?:not available|unavailable|not provided)|comparison:\s*none"
)
"""Says that there is nothing to compare with: no comparison language."""

SIDES: tuple[tuple[str, str], ...] = (
    ("both", r"(?:left|right)(?:[- ]sided| side)?,? (?:greater|larger|more|worse|smaller|less)(?: \w+)? than (?:the )?(?:left|right)"),
    ("both", r"left[- ]greater[- ]than[- ]right|right[- ]greater[- ]than[- ]left|(?:left|right)\s*>\s*(?:left|right)"),
    ("both", r"bilateral(?:ly)?|bi-?(?:basilar|basal|basally|apical|hilar)|both (?=lungs?|bases|sides|apices|hemithora|pleural|lower|upper|hila|costophrenic|effusions|pneumothoraces|opacities|nodules|chest tubes)"),
    ("left", r"left(?:[- ]sided| sided)?|lingula(?:r)?"),
    ("right", r"right(?:[- ]sided| sided)?|(?:middle lobe)"),
)  # fmt: skip

NEGATIONS = r"no evidence of|no|not|without|never|neither|nor|cannot|absence of|negative for|free of|n't"
TRANSITIVE = r"shows?|demonstrates?|reveals?|exhibits?|displays?"
SINGULAR = r"is|has|was|appears|seems|looks|had"
PLURAL = r"are|have|were|appear|seem|look"
EXISTENTIAL = r"there (?:is|are|was|were|has been|have been|appears to be|may be)"
HARD_BREAKS = r"but|while|whereas|however|although|though|which|that|because|yet|despite|except"
SOFT_BREAKS = (
    r"with|due to|secondary to|related to|adjacent to|along with|associated with|accompanied by|following|after"
)
INTERPRETATIONS = (
    r"likely|probably|possibly|suggest(?:s|ing|ive of)?|reflect(?:s|ing)?|represent(?:s|ing)?|(?:consistent|compatible) with|"
    r"concerning for|may (?:reflect|represent|be)|could (?:reflect|represent|be)|worrisome for|suspicious for|in keeping with|"
    r"cannot (?:be excluded|exclude)|recommend(?:ed)?|follow-up|which may"
)
"""What follows explains the finding before it, and is not itself said to have changed."""
PREPOSITIONS = (
    r"in|on|at|within|of|along|over|overlying|involving|throughout|behind|under|below|above|near|into|to|from|for"
)
PLACE_PREPOSITIONS = frozenset(
    "in on at within along over overlying throughout behind under below above near into to".split()
)
PRONOUNS = r"it|this|these|they|those|both|each|the latter"
STAND_INS = frozenset("one side lung base basilar basal component previously seen noted".split())
"""May be next to an elided finding: "the left one is unchanged"."""
CONJUNCTIONS = r"and|or|as well as|&"

STUDY_WORDS = frozenset(
    "a an and any appearance appears as at been chest change changes compared comparison current day earlier evidence exam "
    "examination film findings from has have identified image imaging in interval is last lung made most no not noted of on "
    "one otherwise overall portable preceding previous prior radiograph radiographic radiographs recent relevant same seen "
    "significant since status studies study substantial the there to today was were with without x-ray xray yesterday "
    "appreciable great relevant identified made again the this these impression findings conclusion postoperative".split()
)
"""A sentence of these words alone, with a word of change, speaks of the whole study."""
