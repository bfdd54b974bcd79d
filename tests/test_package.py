"""What is shipped: a wheel with every sub-package and file, that works where it is installed; and a light import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import boundcheck
from boundcheck.bounds import CATALOGUE

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "boundcheck"


def python(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_import_is_light(tmp_path: Path) -> None:
    heavy = {"numpy", "scipy", "torch", "pandas", "matplotlib", "typer", "rich", "pydantic", "sklearn"}
    done = python("-c", "import boundcheck, sys; print(*sys.modules)", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not heavy & set(done.stdout.split())


def test_every_public_name_is_there() -> None:
    assert set(boundcheck.__all__) <= set(dir(boundcheck))
    assert all(getattr(boundcheck, name) is not None for name in boundcheck.__all__)
    with pytest.raises(AttributeError, match="evalute"):
        boundcheck.evalute  # noqa: B018


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, so that nothing is left in it."""
    pytest.importorskip("build", reason="needs the package 'build'")
    copy = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    shutil.copytree(SOURCE, copy / "src" / "boundcheck", ignore=shutil.ignore_patterns("__pycache__"))
    done = python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(copy / "dist"), str(copy), cwd=copy)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.mark.slow
def test_wheel_holds_everything(wheel: Path) -> None:
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("boundcheck/")}
    there = {p for p in SOURCE.rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyc"}
    wanted = {str(p.relative_to(SOURCE.parent)) for p in there}
    assert shipped == wanted
    assert "boundcheck/py.typed" in shipped
    assert any(name.endswith(".jinja") for name in shipped)
    for folder in {p.parent for p in there if p.suffix == ".py"}:
        assert f"{folder.relative_to(SOURCE.parent)}/__init__.py" in shipped


@pytest.mark.slow
def test_installed_wheel_works(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--target", str(target))
    done = python(*pip, str(wheel), cwd=tmp_path)
    if "No module named pip" in done.stderr:
        pytest.skip("needs pip")
    assert done.returncode == 0, done.stderr

    def installed(*words: str) -> subprocess.CompletedProcess[str]:
        return python(*words, cwd=tmp_path, PYTHONPATH=str(target))

    where = installed("-c", "import boundcheck; print(boundcheck.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(target)
    version = installed("-m", "boundcheck", "--version")
    assert (version.returncode, version.stdout) == (0, f"boundcheck {boundcheck.__version__}\n")
    bounds = installed("-m", "boundcheck", "bounds")
    assert bounds.returncode == 0, bounds.stderr
    assert all(name in bounds.stdout for name in CATALOGUE)
    train = ("train", "--model", "linear", "--epochs", "1", "--n", "100", "--out", "r.pt")
    evaluate = ("evaluate", "--checkpoint", "r.pt", "--bounds", "langford2005testset", "--html", "r.html")
    page = installed("-c", f"from boundcheck.cli.main import main; raise SystemExit(main({train!r}) or main({evaluate!r}))")
    assert page.returncode == 0, page.stderr
    assert "langford2005testset" in (tmp_path / "r.html").read_text()  # the templates were shipped
    assert (target / "bin" / "boundcheck").exists()
