"""When the panel is built, with which Node, and what happens when it cannot be."""

from __future__ import annotations

import importlib.util
import os
import stat
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]

NPM = """#!/bin/sh
echo "npm $*" >> "$NPM_LOG"
case "$1" in
  ci) mkdir -p node_modules && echo {{}} > node_modules/.package-lock.json ;;
  run) {bundle} ;;
esac
"""
BUNDLES = "mkdir -p ../src/fenghuo/web/panel && echo page > ../src/fenghuo/web/panel/index.html"


def load_hook() -> ModuleType:
    pytest.importorskip("hatchling", reason="hatchling builds the package and need not be where it is tested")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hatch_build"] = module
    spec.loader.exec_module(module)
    return module


class Checkout:
    """A checkout of ours in miniature, and a machine with a Node of some version that writes down what npm was told."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.module = load_hook()
        self.log = root / "npm.log"
        self.binaries = root / "bin"
        self.binaries.mkdir()
        (root / "ui" / "src").mkdir(parents=True)
        (root / "ui" / "package-lock.json").write_text("{}", encoding="utf-8")
        (root / "ui" / "src" / "main.ts").write_text("first", encoding="utf-8")
        monkeypatch.setenv("PATH", f"{self.binaries}{os.pathsep}/usr/bin{os.pathsep}/bin")
        monkeypatch.setenv("NPM_LOG", str(self.log))
        monkeypatch.delenv("FENGHUO_SKIP_PANEL", raising=False)
        self.node("v20.19.0")

    def node(self, version: str, bundle: str = BUNDLES) -> None:
        self._script("node", f"#!/bin/sh\necho {version}\n")
        self._script("npm", NPM.format(bundle=bundle))

    def build(self, version: str = "standard") -> list[str]:
        """Run the hook as hatchling does; what npm was told, without its options."""
        self.log.unlink(missing_ok=True)
        self.hook.initialize(version, {})
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [" ".join(word for word in line.split() if not word.startswith("--")) for line in lines]

    @property
    def hook(self):  # type: ignore[no-untyped-def]
        return self.module.PanelBuildHook(str(self.root), {}, None, None, "", "wheel")

    def _script(self, name: str, text: str) -> None:
        path = self.binaries / name
        path.write_text(text, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path, monkeypatch)


EVERYTHING = ["npm ci", "npm run bundle"]


def test_the_same_sources_are_built_once(checkout: Checkout) -> None:
    assert checkout.build() == EVERYTHING
    assert checkout.build() == []
    (checkout.root / "ui" / "src" / "main.ts").write_text("second", encoding="utf-8")
    assert checkout.build() == ["npm run bundle"], "what npm installed is still that of the lock file"


def test_what_npm_installed_belongs_to_one_lock_file(checkout: Checkout) -> None:
    checkout.build()
    lock = checkout.root / "ui" / "package-lock.json"
    lock.write_text('{"changed": true}', encoding="utf-8")
    newer_s = (checkout.root / "ui" / "node_modules" / ".package-lock.json").stat().st_mtime + 5
    os.utime(lock, (newer_s, newer_s))
    assert checkout.build() == EVERYTHING


def test_what_is_no_source_of_the_panel_does_not_count(checkout: Checkout) -> None:
    checkout.build()
    (checkout.root / "ui" / "node_modules" / "vue.js").write_text("anything", encoding="utf-8")
    assert checkout.build() == []


def test_an_editable_installation_builds_a_panel_once_and_leaves_the_rest_to_the_developer(checkout: Checkout) -> None:
    assert checkout.build("editable") == EVERYTHING
    (checkout.root / "ui" / "src" / "main.ts").write_text("second", encoding="utf-8")
    assert checkout.build("editable") == []
    assert checkout.build("standard") == ["npm run bundle"]


def test_nothing_is_built_where_somebody_says_so_or_sources_are_absent(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGHUO_SKIP_PANEL", "1")
    assert checkout.build() == []
    monkeypatch.setenv("FENGHUO_SKIP_PANEL", "0")
    (checkout.root / "ui" / "package-lock.json").unlink()
    assert checkout.build() == []


@pytest.mark.parametrize(
    ("version", "asked"),
    [("v20.19.0", False), ("v24.1.0", False), ("v20.18.9", True), ("v18.20.4", True), ("nonsense", True)],
)
def test_a_packaged_node_is_asked_for_only_where_the_systems_is_too_old(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, version: str, asked: bool
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    checkout.node(version)
    assert checkout.hook.dependencies() == ([checkout.module.NODE_WHEEL] if asked else [])


def test_a_packaged_node_is_not_asked_for_where_there_is_none_or_nothing_to_build(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.build()
    checkout.node("v18.0.0")
    assert checkout.hook.dependencies() == [], "the panel is there"
    (checkout.root / "ui" / "src" / "main.ts").write_text("second", encoding="utf-8")
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert checkout.hook.dependencies() == [], "pip would compile Node itself"


@pytest.mark.parametrize(
    ("version", "bundle", "reason"),
    [
        ("v20.19.0", "echo 'the registry is gone' >&2; exit 7", "failed with exit code 7:\nthe registry is gone"),
        ("v16.0.0", BUNDLES, "there is no Node.js 20.19 or newer with npm"),
    ],
)
def test_a_panel_that_cannot_be_built_is_a_loud_warning_and_no_failure(
    checkout: Checkout,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    version: str,
    bundle: str,
    reason: str,
) -> None:
    monkeypatch.setattr(checkout.module, "packaged_npm", lambda: None)
    checkout.node(version, bundle)
    checkout.build()
    told = capfd.readouterr().err
    assert "WITHOUT ITS PANEL" in told
    assert reason in told
    assert checkout.module.wants_build(checkout.root), "the next build tries again"
