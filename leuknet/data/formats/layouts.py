"""The native layouts: one small reader each, recognised by content, not by the folder's name.

ALL-IDB 1 (Crop) has no files of its own: it is what ``leuknet data crop`` cuts from ALL-IDB 1 by its centroids.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal

from leuknet.data.formats.cells import aml_lmu, cnmc, deep_apl
from leuknet.data.formats.image import NEGATIVE, POSITIVE, Image
from leuknet.data.registry import DATA_SETS
from leuknet.data.user_tables import LINE, read_table
from leuknet.data.walk import walk
from leuknet.exceptions import LeuknetError

LABELS_CSV = "labels.csv"
LabelBy = Literal["patient", "cell"]
Reader = Callable[[Path, list[PurePath]], list[Image]]


def is_mask(path: PurePath) -> bool:
    """Return whether a picture of a provider's folder is a mask or a drawing of another."""
    folders = any(word in part.lower() for part in path.parts[:-1] for word in ("mask", "segmented", "ground truth"))
    return folders or "mask" in path.stem.lower() or "expert" in path.stem.lower()


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
        Folder (pathlib.Path) and the pictures below it (relative paths) to list of `Image`; empty where the folder is
        laid out otherwise.
    related : bool
        Outside the paper's 18.
    named_only : bool
        The layout has no mark of its own: it is taken only where the folder bears the data set's name.
    cells : bool
        Images of single cells whose labels can be read by patient or by cell.
    companion : callable
        Whether a picture (relative path) belongs to the layout without being one of its images.
    """

    name: str
    looks_like: str
    images: Reader
    related: bool = False
    named_only: bool = False
    cells: bool = False
    companion: Callable[[PurePath], bool] = is_mask


def _below(folder: str, files: list[PurePath], suffixes: tuple[str, ...]) -> list[PurePath]:
    return [path for path in files if path.parts[0] == folder and path.suffix.lower() in suffixes]


def _all_idb(subfolder: str, suffix: str) -> Reader:
    """``ImNNN_0`` is healthy, ``ImNNN_1`` has ALL (the providers' names)."""

    def images(folder: Path, files: list[PurePath]) -> list[Image]:
        names = [(path, re.fullmatch(r"Im\d{3}_([01])", path.stem)) for path in _below(subfolder, files, (suffix,))]
        return [Image(path, int(match[1])) for path, match in names if match]

    return images


def _tecom(number: int) -> Reader:
    """``Dataset N/NNN.bmp`` with masks ``NNN.png``, as Zheng et al. ship them; all normal white cells."""
    place = f"Dataset {number}"

    def images(folder: Path, files: list[PurePath]) -> list[Image]:
        known = set(files)
        inside = files if folder.name == place else _below(place, files, (".bmp", ".png"))
        pairs = [path for path in inside if path.suffix.lower() == ".bmp" and path.with_suffix(".png") in known]
        return [Image(path, NEGATIVE) for path in pairs]

    return images


def class_folders(labels: dict[str, int]) -> Reader:
    """Return a reader of class folders at any depth; `labels` maps folder names (lower case) to labels."""

    def images(folder: Path, files: list[PurePath]) -> list[Image]:
        found = []
        for path in files:
            kinds = [part.lower() for part in path.parts[:-1] if part.lower() in labels]
            if kinds and not is_mask(path):
                found.append(Image(path, labels[kinds[-1]], cell_type=kinds[-1]))
        return found if len({image.cell_type for image in found}) >= 2 else []

    return images


def _lisc(folder: Path, files: list[PurePath]) -> list[Image]:
    kinds = dict.fromkeys(("baso", "eosi", "lymp", "mono", "neut", "mixt"), NEGATIVE)
    return class_folders(kinds)(folder, [path for path in files if path.suffix.lower() == ".bmp"])


def plain_folder(name: str) -> Reader:
    """Return a reader of a folder of images: the registry's class where Table 1 has one, else ``labels.csv``."""
    classes = DATA_SETS[name].classes

    def images(folder: Path, files: list[PurePath]) -> list[Image]:
        if len(classes) == 1:
            return [Image(path, classes[0][1]) for path in files]
        if not (folder / LABELS_CSV).is_file():
            return []
        labels = read_labels(folder / LABELS_CSV)
        missing = [path.as_posix() for path in files if path.as_posix() not in labels]
        if missing:
            raise LeuknetError(
                f"{folder / LABELS_CSV} does not name {missing[0]} (and {len(missing) - 1} more): add a row each"
            )
        return [Image(path, labels[path.as_posix()]) for path in files]

    return images


def read_labels(path: Path) -> dict[str, int]:
    """Return {image path: label} from a CSV with the columns ``image`` and ``label`` (negative or positive)."""
    words = {"negative": NEGATIVE, "positive": POSITIVE, "0": NEGATIVE, "1": POSITIVE}
    labels: dict[str, int] = {}
    for row in read_table(path, ["image", "label"]).to_dict("records"):
        label = words.get(row["label"].lower())
        if label is None or row["image"] in labels:
            raise LeuknetError(f"{path}, line {row[LINE]}: label {row['label']!r} or a repeated image")
        labels[row["image"].replace("\\", "/")] = label
    return labels


def _bccd(folder: Path, files: list[PurePath]) -> list[Image]:
    named = [path for path in files if path.suffix == ".jpg" and re.fullmatch(r"BloodImage_\d{5}", path.stem)]
    placed = [path for path in named if "JPEGImages" in path.parts] or named
    return [Image(path, NEGATIVE) for path in placed]


_PBC = dict.fromkeys(
    ("basophil", "eosinophil", "erythroblast", "ig", "lymphocyte", "monocyte", "neutrophil", "platelet"), 0
)
_RAABIN = dict.fromkeys(("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil"), NEGATIVE)
_TALEQANI = {"benign": NEGATIVE, "early": POSITIVE, "pre": POSITIVE, "pro": POSITIVE}


def _is_png(path: PurePath) -> bool:
    return path.suffix.lower() == ".png"


PLAIN = [
    *("Leukocytes", "CellaVision", "Atlas", "Omid et al., 2014", "Omid et al., 2015", "ASH", "Bloodline", "ONKODIN"),
    *("UFG", "PN-ALL Dataset", "leukemia-images", "MIDB Dataset", "ALL-IDB 1 (Crop)"),
]
_ALL = [
    Layout("ALL-IDB 1", "im/ImNNN_{0,1}.jpg, xyc/ImNNN_{0,1}.xyc", _all_idb("im", ".jpg")),
    Layout("ALL-IDB 2", "img/ImNNN_{0,1}.tif", _all_idb("img", ".tif")),
    Layout("CellaVision 2", "Dataset 2/NNN.bmp with NNN.png", _tecom(2), companion=_is_png),
    Layout("JTSC", "Dataset 1/NNN.bmp with NNN.png", _tecom(1), companion=_is_png),
    Layout("LISC Dataset", "folders Baso, eosi, lymp, mono, neut, mixt of .bmp", _lisc),
    Layout("C-NMC 2019", "UID_<subject>_<n>_<cell>_{all,hem}.bmp", cnmc, related=True, cells=True),
    Layout("BCCD", "BCCD/JPEGImages/BloodImage_NNNNN.jpg", _bccd, related=True),
    Layout(
        "AML-Cytomorphology (LMU)",
        "folders MYO, MOB (blasts) and BAS, EOS, LYT, MON, NGB, NGS of <CLASS>_NNNN.tiff; other classes have no label",
        aml_lmu,
        related=True,
        cells=True,
    ),
    Layout(
        "DeepAPL",
        "Patient_NN/…/{Signed slides/<cell type>,Unsigned slides}/<images>",
        deep_apl,
        related=True,
        cells=True,
    ),
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


def _opened(images: Reader) -> Reader:
    """Return a reader that also looks into a folder's only folder, because archives often hold one around all."""

    def look(folder: Path, files: list[PurePath]) -> list[Image]:
        found, around = images(folder, files), {path.parts[0] for path in files}
        if found or len(around) != 1 or any(len(path.parts) == 1 for path in files):
            return found
        inside = around.pop()
        within = look(folder / inside, [path.relative_to(inside) for path in files])
        return [replace(image, path=inside / image.path) for image in within]

    return look


LAYOUTS = {layout.name: replace(layout, images=_opened(layout.images)) for layout in _ALL}


def pictures_below(folder: Path) -> list[PurePath]:
    """Return the pictures below a folder as relative paths, in their order."""
    return [entry.path.relative_to(folder) for entry in walk(folder) if not entry.reason]


def recognise(folder: Path, files: list[PurePath] | None = None) -> list[Layout]:
    """Return every `Layout` that a folder's content shows; those without a mark of their own are left out."""
    folder = Path(folder)
    files = pictures_below(folder) if files is None else files
    return [layout for layout in LAYOUTS.values() if not layout.named_only and layout.images(folder, files)]


def read(name: str, folder: Path) -> list[Image]:
    """Return the `Image`s of data set `name` in `folder`.

    Raises
    ------
    LeuknetError
        If the data set has no reader, or the folder is laid out otherwise.
    """
    if name not in LAYOUTS:
        raise LeuknetError(f"no reader for {name!r}; there is one for {', '.join(LAYOUTS)}")
    found = LAYOUTS[name].images(Path(folder), pictures_below(Path(folder)))
    if not found:
        raise LeuknetError(f"{folder} is not laid out as {name} is shipped: {LAYOUTS[name].looks_like}")
    return found
