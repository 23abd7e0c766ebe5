"""Data sets of single cells whose providers give each cell's type: DeepAPL, AML-Cytomorphology (LMU), C-NMC 2019."""

import re
from collections import defaultdict
from pathlib import Path, PurePath

from leuknet.data.formats.image import NEGATIVE, POSITIVE, Image

_LMU = dict.fromkeys(("BAS", "EOS", "LYT", "MON", "NGB", "NGS"), NEGATIVE) | {"MYO": POSITIVE, "MOB": POSITIVE}
_CNMC = {"all": ("ALL blast", POSITIVE), "hem": ("normal lymphoid precursor", NEGATIVE)}
_SIGNED, _UNSIGNED = "signed slides", "unsigned slides"
_APL_NORMAL = {
    *("basophil", "eosinophils", "lymphocyte", "monocyte"),
    *("segmented neutrophils", "band neutrophils"),
}


def cnmc(folder: Path, files: list[PurePath]) -> list[Image]:
    """``UID_<subject>_<n>_<cell>_{all,hem}.bmp`` (C-NMC 2019, training part): subject as group.

    A subject has ALL or is healthy, so the label is the same by patient and by cell.
    """
    pattern = re.compile(r"UID_(H?\d+)_\d+_\d+_(all|hem)")
    names = [(path, pattern.fullmatch(path.stem)) for path in files if path.suffix.lower() == ".bmp"]
    found = [(path, match[1], *_CNMC[match[2]]) for path, match in names if match]
    return [Image(path, label, subject, kind, label) for path, subject, kind, label in found]


def aml_lmu(folder: Path, files: list[PurePath]) -> list[Image]:
    """``<CLASS>/<CLASS>_NNNN.tiff``, one cell an image (Matek et al. 2019; ``annotations.dat`` repeats the class).

    The images name no patient, so a cell's class is its label by patient as well: myeloblasts and monoblasts are
    positive, the six classes of normal smears negative. What is neither a blast nor found in normal smears (EBO, KSC,
    LYA, MMZ, MYB, PMB, PMO) has no label.
    """
    pattern = re.compile(r"([A-Z]{3})_\d+")
    named = [(path, pattern.fullmatch(path.stem)) for path in files if path.suffix.lower() in (".tif", ".tiff")]
    kinds = [(path, match[1]) for path, match in named if match and match[1] == path.parent.name]
    if not any(kind in _LMU for _, kind in kinds):
        return []
    return [Image(path, _LMU.get(kind), "", kind, _LMU.get(kind)) for path, kind in kinds]


def deep_apl(folder: Path, files: list[PurePath]) -> list[Image]:
    """``Patient_NN/…/{Signed slides/<cell type>,Unsigned slides}/<image>``: patients are groups (Sidhom et al. 2021).

    By patient every image is positive: each patient has AML or APL. By cell, blasts are positive and mature white
    cells (`_APL_NORMAL`) negative; promyelocytes (malignant in APL, perhaps normal in AML), other precursors, smudge
    cells, platelets and slides without a type have no label, nor has a cell that is filed under two types.
    """
    named = [(path, re.search(r"(?:^|/)patient[_ ](\d+)/", path.as_posix(), re.I)) for path in files]
    images = [Image(path, POSITIVE, match[1], *_apl_cell(path)) for path, match in named if match]
    if not any(part.lower() in (_SIGNED, _UNSIGNED) for image in images for part in image.path.parts):
        return []
    kinds: dict[tuple[str | None, str], set[int | None]] = defaultdict(set)
    for image in images:
        kinds[image.group, image.path.name] |= {image.cell_label} if image.cell_type else set()
    return [
        image if len(kinds[image.group, image.path.name]) < 2 else Image(image.path, POSITIVE, image.group, "two types")
        for image in images
    ]


def _apl_cell(path: PurePath) -> tuple[str, int | None]:
    """Return the type and label of a cell of DeepAPL; empty and None on slides without a type."""
    if len(path.parts) < 3 or path.parts[-3].lower() != _SIGNED:
        return "", None
    kind = path.parts[-2]
    if kind.lower().startswith("blast"):
        return kind, POSITIVE
    return kind, NEGATIVE if kind.lower() in _APL_NORMAL else None
