"""Clients that strangers would generate from our OpenAPI document."""
