"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from boundcheck.errors import InputError
from boundcheck.files import check_writable, write_whole


def test_writes_text_and_bytes(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "é\n")
    write_whole(tmp_path / "b", b"\x00\n")
    assert (tmp_path / "a").read_bytes() == "é\n".encode()
    assert (tmp_path / "b").read_bytes() == b"\x00\n"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("failing", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_content_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, error: BaseException
) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(InputError if isinstance(error, OSError) else KeyboardInterrupt):
        write_whole(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")
    with target.open() as reader:
        write_whole(target, "new content")
        assert reader.read() == "old"
    assert target.read_text() == "new content"


def test_permissions_are_those_of_a_usual_file(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        write_whole(tmp_path / "new", "x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644
    (tmp_path / "old").write_text("x")
    (tmp_path / "old").chmod(0o640)
    write_whole(tmp_path / "old", "y")
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_and_not_replaced() -> None:
    check_writable(["/dev/null", "/dev/null"])
    write_whole("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_unusable_paths_are_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    bad = [tmp_path, tmp_path / "no" / "x", tmp_path / "file" / "x", f"{tmp_path}/new/", "", "a\0b", tmp_path / ("x" * 300)]
    for path in bad:
        for use in (lambda p: check_writable([p]), lambda p: write_whole(p, "new")):
            with pytest.raises(InputError) as caught:
                use(path)
            assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_directory_without_permission_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)  # root may write anywhere, so permission bits can't be the test
    with pytest.raises(InputError, match="Permission denied"):
        check_writable([tmp_path / "x"])


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    check_writable([tmp_path / "new", tmp_path / "old"])
    assert os.listdir(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "old"


def test_one_file_for_two_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="twice"):
        check_writable([tmp_path / "x", f"{tmp_path}/./x"])
