"""``leuknet data …``: a thin face over cohort and protocol, imported when called."""

import json
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Folder = Annotated[Path, typer.Argument(help="DIR/<data set>/…, by class or as the provider ships it.", metavar="DIR")]
data_app = typer.Typer(no_args_is_help=True, help="Data sets: what is there, what they share, how to split them.")


@data_app.command("audit")
def audit_data(folder: Folder, as_json: Json = False, groups: Annotated[Path | None, typer.Option()] = None):
    """Find images that share pixels, shortcuts to the label, and burned-in marks; --groups writes a groups.csv."""
    from leuknet.cohort.leakage.verdict import as_dict, verdict
    from leuknet.files import write_text
    from leuknet.protocol.families import regroup

    table, found = _audited(folder)
    if groups:
        grouped = regroup(table, found.pairs)[["image_id", "source", "group"]]
        write_text(groups, grouped.rename(columns={"image_id": "image"}).to_csv(index=False))
    if as_json:
        typer.echo(json.dumps(as_dict(found, table), indent=1, ensure_ascii=False))
        return
    typer.echo(f"{len(table)} images: {verdict(found)}")
    for pair in found.pairs.itertuples():
        box = (
            f" at {pair.left:.0f},{pair.top:.0f} {pair.width:.0f}x{pair.height:.0f}" if pair.kind == "contained" else ""
        )
        turn = f" ({pair.turn})" if pair.turn else ""
        typer.echo(f"{pair.kind:9} {pair.a} | {pair.b}{box}{turn} score {pair.score:.4f} detail {pair.detail:.4f}")
    for row in found.shortcuts.itertuples():
        said = f"{row.score:.2f} ({row.low:.2f} to {row.high:.2f})"
        typer.echo(f"shortcut  {row.data_set}: label by {row._2}, balanced accuracy {said}, n = {row.images}")


@data_app.command("splits")
def splits_data(
    folder: Folder,
    protocol: Annotated[
        str, typer.Option(help="k-fold, lodocv, lodocv-as-published, leave-one-source-out …")
    ] = "k-fold",
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("splits.csv"),
    seed: Annotated[int, typer.Option()] = 0,
):
    """Audit DIR, make groups of what shares pixels, and write a split that a reviewer can take away."""
    from leuknet.cohort.leakage.verdict import verdict
    from leuknet.protocol.exchange import write_splits
    from leuknet.protocol.families import regroup
    from leuknet.protocol.named import make_split

    table, found = _audited(folder)
    table = regroup(table, found.pairs)
    split = make_split(protocol, table, seed)
    name = write_splits(out, split, table, verdict(found))
    typer.echo(f"{out}: {split.protocol}, {len(split.folds)} folds, hash {name}")
    typer.echo(split.leakage(table))
    typer.echo(verdict(found))


def _audited(folder):
    from leuknet.cohort.folder import folder_table
    from leuknet.cohort.leakage.audit import audit
    from leuknet.cohort.leakage.pictures import Pictures

    table, rejected = folder_table(folder)
    for row in rejected.itertuples():
        typer.echo(f"left out: {row.path}: {row.reason}", err=True)
    return table, audit(Pictures(table))
