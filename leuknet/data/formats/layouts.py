"""The native layouts: one small reader each, recognised by content, not by the folder's name.

ALL-IDB 1 (Crop) has no files of its own: it is what ``leuknet data crop`` cuts from ALL-IDB 1 by its centroids.
"""

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path

from leuknet.data.decode import SUFFIXES
from leuknet.data.registry import DATA_SETS
from leuknet.exceptions import LeuknetError

NEGATIVE, POSITIVE = 0, 1
LABELS_CSV = "labels.csv"


@dataclass(frozen=True)
class Image:
    """One image of a native layout: path below the folder, label (1 = leukaemia), group (patient), or empty."""

    path: Path
    label: int
    group: str = ""


@dataclass(frozen=True)
class Layout:
    """One native layout.

    Attributes
    ----------
    name : str
        Data set, as in Table 1, or of the related sets.
    looks_like : str
        The layout in words.
    images : callable
        Folder (pathlib.Path) to list of `Image`; empty where the folder is laid out otherwise.
    related : bool
        Outside the paper's 18.
    named_only : bool
        The layout has no mark of its own: it is taken only where the folder bears the data set's name.
    """

    name: str
    looks_like: str
    images: callable
    related: bool = False
    named_only: bool = False


def files(folder, suffixes=SUFFIXES):
    """Return the files below `folder` with one of `suffixes`, sorted, hidden ones left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _all_idb(folder, subfolder, suffix):
    """``ImNNN_0`` is healthy, ``ImNNN_1`` has ALL (the providers' names)."""
    place = folder / subfolder
    names = (
        [(path, re.fullmatch(r"Im\d{3}_([01])", path.stem)) for path in files(place, suffix)] if place.is_dir() else []
    )
    return [Image(path.relative_to(folder), int(match[1])) for path, match in names if match]


def _all_idb_1(folder):
    return _all_idb(folder, "im", (".jpg",))


def _all_idb_2(folder):
    return _all_idb(folder, "img", (".tif",))


def _tecom(number):
    """``Dataset N/NNN.bmp`` beside masks ``NNN.png``, as Zheng et al. ship them; all normal white cells."""

    def images(folder):
        place = folder / f"Dataset {number}"
        place = place if place.is_dir() else folder if folder.name == f"Dataset {number}" else None
        pairs = [path for path in files(place, (".bmp",)) if path.with_suffix(".png").is_file()] if place else []
        return [Image(path.relative_to(folder), NEGATIVE) for path in pairs]

    return images


def class_folders(labels, group=None):
    """Return a reader of class folders at any depth; `labels` maps folder names (lower case) to labels."""

    def images(folder):
        found = []
        for path in files(folder):
            below = path.relative_to(folder)
            of = [labels[part.lower()] for part in below.parts[:-1] if part.lower() in labels]
            if of and "mask" not in path.stem.lower() and not _is_mask(below):
                found.append(Image(below, of[-1], group(below) if group else ""))
        kinds = {part.lower() for image in found for part in image.path.parts[:-1]} & set(labels)
        return found if len(kinds) >= 2 else []

    return images


def _is_mask(below):
    return any(word in part.lower() for part in below.parts[:-1] for word in ("mask", "segmented", "ground truth"))


def _lisc(folder):
    kinds = dict.fromkeys(("baso", "eosi", "lymp", "mono", "neut", "mixt"), NEGATIVE)
    found = class_folders(kinds)(folder)
    return [image for image in found if image.path.suffix.lower() == ".bmp" and "expert" not in image.path.stem.lower()]


def plain_folder(name):
    """Return a reader of a folder of images: the registry's class where Table 1 has one, else ``labels.csv``."""
    classes = DATA_SETS[name].classes

    def images(folder):
        found = [path.relative_to(folder) for path in files(folder)]
        if len(classes) == 1:
            return [Image(path, classes[0][1]) for path in found]
        told = read_labels(folder / LABELS_CSV) if (folder / LABELS_CSV).is_file() else {}
        lost = [path.as_posix() for path in found if path.as_posix() not in told]
        if told and lost:
            raise LeuknetError(
                f"{folder / LABELS_CSV} does not name {lost[0]} (and {len(lost) - 1} more): add a row each"
            )
        return [Image(path, told[path.as_posix()]) for path in found] if told else []

    return images


def read_labels(path):
    """Return {image path: label} from a CSV with the columns ``image`` and ``label`` (negative or positive)."""
    words = {"negative": NEGATIVE, "positive": POSITIVE, "0": NEGATIVE, "1": POSITIVE}
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"image", "label"} <= set(reader.fieldnames or ()):
            raise LeuknetError(f"{path}, line 1: the columns must be image,label")
        told = {}
        for row in reader:
            label = words.get((row["label"] or "").strip().lower())
            if label is None or row["image"] in told:
                raise LeuknetError(f"{path}, line {reader.line_num}: label {row['label']!r} or a repeated image")
            told[row["image"].replace("\\", "/")] = label
    return told


def _bccd(folder):
    place = folder / "BCCD" / "JPEGImages" if (folder / "BCCD").is_dir() else folder / "JPEGImages"
    place = place if place.is_dir() else folder
    found = [path for path in files(place, (".jpg",)) if re.fullmatch(r"BloodImage_\d{5}", path.stem)]
    return [Image(path.relative_to(folder), NEGATIVE) for path in found]


def _cnmc(folder):
    """``UID_<subject>_<n>_<cell>_{all,hem}.bmp``: subject as group (C-NMC 2019, training part)."""
    names = [(path, re.fullmatch(r"UID_(H?\d+)_\d+_\d+_(all|hem)", path.stem)) for path in files(folder, (".bmp",))]
    return [Image(path.relative_to(folder), int(m[2] == "all"), m[1]) for path, m in names if m]


_PBC = dict.fromkeys(
    ("basophil", "eosinophil", "erythroblast", "ig", "lymphocyte", "monocyte", "neutrophil", "platelet"), 0
)
_RAABIN = dict.fromkeys(("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil"), NEGATIVE)
_TALEQANI = {"benign": NEGATIVE, "early": POSITIVE, "pre": POSITIVE, "pro": POSITIVE}


_LMU = dict.fromkeys(("bas", "eos", "lyt", "mon", "ngb", "ngs"), NEGATIVE) | {"myo": POSITIVE, "mob": POSITIVE}


def _aml_lmu(folder):
    """``<CLASS>/<CLASS>_NNNN.tiff``, one cell an image (Matek et al. 2019; ``annotations.dat`` repeats the class).

    The images name no patient, so a cell's class is its label: myeloblasts and monoblasts are positive, the six classes
    of normal smears negative. What is neither a blast nor found in normal smears (EBO, KSC, LYA, MMZ, MYB, PMB, PMO)
    is left out.
    """
    found = [(path, re.fullmatch(r"([A-Z]{3})_\d+", path.stem)) for path in files(folder, (".tif", ".tiff"))]
    cells = [(path.relative_to(folder), m[1].lower()) for path, m in found if m and m[1] == path.parent.name]
    return [Image(path, _LMU[kind]) for path, kind in cells if kind in _LMU]


def _deep_apl(folder):
    """``Patient_NN/…``: patients as groups, each APL or AML by the master table; all positive."""
    names = [(path, re.match(r"patient[_ ](\d+)", path.relative_to(folder).parts[0], re.I)) for path in files(folder)]
    return [Image(path.relative_to(folder), POSITIVE, m[1]) for path, m in names if m]


PLAIN = [
    *("Leukocytes", "CellaVision", "Atlas", "Omid et al., 2014", "Omid et al., 2015", "ASH", "Bloodline", "ONKODIN"),
    *("UFG", "PN-ALL Dataset", "leukemia-images", "MIDB Dataset", "ALL-IDB 1 (Crop)"),
]
_ALL = [
    Layout("ALL-IDB 1", "im/ImNNN_{0,1}.jpg, xyc/ImNNN_{0,1}.xyc", _all_idb_1),
    Layout("ALL-IDB 2", "img/ImNNN_{0,1}.tif", _all_idb_2),
    Layout("CellaVision 2", "Dataset 2/NNN.bmp with NNN.png", _tecom(2)),
    Layout("JTSC", "Dataset 1/NNN.bmp with NNN.png", _tecom(1)),
    Layout("LISC Dataset", "folders Baso, eosi, lymp, mono, neut, mixt of .bmp", _lisc),
    Layout("C-NMC 2019", "UID_<subject>_<n>_<cell>_{all,hem}.bmp", _cnmc, related=True),
    Layout("BCCD", "BCCD/JPEGImages/BloodImage_NNNNN.jpg", _bccd, related=True),
    Layout(
        "AML-Cytomorphology (LMU)",
        "folders MYO, MOB (blasts) and BAS, EOS, LYT, MON, NGB, NGS of <CLASS>_NNNN.tiff; other classes are left out",
        _aml_lmu,
        related=True,
    ),
    Layout("DeepAPL", "Patient_NN/<images>", _deep_apl, related=True),
    Layout("Taleqani ALL", "folders Benign, Early, Pre, Pro", class_folders(_TALEQANI), related=True),
    Layout("PBC", "folders basophil … platelet", class_folders(_PBC), related=True, named_only=True),
    Layout("Raabin-WBC", "folders Basophil … Neutrophil", class_folders(_RAABIN), related=True, named_only=True),
    *(
        Layout(
            name, f"a folder of images, {LABELS_CSV} where Table 1 has two classes", plain_folder(name), named_only=True
        )
        for name in PLAIN
    ),
]


def _opened(images):
    """Return a reader that also looks into a folder's only folder, because archives often hold one around all."""

    def look(folder):
        found = images(folder)
        inside = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
        if found or len(inside) != 1:
            return found
        return [replace(image, path=Path(inside[0].name) / image.path) for image in look(inside[0])]

    return look


LAYOUTS = {layout.name: replace(layout, images=_opened(layout.images)) for layout in _ALL}


def recognise(folder):
    """Return every `Layout` that a folder's content shows; those without a mark of their own are left out."""
    return [layout for layout in LAYOUTS.values() if not layout.named_only and layout.images(Path(folder))]


def read(name, folder):
    """Return the `Image`s of data set `name` in `folder`.

    Raises
    ------
    LeuknetError
        If the data set has no reader, or the folder is laid out otherwise.
    """
    if name not in LAYOUTS:
        raise LeuknetError(f"no reader for {name!r}; there is one for {', '.join(LAYOUTS)}")
    found = LAYOUTS[name].images(Path(folder))
    if not found:
        raise LeuknetError(f"{folder} is not laid out as {name} is shipped: {LAYOUTS[name].looks_like}")
    return found
