"""Native layouts, described in ``layouts.toml`` and recognised by content, not by the name of the folder."""

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

LABELS_CSV = "labels.csv"
LabelBy = Literal["patient", "cell"]


@dataclass(frozen=True)
class Image:
    """One image of a native layout.

    Attributes
    ----------
    path : pathlib.PurePath
        Path relative to the folder of the data set.
    label : int or None
        Label of the patient or the image: 1 = leukaemia, 0 = not; None if the layout does not specify it.
    group : str
        Patient; empty if the layout does not specify it.
    cell_type : str
        The provider's name of the cell type; empty for images of several cells.
    cell_label : int or None
        Label of the cell: 1 = blast, 0 = white cell that occurs in normal blood; None for other cells and for images
        of several cells.
    """

    path: PurePath
    label: int | None
    group: str = ""
    cell_type: str = ""
    cell_label: int | None = None


def is_mask(path: PurePath) -> bool:
    """Return whether an image in a provider's folder is a mask or an annotation of another image."""
    folders = any(word in part.lower() for part in path.parts[:-1] for word in ("mask", "segmented", "ground truth"))
    return folders or "mask" in path.stem.lower() or "expert" in path.stem.lower()


@dataclass(frozen=True)
class Layout:
    r"""One native layout.

    Attributes
    ----------
    name : str
        Name of the data set, as in Table 1 or of a related data set.
    looks_like : str
        Description of the layout.
    pattern : str
        Regular expression for the end of an image path, with the named groups ``label`` (0 or 1), ``kind`` (of cell)
        and ``group`` (patient) if the path contains them. If empty, the layout is a plain folder of images, labelled
        by the data set's single class in Table 1 or else by ``labels.csv``.
    below : str
        Folder that contains the images; empty if they may be in any folder.
    partner : str
        Suffix of the mask next to each image; images without a mask do not belong to the data set.
    labels, label : dict of str to int, int or None
        Label of each kind (in lower case), and label of all other kinds.
    cell_labels : dict of str to int
        Label of each kind's cells, if it differs from the image's: by a regular expression for the kind in lower case.
        Other kinds, and images filed under kinds of different labels, have no cell label.
    types : dict of str to str
        Cell types of kinds whose folder names are not descriptive.
    least_kinds : int
        Minimum number of labelled kinds required to recognise the layout.
    related : bool
        Whether the data set is not one of the paper's 18.
    named_only : bool
        Whether the layout has no distinguishing content and is used only if the folder has the data set's name.
    cells : bool
        Whether the images show single cells that can be labelled by patient or by cell.
    """

    name: str
    looks_like: str
    pattern: str = ""
    below: str = ""
    partner: str = ""
    labels: dict[str, int] = field(default_factory=dict)
    label: int | None = None
    cell_labels: dict[str, int] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    least_kinds: int = 0
    related: bool = False
    named_only: bool = False
    cells: bool = False

    def companion(self, path: PurePath) -> bool:
        """Return whether a file (relative path) accompanies the images of the layout, e.g. as a mask."""
        return path.suffix.lower() == self.partner or is_mask(path)

    def images(self, folder: Path, files: list[PurePath]) -> list[Image]:
        """Return the images among `files` (paths relative to `folder`); empty if the layout does not match.

        If `folder` contains only a single folder, as is common for unpacked archives, that folder is searched as well.
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
        if self.least_kinds:  # folders of kinds may also contain masks
            inside = [path for path in inside if not is_mask(path)]
        named = [(path, pattern.fullmatch(path.as_posix())) for path in inside]
        images = [self._image(path, **match.groupdict()) for path, match in named if match]
        kinds = {image.cell_type.lower() for image in images if image.label is not None}
        images = images if len(kinds) >= self.least_kinds else []
        return _unanimous(images) if self.cell_labels else images

    def _image(self, path: PurePath, label: str = "", kind: str | None = "", group: str = "") -> Image:
        kind = kind or ""  # None if an optional part of the pattern does not match
        value = int(label) if label else self.labels.get(kind.lower(), self.label)
        own = next((own for kinds, own in self.cell_labels.items() if re.fullmatch(kinds, kind.lower())), None)
        cell = own if self.cell_labels else value
        return Image(path, value, group, self.types.get(kind, kind), cell if self.cells else None)


def _unanimous(images: list[Image]) -> list[Image]:
    """Return the images, without a cell label if a patient's image is filed under kinds of different labels."""
    labels: dict[tuple[str, str], set[int | None]] = defaultdict(set)
    for image in images:
        labels[image.group, image.path.name] |= {image.cell_label} if image.cell_type else set()
    return [
        one if len(labels[one.group, one.path.name]) < 2 else replace(one, cell_type="two types", cell_label=None)
        for one in images
    ]


def _plain(name: str, folder: Path, files: list[PurePath]) -> list[Image]:
    """Return the images of a plain folder, labelled by their single class in Table 1 or else by ``labels.csv``."""
    classes, table = DATA_SETS[name].classes, folder / LABELS_CSV
    if len(classes) == 1:
        return [Image(path, classes[0][1]) for path in files]
    if not table.is_file():
        return []
    labels = read_labels(table)
    if missing := [path.as_posix() for path in files if path.as_posix() not in labels]:
        raise LeuknetError(f"{table} does not list {missing[0]} (and {len(missing) - 1} more): add one row per image")
    return [Image(path, labels[path.as_posix()]) for path in files]


def read_labels(path: Path) -> dict[str, int]:
    """Read {image path: label} from a CSV with the columns ``image`` and ``label`` (negative or positive)."""
    words = {"negative": 0, "positive": 1, "0": 0, "1": 1}
    labels: dict[str, int] = {}
    for row in read_table(path, ["image", "label"]).to_dict("records"):
        label = words.get(row["label"].lower())
        if label is None or row["image"] in labels:
            raise LeuknetError(f"{path}, line {row[LINE]}: unknown label {row['label']!r} or repeated image")
        labels[row["image"].replace("\\", "/")] = label
    return labels


_DESCRIBED = tomllib.loads(resources("leuknet.data").joinpath("resources/layouts.toml").read_text("utf-8"))
_PLAIN = {"looks_like": f"a folder of images, {LABELS_CSV} where Table 1 has two classes", "named_only": True}
LAYOUTS = {name: Layout(name, **_DESCRIBED.get(name, _PLAIN)) for name in [*DATA_SETS, *_DESCRIBED]}


def pictures_below(folder: Path) -> list[PurePath]:
    """Return the relative paths of all images below a folder, in order."""
    return [entry.path.relative_to(folder) for entry in walk(folder) if not entry.reason]


def recognise(folder: Path, files: list[PurePath] | None = None) -> list[Layout]:
    """Return every `Layout` recognised in the content of a folder, excluding layouts with `named_only`."""
    folder = Path(folder)
    files = pictures_below(folder) if files is None else files
    return [layout for layout in LAYOUTS.values() if not layout.named_only and layout.images(folder, files)]


def read(name: str, folder: Path) -> list[Image]:
    """Return the images of data set `name` in `folder`.

    Raises
    ------
    LeuknetError
        If the data set is unknown or the folder has a different layout.
    """
    if name not in LAYOUTS:
        raise LeuknetError(f"no reader for {name!r}; there is one for {', '.join(LAYOUTS)}")
    images = LAYOUTS[name].images(Path(folder), pictures_below(Path(folder)))
    if not images:
        raise LeuknetError(f"{folder} does not have the native layout of {name}: {LAYOUTS[name].looks_like}")
    return images
