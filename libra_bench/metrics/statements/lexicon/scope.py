# ruff: noqa: E501 - tables of words
"""Words that deny, doubt, explain, join and part: what decides how far a statement reaches."""

from __future__ import annotations

NEGATIONS = """
    no; without; never; devoid of; lack of; absence of; (negative|free|clear) (for|of); (neither|nor); rather than; as opposed to; instead of
    (no|without) [definite|convincing|definitive|radiographic|xxxx|typical] (evidence|indication|suggestion|sign|signs|findings|xxxx) (of|for|to suggest)
    (no|without) findings (suggestive|suspicious|concerning) (of|for); rules out; excludes; no [focal|discrete] (area|areas) of; zero
    (does|do|did) not (have|show|demonstrate|reveal); fails to (show|demonstrate|reveal); simulates; simulating; mimics; mimicking; (unchanged|continued|persistent|stable) absence of; no (residual or recurrent|recurrent or residual)
"""
"""In front of what is denied. The list behind them is denied as a whole."""

NOT = "not; isn't; aren't; wasn't; weren't; hasn't; haven't; doesn't; didn't; cannot be; can't be; cannot; no longer; not yet"
"""Denies the word of the predicate behind it ("is not enlarged", "not seen")."""

POST_NEGATIONS = "absent; ruled out; excluded; unlikely; none; nil"
"""Behind what they deny."""

VISIBLE = """
    seen; noted; visible; visualized; visualised; present; evident; identified; appreciated; demonstrated; detected; observed; shown; imaged
    discernible; found; recognized; recorded; in place; in situ; documented; described; delineated; apparent; confirmed
"""

NOT_WELL_SEEN = """
    not [as] (well|clearly|definitely|definitively|fully|optimally) (seen|visualized|identified|demonstrated|appreciated)
    (poorly|suboptimally|incompletely) (seen|visualized|demonstrated)
"""
"""Leaves open whether it is there."""

DOUBTS = """
    possible; possibly; probable; probably; questionable; suspected; suspect; [raises] [the] (question|possibility|suggestion|suspicion) of
    potential; potentially; query; perhaps; maybe; presumed; presumably; (concern|suspicion) for; suggestive of; less (likely|xxxx)
    [the] differential [diagnosis|considerations] (includes|include|would include)
    (possibly|potentially|probably|perhaps) (combined|associated) with
    [cannot|can not|unable to] [completely|entirely] (exclude|rule out); cannot (exclude|rule out); likely; (most|very) likely; equivocal
"""
"""Words in front of a finding, or of a reason for another ("opacity, possibly atelectasis")."""

DOUBT_VERBS = """
    [which|that] (may|might|could|would|can) [also|well|likely|possibly] (be|represent|reflect|indicate|suggest|relate to|correspond to|have)
    [which|that] (may|might|could|would|can) be (related|due|secondary|attributed) to; [which|that] (may|might|could) be (from|caused by)
    [which|that] (suggest|suggests|suggesting|suggested|indicate|indicates|indicating); (concerning|suspicious|worrisome) for; suspicious of
    [most|more] (likely|probably|possibly|xxxx) (represents|representing|represent|reflects|reflecting|reflect|related to|due to|secondary to|from)
    (felt|thought|believed|favored|xxxx|likely) to (be|represent|reflect); (may|could|might) (represent|reflect|be|relate to); favor//ed/s/ing
    [which|that] (xxxx|likely|probably|possibly) (represents|represent|reflects|reflect|indicates|indicate|relates to)
"""
"""Verbs that offer a reason for what was named."""

EXPLAINS = """
    [most] consistent with; [most] compatible [with|xxxx]; in keeping with; representing; represent/s; reflect//s/ing; due to; secondary to; related to
    because of; caused by; attributed to; attributable to; typical of; characteristic of; diagnostic of; corresponding to; as a result of
    resulting from; owing to; in the setting of
"""
"""What follows explains the finding before: a statement of its own, on the same side, without severity or change."""

POST_DOUBTS = """
    (is|are) (possible|suspected|questioned|questionable|likely|probable|not excluded|considered|favored)
    (cannot|can not|could not) be [entirely|completely|definitely|definitively|confidently] (excluded|ruled out); (may|might|could) be present
    (is|are|remains) a (possibility|consideration); (would|may|might|could) be (possible|considered); would be a (possibility|consideration); not [entirely|completely] excluded; (should|must) be (considered|excluded|ruled out); in the differential; (difficult|hard) to exclude
"""
"""Behind what they doubt."""

SUPPRESSORS = """
    recommend//ed/s/ing; recommendation; follow up; followup; further evaluation; (is|are|if) clinically (indicated|suspected|concerned); rule out
    (to|for) (evaluate|assess|exclude|further|better|confirm|document|ensure|evaluation|assessment|followup|follow); (evaluate|assess) for
    if there is [clinical|persistent|continued] (concern|suspicion); clinical (concern|correlation|suspicion); correlat/e/ion/ed/ing; if clinical
    (would|could|may) (be|prove) (helpful|obtained|useful|considered); would better; (is|are) (suggested|advised); advised; consider/ation
    (patient|patient with|patient has|with|given) [a|the|known|clinical|remote] history of; history of (cough|chest|fever|smoking|trauma|shortness|pain|dyspnea); complaint/s of; presenting with; symptoms of; evaluation (of|for); (is|if) desired
    (stability|resolution|clearing) should; should be (documented|established|obtained|correlated|compared|confirmed)
    (should|could|can|must|may) be (withdrawn|advanced|retracted|pulled|repositioned|removed|placed)
    until (resolution|clearing|clear|resolved); repeat (pa|chest|study|imaging|radiograph|radiographs); additional (imaging|views); nonemergent; dedicated; (more|most) sensitive
"""
"""What follows in the clause is asked for, not stated."""

EXISTENTIAL = "there; there (is|are|was|were|has been|have been|appears to be|appear to be|seems to be|appears|appear)"
BE = """
    is; are; be; been; being; appear//ed/s; seem//s/ed; look/s; appear/s to be; seem/s to be; become/s; became; appearing; lie/s
    (is|are) (considered|felt|believed|thought) to be; measure//s/d/ing; (does|do|did)
"""
HAVE = "has; have; had; having; (has|have|had) [since|now|also|again|subsequently|interval|recently] been; has since; have since"
SHOW = "show//s/ed/ing; demonstrate/s; demonstrating; reveal//s/ed; exhibit/s; display/s; contain/s"
HARD_BREAKS = """
    but; while; whereas; however; although; though; because; yet; despite; except [for]; otherwise; other than; apart from; aside from; as
    unless; given; considering; (allowing|accounting) for
"""
RELATIVES = "which; that; who; whose"
WITH = """
    with; along with; accompanied by; including; together with; plus; in addition to; status post; s p; following; after; associated with
    in association with; via; by; on a background of; superimposed on; through
"""
"""Starts a side remark: another finding, about which the words around the first say nothing."""

PREPOSITIONS = """
    in; on; at; within; along; over; involving; throughout; behind; under; below; above; near; into; to; about; around; between; across; for
    beneath; inside; outside; toward/s; upon; beyond; from; underlying; overlying; overlie/s; project//s/ed/ing [over|within|in|at|to]; projecting over
    (posterior|anterior|lateral|medial|inferior|superior|adjacent) to; affecting; occupying; obscuring; obscure/s; crossing; underneath
    in the (region|area|expected location) of; at the level of; terminat/e/es/ing/ed; extend/s/ing; superimposed over; cross/es
"""
OF = "of"
CONJUNCTIONS = "and; as well as; and also"
ALTERNATIVES = "or; and or; or (possibly|perhaps|maybe|potentially|alternatively); and possibly"
VERSUS = "versus; vs"
ARTICLES = "the; a; an; any; some; his; her; patient's; its; their; each; such"
PRONOUNS = "it; this; these; they; those; the (latter|former); appearance; [this|these|the] (finding|findings|appearance|area|areas|process)"

PARTS = "tip/s; sidehole/s; side (port|hole) [of]; course; lead/s"
"""Of a device: that a part is not seen says nothing of the device."""

ADVERBS = """
    (most|worst) (severe|marked|prominent|pronounced|conspicuous|apparent)
    significantly; substantially; substantial; sizable; meaningful; subtle; subtly; progressively; considerably; appreciably; notably; much; very; essentially; relatively; overall; grossly; definitely; clearly
    also; all; subsequently; further; even; only; mostly; generally; largely; quite; somewhat; a bit; little; dramatically; at least; if anything
    similarly; evidence of; definite; relevant; considerable; notable; obvious; convincing; major; gross; other; additional; acute; acutely; active
    focal; suspicious; discrete; overt; frank; significant; appreciable; residual; known; radiographic; radiographically; typical; specific
    specifically; incidental; incidentally; note [is] (made|xxxx) of; single; multiple; several; few; numerous; scattered; innumerable; diffuse
    diffusely; patchy; streaky; linear; vague; rounded; round; oval; ovoid; bandlike; band like; platelike; plate like; dense; faint; confluent
    partially; partly; completely; fully; incompletely
    non; changes (associated with|due to|related to|secondary to); a (larger|smaller) (area|region|component|focus|portion) of
    old; remote; healed; healing; chronic; chronically; chronic appearing; longstanding; long standing; age indeterminate; prior; previous
    displaced; nondisplaced; pathologic; associated; adjacent; superimposed; likewise; predominantly; primarily; mainly; area/s of; component/s of
    region/s of; focus of; foci of; sequela/e of; changes of; change of; evidence for; findings of; signs [suggestive|indicative] of; level of; degree of; amount/s of
    collection of; lines of; pattern of; (size|position|positioning|appearance|location|extent|distribution|configuration|degree|contour|contours|width|caliber|shape|alignment) (of|to|for) [the]
    position; size; in size; in (size and contour|appearance|caliber|configuration|contour|position); configuration; contour; caliber; shape
    noncalcified; uncalcified; subsegmental; discoid; segmental; dependent; compressive; obstructive; passive; free; loculated; layering; tension
    simple; complex; airspace; air space; alveolar; interstitial; reticular; well; moreover; furthermore; additionally; finally
    nonspecific; asymmetric; subcentimeter; fluid filled; sized; appearing; dominant; postoperative; postsurgical; surgical; thin; thick; remaining; multilevel
    multifocal; mid; distal; proximal; bony; technique; ap; pa; lateral; frontal; portable; view/s; projection/s; image/s; bilaterally symmetric
    pulled back; advanced (further|slightly|by); repositioned; retracted; visualised; hiatal; cardiogenic; benign; small airways
    better (seen|visualized|evaluated|assessed|demonstrated|characterized|appreciated|delineated|defined); best (seen|visualized|appreciated|evaluated)
    most; least; greatest; at this time; at present; [the] same (day|date|morning|xxxx); intact appearing; rather; (residual|persistent) or (recurrent|new); (recurrent|new) or (residual|persistent)
    [chest] ct [scan|scans|chest]
    previously (seen|noted|described|identified|visualized|demonstrated)
    hemodynamically stable; than; the (larger|smaller) [one|of]; callus [formation]; (vascular|aortic) injury; (pleural|skin|fissural|mach) line/s; (respiratory|renal|hardware|kidney) failure; greater than or equal; some; another
"""
"""Say nothing that is kept here; a phrase or a scope reaches across them."""
