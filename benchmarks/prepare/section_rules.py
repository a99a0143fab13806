"""The published word lists that name the sections of a MIMIC-CXR report, and the studies cut by hand.

Source: MIT-LCP's section parser for MIMIC-CXR as Libra publishes it. Every entry counts for equality, the odd ones
too (a header "NDICATION" is listed as an impression there).
"""

from __future__ import annotations

COLUMNS = (
    "findings",
    "impression",
    "indication",
    "comparison",
    "technique",
    "history",
    "examination",
    "last_paragraph",
)
"""The sections that are kept, most telling first: the first that a report has is its conclusion."""

SECTION_OF_HEADER = {
    header: section
    for section, headers in {
        "preamble": ("preamble",),
        "impression": (
            "impression",
            "conclusion",
            "findings and impression",
            "findings/impression",
            "findings/ impression",
            "ndication",
            "impresson",
            "imprression",
            "imoression",
            "impressoin",
            "imprssion",
            "impresion",
            "imperssion",
            "mpression",
            "impession",
        ),
        "findings": (
            "findings",
            "chest, two views",
            "finding",
            "findins",
            "findindgs",
            "findgings",
            "findngs",
            "findnings",
            "finidngs",
            "reference findings",
        ),
        "indication": (
            "indication",
            "reason for examination",
            "reason for exam",
            "clinical indication",
            "idication",
        ),
        "history": ("history", "clinical history", "clinical information", "patient history", "pfi"),
        "comparison": (
            "comparison",
            "comparisons",
            "reference exam",
            "comparison exam",
            "comparison film",
            "comparision",
            "comparsion",
            "comparrison",
            "comparisions",
        ),
        "examination": ("examination", "exam", "type of examination"),
        "technique": ("technique",),
        "recommendations": ("recommendations", "recommendation(s)", "recommendation"),
        "notification": ("notification",),
        "addendum": ("addendum",),
        "date": ("date",),
        "comment": ("comment",),
        "wet read": ("wet read", "wetread"),
    }.items()
    for header in headers
}
"""A whole header, in lower case -> its section."""

SECTION_WORDS = ("impression", "findings", "history", "comparison", "indication", "technique", "addendum")
"""Otherwise the first of these that occurs anywhere in a header names it."""

FINDINGS_WORDS = (
    "chest",
    "portable",
    "pa and lateral",
    "lateral and pa",
    "ap and lateral",
    "lateral and ap",
    "frontal and",
    "two views",
    "frontal view",
    "pa view",
    "ap view",
    "one view",
    "lateral view",
    "bone window",
    "frontal upright",
    "frontal semi-upright",
    "ribs",
    "pa and lat",
)
"""Otherwise a header with one of these describes the images: findings. Any other header keeps its own name."""

CONCLUSION_SECTION = {
    "s50913680": "recommendations",
    "s59363654": "examination",
    "s59279892": "technique",
    "s59768032": "recommendations",
    "s57936451": "indication",
    "s50058765": "indication",
    "s53356173": "examination",
    "s53202765": "technique",
    "s50808053": "technique",
    "s51966317": "indication",
    "s50743547": "examination",
    "s56451190": "note",
    "s59067458": "recommendations",
    "s59215320": "examination",
    "s55124749": "indication",
    "s54365831": "indication",
    "s59087630": "recommendations",
    "s58157373": "recommendations",
    "s56482935": "recommendations",
    "s58375018": "recommendations",
    "s54654948": "indication",
    "s55157853": "examination",
    "s51491012": "history",
}
"""Studies whose conclusion is under another header; they have a conclusion, but no sections."""

CONCLUSION_SPAN = {
    "s50525523": (201, 349),
    "s57564132": (233, 554),
    "s59982525": (313, 717),
    "s53488209": (149, 475),
    "s54875119": (234, 988),
    "s50196495": (59, 399),
    "s56579911": (59, 218),
    "s52648681": (292, 631),
    "s59889364": (172, 453),
    "s53514462": (73, 377),
    "s59505494": (59, 450),
    "s53182247": (59, 412),
    "s51410602": (47, 320),
    "s56412866": (522, 822),
    "s54986978": (59, 306),
    "s59003148": (262, 505),
    "s57150433": (61, 394),
    "s56760320": (219, 457),
    "s59562049": (158, 348),
    "s52674888": (145, 296),
    "s55258338": (192, 568),
    "s59330497": (140, 655),
    "s52119491": (179, 454),
    # no findings anywhere in the report
    "s58235663": (0, 0),
    "s50798377": (0, 0),
    "s54168089": (0, 0),
    "s53071062": (0, 0),
    "s56724958": (0, 0),
    "s54231141": (0, 0),
    "s53607029": (0, 0),
    "s52035334": (0, 0),
}
"""Studies whose conclusion is cut out by character positions; they have no sections either."""
