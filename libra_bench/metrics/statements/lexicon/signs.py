# ruff: noqa: E501 - tables of words
"""Signs: words that make a finding of a structure ("enlarged", "tortuosity of"), or say that it is well ("clear")."""

from __future__ import annotations

SIGN_ADJECTIVES: dict[str, str] = {
    "enlarged": "enlarged; big; widened; wide; dilated; prominent; distended; bulbous; bulging; engorged; full; generous; globular",
    "accentuated": "accentuated",
    "tortuous": "tortuous; torturous; unfolded; uncoiled; elongated",
    "ectatic": "ectatic; aneurysmal",
    "calcified": "[densely] calcified; calcific; atherosclerotic; atheromatous",
    "elevated": "elevated; raised; high riding",
    "flattened": "flattened; flat; depressed",
    "blunted": "blunted; effaced; obliterated; indistinct; obscured; blurred; ill defined",
    "low": "low; shallow; poor; suboptimal",
    "high": "high; large",
    "reduced": "smaller; fewer",
    "thickened": "thickened",
    "curved": "curved",
    "deformed": "deformed; wedged",
    "compressed": "compressed; collapsed",
    "irregular": "irregular",
    "fractured": "fractured; broken",
    "osteopenic": "osteopenic; demineralized; osteoporotic",
    "degenerative": "degenerated; arthritic",
    "shifted": "shifted; deviated; displaced",
    "abnormal": "abnormal; coarse; coarsened; crowded; hazy",
    "opaque": "opaque; opacified; white",
    "lucent": "hyperlucent; lucent",
}
"""Sign -> its adjectives. What a sign makes of a structure is told by the structure's entry; elsewhere it says nothing."""

SIGN_NOUNS: dict[str, str] = {
    "enlarged": "enlargement; widening; prominence; fullness [to the]; dilatation; dilation; distension; distention; bulge; engorgement",
    "accentuated": "accentuation",
    "tortuous": "tortuosity; unfolding; uncoiling; elongation",
    "ectatic": "ectasia; aneurysmal (dilatation|dilation)",
    "calcified": "atherosclerotic (change|changes|disease|calcification|calcifications|vascular calcification|vascular calcifications)",
    "elevated": "elevation",
    "flattened": "flattening",
    "eventrated": "eventration/s",
    "blunted": "blunting; obscuration; effacement; obliteration; indistinctness; haziness",
    "thickened": "thickening",
    "curved": "curvature",
    "deformed": "deformit/y/ies; wedging; height loss",
    "compressed": "compression/s; compression deformit/y/ies",
    "irregular": "irregularit/y/ies",
    "shifted": "shift; deviation; displacement",
    "abnormal": """
        abnormalit/y/ies; finding/s; process/es; disease/s; disease process; pathology; injur/y/ies; change/s; lesion/s; dislocation/s
        destruction; trauma
    """,
    "crowded": "crowding",
}
"""Sign -> its nouns, of a structure behind or before them ("widening of the mediastinum", "mediastinal widening")."""

NORMAL = """
    [within|at] [the] normal limits; within [the] limits of normal; within limits; within normal range; wnl; within [the] limits
    normal; unremarkable; clear; intact; sharp; preserved; maintained; negative; symmetric; symmetrical; patent; midline; normalized
    [at] [the] upper (limit|limits) [of] [the] normal [range]; upper normal [limits]; normal upper limits; [near] top [of] normal [limits]; high normal
    nonenlarged; nondilated; undisplaced; non (enlarged|dilated); satisfactory; not remarkable; well maintained; unobstructed; well preserved
"""
"""Says of a structure that nothing is wrong with it. The upper limit of normal is normal."""

BORDERLINE = "borderline [enlarged|in size|prominent]; equivocal; marginally enlarged; borderline to [mildly] enlarged"
"""Says of a structure that it may be abnormal."""
