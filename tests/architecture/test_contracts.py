"""Each import contract of pyproject.toml is kept, and each one bites: a violation written into a copy is refused."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = [contract["id"] for contract in CONFIGURATION["contracts"]]

# (contract, module that offends, what it imports). At least one for every contract.
VIOLATIONS = [
    ("layers", "carbon_portal.kernel", "accounts"),
    ("layers", "accounts", "methodologies"),
    ("layers", "accounts", "credits.ledger"),
    ("layers", "methodologies", "behaviors"),
    ("layers", "behaviors", "credits"),
    ("layers", "behaviors", "credits.ledger"),
    ("layers", "credits", "merchants"),
    ("layers", "merchants", "pilots"),
    ("ledger", "credits.ledger", "accounts"),
    ("ledger", "credits.ledger", "behaviors"),
    ("ledger", "credits.ledger", "credits.services"),
    ("merchants", "merchants", "methodologies"),
    ("merchants", "merchants", "behaviors"),
    ("merchants-credits", "merchants", "credits.models"),
    ("engine", "methodologies.engine", "django.conf"),
    ("engine", "methodologies.engine", "psycopg2"),
    ("services", "carbon_portal.kernel.services", "django.conf"),
    ("composition-root", "credits", "carbon_portal.settings"),
    ("composition-root", "pilots", "carbon_portal.pages.views"),
    ("composition-root", "behaviors", "carbon_portal.workflows"),
]

# What the same table allows, so that a contract cannot be right by forbidding everything.
PERMITTED = [
    ("merchants-credits", "merchants", "credits.services"),
    ("merchants-credits", "merchants", "credits.selectors"),
    ("merchants-credits", "merchants", "credits.ledger"),
    ("ledger", "credits.ledger", "carbon_portal.kernel.clock"),
    ("layers", "credits", "behaviors.models"),
    ("layers", "pilots", "merchants"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the Python sources, without tests and data."""
    copy = tmp_path_factory.mktemp("tree")
    keep_python = shutil.ignore_patterns("__pycache__", "migrations", "*.html", "*.yaml", "*.csv", "*.json")
    for package in CONFIGURATION["root_packages"]:
        shutil.copytree(ROOT / package, copy / package, ignore=keep_python)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(tree, contract=None):
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    if contract:
        command += ["--contract", contract]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True)


def module_path(tree, module):
    """The file of a module; an empty one is made where the house has none yet."""
    path = tree / module.replace(".", "/")
    if path.is_dir():
        return path / "__init__.py"
    return path.with_suffix(".py")


@pytest.fixture
def offend(tree):
    """Write ``import TARGET`` into a new module of an offender, and take it out again."""
    written = []

    def write(offender, target):
        if target.split(".")[0] in CONFIGURATION["root_packages"] and not module_path(tree, target).exists():
            module_path(tree, target).write_text("")
            written.append(module_path(tree, target))
        path = tree / offender.replace(".", "/") / "offence.py"
        path.write_text(f"import {target}\n")
        written.append(path)

    yield write
    for path in written:
        path.unlink()


def test_the_tree_keeps_every_contract(tree):
    done = lint(tree)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_has_a_violation_that_proves_it():
    assert {contract for contract, _, _ in VIOLATIONS} == set(CONTRACTS)


@pytest.mark.parametrize(("contract", "offender", "target"), VIOLATIONS)
def test_a_violation_is_refused(tree, offend, contract, offender, target):
    offend(offender, target)
    done = lint(tree, contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout
    assert f"{offender}.offence" in done.stdout


@pytest.mark.parametrize(("contract", "importer", "target"), PERMITTED)
def test_what_the_layers_allow_is_not_refused(tree, offend, contract, importer, target):
    offend(importer, target)
    done = lint(tree, contract)
    assert done.returncode == 0, done.stdout + done.stderr


def test_values_pass_no_float_or_decimal_field():
    """Grams, points, tonnes and fen are integers: no model may hold them otherwise."""
    from django.apps import apps
    from django.db import models

    ours = [model for model in apps.get_models() if model.__module__.split(".")[0] in CONFIGURATION["root_packages"]]
    assert ours
    suffixes = ("_g", "_points", "_fen", "_t", "amount", "balance")
    wrong = [
        f"{model.__name__}.{found.name}"
        for model in ours
        for found in model._meta.get_fields()
        if isinstance(found, models.FloatField | models.DecimalField) and found.name.endswith(suffixes)
    ]
    assert wrong == []
