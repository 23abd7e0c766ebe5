"""``leuknet data …``: a thin layer over cohorts and protocols, imported when called."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from leuknet._escape import one_line
from leuknet.exceptions import LeuknetError

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Folder = Annotated[Path, typer.Argument(help="DIR/<data set>/…, by class or as the provider ships it.", metavar="DIR")]
data_app = typer.Typer(no_args_is_help=True, help="Data sets: what is there, what they share, how to split them.")


@data_app.command("audit")
def audit_data(folder: Folder, as_json: Json = False, groups: Annotated[Path | None, typer.Option()] = None) -> None:
    """Find images that share pixels, shortcuts to the label, and burned-in marks; --groups writes a groups.csv."""
    from leuknet._io import write_text
    from leuknet.data.cells_csv import label_meaning
    from leuknet.data.leakage.verdict import as_dict, verdict
    from leuknet.evaluation.families import regroup

    if groups and groups.exists():
        raise LeuknetError(f"{groups} exists and may have been written by hand: remove it, or name another file")
    table, audited = _audited(folder)
    if as_json:
        typer.echo(json.dumps(as_dict(audited, table), indent=1, ensure_ascii=False))
    else:
        typer.echo(f"{len(table)} images: {verdict(audited)}\n{label_meaning(table)}")
        _print_findings(audited)
    if groups:  # last, so that the findings are printed even if it cannot be written
        grouped = regroup(table, audited.pairs)[["image_id", "source", "group"]]
        write_text(groups, grouped.rename(columns={"image_id": "image"}).to_csv(index=False))


def _print_findings(audited: Any) -> None:
    """Print families of identical pictures, pairs that show parts of each other, and shortcuts, one line each."""
    from leuknet.data.leakage.audit import SAME, families

    pairs = audited.pairs
    for row in families(pairs).itertuples():
        word = "CONTRADICTION (both classes)" if row.contradiction else row.kinds
        more = f" and {row.pictures - 2} more" if row.pictures > 2 else ""
        _line(f"{word}: {row.pictures} x one picture: {row.example} | {row.other}{more}")
    for pair in pairs[~pairs["kind"].isin(SAME)].itertuples():
        box = f"{pair.left:.0f},{pair.top:.0f} {pair.width:.0f}x{pair.height:.0f}"
        _line(f"{pair.kind}: {pair.a} | {pair.b} at {box} score {pair.score:.4f} detail {pair.detail:.4f}")
    for row in audited.shortcuts.itertuples():
        interval = f"{row.score:.2f} ({row.low:.2f} to {row.high:.2f})"
        _line(f"shortcut  {row.data_set}: label by {row._2}, balanced accuracy {interval}, n = {row.images}")


@data_app.command("splits")
def splits_data(
    folder: Folder,
    protocol: Annotated[
        str, typer.Option(help="k-fold, lodocv, lodocv-as-published, leave-one-source-out …")
    ] = "k-fold",
    out: Annotated[Path | None, typer.Option(help="The file to write; DIR/splits.csv if not given.")] = None,
    seed: Annotated[int, typer.Option()] = 0,
    check: Annotated[Path | None, typer.Option(help="Check this splits.csv against DIR and write nothing.")] = None,
) -> None:
    """Audit DIR, group images that share pixels, and write a split that a reviewer can reuse.

    If saved as DIR/splits.csv, the split is checked against the images whenever DIR is loaded.
    """
    from leuknet._outputs import check_own
    from leuknet.data.leakage.verdict import verdict
    from leuknet.data.splits_csv import HEAD
    from leuknet.evaluation.exchange import read_splits, write_splits
    from leuknet.evaluation.families import regroup
    from leuknet.evaluation.named import make_split

    out = out or folder / "splits.csv"
    if not check:
        check_own(out, HEAD)
    table, audited = _audited(folder)
    table = regroup(table, audited.pairs)
    if check:
        split, audit = read_splits(check, table)
        split.check(table)
        typer.echo(f"{check}: {split.protocol}, {len(split.folds)} folds: its images are these\naudit then: {audit}")
        typer.echo(f"audit now: {verdict(audited)}\n{split.leakage(table)}")
        return
    split = make_split(protocol, table, seed)
    try:
        name = write_splits(out, split, table, verdict(audited))
    except OSError as error:
        raise LeuknetError(f"cannot write {out}: {error.strerror}; name another file with --out") from error
    typer.echo(f"{out}: {split.protocol}, {len(split.folds)} folds, hash {name}")
    for line in filter(None, (split.leakage(table), split.undefined(table), verdict(audited))):
        typer.echo(line)


@data_app.command("list")
def list_data(folder: Annotated[Path | None, typer.Argument(metavar="DIR")] = None, as_json: Json = False) -> None:
    """Print every supported data set: published counts, images in DIR, terms, layout."""
    from leuknet.data.formats.getting import listing

    frame = listing(_found(folder) if folder else None)
    typer.echo(frame.to_json(orient="records", indent=1) if as_json else frame.to_string(index=False))


@data_app.command("check")
def check_data(folder: Folder) -> None:
    """List the data sets in DIR, by content, and each difference from Table 1; code 1 if there is any."""
    if not all([_say(name, counts) for name, counts in _found(folder).items()]):
        raise typer.Exit(1)


@data_app.command("get")
def get_data(
    name: str,
    file: Annotated[Path | None, typer.Option(help="The archive that you brought from the provider.")] = None,
    url: Annotated[str | None, typer.Option(help="A direct file; needs --sha256.")] = None,
    sha256: Annotated[str | None, typer.Option()] = None,
    to: Annotated[Path | None, typer.Option(help="New folder; NAME if not given.")] = None,
    max_files: Annotated[int, typer.Option(help="Files in an archive.", min=1)] = 100_000,
    max_gib: Annotated[float, typer.Option(help="GiB unpacked.", min=0)] = 64,
    max_ratio: Annotated[float, typer.Option(help="Unpacked over packed.", min=1)] = 200,
    max_header_mib: Annotated[float, typer.Option(help="MiB of names and headers.", min=0)] = 64,
) -> None:
    """Download a data set if its provider offers a direct file, else print the provider's steps; check the files.

    An archive, downloaded or given with --file, is unpacked safely, within the limits given.
    """
    from leuknet.data.formats import getting, read
    from leuknet.data.formats.archives import Limits, unpack

    if url and not sha256:
        raise LeuknetError("--url needs --sha256: a download is only trusted by its hash")
    known = (url, sha256) if url else getting.direct(name)
    target = to or Path(name)
    typer.echo(getting.about(name) if file or known else getting.steps(name))
    if not (file or known):
        return
    if target.exists():
        raise LeuknetError(f"{target} is there already: remove it or name another folder with --to")
    archive = file or Path(getting.download(*known, progress=sys.stderr.isatty()))  # type: ignore[arg-type, misc]
    unpack(archive, target, Limits(max_files, max_gib, max_ratio, max_header_mib))
    labels = [image.label for image in read(name, target) if image.label is not None]
    _say(name, (labels.count(0), labels.count(1)), f"{target}: ")


@data_app.command("crop")
def crop_data(
    folder: Annotated[Path, typer.Argument(help="ALL-IDB 1 with im/ and xyc/.")],
    out: Path,
    edge: Annotated[int, typer.Option(help="px", min=1)] = 257,
) -> None:
    """Cut ALL-IDB 1 (Crop) from ALL-IDB 1: a square around each centroid of its xyc files."""
    from leuknet.data.formats.centroids import crop_all

    typer.echo(f"{out}: {crop_all(folder, out, edge)} images of {edge} px (Table 1: 510)")


def _line(text: str, err: bool = False) -> None:
    """Print one line; removes line breaks and escape sequences, which names may contain."""
    typer.echo(one_line(text), err=err)


def _say(name: str, counts: tuple[int, int], where: str = "") -> bool:
    """Print the counts of a data set next to Table 1, and return whether they agree (or it is not in Table 1)."""
    from leuknet.data.registry import lookup

    known = lookup(name)
    wanted = (known.negatives, known.positives) if known else counts
    differs = f"Table 1 has {wanted[0]} negative, {wanted[1]} positive"
    note = differs if counts != wanted else "as published" if known else "not in Table 1"
    _line(f"{where}{name}: {counts[0]} negative, {counts[1]} positive; {note}")
    return counts == wanted


def _found(folder: Path) -> dict[str, tuple[int, int]]:
    """Return {data set: (negative, positive)} for the data sets in DIR."""
    from leuknet.data.folder import folder_table

    table, _ = folder_table(folder)
    counts = table.groupby(["data_set", "label"]).size().unstack(fill_value=0).reindex(columns=[0, 1], fill_value=0)
    return {name: (int(row[0]), int(row[1])) for name, row in counts.iterrows()}


def _audited(folder: Path) -> tuple[Any, Any]:
    """Return the table of the images in DIR and its leakage audit; print files that could not be read."""
    from leuknet.data.folder import folder_table
    from leuknet.data.leakage.audit import audit
    from leuknet.data.leakage.pictures import Pictures

    table, rejected = folder_table(folder)
    for row in rejected.itertuples():
        _line(f"left out: {row.path}: {row.reason}", err=True)
    return table, audit(Pictures(table))
