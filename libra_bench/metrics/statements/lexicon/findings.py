# ruff: noqa: E501 - tables of words
"""Findings: what they are called, which CheXpert observation they count under, how they are written.

Categories follow CheXpert's own lists: scars and interstitial markings are Lung Opacity, vascular congestion is Edema,
fibrosis is Pleural Other, nodules, masses and granulomas are Lung Lesion. A deformed rib or vertebra is no Fracture unless
the words say fracture or compression.
"""

from __future__ import annotations

from libra_bench.metrics.statements.lexicon.entry import Entry

_PNEUMOTHORAX = Entry(
    "pneumothorax",
    "Pneumothorax",
    "pneumothora/x/ces/xes; ptx; pleural air [collection]; pneumothoracies; pneumothroax",
)

PLEURA = (
    Entry(
        "pleural effusion", "Pleural Effusion",
        """
        [pleural|parapneumonic|subpulmonic|pleuro] effusion/s; effusion/s
        hydrothora/x/ces; haemothora/x/ces; hemothora/x/ces; chylothora/x/ces; empyema/s
        [loculated|layering|free|fissural] pleural fluid; (pleural|loculated|layering|fissural) fluid; fluid [component]
        [pleural] fluid collection/s; pleural [or] collection/s; pleural (and|or) pericardial effusion/s
        """,
    ),
    Entry("pleural effusion", "Pleural Effusion", "hydropneumothora/x/ces; hemopneumothora/x/ces", also=_PNEUMOTHORAX),
    _PNEUMOTHORAX,
    Entry("deep sulcus sign", None, "deep sulcus [sign]"),
    Entry(
        "pleural thickening", "Pleural Other",
        """
        [apical] (pleural|fissural|apical|biapical) (thickening|capping|cap|caps|plaque|plaques|plaquing|calcification|calcifications)
        calcified [pleural] plaque/s; pleural plaque/s; thickening; fibrothorax; pleural based (density|densities|opacity|opacities)
        (pleural|pleuroparenchymal|pleural parenchymal|pleuro parenchymal) (scar|scars|scarring|reaction|irregularity|changes|thickening)
        pleural (density|densities|disease|mass|masses|lesion|lesions|opacity)
        """,
    ),
)  # fmt: skip

_OPACITY = Entry(
    "opacity", "Lung Opacity",
    """
    [airspace|air space|alveolar|interstitial|reticular|parenchymal|lung|pulmonary] (opacity|opacities)
    opacification/s; infiltration/s; densit/y/ies; haziness; shadowing; whiteout; white out; streakiness; streaking; haze
    patchy changes; reticulonodular (pattern|opacity|opacities); (ground glass|groundglass) [opacity|opacities|opacification]
    calcified (density|densities); calcific (density|densities); opacified
    """,
    described=True,
)  # fmt: skip

LUNGS = (
    Entry(
        "atelectasis", "Atelectasis",
        """
        atelectas/is/es; atelectatic (change|changes|opacity|opacities|band|bands|lung|disease); atelectatic
        microatelectas/is/es; telectasis; atelectesis
        [lobar|lung|lobe|segmental|subsegmental|partial|complete] collapse
        """,
    ),
    Entry("volume loss", None, "volume loss; loss of [lung] volume"),
    Entry(
        "consolidation", "Consolidation",
        """
        [airspace|air space] consolidation/s; consolidative (opacity|opacities|change|changes|process|airspace disease)
        consolidative; consolidated [lung]; air bronchogram/s
        """,
    ),
    _OPACITY,
    Entry(
        "opacity", "Lung Opacity",
        """
        [airspace|air space|alveolar|interstitial|reticular|parenchymal|lung|pulmonary|reticulonodular] (infiltrate|infiltrates)
        (airspace|air space|alveolar|parenchymal|lung) (disease|process); opacifying process; focal process; infiltrative (process|changes)
        """,
    ),
    Entry(
        "interstitial markings", "Lung Opacity",
        """
        [interstitial|reticular|bronchovascular|peribronchial|lung|pulmonary|vascular] [lung|pulmonary] interstitial marking/s
        (lung|bronchovascular|parenchymal|reticular|peribronchial|bronchial) marking/s; (interstitial|reticular) pattern
        interstitial [lung] (abnormality|abnormalities|disease|prominence|accentuation|thickening|change|changes|process|coarsening|testes)
        interstitium prominence; reticulation/s; septal (thickening|lines); kerley [b] lines; b lines; honeycombing
        (peribronchial|peribronchovascular|bronchial|bronchial wall) (cuffing|thickening); chronic lung (disease|changes)
        marking/s; pulmonary interstitium; interstitium; asbestosis; silicosis; pneumoconiosis; (alveolar|interstitial) pneumonitis
        """,
        described=True,
    ),
    Entry(
        "pneumonia", "Pneumonia",
        """
        [aspiration|lobar|multifocal|bacterial|viral|fungal] pneumonia/s; bronchopneumonia/s; pneumonitis; aspiration
        [pulmonary|lung] infection/s; pneumonic (infiltrate|infiltrates|process|consolidation)
        (infectious|inflammatory) [infectious|inflammatory|or inflammatory|and inflammatory] (process|etiology|disease|infiltrate)
        """,
    ),
    Entry("chronic changes", None, "chronic [appearing|inflammatory|postinflammatory] (change|changes); (age related|senescent|senile) (change|changes)"),
    Entry("pulmonary embolism", None, "pulmonary (embolism|emboli|embolus); pulmonary infarct/s/ion"),
    Entry("tuberculosis", None, "[active|pulmonary] (tuberculosis|tb)"),
    Entry("bronchitis", None, "bronchitis; bronchiolitis; reactive airway/s disease; bronchitic changes; small airways disease"),
    Entry("bronchiectasis", None, "[traction] bronchiectas/is/es; bronchiectatic [change|changes]"),
    Entry(
        "edema", "Edema",
        """
        [pulmonary] [interstitial|alveolar|pulmonary|cardiogenic|hydrostatic] [pulmonary] (edema|oedema)
        (fluid|volume) overload; [congestive] (heart|cardiac) failure; congestive failure; failure; chf; cardiac decompensation
        """,
        diffuse=True,
    ),
    Entry(
        "congestion", "Edema",
        """
        [pulmonary|central] (vascular|venous) (congestion|engorgement|indistinctness|cephalization|redistribution|fullness|plethora)
        (pulmonary|central) (congestion|engorgement)
        congestion; engorgement; cephalization; cephalisation; congestive changes; congested; plethora
        [pulmonary] venous hypertension; (elevated|increased|elevation of) pulmonary venous pressure/s; [upper lobe] vascular redistribution
        """,
        diffuse=True,
    ),
    Entry("pulmonary hypertension", None, "pulmonary [arterial|artery] hypertension", midline=True),
    Entry(
        "bronchovascular crowding", None,
        """
        [bronchovascular|vascular|broncho vascular] crowding; crowding of [the] [bronchovascular|pulmonary|vascular|lung|central] markings
        crowding of [the] [bronchovascular|pulmonary|central] (structures|vasculature|vessels)
        """,
        diffuse=True,
    ),
    Entry(
        "nodule", "Lung Lesion",
        """
        [pulmonary|lung|parenchymal] nodule/s; micronodule/s; nodularity; (rounded|round|ovoid) (focus|foci)
        nodular [appearing|airspace|calcified] (opacity|opacities|density|densities|infiltrate|infiltrates|focus|foci|lesion|lesions|opacification)
        (rounded|round) (opacity|opacities|density|densities); coin lesion
        """,
    ),
    Entry(
        "nodule", "Lung Lesion",
        "(interstitial|reticular|alveolar|airspace|air space|linear) and nodular (opacity|opacities|density|densities|infiltrates)",
        described=True, also=_OPACITY,
    ),
    Entry(
        "mass", "Lung Lesion",
        """
        [lung|pulmonary|soft tissue] (mass|masses) [lesion|lesions]; (mass like|masslike) (opacity|opacities|opacification|consolidation|density|lesion); mass density
        [lung|pulmonary|cystic|parenchymal|focal|spiculated] lesion/s; tumor/s; tumour/s; neoplas/m/ms/ia; neoplastic process
        [pulmonary] metasta/sis/ses; metastatic disease; [lung|bronchogenic] (carcinoma|cancer); malignan/cy/cies; lymphoma; [lung] cyst/s
        """,
    ),
    Entry(
        "cavity", "Lung Lesion",
        "cavit/y/ies; cavitation/s; (cavitary|cavitating) (lesion|lesions|nodule|nodules|mass|process); cavitary; [lung] abscess/es",
    ),
    Entry(
        "granuloma", "Lung Lesion",
        """
        [calcified|noncalcified|old|healed] granuloma/s; granulomata; granulomatous (nodule|nodules|calcification|calcifications|lesion|lesions)
        [calcified] granulomatous (disease|change|changes|sequela|sequelae|process|exposure|infection); ghon (lesion|complex); histoplasmosis [infection|exposure]
        (sequela|sequelae) [of] [prior|old|previous|remote] granulomatous (disease|infection|process); granulomatous
        """,
    ),
    Entry(
        "scarring", "Lung Opacity",
        """
        [parenchymal|apical|pulmonary|lung|linear|chronic] (scar|scars|scarring); scar tissue; parenchymal band/s
        fibrotic (change|changes|scarring|band|bands|opacity|opacities); fibrotic
        """,
    ),
    Entry("cystic fibrosis", None, "cystic fibrosis", diffuse=True),
    Entry("fibrosis", "Pleural Other", "[pulmonary|interstitial|lung|pleural] [interstitial|pulmonary] fibros/is/es; fibrotic lung disease"),
    Entry(
        "emphysema", None,
        """
        [centrilobular|paraseptal|pulmonary|bullous] emphysema; [bullous] emphysematous [lung|pulmonary] [change|changes|disease]; copd
        [chronic] obstructive (pulmonary|lung|airway|airways) disease; bulla/e; [emphysematous] bulla/e; bullous (disease|change|changes); bleb/s
        """,
    ),
    Entry(
        "hyperinflation", None,
        """
        [pulmonary|lung] (hyperinflation|hyperexpansion|hyperaeration|overinflation|overexpansion|hyperlucency|air trapping); barrel chest
        hyperinflated; hyperexpanded; hyperaerated; overinflated; overexpanded; hyperlucent; hyper (inflated|expanded|inflation|expansion)
        [increased|large|exaggerated] (ap|anteroposterior|anterior posterior) [chest] (diameter|dimension); large lung volumes
        increased retrosternal (airspace|air space|clear space|space|air)
        """,
        diffuse=True, described=True,
    ),
    Entry(
        "lung volumes", None,
        """
        [pulmonary] hypoinflat/ed/ion; hypoexpan/ded/sion; hypoaerat/ed/ion; underinflat/ed/ion; underaerat/ed/ion
        hypoventilat/ed/ion; hypoventilatory changes; underexpanded; under (inflated|expanded|aerated); shallow inspiration; poor inspiratory effort
        poor inspiration; incompletely (expanded|inflated); hypovolemic lungs
        """,
        diffuse=True, described=True,
    ),
    Entry(
        "lung volumes", None,
        """
        (normally|appropriately|adequately|symmetrically|fully|well) inflated; (normal|adequate|good|full|satisfactory) inflation
        (normal|adequate|good|full|satisfactory) (inspiration|inspiratory effort|inspiratory result)
        """,
        diffuse=True, normal=True,
    ),
    Entry(
        "aeration", None, "aeration; lung expansion; expansion; ventilation",
        kind="structure", quantity=True, signs={"*": ("aeration", None)},
    ),
    Entry(
        "aeration", None,
        "[well|normally|fully|adequately|symmetrically] (aerated|expanded|ventilated); inflated",
        quantity=True, normal=True,
    ),
    Entry(
        "aeration", None, "[interval] (reexpansion|re expansion|reaeration|re aeration|reexpanded|re expanded|reaerated)",
        kind="structure", change="smaller",
    ),
    Entry("lucency", None, "lucenc/y/ies; radiolucenc/y/ies", described=True),
    Entry("calcification", None, "calcification/s; calcified (focus|foci|structure|structures|lesion|lesions); calcinosis", sign="calcified"),
)  # fmt: skip

HEART_AND_MEDIASTINUM = (
    Entry(
        "heart", "Cardiomegaly",
        """
        cardiomegaly; (cardiac|heart|cardiac chamber|four chamber|biventricular) enlargement; cardiac prominence
        (left|right) (ventricular|atrial) (enlargement|prominence|hypertrophy); enlarged (left|right) (ventricle|atrium); lv enlargement
        """,
        midline=True,
    ),
    Entry("pericardial effusion", None, "pericardial (effusion|effusions|fluid); hemopericardium", midline=True),
    Entry(
        "cardiac calcification", None,
        """
        (coronary|coronary artery|mitral|mitral annular|aortic valve|valvular|annular|pericardial) calcification/s
        coronary [artery] (atherosclerosis|disease); calcified coronary arteries; coronary artery calcification/s
        """,
        midline=True,
    ),
    Entry("mediastinal shift", None, "[leftward|rightward] (mediastinal|midline|tracheal) (shift|deviation); mass effect", midline=True),
    Entry("mediastinal mass", "Enlarged Cardiomediastinum", "[anterior|posterior|superior] mediastinal (mass|masses)", midline=True),
    Entry("pneumomediastinum", None, "pneumomediastinum; mediastinal (air|emphysema); pneumopericardium", midline=True),
    Entry("hilar mass", "Lung Lesion", "hilar (mass|masses|lesion)"),
    Entry(
        "lymphadenopathy", None,
        "[hilar|mediastinal|axillary|paratracheal|subcarinal] (adenopathy|lymphadenopathy); [hilar|mediastinal] lymph node enlargement; sarcoid/osis",
    ),
    Entry("lymph node calcification", None, "(hilar|mediastinal|nodal|lymph node) calcification/s; calcified (node|nodes|adenopathy|lymphadenopathy)"),
    Entry("aortic tortuosity", None, "aortic (tortuosity|unfolding|elongation)", midline=True),
    Entry(
        "aortic calcification", None,
        """
        aortic [arch|knob] [atherosclerotic|vascular] [vascular] (calcification|calcifications|atherosclerosis)
        aortic atherosclerotic (disease|change|changes|plaque)
        """,
        midline=True,
    ),
    Entry("aortic ectasia", None, "[thoracic] aortic (ectasia|aneurysm|aneurysms|dilatation|dilation|dissection); dissection; thoracic aneurysm; aneurysm/s", midline=True),
    Entry(
        "atherosclerosis", None,
        "peripheral vascular disease; [atherosclerotic] vascular calcification/s; atherosclerotic (calcification|calcifications); atherosclerosis; atherosclerotic [vascular] (disease|change|changes|plaque); arteriosclerosis",
        midline=True, sign="calcified",
    ),
    Entry("goiter", None, "[thyroid|substernal] goiter; thyromegaly; thyroid (enlargement|mass)", midline=True),
    Entry("fat pad", None, "[epicardial|pericardial|cardiophrenic|mediastinal] (fat pad|fat pads|fat); [mediastinal] lipomatosis", midline=True),
)  # fmt: skip

AIR = (
    Entry("subcutaneous emphysema", None, "(subcutaneous|surgical|soft tissue|chest wall) (emphysema|gas|air)"),
    Entry(
        "pneumoperitoneum", None,
        """
        pneumoperitoneum; free [intraperitoneal|subdiaphragmatic|abdominal|intra abdominal|peritoneal] (air|gas)
        (subdiaphragmatic|intraperitoneal|subphrenic) [free] (air|gas); air (under|below|beneath) the (diaphragm|hemidiaphragms)
        """,
        midline=True,
    ),
    Entry("air-fluid level", None, "air fluid level/s"),
    Entry("bowel dilatation", None, "dilated [loops of] [small] (bowel|colon); ileus; [small] bowel obstruction; gaseous (distension|distention)", midline=True),
)  # fmt: skip

BONES = (
    Entry(
        "fracture", "Fracture",
        """
        [rib|clavicular|clavicle|vertebral|compression|sternal|humeral|scapular|vertebral compression|bony|insufficiency] fracture/s
        fx; fracture (deformity|deformities|line|lines)
        """,
        sign="fractured",
    ),
    Entry("vertebral compression", "Fracture", "[vertebral|vertebral body|wedge] compression (deformity|deformities); vertebral [body] (compression|collapse)", midline=True),
    Entry(
        "vertebral deformity", None,
        """
        [vertebral|vertebral body|spinal] (wedge|wedging|xxxx) [xxxx] (deformity|deformities); vertebral [body] (deformity|deformities)
        [anterior|vertebral] wedging; [vertebral] [body] height loss; loss of [vertebral] [body] height
        """,
        midline=True,
    ),
    Entry("rib deformity", None, "[rib|clavicular|clavicle|humeral|humeral head|contour|osseous] (deformity|deformities); healed ribs; old rib trauma"),
    Entry("rib irregularity", None, "(rib|cortical) (irregularity|irregularities)"),
    Entry("dislocation", None, "dislocation/s; subluxation/s; separation"),
    Entry(
        "bone lesion", None,
        """
        [lytic|sclerotic|blastic|destructive|aggressive] [bony|bone|osseous] (lesion|lesions) of the bone; (bone|bony|osseous) (lesion|lesions|destruction|metastases|island)
        (lytic|sclerotic|blastic|destructive|aggressive|lytic or blastic) [bony|bone|osseous] (lesion|lesions|process|focus|foci)
        """,
    ),
    Entry(
        "degenerative changes", None,
        """
        [multilevel] degenerative [endplate|disc|disk|joint|spine|spinal|vertebral|arthritic|hypertrophic|bony|facet|disc and joint] (change|changes|disease|spurring|narrowing|sclerosis)
        degenerative; spondylosis; (spondylitic|spondylotic|arthritic|osteoarthritic|hypertrophic|discogenic|endplate|end plate) (change|changes|disease|spurring|sclerosis)
        osteoarthritis; arthritis; arthrosis; osteoarthrosis; arthropathy; (disc|disk|joint) space narrowing; (disc|disk) (narrowing|disease|degeneration)
        degeneration; spurring; ddd; djd; dish; diffuse idiopathic skeletal hyperostosis; spondylolisthesis; ankylosing spondylitis; schmorl nodes
        rotator cuff (disease|pathology|injury|tear); facet arthropathy
        """,
        diffuse=True,
    ),
    Entry(
        "osteophytes", None,
        "[bridging|marginal|degenerative] osteophyte/s [formation]; osteophytosis; osteophytic (change|changes|spurring); syndesmophyte/s; bone spur/s; flowing ossification/s",
        diffuse=True,
    ),
    Entry("osteopenia", None, "osteopeni/a/c; osteopor/osis/otic; [bone|bony|osseous] demineraliz/ation/ed; deossification; decreased bone (density|mineralization)", midline=True),
    Entry(
        "osteopenia", None, "(bone|bony|osseous) (density|mineralization); bone mineral density",
        kind="structure", quantity=True, midline=True, described=True, signs={"*": ("osteopenia", None)},
    ),
    Entry(
        "scoliosis", None,
        """
        [thoracic|thoracolumbar|s shaped|convex] (scoliosis|dextroscoliosis|levoscoliosis|kyphoscoliosis|rotoscoliosis); scoliotic [curvature|deformity|curve|changes]
        dextrocurvature; levocurvature; dextroconvex; levoconvex; (dextro|levo) (curvature|scoliosis|convex|convexity); (rightward|leftward|spinal) curvature
        """,
        midline=True,
    ),
    Entry("kyphosis", None, "[exaggerated|accentuated] [thoracic|dorsal] kyphosis; kyphotic [deformity|curvature]; lordosis", midline=True, described=True),
    Entry("pectus deformity", None, "pectus [excavatum|carinatum] [deformity]", midline=True),
    Entry("sclerosis", None, "sclerosis"),
    Entry("cervical rib", None, "(cervical|bifid|accessory) (rib|ribs)"),
)  # fmt: skip

ELSEWHERE = (
    Entry("hernia", None, "[sliding] [hiatal|hiatus|paraesophageal|diaphragmatic|bochdalek|morgagni|ventral] (hernia|hernias|herniation)", diffuse=True),
    Entry("diaphragm eventration", None, "(diaphragmatic|diaphragm|hemidiaphragm) eventration/s"),
    Entry("gallstones", None, "gallstone/s; cholelithiasis; (kidney|renal) (stone|stones|calculi); nephrolithiasis", midline=True),
    Entry("azygos fissure", None, "(azygos|azygous) (fissure|lobe)", midline=True),
    Entry("contrast", None, "[retained|oral|excreted|residual] contrast [material]"),
    Entry(
        "tube malposition", None,
        """
        malpositioned; mispositioned; malposition; mispositioning; [right|left] (mainstem|main stem|bronchial|endobronchial|esophageal) intubation
        (tip|terminates|terminating|ends|lies|located|positioned) [is] (in|within) the (right|left) (mainstem|main stem|main) bronchus
        """,
        midline=True,
    ),
    Entry("joint effusion", None, "[knee|ankle|elbow|shoulder] joint effusion/s; (knee|ankle|elbow) effusion/s"),
    Entry("nipple shadow", None, "nipple shadow/s; nipple/s"),
    Entry("artifact", None, "[skin fold|skinfold|attenuation|motion|overlying|summation] (artifact|artifacts); skin fold/s; skinfold/s; superimposition; artifactual"),
    Entry("obesity", None, "[morbidly] obese; obesity", midline=True),
)  # fmt: skip

FINDINGS: tuple[Entry, ...] = (*PLEURA, *LUNGS, *HEART_AND_MEDIASTINUM, *AIR, *BONES, *ELSEWHERE)
