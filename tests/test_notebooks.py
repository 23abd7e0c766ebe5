"""The pages' form (design, section 5.9): stripped, short cells, prose first, one parameters cell, no functions."""

import ast
from pathlib import Path

import nbformat
import pytest

from leuknet.pages.handout import without_answers
from leuknet.paper.consistency import sums
from leuknet.plots.data.leakage import KIND_WORDS

FOLDER = Path(__file__).parent.parent / "notebooks"
PAGES = sorted(FOLDER.glob("*.ipynb"))
EXPECTED = ["profile", "data", "out", "seed", "changes"]


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request):
    return nbformat.read(request.param, as_version=4), request.param.stem


def code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def test_pages_are_there_in_order():
    numbers = [path.name[:2] for path in PAGES]
    wanted = {"00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"}
    assert numbers == sorted(set(numbers)) and wanted <= set(numbers)


def test_stripped_with_fixed_cell_ids(page):
    book, stem = page
    assert all(not cell.outputs and cell.execution_count is None for cell in code(book))
    assert [cell.id for cell in book.cells] == [f"p{stem[:2]}-{n:02d}" for n in range(1, len(book.cells) + 1)]


def test_title_and_results_are_under_the_pages_own_name(page):
    book, stem = page
    opened = [node for cell in code(book) for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    names = [ast.literal_eval(call.args[0]) for call in opened if ast.unparse(call.func) == "open_study"]
    assert names == [stem] and book.cells[0].source.startswith(f"# {stem[:2]} · ")
    assert set(book.metadata) == {"kernelspec", "language_info"}


def test_header_says_what_the_page_answers(page):
    header = page[0].cells[0].source
    for part in ("# ", "**Question.**", "**Paper.**", "**Needs.**", "**Gives.**", "**Takes.**", "Not a medical device"):
        assert part in header


def test_one_parameters_cell_of_plain_assignments(page):
    tagged = [cell for cell in code(page[0]) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    body = ast.parse(tagged[0].source).body
    assert all(isinstance(line, ast.Assign) for line in body)
    assert [line.targets[0].id for line in body] == EXPECTED


def test_short_cells_without_functions_each_after_prose(page):
    book, _ = page
    assert len(code(book)) <= 20
    for before, cell in zip([None, *book.cells], book.cells, strict=False):
        if cell.cell_type != "code":
            continue
        assert len(cell.source.splitlines()) <= 12
        assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(ast.parse(cell.source)))
        assert before is not None and before.cell_type == "markdown", f"no prose before: {cell.source[:60]}"


def test_every_figure_is_given_out_with_an_alternative_text(page):
    for cell in code(page[0]):
        for call in (node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            assert name not in ("plt.show", "display", "Image.open"), f"show figures by plots.figure: {cell.source}"
            if name == "plots.figure":
                assert len(call.args) >= 4 and len(ast.unparse(call.args[3])) > 20


def test_ends_with_takeaways_and_exercises(page):
    prose = "\n".join(cell.source for cell in page[0].cells if cell.cell_type == "markdown")
    assert "## Takeaways" in prose and "## Exercises" in prose
    exercises = prose.split("## Exercises")[1]
    assert 3 <= sum(line.startswith(tuple(f"{n}." for n in range(1, 10))) for line in exercises.splitlines()) <= 5
    assert "redict" in exercises


def test_exercises_have_answers_that_a_handout_leaves_out(page):
    book, _ = page
    tagged = [cell for cell in book.cells if "solution" in cell.metadata.get("tags", [])]
    exercises = book.cells[-2].source.split("## Exercises")[1]
    assert tagged == [book.cells[-1]] and tagged[0].cell_type == "markdown"
    for number in range(1, 6):
        assert (f"\n{number}. " in exercises) == (f"\n**{number}.** " in tagged[0].source)
    assert without_answers(book).cells == book.cells[:-1]


def prose(number):
    [path] = FOLDER.glob(f"{number:02d}_*.ipynb")
    return " ".join(" ".join(cell.source.split()) for cell in nbformat.read(path, as_version=4).cells)


def test_what_pages_say_of_the_papers_numbers_is_so():
    """Page 01: which rows §3.2's counts are of; page 02: kinds of pairs; 02 and 06: a fall is likely, not certain."""
    rows = sums.counts().drop(index="Total")
    first = rows[sums.KINDS].iloc[:13].sum().tolist()
    assert first == list(sums.stated_classes()) == [1001, 1182]
    assert rows.drop(index="UFG")[sums.KINDS].sum().tolist() == [1377, 2025]
    assert "(1001 + 1182 images) covers only 13 data sets" in prose(1)
    assert "Table 1 without UFG (1377 + 2025)" in prose(1)
    assert len(KIND_WORDS) == 4 and "four kinds of pairs" in prose(2) and "three kinds" not in prose(2)
    assert not any("cannot rise" in prose(number) for number in (2, 6))


def test_page_09_says_which_rules_compare_different_starts():
    alike = "Claims on architectures, approaches and heads compare networks with start weights of one kind"
    assert alike in prose(9)
    assert "claims on transfer, decay and other works compare different start weights" in prose(9)
