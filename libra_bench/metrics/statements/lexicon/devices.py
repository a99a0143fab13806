# ruff: noqa: E501 - tables of words
"""Tubes, lines, hardware and foreign bodies, and what operations leave behind."""

from __future__ import annotations

from libra_bench.metrics.statements.lexicon.entry import Entry

_CATHETER = "(catheter|catheters|line|lines)"

DEVICES: tuple[Entry, ...] = (
    Entry(
        "endotracheal tube", "Support Devices", "endotracheal tube/s; (et|endo tracheal) (tube|tubes); ett; intubated",
        kind="device", stems="endotracheal; et", midline=True,
    ),
    Entry(
        "endotracheal tube", "Support Devices",
        "been [interval|intervally] extubated; (interval|since|post|now|recently) extubat/ion/ed; [status post] extubation; extubated",
        kind="device", midline=True, change="resolved",
    ),
    Entry(
        "endotracheal tube", "Support Devices", "(has|have|had) [since|now] been [interval|newly|intervally] intubated; been [interval|newly|intervally] intubated; (interval|new|newly|now) intubat/ion/ed; reintubat/ed/ion",
        kind="device", midline=True, change="new",
    ),
    Entry("tracheostomy", "Support Devices", "tracheostom/y/ies [tube|tubes|cannula]; trach [tube]", kind="device", midline=True),
    Entry(
        "enteric tube", "Support Devices",
        """
        (enteric|nasogastric|orogastric|nasoenteric|nasojejunal|feeding|ng|og|gastric|gastrostomy|peg|dobbhoff|dobhoff|dobb hoff) (tube|tubes|catheter)
        dobbhoff; dobhoff; dobb hoff; ngt; ogt; peg; g tube
        """,
        kind="device", stems="nasogastric; orogastric; enteric; feeding; ng; og", midline=True,
    ),
    Entry("picc", "Support Devices", "[upper extremity] picc/s [line|lines|catheter|catheters]; peripherally inserted central [venous] (catheter|line)", kind="device"),
    Entry(
        "central line", "Support Devices",
        f"""
        [internal] (jugular|subclavian|ij|central|femoral|axillary) [vein] [central] [dual lumen|triple lumen|double lumen] [venous] [dialysis] {_CATHETER}
        (central|jugular|subclavian|ij|tunneled|dual lumen|triple lumen|double lumen|dialysis|hemodialysis|infusion|chest) [central] [venous] [dialysis] {_CATHETER}
        [internal] (central|ij|jugular|subclavian|chest) [venous|vein] (access|sheath|port|ports|device|introducer|introduction) [sheath]; venous {_CATHETER}; cordis
        port a cath/s; portacath/s; xxxx-a-xxxx; mediport/s; infusaport; port/s; permcath/s; permacath/s; cvc; cvl; hickman [catheter]; vas cath; catheter/s
        """,
        kind="device", stems="ij; subclavian; jugular; internal jugular; central venous",
    ),
    Entry(
        "chest tube", "Support Devices",
        """
        (chest|pleural|thoracostomy|thoracotomy|pigtail|pleurx|mediastinal) (tube|tubes|drain|drains); tube thoracostomy; pigtail/s
        (pigtail|pig tail|pleural|pleurx) [pleural|drainage] (catheter|catheters)
        """,
        kind="device", lends_side=True,
    ),
    Entry(
        "pacemaker", "Support Devices",
        """
        [cardiac|dual chamber|single chamber|single lead|dual lead|biventricular] (pacemaker|pacemakers|pacer|pacers|defibrillator|defibrillators|icd|icds|aicd|aicds)
        (pacemaker|pacer|pacing|icd|aicd|cardiac|epicardial) [pacing|pacer] (lead|leads|wire|wires|device|devices|generator|electrodes); pacemaker generator
        pulse generator; cardiac xxxx generator; generator; loop recorder; [nerve|vagal nerve] stimulator; cardioverter defibrillator; cardiac conduction device
        """,
        kind="device",
    ),
    Entry(
        "pulmonary artery catheter", "Support Devices", f"swan ganz [{_CATHETER[1:-1]}]; (pulmonary artery|pulmonary arterial|pa) {_CATHETER}",
        kind="device", midline=True,
    ),
    Entry(
        "balloon pump", "Support Devices", "[intra aortic|intraaortic|aortic] balloon pump/s; iabp; impella; lvad; ventricular assist device; ecmo [cannula|cannulae]",
        kind="device", midline=True,
    ),
    Entry(
        "sternotomy wires", "Support Devices",
        "[median|midline|xxxx] (sternotomy|sternal) (wire|wires|xxxx|suture|sutures|hardware|cerclage); (cerclage|surgical|postsurgical|post surgical) wires",
        kind="device", midline=True,
    ),
    Entry("sternotomy", None, "[median|midline|xxxx] sternotomy [changes]", kind="device", midline=True),
    Entry(
        "surgical clips", "Support Devices",
        """
        [surgical|mediastinal|cholecystectomy|vascular|axillary|metallic|cabg|bypass|abdominal|hilar] clip/s; hemoclip/s; cholecystectomy xxxx
        [skin|surgical] staple/s; surgical (xxxx|suture|sutures|material|anchor|anchors); (suture|staple) (line|lines|material|chain); suture/s; skin xxxx
        [cabg|bypass|coronary] (graft markers|markers)
        """,
        kind="device",
    ),
    Entry(
        "valve prosthesis", "Support Devices",
        """
        [prosthetic|artificial|mechanical|aortic|mitral|tricuspid|cardiac|heart] [heart|cardiac] (valve|valves) [replacement|replacements|prosthesis|prostheses|repair]
        valvular (prosthesis|prostheses); annuloplasty ring/s; [mitral|tricuspid] (annular|valve) ring/s; tavr; [septal] occluder [device]; closure device
        """,
        kind="device", midline=True,
    ),
    Entry(
        "stent", "Support Devices",
        "[coronary|coronary artery|vascular|tracheal|bronchial|biliary|aortic|endovascular] stent/s [graft]; endograft; (ivc|inferior vena cava) (filter|xxxx); [vp|ventriculoperitoneal] shunt [catheter|tubing]; [embolization] coil/s",
        kind="device", midline=True,
    ),
    Entry(
        "orthopedic hardware", "Support Devices",
        """
        [orthopedic|spinal|surgical|fusion|fixation|cervical|spine|anterior|posterior|thoracic] (hardware|rod|rods|screw|screws|plate|plates); orif; orthopedic xxxx
        [shoulder|humeral|hip|knee|joint|humeral head] (prosthesis|prostheses); [shoulder|total shoulder] arthroplast/y/ies; [internal|spinal] fixation [device]
        vertebroplast/y/ies; kyphoplast/y/ies; fusion xxxx
        """,
        kind="device",
    ),
    Entry("breast implant", "Support Devices", "[breast|mammary] implant/s; (breast|mammary) (prosthesis|prostheses); [breast] tissue expander/s", kind="device"),
    Entry("drain", "Support Devices", "[surgical|jp|biliary|abdominal] drain/s; drainage (tube|catheter)", kind="device"),
    Entry(
        "support devices", "Support Devices",
        """
        [monitoring and] (support|supporting|supportive) [and monitoring] (device|devices|apparatus|lines|hardware|equipment); [life] support lines and tubes
        monitoring (device|devices|leads|equipment); lines and tubes; tubes and lines; line/s; tube/s; device/s
        (ekg|ecg|monitor|monitoring|telemetry|external|overlying) (lead|leads|xxxx|wires|electrodes); cardiac monitor
        """,
        kind="device", midline=True,
    ),
    Entry(
        "foreign body", None,
        """
        foreign (body|bodies); (bullet|ballistic|metallic|shrapnel) (fragment|fragments); bullet/s; shrapnel; pellet/s; bb/s; buckshot; piercing; necklace
        (metallic|radiopaque) (density|densities|foreign body|object|objects|material|structure)
        """,
        kind="device",
    ),
    Entry(
        "postsurgical changes", None,
        """
        (post surgical|postsurgical|post operative|postoperative|postop|post op|surgical|operative) (change|changes|appearance|scarring|finding|findings|deformity|defect)
        [changes of] [prior|previous] cabg [changes|surgery]; coronary [artery] bypass [graft|grafts|grafting|surgery]; (bypass|coronary|vascular) (graft|grafts)
        mastectom/y/ies; lobectomy; lumpectomy; pneumonectomy; [wedge] resection/s; thoracotom/y/ies; cholecystectomy; esophagectomy; gastric pull (up|through)
        [cervical|spinal|anterior cervical|lower cervical|cervical spine] fusion; amputation; laminectomy; fundoplication; transplant/ation; surgery
        radiation (change|changes|fibrosis); postradiation (change|changes); axillary dissection; revascularization; rotator (cuff|xxxx) repair
        """,
        kind="device", lends_side=True,
    ),
)  # fmt: skip
