"""What an installation holds: the files that go into the tarball and the Debian package."""

import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import SLUICE, clean_environment

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    if not shutil.which("strip"):
        pytest.skip("no binutils")
    folder = tmp_path_factory.mktemp("installed")
    done = subprocess.run([ROOT / "deploy/package/stage.sh", SLUICE, folder, "/usr"], env=clean_environment(),
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def test_each_page_example_and_manual_is_installed(installed):
    doc = installed / "share/doc/sluice"
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*")
             if path.is_file() and "__pycache__" not in path.parts]
    assert len(pages) > 25
    assert [str(page) for page in pages if (doc / page).read_bytes() != (ROOT / "docs" / page).read_bytes()] == []
    listed = subprocess.run([SLUICE, "--help"], env=clean_environment(), capture_output=True, text=True).stdout
    commands = re.findall(r"^  ([a-z]+) ", listed.split("SUBCOMMANDS:")[1], re.M)
    assert "serve" in commands
    manuals = {path.name for path in (installed / "share/man/man1").iterdir()}
    assert {f"sluice-{command}.1" for command in commands if command != "help"} | {"sluice.1"} <= manuals
    program = subprocess.run([installed / "bin/sluice", "--version"], env=clean_environment(), capture_output=True)
    assert program.returncode == 0


def test_the_unit_names_the_installed_program_and_no_file_can_be_changed_by_others(installed):
    unit = (installed / "lib/systemd/system/sluice.service").read_text()
    assert "/usr/bin/sluice serve" in unit and "/usr/local" not in unit
    assert [str(path) for path in installed.rglob("*") if path.stat().st_mode & 0o022] == []
