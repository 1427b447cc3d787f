"""What a person reads when the server has started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from fenghuo import __version__


@dataclass(frozen=True, slots=True)
class FirstSignIn:
    """The account that was made because there was none. The password is shown this once and kept only hashed."""

    name: str
    password: str


NO_PANEL = (
    "                    not built into this copy; the rest works. Install a released wheel, or run `make panel`",
    "                    此份程序没有构建面板，其余功能正常；请安装发布的 wheel，或在源码目录执行 make panel",
)
"""What pip does not show: the panel's build was skipped because there was no Node.js, or no npm registry."""


def say(line: str = "") -> None:
    """Print a line for people; the log goes elsewhere."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def banner(
    url: str,
    *,
    data_dir: str,
    sign_in: FirstSignIn | None,
    open_to_all: bool,
    has_panel: bool = True,
    extra: Sequence[str] = (),
) -> list[str]:
    """The lines: where the panel is and how to sign in, in both languages."""
    lines = [f"烽火 Fenghuo {__version__}", "", f"  Panel / 面板:     {url}"]
    if not has_panel:
        lines += NO_PANEL
    if open_to_all:
        lines.append("  Sign-in / 登录:   off / 已关闭 (--no-auth)")
    elif sign_in:
        lines += [
            f"  User / 用户名:    {sign_in.name}",
            f"  Password / 密码:  {sign_in.password}   (shown once / 仅显示一次)",
        ]
    else:
        lines.append("  Sign-in / 登录:   as before; a new password / 使用原密码，重设: fenghuo user passwd admin")
    lines.append(f"  Data / 数据目录:  {data_dir}")
    return [*lines, *(f"  {line}" for line in extra), ""]
