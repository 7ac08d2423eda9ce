"""`/openapi.json`: the HTTP interface in the words of OpenAPI 3.1, written by hand and held to the routes by a test."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from beholder.schema import SCHEMA

_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_NUMBER = {"type": "number", "minimum": 0, "maximum": 1}
_TOP = {
    "type": "object",
    "required": ["label", "probability"],
    "properties": {"label": {"type": "string"}, "probability": _NUMBER},
}
_ANSWERED = {
    "type": "object",
    "required": ["path", "label", "probability", "unsure", "unlike", "top"],
    "properties": {
        "path": {"type": "string", "description": "The file name that was sent, or `-`."},
        "label": {"type": "string", "description": "The most probable class."},
        "probability": _NUMBER,
        "unsure": {
            "type": ["boolean", "null"],
            "description": "Whether not to rely on it: improbable, or unlike; null where the model has no threshold.",
        },
        "unlike": {
            "type": ["boolean", "null"],
            "description": "Whether the image is unlike all that it was trained on; null where it cannot tell.",
        },
        "top": {"type": "array", "items": _TOP},
    },
}
_UNREADABLE = {
    "type": "object",
    "required": ["path", "error"],
    "properties": {"path": {"type": "string"}, "error": {"type": "string"}},
}
_PREDICTIONS = {
    "type": "object",
    "required": ["schema", "precision", "predictions"],
    "properties": {
        "schema": {"const": SCHEMA},
        "precision": {"enum": ["float32", "int8"]},
        "predictions": {
            "type": "array",
            "items": {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Answered", "Unreadable")]},
        },
    },
}
_IMAGES = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _error(description: str) -> dict[str, Any]:
    return _json(description, {"$ref": "#/components/schemas/Error"})


_RETRY = {
    "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 1}}
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Beholder",
        "version": importlib.metadata.version("beholder"),
        "description": "Answers of an image classifier. Every error is a JSON object with one sentence, `error`.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": {
        "/predict": {
            "post": {
                "operationId": "predict",
                "summary": "Say what is on one or many images.",
                "parameters": [
                    {
                        "name": "top",
                        "in": "query",
                        "description": "Class names for each image.",
                        "schema": {"type": "integer", "minimum": 1, "default": 3},
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "image/*": {"schema": {"type": "string", "format": "binary"}},
                        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                        "multipart/form-data": {"schema": _IMAGES},
                    },
                },
                "responses": {
                    "200": _json(
                        "An answer for each image, in order; `error` in the place of one that could not be read.",
                        {"$ref": "#/components/schemas/Predictions"},
                    ),
                    "400": _error("A damaged or empty request, or none of its images could be read."),
                    "403": _error("Asked by a page of another site."),
                    "408": _error("The body did not arrive in time."),
                    "413": _error("The body is too large, or holds too many images."),
                    "415": _error("Neither an image nor a multipart form."),
                    "421": _error("Sent to a name that this server does not answer to."),
                    "503": {**_error("More than the server can answer now."), "headers": _RETRY},
                },
            }
        },
        "/model": {
            "get": {
                "operationId": "model",
                "summary": "The model's manifest, and which of its graphs answers.",
                "responses": {"200": _json("The manifest.", {"$ref": "#/components/schemas/Model"})},
            }
        },
        "/healthz": {
            "get": {
                "operationId": "healthz",
                "summary": "Whether the model answers as when it was saved, and the workers live.",
                "responses": {
                    "200": _json("It does.", {"type": "object", "properties": {"status": {"const": "ok"}}}),
                    "503": _error("The workers have ended."),
                },
            }
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "Counts and times in Prometheus' text format.",
                "responses": {
                    "200": {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
                },
            }
        },
        "/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This document.",
                "responses": {"200": _json("This document.", {"type": "object"})},
            }
        },
    },
    "components": {
        "schemas": {
            "Error": _ERROR,
            "Answered": _ANSWERED,
            "Unreadable": _UNREADABLE,
            "Predictions": _PREDICTIONS,
            "Model": {
                "type": "object",
                "required": ["schema", "model", "class_names", "image", "precision", "checksum"],
                "properties": {
                    "schema": {"type": "integer"},
                    "model": {"type": "string"},
                    "class_names": {"type": "array", "items": {"type": "string"}},
                    "image": {"type": "object"},
                    "precision": {"enum": ["float32", "int8"]},
                    "checksum": {"type": "string", "description": "SHA-256: a name for exactly this model."},
                },
            },
        }
    },
}
