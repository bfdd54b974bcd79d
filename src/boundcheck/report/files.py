"""Moved to :mod:`boundcheck.files`."""

from boundcheck.files import check_writable, write_whole

__all__ = ["check_writable", "write_whole"]
