"""The native layouts, as ``layouts.toml`` describes them: recognised by content, not by the folder's name."""

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from importlib.resources import files as resources
from pathlib import Path, PurePath
from typing import Literal

from leuknet.data.registry import DATA_SETS
from leuknet.data.user_tables import LINE, read_table
from leuknet.data.walk import walk
from leuknet.exceptions import LeuknetError

NEGATIVE, POSITIVE = 0, 1
LABELS_CSV = "labels.csv"
LabelBy = Literal["patient", "cell"]
DEEP_APL = "DeepAPL"
_SIGNED, _UNSIGNED = "signed slides", "unsigned slides"
_APL_NORMAL = ("basophil", "eosinophils", "lymphocyte", "monocyte", "segmented neutrophils", "band neutrophils")


@dataclass(frozen=True)
class Image:
    """One image of a native layout.

    Attributes
    ----------
    path : pathlib.PurePath
        Below the data set's folder.
    label : int or None
        Of the patient or the whole image: 1 = leukaemia, 0 = not; None where the layout does not say.
    group : str
        Patient; empty where the layout does not say.
    cell_type : str
        As the provider calls it; empty for images of many cells.
    cell_label : int or None
        Of the cell: 1 = blast, 0 = white cell as in normal blood; None for what is neither, and for many cells.
    """

    path: PurePath
    label: int | None
    group: str = ""
    cell_type: str = ""
    cell_label: int | None = None


def is_mask(path: PurePath) -> bool:
    """Return whether a picture of a provider's folder is a mask or a drawing of another."""
    folders = any(word in part.lower() for part in path.parts[:-1] for word in ("mask", "segmented", "ground truth"))
    return folders or "mask" in path.stem.lower() or "expert" in path.stem.lower()


@dataclass(frozen=True)
class Layout:
    r"""One native layout.

    Attributes
    ----------
    name : str
        Data set, as in Table 1, or of the related sets.
    looks_like : str
        The layout in words.
    pattern : str
        Of an image's path from some folder on, with the named groups ``label`` (0 or 1), ``kind`` (of cell) and
        ``group`` (patient), as far as paths say it. Without it the layout is a plain folder of images: of the class
        that Table 1 gives the data set, else as ``labels.csv`` says.
    below : str
        The folder that holds the images; empty where they may lie anywhere.
    partner : str
        Suffix of the mask that lies next to each image; pictures without one are not of the set.
    labels, label : dict of str to int, int or None
        Label of each kind (in lower case), and of all others.
    types : dict of str to str
        What to call a kind, where its own name does not say it.
    least_kinds : int
        Fewest kinds with a label that show the layout.
    related : bool
        Outside the paper's 18.
    named_only : bool
        The layout has no mark of its own: it is taken only where the folder bears the data set's name.
    cells : bool
        Images of single cells whose labels can be read by patient or by cell.
    """

    name: str
    looks_like: str
    pattern: str = ""
    below: str = ""
    partner: str = ""
    labels: dict[str, int] = field(default_factory=dict)
    label: int | None = None
    types: dict[str, str] = field(default_factory=dict)
    least_kinds: int = 0
    related: bool = False
    named_only: bool = False
    cells: bool = False

    def companion(self, path: PurePath) -> bool:
        """Return whether a picture (relative path) belongs to the layout without being one of its images."""
        return path.suffix.lower() == self.partner or is_mask(path)

    def images(self, folder: Path, files: list[PurePath]) -> list[Image]:
        """Return the images among the pictures below `folder` (relative paths); none where it is laid out otherwise.

        Looks into a folder's only folder too, because archives often hold one around all.
        """
        matched, around = self._matched(folder, files), {path.parts[0] for path in files}
        if matched or len(around) != 1 or any(len(path.parts) == 1 for path in files):
            return matched
        inside = around.pop()
        within = self.images(folder / inside, [path.relative_to(inside) for path in files])
        return [replace(image, path=inside / image.path) for image in within]

    def _matched(self, folder: Path, files: list[PurePath]) -> list[Image]:
        if not self.pattern:
            return _plain(self.name, folder, files)
        pattern, known = re.compile(f"(?:.*/)?{self.pattern}"), set(files)
        inside = [path for path in files if self.below in ("", folder.name, path.parts[0])]
        if self.partner:
            inside = [path for path in inside if path.with_suffix(self.partner) in known]
        if self.least_kinds:  # folders of kinds, which may hold masks too
            inside = [path for path in inside if not is_mask(path)]
        named = [(path, pattern.fullmatch(path.as_posix())) for path in inside]
        images = [self._image(path, **match.groupdict()) for path, match in named if match]
        kinds = {image.cell_type.lower() for image in images if image.label is not None}
        images = images if len(kinds) >= self.least_kinds else []
        return _deep_apl(images) if self.name == DEEP_APL else images

    def _image(self, path: PurePath, label: str = "", kind: str = "", group: str = "") -> Image:
        value = int(label) if label else self.labels.get(kind.lower(), self.label)
        return Image(path, value, group, self.types.get(kind, kind), value if self.cells else None)


def _deep_apl(images: list[Image]) -> list[Image]:
    """Return the images of DeepAPL with the type and label of each cell, as far as they are known.

    By cell, blasts are positive and mature white cells (`_APL_NORMAL`) negative; promyelocytes (malignant in APL,
    perhaps normal in AML), other precursors, smudge cells, platelets and slides without a type have no label, nor has a
    cell that is filed under two types.
    """
    if not any(part.lower() in (_SIGNED, _UNSIGNED) for image in images for part in image.path.parts):
        return []
    images = [_apl_cell(image) for image in images]
    labels: dict[tuple[str, str], set[int | None]] = defaultdict(set)
    for image in images:
        labels[image.group, image.path.name] |= {image.cell_label} if image.cell_type else set()
    return [
        one if len(labels[one.group, one.path.name]) < 2 else replace(one, cell_type="two types", cell_label=None)
        for one in images
    ]


def _apl_cell(image: Image) -> Image:
    """Return an image of DeepAPL with its cell's type and label; empty and None on slides without a type."""
    parts = image.path.parts
    kind = parts[-2] if len(parts) > 2 and parts[-3].lower() == _SIGNED else ""
    normal = NEGATIVE if kind.lower() in _APL_NORMAL else None
    return replace(image, cell_type=kind, cell_label=POSITIVE if kind.lower().startswith("blast") else normal)


def _plain(name: str, folder: Path, files: list[PurePath]) -> list[Image]:
    """Return the images of a plain folder: of the registry's class where Table 1 has one, else by ``labels.csv``."""
    classes, table = DATA_SETS[name].classes, folder / LABELS_CSV
    if len(classes) == 1:
        return [Image(path, classes[0][1]) for path in files]
    if not table.is_file():
        return []
    labels = read_labels(table)
    if missing := [path.as_posix() for path in files if path.as_posix() not in labels]:
        raise LeuknetError(f"{table} does not name {missing[0]} (and {len(missing) - 1} more): add a row each")
    return [Image(path, labels[path.as_posix()]) for path in files]


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


_DESCRIBED = tomllib.loads(resources("leuknet.data").joinpath("resources/layouts.toml").read_text("utf-8"))
_PLAIN = {"looks_like": f"a folder of images, {LABELS_CSV} where Table 1 has two classes", "named_only": True}
LAYOUTS = {name: Layout(name, **_DESCRIBED.get(name, _PLAIN)) for name in [*DATA_SETS, *_DESCRIBED]}


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
    images = LAYOUTS[name].images(Path(folder), pictures_below(Path(folder)))
    if not images:
        raise LeuknetError(f"{folder} is not laid out as {name} is shipped: {LAYOUTS[name].looks_like}")
    return images
