"""The documentation: complete, and readable without the internet."""

import re

from flask import Flask
from flask.testing import FlaskClient

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


def test_nobody_gets_in_without_a_token(app: Flask, client: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/v1/") and rule.rule not in {*OPEN_PATHS, "/v1/openapi.json"}:
            path = re.sub("<.*?>", "0c5ad2a5-9d0a-4b9e-8b0a-6f1f1ef2a001", rule.rule)
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
