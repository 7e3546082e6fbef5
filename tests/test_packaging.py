"""What is installed is what the folders hold: an editable install would hide a gap of the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("market", "protocols", "agents", "experiments")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def folders_with_code() -> dict[str, Path]:
    """Package name -> folder, for every folder of the rooms that holds a module."""
    found = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    return {"liquidarium." + ".".join(folder.relative_to(ROOT).parts): folder for folder in found}


def test_packages_are_the_folders_of_the_four_rooms():
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(folders_with_code())


def test_every_package_has_a_docstring_file_and_says_that_it_is_typed():
    for name, folder in folders_with_code().items():
        assert (folder / "__init__.py").is_file(), f"{name} has no __init__.py"
        assert (folder / "py.typed").is_file(), f"{name} has no py.typed"


def test_rooms_are_installed_under_one_name():
    expected = {f"liquidarium.{room}": room for room in ROOMS}
    assert PROJECT["tool"]["setuptools"]["package-dir"] == expected
    assert not (ROOT / "__init__.py").exists()


def test_every_data_file_is_part_of_the_wheel():
    """Files that are no modules are installed only where package-data names them."""
    data = PROJECT["tool"]["setuptools"]["package-data"]
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            if (
                not path.is_file()
                or path.suffix in (".py", ".pyc", ".nbi", ".nbc")
                or path.name == "py.typed"
            ):
                continue
            patterns = [
                (ROOT / package.removeprefix("liquidarium.").replace(".", "/"), pattern)
                for package, listed in data.items()
                if package != "*"
                for pattern in listed
            ]
            assert any(path in set(base.glob(pattern)) for base, pattern in patterns), path


def test_license_is_the_one_named():
    assert PROJECT["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
