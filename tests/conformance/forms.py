"""A multipart form as JSON data, so that a recorded one and ours compare leaf by leaf."""

from __future__ import annotations

import base64
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, TypeAlias

Form: TypeAlias = dict[str, Any]


def read_form(content_type: str, raw: bytes) -> Form | None:
    """Return a form's fields, a file as its name, type and base64; None if it is not a form."""
    if not content_type.startswith("multipart/form-data"):
        return None
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form: Form = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + raw).iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_filename() is None:
            form[name] = content.decode()
        else:
            form[name] = {
                "name": part.get_filename(),
                "type": part.get_content_type(),
                "base64": base64.b64encode(content).decode(),
            }
    return form
