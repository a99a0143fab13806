"""Made-up reports: (prediction, reference) pairs about no real patient, for the corner cases of the extractors."""

from __future__ import annotations

PAIRS: list[tuple[str, str]] = [
    ("The heart is normal. No pleural effusion.", "Heart size is normal. There is no effusion or pneumothorax."),
    ("Small left effusion, unchanged.", "Small left pleural effusion is unchanged compared to prior."),
    ("No acute cardiopulmonary abnormality.", "No acute cardiopulmonary abnormality."),
    ("Mild pulmonary edema has increased.", "Moderate pulmonary edema, likely worsened. Possible pneumonia."),
    ("Endotracheal tube tip is above the carina.", "The tube tip is in the stomach. NG line in place."),
    ("", "The lungs are clear."),
    ("Right lower lobe opacity may be pneumonia.", "Opacity in the right lower lobe, likely atelectasis."),
    ("Cardiomegaly is stable; no edema", "Stable cardiomegaly without edema."),
    ("NO EFFUSION. NO PNEUMOTHORAX.", "no effusion. no pneumothorax."),
    ("Effusion left, Effusion right.", "left effusion, right effusion."),
    ("Line 1:\nsmall effusion\n\nLine 2:\ttube in place", "small effusion and tube (in place)."),
    ("Rib fracture (left, 5th).", "Acute left rib fractures; 3.5 cm opacity."),
    ("Calcified aorta, tortuous aorta.", "The aorta is calcified and tortuous."),
    ('Dobhoff tip 45% above/below line\'s end, "new".', "Catheter tip at the svc, 45% in."),
    ("effusion", "effusion"),
    ("?!", "No focal consolidation."),
    ("no", "There is no change."),
    ("Possible consolidation. Possible pneumonia. Possible edema.", "Consolidation, pneumonia and edema may be seen."),
    ("L’épanchement pleural gauche – stable ± œdème", "Left pleural effusion, stable; edema ±."),
    (
        "The lungs are clear without focal consolidation, effusion, or edema. The heart is mildly enlarged. "
        "Mediastinal contours are normal. No acute osseous abnormality. Right picc terminates in the svc.",
        "Heart is enlarged. Lungs are clear. A right-sided picc line ends in the mid svc. No effusion is seen. "
        "There is mild vascular congestion without overt edema. Osseous structures are unchanged.",
    ),
    ("No effusion. " * 150, "No effusion. Left lower lobe atelectasis. " * 80),
    ("unchanged tube. new opacity in the left base.", "tube removed. left base opacity improved."),
    ("small hiatal hernia", "Hiatal hernia is small. Lungs low in volumes."),
    ("Patient rotated; heart size normal_limits ___.", "___ year old patient, rotated. Heart size is normal."),
]
