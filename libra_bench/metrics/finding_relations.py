"""Which findings are near to which: one called for another, one that describes another, one that includes others."""

from __future__ import annotations

import re
from collections.abc import Mapping

from libra_bench.metrics.statements.lexicon import ENTRIES

STRUCTURES = frozenset(entry.name for entry in ENTRIES if entry.kind in {"structure", "study"} or entry.quantity)
"""What is always there: that it changed says nothing of a finding ("the heart is unchanged in size")."""


def names(text: str) -> frozenset[str]:
    """The names in a text, parted by commas or line breaks."""
    return frozenset(name for name in re.split(r"\s*[,\n]\s*", text) if name)


FAMILIES = tuple(
    map(
        names,
        (
            "opacity, consolidation, pneumonia, atelectasis",
            "edema, congestion, interstitial markings, pulmonary vascularity, bronchovascular crowding",
            "atelectasis, volume loss",
            "pneumonia, tuberculosis",
            "pleural effusion, costophrenic angle, pleural thickening, pleura",
            "pneumothorax, deep sulcus sign, lucency",
            "nodule, mass, opacity",
            "nodule, granuloma, calcification",
            "scarring, atelectasis",
            "scarring, fibrosis, interstitial markings, bronchiectasis",
            "emphysema, hyperinflation, diaphragm flattening, lucency",
            "heart, mediastinum, pericardial effusion",
            "hilum, hilar mass, lymphadenopathy",
            "mediastinum, mediastinal mass, lymphadenopathy, hilum",
            "aorta, aortic tortuosity, aortic ectasia, mediastinum",
            "aorta, aortic calcification, atherosclerosis, calcification",
            "fracture, vertebral compression, rib deformity, vertebral deformity, rib irregularity",
            "degenerative changes, osteophytes, sclerosis, spine, bones",
            "scoliosis, kyphosis, spine",
            "diaphragm, diaphragm eventration, diaphragm flattening, hernia",
            "central line, picc, support devices",
            "sternotomy, sternotomy wires, surgical clips, postsurgical changes",
        ),
    )
)
"""Findings that radiologists confuse, the closest first: one in place of the other is half a match."""

DESCRIBES: Mapping[str, frozenset[str]] = {
    name: names(text)
    for name, text in {
        "opacity": "consolidation, pneumonia, tuberculosis, atelectasis, edema, nodule, mass, scarring, fibrosis",
        "consolidation": "pneumonia, tuberculosis",
        "mediastinum": "heart, mediastinal mass",
        "interstitial markings": "edema, congestion, fibrosis, scarring, bronchitis",
        "congestion": "edema",
        "pulmonary vascularity": "edema, congestion",
        "volume loss": "atelectasis",
        "diaphragm flattening": "emphysema, hyperinflation",
        "costophrenic angle": "pleural effusion, pleural thickening",
        "lucency": "pneumothorax, emphysema",
        "deep sulcus sign": "pneumothorax",
        "hyperinflation": "emphysema",
        "calcification": "granuloma",
        "aortic calcification": "atherosclerosis",
        "osteophytes": "degenerative changes",
        "sternotomy": "sternotomy wires",
        "sternotomy wires": "sternotomy",
        "support devices": "central line, picc, pacemaker, endotracheal tube, enteric tube",
    }.items()
}
"""What is seen -> what it is seen of (CheXpert's hierarchy of observations, and what else is only a sign): "an opacity,
likely pneumonia" against "pneumonia" holds no false opacity."""

INCLUDES: Mapping[str, frozenset[str]] = {
    name: names(text)
    for name, text in {
        "lungs": "opacity, consolidation, pneumonia, tuberculosis, atelectasis, volume loss, edema, congestion, "
        "pulmonary vascularity, interstitial markings, nodule, mass, cavity, emphysema, hyperinflation, scarring, "
        "fibrosis, bronchiectasis",
        "pleura": "pleural effusion, pleural thickening, costophrenic angle, pneumothorax",
        "mediastinum": "heart, mediastinal mass, hilum, hilar mass, lymphadenopathy, aorta, trachea",
        "bones": "fracture, dislocation, bone lesion, spine, scoliosis, degenerative changes",
    }.items()
}
"""Who finds one of these normal has denied what it includes, and the other way round. The whole study includes all."""
