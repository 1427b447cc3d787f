"""What a person reads at the start."""

from __future__ import annotations

from fenghuo.app.banner import NO_PANEL, FirstSignIn, banner

URL = "http://127.0.0.1:9470"


def lines(sign_in: FirstSignIn | None = None, *, open_to_all: bool = False, has_panel: bool = True) -> str:
    return "\n".join(banner(URL, data_dir="/data", sign_in=sign_in, open_to_all=open_to_all, has_panel=has_panel))


def test_the_first_start_shows_the_account_once() -> None:
    first, later = lines(FirstSignIn("admin", "secret123")), lines()

    assert URL in first
    assert "admin" in first
    assert "secret123" in first
    assert "secret123" not in later
    assert "fenghuo user passwd admin" in later


def test_an_open_server_says_so() -> None:
    assert "--no-auth" in lines(open_to_all=True)


def test_a_copy_without_its_panel_says_so_in_both_languages_and_how_to_get_it() -> None:
    without, with_it = lines(has_panel=False), lines()

    assert all(line in without for line in NO_PANEL)
    assert not any(line in with_it for line in NO_PANEL)
    assert [word for word in ("wheel", "make panel", "没有构建面板") if word not in without] == []
