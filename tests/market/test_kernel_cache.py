"""Compiled kernels stay out of the installed package, wherever Python is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import liquidarium.market.order_book.book_kernels as kernels
from liquidarium.market.kernel_cache import VARIABLE, keep_kernels_outside

ROOT = Path(__file__).parents[2]


def test_no_kernel_is_kept_beside_the_sources():
    kept = Path(kernels.submit._cache.cache_path)
    assert ROOT / "market" not in kept.parents


def test_a_users_choice_stands(monkeypatch):
    monkeypatch.setenv(VARIABLE, "/somewhere/else")
    keep_kernels_outside()
    assert os.environ[VARIABLE] == "/somewhere/else"


def test_an_environment_that_cannot_be_written_leaves_the_users_cache(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "file"))
    monkeypatch.setenv("HOME", str(tmp_path))
    before = sys.modules["numba"].config.CACHE_DIR
    try:
        keep_kernels_outside()
        assert os.environ[VARIABLE] == str(tmp_path / ".cache" / "liquidarium-kernels")
    finally:
        sys.modules["numba"].config.CACHE_DIR = before
