"""The notebooks run from top to bottom, here on small sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "experiments" / "notebooks"
SMALL = {
    "first-steps": "BORROWERS = 100\nSEEDS = 2",
    "designing-a-penalty": "BORROWERS = 100\nSEEDS = 2\nBONUSES = (0.01, 0.05, 0.15)\nFOLDER = 'sweep'",
    "your-own-agent-and-mechanism": "BORROWERS = 100\nSEEDS = 2",
}


def test_every_notebook_has_small_sizes():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells), "saved with outputs"
    [parameters] = [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", ())]
    assert {line.split(" = ")[0] for line in parameters.source.splitlines()} == {
        line.split(" = ")[0] for line in SMALL[name].splitlines()
    }
    parameters.source = SMALL[name]
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3", resources=resources).execute()
    pictures = [
        output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]  # fmt: skip
    assert pictures
