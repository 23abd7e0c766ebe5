"""Reads the paper's text (CC BY 4.0, ``golden``) for the tests of `leuknet.paper`; the package never needs it."""

import re
from pathlib import Path

BLOCK = re.compile(r"^<b>([^<]*)</b>$")
TIGHT = re.compile(r"\s+")


def text_of():
    """Return the paper's whole text."""
    return (Path(__file__).parent / "golden" / "leuknet-sensors-2021.md").read_text(encoding="utf-8")


def squeeze(text):
    """Return `text` with every run of blanks as one blank."""
    return TIGHT.sub(" ", text).strip()


def lines_of(text, number):
    """Return the tab-separated lines of Table `number`, split into cells."""
    start = text.index(f"**Table {number}.**")
    lines = []
    for line in text[start:].splitlines()[1:]:
        if "\t" in line or BLOCK.match(line):
            lines.append([cell.strip() for cell in line.split("\t")])
        elif lines and line.strip():
            break
    return lines


def plain(cell):
    """Return the cell without bold marks, and whether it had them."""
    bare = re.sub(r"</?b>", "", cell)
    return bare.strip().replace("\\*", "*").replace("$k$ -fold", "k-fold"), bare != cell


def cells_of(text, number):
    """Return ``[(block, row, position, text, bold)]`` of Table `number`, `position` counted from 1."""
    head, *body = lines_of(text, number)
    if number == 10:
        body = body[1:]
    block, found = "", []
    for line in body:
        name, marked = plain(line[0])
        if not any(line[1:]):
            block = name
            continue
        if number == 11 and name == "LeukNet":
            block = ""
        found += [(block, name, i, *plain(cell)) for i, cell in enumerate(line[1:], 1)]
    return found
