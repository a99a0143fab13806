# ruff: noqa: E501 - tables of words
"""Structures of the chest: statements only where a word says that they are normal, abnormal or changed."""

from __future__ import annotations

from libra_bench.metrics.statements.lexicon.entry import Entry

_SHAPE = "(size|silhouette|silhouettes|shadow|contour|contours|border|borders|outline|outlines|configuration|structures|width|appearance)"

STRUCTURES: tuple[Entry, ...] = (
    Entry(
        "heart", "Cardiomegaly",
        f"""
        heart; (heart|cardiac|cardio|cardiopericardial|pericardial|heart's) {_SHAPE}; (heart|cardiac) (size|silhouette) and {_SHAPE}
        cardiac silhouette size; heart silhouette size; [the] size of the heart; cardiothoracic ratio
        """,
        kind="structure", stems="cardiac; cardio; heart", midline=True,
        signs={
            **dict.fromkeys(("enlarged", "high", "abnormal"), ("heart", "Cardiomegaly")),
            "calcified": ("cardiac calcification", None), "shifted": ("mediastinal shift", None),
        },
    ),
    Entry(
        "mediastinum", "Enlarged Cardiomediastinum",
        f"""
        [superior|upper|anterior] mediastinum; [superior|upper] (mediastinal|cardiomediastinal|cardio mediastinal|paramediastinal|mediastinum) {_SHAPE}
        cardiac mediastinal {_SHAPE}; cardiopulmonary silhouette; cardiomediastinum; [mediastinal] vascular pedicle; [right] paratracheal stripe
        cardiomediastinal silhouette and {_SHAPE}; (aortopulmonary|ap) window
        """,
        kind="structure", midline=True, stems="[superior|upper] mediastinal; cardiomediastinal; cardio mediastinal; paramediastinal; paratracheal",
        signs={
            **dict.fromkeys(("enlarged", "high", "abnormal", "thickened"), ("mediastinum", "Enlarged Cardiomediastinum")),
            "shifted": ("mediastinal shift", None),
            "calcified": ("lymph node calcification", None),
        },
    ),
    Entry(
        "hilum", None, "hila; hilum; perihilar (region|regions|area|areas); hilar (contour|contours|structures|region|regions|shadow|shadows|vessels|vasculature|silhouettes|size|areas|markings)",
        kind="structure", stems="hilar; bihilar; perihilar; parahilar",
        signs={
            **dict.fromkeys(("enlarged", "high", "abnormal", "elevated", "blunted", "thickened"), ("hilum", None)),
            "calcified": ("lymph node calcification", None),
        },
    ),
    Entry(
        "aorta", None,
        """
        [thoracic|ascending|descending|abdominal|transverse] [thoracic] aorta; great vessels
        [thoracic] aortic (arch|knob|contour|contours|silhouette|shadow|xxxx|root|knuckle|vasculature|caliber)
        """,
        kind="structure", stems="aortic", midline=True,
        signs={
            "abnormal": ("aorta", None), "tortuous": ("aortic tortuosity", None), "ectatic": ("aortic ectasia", None),
            **dict.fromkeys(("enlarged", "high"), ("aortic ectasia", None)), "calcified": ("aortic calcification", None),
        },
    ),
    Entry(
        "pulmonary vascularity", "Edema",
        """
        [central|upper lobe] [pulmonary|lung] (vascularity|vasculature); pulmonary (vessels|veins)
        [central|pulmonary|hilar] vascular (markings|pattern|structures|caliber|flow|size)
        """,
        kind="structure", diffuse=True, stems="[central|pulmonary] (vascular|venous)",
        signs={
            **dict.fromkeys(("enlarged", "high", "elevated", "blunted", "accentuated"), ("congestion", "Edema")), "abnormal": ("pulmonary vascularity", "Edema"),
            "crowded": ("bronchovascular crowding", None), "calcified": ("calcification", None), "reduced": ("emphysema", None),
        },
    ),
    Entry(
        "pulmonary arteries", None, "[central|main] pulmonary arter/y/ies", kind="structure",
        stems="pulmonary arterial; pulmonary artery", signs=dict.fromkeys(("enlarged", "high", "abnormal"), ("pulmonary arteries", None)),
    ),
    Entry(
        "lungs", "Lung Opacity",
        "lung/s; lung (field|fields|zone|zones|parenchyma|apex|apices|base|bases); pulmonary parenchyma; hemithora/x/ces",
        kind="structure", stems="lung; pulmonary; parenchymal; airspace; air space",
        signs={
            "abnormal": ("lungs", "Lung Opacity"), "opaque": ("opacity", "Lung Opacity"), "blunted": ("opacity", "Lung Opacity"),
            "lucent": ("hyperinflation", None),
        },
    ),
    Entry(
        "lung volumes", None, "(lung|inspiratory|pulmonary|lungs) volume/s; volumes; inspiration; inspiratory (effort|depth|result); degree of inspiration",
        kind="structure", diffuse=True, quantity=True, described=True,
        signs={"*": ("lung volumes", None), "high": ("hyperinflation", None), "enlarged": ("hyperinflation", None)},
    ),
    Entry(
        "pleura", "Pleural Effusion", "pleural (space|spaces|surface|surfaces|cavity|cavities); pleura",
        kind="structure", stems="pleural",
        signs={
            "thickened": ("pleural thickening", "Pleural Other"), "calcified": ("pleural thickening", "Pleural Other"),
            "abnormal": ("pleura", "Pleural Effusion"), "blunted": ("costophrenic angle", None),
        },
    ),
    Entry(
        "costophrenic angle", None,
        """
        [lateral|posterior] (costophrenic|cardiophrenic|cp) (angle|angles|sulcus|sulci|recess|recesses|xxxx); [posterior] (sulcus|sulci); costophrenic
        costophrenic and cardiophrenic (angles|xxxx)
        """,
        kind="structure", signs={"*": ("costophrenic angle", None)},
    ),
    Entry(
        "diaphragm", None, "diaphragm/s; hemidiaphragm/s; (hemi diaphragm|hemi diaphragms); diaphragmatic (contour|contours|silhouette|margins)",
        kind="structure", stems="diaphragmatic; hemidiaphragmatic",
        signs={
            "elevated": ("diaphragm", None), "eventrated": ("diaphragm eventration", None), "flattened": ("diaphragm flattening", None),
            "blunted": ("diaphragm", None), "abnormal": ("diaphragm", None), "calcified": ("pleural thickening", "Pleural Other"),
        },
    ),
    Entry(
        "trachea", None, "trachea; tracheal air column; tracheobronchial tree; [central|large] (airway|airways); bronchi",
        kind="structure", stems="tracheal", midline=True, signs={"*": ("trachea", None), "shifted": ("mediastinal shift", None)},
    ),
    Entry(
        "spine", None,
        """
        [thoracic|cervical|lumbar|thoracolumbar|lower|upper|mid|dorsal|t] [thoracic|cervical|lumbar] spine; [thoracic|lumbar] vertebra/e
        [thoracic] vertebral (body|bodies|heights|column); vertebral body (heights|xxxx); thoracolumbar junction; spinal alignment
        [intervertebral] (disc|disk) (spaces|heights); (t1|t2|t3|t4|t5|t6|t7|t8|t9|t10|t11|t12|l1|l2|l3) [vertebral] [body|vertebra]
        """,
        kind="structure", midline=True, stems="[thoracic] vertebral [body]; spinal; spine",
        signs={
            "*": ("spine", None), "curved": ("scoliosis", None), "deformed": ("vertebral deformity", None),
            "flattened": ("vertebral deformity", None), "compressed": ("vertebral compression", "Fracture"), "degenerative": ("degenerative changes", None),
            "osteopenic": ("osteopenia", None), "fractured": ("fracture", "Fracture"),
        },
    ),
    Entry(
        "bones", None,
        """
        bone/s; (osseous|osseus|bony|skeletal) (structure|structures|thorax|elements|xxxx|architecture|skeleton|cage); skeleton; ribs; rib; (rib|thoracic) cage
        bony thoracic cage; bony and soft tissues; clavicle/s; sternum; shoulder/s; humer/us/i; scapula/e; humeral head/s
        [acromioclavicular|shoulder|glenohumeral] joint/s
        """,
        kind="structure", midline=True, stems="bony; osseous; osseus; bone; skeletal; rib; clavicular; humeral; musculoskeletal",
        signs={
            "abnormal": ("bones", None), "deformed": ("rib deformity", None), "fractured": ("fracture", "Fracture"),
            "irregular": ("rib irregularity", None), "osteopenic": ("osteopenia", None), "degenerative": ("degenerative changes", None),
        },
    ),
    Entry(
        "soft tissues", None, "[overlying|chest wall] soft tissue/s [structures]; subcutaneous tissues; chest wall",
        kind="structure", stems="soft tissue; chest wall", diffuse=True, signs={"abnormal": ("soft tissues", None), "calcified": ("calcification", None)},
    ),
    Entry(
        "upper abdomen", None, "[upper] abdomen; bowel gas pattern; upper abdominal structures; (stomach|gastric) bubble; gastric air bubble",
        kind="structure", stems="[upper] abdominal", midline=True, signs={"abnormal": ("upper abdomen", None)},
    ),
    Entry(
        "lymph nodes", None, "lymph (node|nodes|xxxx); (hilar|mediastinal|paratracheal|axillary) (node|nodes); hilar xxxx",
        kind="structure", stems="lymph node; nodal",
        signs={
            "enlarged": ("lymphadenopathy", None), "calcified": ("lymph node calcification", None),
            "high": ("lymphadenopathy", None), "abnormal": ("lymphadenopathy", None),
        },
    ),
)  # fmt: skip

_BY_NAME = {entry.name: entry for entry in STRUCTURES}
LUNGS = _BY_NAME["lungs"]
STRUCTURE_OF_SIGN: dict[str, Entry] = {
    "tortuous": _BY_NAME["aorta"], "ectatic": _BY_NAME["aorta"], "curved": _BY_NAME["spine"],
    "eventrated": _BY_NAME["diaphragm"],
}  # fmt: skip
"""Signs that name their structure by themselves: "tortuosity"."""
