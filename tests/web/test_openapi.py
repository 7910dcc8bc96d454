"""The documentation: complete, and readable without the internet."""

import re
from collections.abc import Iterator
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from web.operations import OPERATIONS
from web.words import WORDS

OPEN_PATHS = {"/v1/auth/otp", "/v1/auth/token"}


def test_the_document_is_openapi_3_1(client: FlaskClient) -> None:
    document = client.get("/v1/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    assert set(document["components"]["securitySchemes"]) == {"bearer", "refresh"}


def test_every_operation_says_who_may_ask(client: FlaskClient) -> None:
    paths = client.get("/v1/openapi.json").get_json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            if method != "parameters":
                assert ("security" in operation) == (path not in OPEN_PATHS), (path, method)
                assert operation["summary"], (path, method)


def operations(client: FlaskClient) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation of the document, by its method and path."""
    for path, methods in client.get("/v1/openapi.json").get_json()["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def test_every_operation_has_a_lasting_name(client: FlaskClient) -> None:
    named = {label: operation.get("operationId") for label, operation in operations(client)}
    assert named == OPERATIONS, "name it in web/operations.py; names that are out stay"
    assert len(set(OPERATIONS.values())) == len(OPERATIONS)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", name) for name in OPERATIONS.values())


def test_every_operation_is_under_one_heading(client: FlaskClient) -> None:
    for label, operation in operations(client):
        assert len(operation["tags"]) == 1, label


def test_a_choice_has_one_name_wherever_it_stands(client: FlaskClient) -> None:
    document = client.get("/v1/openapi.json").get_json()
    schemas = document["components"]["schemas"]
    for name, choices in WORDS.items():
        assert schemas[name] == {"type": "string", "enum": list(choices)}
    listed = re.findall(r"'enum': (\[.*?\])", str(document))
    for choices in WORDS.values():
        assert listed.count(str(list(choices))) == 1, choices
    assert not any("None" in choices for choices in listed), "a generator would make two types"


def test_nobody_gets_in_without_a_token(app: Flask, client: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/v1/") and rule.rule not in {*OPEN_PATHS, "/v1/openapi.json"}:
            path = re.sub("<int:.*?>", "1", rule.rule)
            path = re.sub("<.*?>", "0c5ad2a5-9d0a-4b9e-8b0a-6f1f1ef2a001", path)
            for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
                response = client.open(path, method=method)
                assert response.status_code == 401, (method, path)
                assert response.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_pages_name_nothing_outside(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert named
    for path in named:
        with client.get(path) as file:
            assert file.status_code == 200, path
    assert "/v1/openapi.json" in page.text
    assert "http" not in re.sub(r"<!--.*?-->", "", page.text)
