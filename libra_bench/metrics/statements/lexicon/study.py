# ruff: noqa: E501 - tables of words
"""The examination as a whole: stated as normal ("no acute abnormality") or as unchanged ("no interval change")."""

from __future__ import annotations

from libra_bench.metrics.statements.lexicon.entry import Entry

WHOLE_STUDY = Entry(
    "study", None,
    """
    chest; thorax; study; exam; examination/s; film/s; radiograph/s; radiography; imaging; x ray/s; xray/s
    chest (x ray|x rays|xray|xrays|radiograph|radiographs|film|films|examination|exam|study)
    radiographic (view|views|appearance|picture) of [the] chest
    (cardiopulmonary|overall|radiographic|chest) (status|appearance|appearances|picture)
    """,
    kind="study", midline=True,
    stems="""
    cardiopulmonary; cardio pulmonary; cardiac or pulmonary; heart or lung; cardiorespiratory; cardiothoracic; pleuropulmonary
    thoracic; intrathoracic; chest; radiographic; traumatic; posttraumatic; post traumatic
    """,
    signs={"abnormal": ("study", None)},
)  # fmt: skip
