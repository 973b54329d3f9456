"""A vendor's connection form, generated from its descriptor: for Airflow 3.x as data, for 2.11 as widgets. No Airflow here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fapiao.settings import COMMON_FIELDS
from fapiao.spec import Descriptor, Field

__all__ = ["conn_fields", "extra_fields", "field_behaviour", "widgets"]

_HIDDEN = ["schema", "port", "extra"]
"""The address is one text (``https://host:port``), and every setting has a field of its own."""

_SCHEMA: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "secret": {"type": ["string", "null"], "format": "password"},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
}


def extra_fields(descriptor: Descriptor) -> tuple[Field, ...]:
    """The fields that live in the connection's ``extra``: the vendor's own first, then what every connection knows."""
    return tuple(field for field in (*descriptor.fields, *COMMON_FIELDS) if field.place == "extra")


def conn_fields(descriptor: Descriptor) -> dict[str, dict[str, Any]]:
    """``conn-fields`` of Airflow 3.x's provider info: a JSON schema for each field of ``extra``."""
    fields: dict[str, dict[str, Any]] = {}
    for field in extra_fields(descriptor):
        schema = dict(_SCHEMA[field.kind])
        if field.default is not None:
            schema["default"] = field.default
        fields[field.name] = {"label": field.title, "schema": schema}
        if field.help:
            fields[field.name]["description"] = field.help
    return fields


def field_behaviour(descriptor: Descriptor, *, kebab_case: bool) -> dict[str, Any]:
    """Hidden fields, labels and placeholders: ``ui-field-behaviour`` (3.x, kebab case) or ``get_ui_field_behaviour`` (2.11)."""
    standard = {field.place: field for field in descriptor.fields if field.place != "extra"}
    placeholders = {"host": descriptor.default_host}
    placeholders |= {field.name: str(field.default) for field in extra_fields(descriptor) if field.default is not None}
    return {
        "hidden-fields" if kebab_case else "hidden_fields": list(_HIDDEN),
        "relabeling": {place: field.title for place, field in standard.items()},
        "placeholders": placeholders,
    }


def widgets(descriptor: Descriptor) -> dict[str, Any]:
    """``get_connection_form_widgets`` of Airflow 2.11. Needs the webserver's libraries, which a worker may lack."""
    look = import_module("flask_appbuilder.fieldwidgets")
    wtforms = import_module("wtforms")
    optional = import_module("wtforms.validators").Optional

    made: dict[str, Any] = {}
    for field in extra_fields(descriptor):
        label, text = field.title, {"description": field.help, "default": field.default}
        if field.kind == "boolean":
            made[field.name] = wtforms.BooleanField(label, **text)
        elif field.kind == "secret":
            made[field.name] = wtforms.PasswordField(label, widget=look.BS3PasswordFieldWidget(), **text)
        elif field.kind == "integer":
            made[field.name] = wtforms.IntegerField(
                label, validators=[optional()], widget=look.BS3TextFieldWidget(), **text
            )
        else:
            # The form of 2.11 has no widget for a number with a fraction.
            made[field.name] = wtforms.StringField(label, widget=look.BS3TextFieldWidget(), **text)
    return made
