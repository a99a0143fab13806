# ruff: noqa: E501 - tables of words
"""Sides, places and severities."""

from __future__ import annotations

from libra_bench.metrics.statements.statement import Severity

_COMPARED = "(greater|larger|bigger|more|worse|smaller|less|more severe|more prominent|more pronounced|more marked|more conspicuous|more extensive|lower|higher)"

SIDES: dict[str, str] = {
    "both": f"""
        bilateral; bilaterally; biapical; bibasilar; bibasal; bibasally; biapically; either (lung|side); both; both sides
        (left|right) [sided|side|lung|base] [slightly] {_COMPARED} [than] [on] [the] (left|right)
        (left|right) > (left|right); (l|r) > (l|r)
        left and right; right and left; {_COMPARED} on [the] (left|right) than [on] [the] (left|right)
    """,
    "left": "left; left sided; left side; lingula; lingular; leftsided; lt; lll; lul",
    "right": "right; right sided; right side; [right] middle lobe; rightsided; rt; rll; rul; rml",
}
"""Phrases that name a side; a comparison of the two sides is both."""

ASYMMETRIES = f"""
    {_COMPARED} than [that] [on] [the] (left|right) [side]; {_COMPARED} compared to [the] (left|right); asymmetric (to|compared to) [the] (left|right)
    (compared|relative|as compared) (to|with) [the] (left|right) [side]
"""
"""Compare the two sides, not two times."""

NO_SIDE = """
    (left|right) (atrium|atrial|ventricle|ventricular|heart|heart border|cardiac border|atrial appendage)
    (left|right) (main|mainstem|main stem) bronchus; (left|right) [main] pulmonary arter/y/ies; (left|right) coronary artery
    convex [to] [the] (left|right)
    (to|toward|towards) [the] (left|right); convex (left|right); rightward; leftward
    left to right; right to left; cavoatrial junction; cavo atrial junction; superior vena cava; svc; vena cava; brachiocephalic vein; carina
"""
"""Of the heart, of vessels, or a direction: no side of a finding."""

PLACES = """
    lobe/s; base/s; apex; apices; apical; basilar; basal; lung (zone|zones|field|fields|base|bases|apex|apices); midlung; mid lung/s; perihilar; infrahilar; suprahilar
    retrocardiac; paramediastinal; peripheral; central; upper; lower; mid; middle; medial; lateral; anterior; posterior; inferior; superior; subpleural
    (upper|lower|mid|middle) (lung|lungs|lobe|lobes|lung zone|lung zones|zone|zones); zone/s; quadrant; region; lobar; segment/s; aspect; portion/s
    side; sides; axilla; axillary; supraclavicular; neck; parahilar; juxtahilar; paraspinal; retrosternal; subcarinal; pectoral
    posterolateral; anterolateral; posteromedial; cervical; lumbar; thoracolumbar; upper extremity; hilar; subsegmental
    (first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|1st|2nd|3rd|4th|5th|6th|7th|8th|9th|10th|11th|12th)
    fissure/s; (major|minor|horizontal|oblique) fissure; subdiaphragmatic; acromioclavicular; hemithoraces; (thoracic|chest|abdominal|peritoneal) cavity; aerated (lung|lungs)
"""
"""Where in the chest; read over, but for the sides beside them."""

LUNG_PLACES = frozenset({"lobe", "base", "apex", "zone", "lung", "midlung", "lobes", "bases", "apices", "zones"})
"""Last words of places in the lungs: "the right lower lobe is clear" speaks of the lungs."""

SEVERITIES: dict[str, tuple[Severity, str]] = {
    "trace": ("mild", "trace"),
    "tiny": ("mild", "tiny; minimal; minimally; minor; punctate; minute"),
    "mild": (
        "mild",
        "(mild|mildly|slight|slightly|small|low grade) [sized]; (minimal|tiny|trace) to (mild|small); mild to minimal",
    ),
    "moderate": (
        "moderate",
        "moderate; moderately; moderate (sized|size); (mild|small|minimal|mildly) to (moderate|moderately); mild moderate",
    ),
    "severe": (
        "severe",
        """
        severe; severely; large; marked; markedly; massive; massively; extensive; extensively; huge; advanced; large sized; profound
        (moderate|mild|moderately) to (large|severe|marked|severely|markedly|advanced); moderately (large|severe); very large; moderate large
        """,
    ),
}
"""Grade -> the severity that it counts as, and its phrases; of a range the higher end counts."""

LARGE = frozenset({"large", "very large", "huge", "massive"})
"""Of a structure no grade but a sign: "the heart is large"."""
GRADE_ORDER = ("trace", "tiny", "mild", "moderate", "severe")
