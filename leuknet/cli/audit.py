"""``leuknet paper …`` and ``leuknet paper audit``: a thin layer over `leuknet.paper`, imported when called."""

import json
from typing import Annotated, Any, Literal

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
paper_app = typer.Typer(no_args_is_help=True, help="What the paper printed: tables, settings, claims.")
Weight = Literal["conclusion", "number", "typographical"]


def _print(frame: Any, as_json: bool, columns: list[str]) -> None:
    if as_json:
        typer.echo(json.dumps(json.loads(frame.to_json(orient="records")), indent=1, ensure_ascii=False))
    else:
        typer.echo(frame[columns].to_string(index=False))


@paper_app.command()
def tables(
    number: Annotated[int | None, typer.Argument(help="1 to 13; all if left out.")] = None, as_json: Json = False
) -> None:
    """Print the cells of one table, or of all."""
    from leuknet.paper import tables

    frame = tables.tables() if number is None else tables.table(number)
    _print(frame, as_json, ["table", "block", "row", "column", "text"])


@paper_app.command()
def settings(as_json: Json = False) -> None:
    """Print every setting stated in sections 3 and 4."""
    from leuknet.paper import tables

    _print(tables.settings(), as_json, ["name", "value", "unit", "section"])


@paper_app.command()
def claims(as_json: Json = False) -> None:
    """Print the claims of the abstract, the results, the discussion and the conclusions."""
    from leuknet.paper import tables

    _print(tables.claims(), as_json, ["id", "section", "gist"])


@paper_app.command()
def runs(
    profile: Annotated[str, typer.Option(help="Whose runs to count.")] = "paper",
    as_json: Json = False,
) -> None:
    """Count a profile's runs for each table, next to the paper's own."""
    from leuknet.study.scale import counted_study, planned

    frame = planned(counted_study(profile))
    _print(frame, as_json, list(frame))


def audit_command(
    as_json: Json = False,
    weight: Annotated[Weight | None, typer.Option(help="Only findings of this weight.")] = None,
) -> None:
    """Check the paper's printed numbers for consistency, and list what depends on them."""
    from leuknet.paper import consistency as auditing

    findings = auditing.audit()
    if weight:
        findings = [f for f in findings if f.weight.endswith(weight)]
    typer.echo(auditing.to_json(findings) if as_json else auditing.to_text(findings))
