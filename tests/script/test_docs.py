"""The pages for people are true: links lead somewhere, examples load, commands and names exist.

Every YAML block begins with a comment that names its file. The blocks of a page are written side by side under those
names; a ``fenghuo.yml`` or ``prometheus.yml`` must then pass ``check config``, an ``alertmanager.yml`` must load, and
what holds ``groups`` must pass ``check rules``, what holds ``tests`` must pass ``test rules``.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from fenghuo.alerting.notify import texts
from fenghuo.app.laboratory import Laboratory
from fenghuo.app.settings_check import check_file
from fenghuo.app.settings_sections import ALERTMANAGER_KEYS, OWN_KEYS, PROMETHEUS_KEYS
from fenghuo.base.document import Problem
from fenghuo.cli.check import rule_file_problems
from fenghuo.cli.main import app
from fenghuo.metrics.promql import normalized
from fenghuo.packs import load_pack, pack_names
from fenghuo.rules.functions import rule_functions
from fenghuo.rules.testing import load_tests, run_tests
from fenghuo.trading import built_in_markets
from script.pages import PAGES, ROOT, Block, anchors, blocks, command_lines, links, prose

REFERENCE = ROOT / "docs" / "reference"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


# Links


@each_page
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_of_the_guide_is_in_its_index() -> None:
    guide = ROOT / "docs" / "guide"
    listed = {(guide / link.partition("#")[0]).resolve() for link in links(guide / "README.md")}
    assert {page for page in guide.rglob("*.md") if page.name != "README.md"} <= listed


def test_every_decision_is_in_the_index() -> None:
    decisions = ROOT / "docs" / "decisions"
    listed = {(decisions / link).resolve() for link in links(decisions / "README.md")}
    assert {page for page in decisions.glob("*.md") if page.name != "README.md"} == listed


# Examples

STAND_INS = {
    "prometheus.yml": "global: {scrape_interval: 15s}\n",
    "alertmanager.yml": "route: {receiver: ops}\nreceivers: [{name: ops}]\n",
}
"""The reader's own files, where a page names them and shows none."""


@each_page
def test_every_yaml_block_names_its_file(page: Path) -> None:
    assert [block.place for block in blocks(page, "yaml") if not block.file_name] == []


@each_page
def test_configurations_and_rules_load_without_a_complaint(page: Path, tmp_path: Path) -> None:
    found = blocks(page, "yaml")
    for name in sorted({name for block in found for name in re.findall(r"\bsecrets/[\w.-]+", block.text)}):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("secret\n")
    for name, text in STAND_INS.items():
        (tmp_path / name).write_text(text)
    for block in found:
        write(block, tmp_path)
    complaints = []
    for block in found:
        write(block, tmp_path)  # A later example of the page may have taken the name.
        complaints += [f"{block.place}: {problem}" for problem in problems_of(block, tmp_path)]
    assert complaints == []


def write(block: Block, directory: Path) -> None:
    path = directory / block.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text)


def problems_of(block: Block, directory: Path) -> list[Problem]:
    path = directory / block.file_name
    content = yaml.safe_load(block.text)
    if isinstance(content, dict) and "groups" in content:
        return rule_file_problems(path, built_in_markets())[1]
    if isinstance(content, dict) and "tests" in content:
        report = run_tests(load_tests(path, normalized), Laboratory.evaluating_each)
        return [Problem(each.reason, str(path), each.line) for case in report.cases for each in case.mismatches]
    environment = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", block.text), "secret")
    if path.name == "alertmanager.yml":
        path = directory / "wrapping.yml"
        path.write_text(f"alertmanager: {block.file_name}\n")
    elif path.name not in ("fenghuo.yml", "prometheus.yml"):
        return []
    return check_file(path, environment, rule_file_problems).problems


@each_page
def test_python_snippets_compile_and_import_what_exists(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(compile_snippet(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fenghuo"):
                module = importlib.import_module(str(node.module))
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == [], block.place


def compile_snippet(block: Block) -> ast.Module:
    try:
        return ast.parse(block.text)
    except SyntaxError as error:
        raise AssertionError(f"{block.place}: {error}") from error


# Names


def commands() -> Iterator[tuple[list[str], Any]]:
    """Every command by its words."""

    def below(command: Any, words: list[str]) -> Iterator[tuple[list[str], Any]]:
        if not hasattr(command, "list_commands"):
            yield words, command
            return
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from below(command.get_command(context, name), [*words, name])

    yield from below(typer.main.get_command(app), [])


COMMANDS = list(commands())


@each_page
def test_commands_and_their_options_exist(page: Path) -> None:
    assert [complaint for words in command_lines(page) if (complaint := complaint_about(words))] == []


def complaint_about(words: list[str]) -> str:
    if words[0] in ("--version", "--help"):
        return ""
    for name, command in COMMANDS:
        if words[: len(name)] == name:
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            return f"fenghuo {' '.join(name)} has no {unknown}" if (unknown := given - known - {"--help"}) else ""
    return "" if any(name[: len(words)] == words for name, _ in COMMANDS) else f"there is no fenghuo {' '.join(words)}"


def test_every_command_is_in_the_reference() -> None:
    text = (REFERENCE / "commands.md").read_text()
    assert [name for name, _ in COMMANDS if f"## `fenghuo {' '.join(name)}" not in text] == []


def test_every_top_level_setting_is_in_the_reference() -> None:
    text = (REFERENCE / "settings.md").read_text()
    assert [key for key in OWN_KEYS | PROMETHEUS_KEYS | ALERTMANAGER_KEYS if f"| `{key}` |" not in text] == []


def own_metrics(text: str) -> set[str]:
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bfenghuo_[a-z0-9_]+[a-z0-9]", text)}


def test_every_own_metric_that_a_page_or_a_pack_names_exists() -> None:
    known = own_metrics((REFERENCE / "metrics.md").read_text())
    packs = [path for name in pack_names() for path in load_pack(name).rule_files]
    unknown = {path.name: own_metrics(path.read_text()) - known for path in [*PAGES, *packs]}
    assert {name: names for name, names in unknown.items() if names} == {}


def test_every_template_function_is_in_the_guide() -> None:
    text = prose(ROOT / "docs" / "guide" / "rules-and-templates.md")
    functions = (
        rule_functions(lambda expr, time_ms: [], 0, "").keys() | texts._functions(texts.TextOptions(), int).keys()
    )
    assert sorted(name for name in functions if not re.search(rf"`{name}[` ]", text)) == []


def test_the_reference_is_what_the_program_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# The two languages


def headings_of(page: Path) -> int:
    return len(re.findall(r"^#{1,3} ", prose(page), re.MULTILINE))


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.zh-CN.md", *(ROOT / "docs" / "guide" / "zh").glob("*.md")],
    ids=name_of,
)
def test_a_chinese_page_has_the_structure_and_the_examples_of_the_english_one(page: Path) -> None:
    english = ROOT / "README.md" if page.name == "README.zh-CN.md" else ROOT / "docs" / "guide" / page.name
    assert headings_of(page) == headings_of(english)
    assert [without_comments(block.text) for block in blocks(page, "yaml", "python", "sh", "ini")] == [
        without_comments(block.text) for block in blocks(english, "yaml", "python", "sh", "ini")
    ]


def without_comments(text: str) -> str:
    """Comments speak the page's language; the rest is the same."""
    return "\n".join(line for line in (re.sub(r"(^|\s+)#.*", "", line) for line in text.splitlines()) if line.strip())
