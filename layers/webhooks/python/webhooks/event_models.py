"""The subjects as pydantic models, from which the specification describes an event's `data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from webhooks.event_types import MAX_ID, SUBJECTS, Subject


class _Data(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


def _model(subject: Subject) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: Annotated[str, Field(min_length=1, max_length=MAX_ID, description=description)]
        for name, description in subject.identifiers.items()
    }
    return create_model(subject.name, __base__=_Data, **fields)


MODELS: Mapping[str, type[BaseModel]] = {subject.name: _model(subject) for subject in SUBJECTS}
