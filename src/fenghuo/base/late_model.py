"""Settings models that are loaded when a document has something for them.

A file format may have forty sections of which a file uses two. What the others' models cost to load and to build,
every start would pay.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler, SerializeAsAny, TypeAdapter, ValidationError, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from fenghuo.base.document import InnerError, ListOf, Settings
from fenghuo.base.late import Later

SomeSettings = ListOf[SerializeAsAny[Settings]]


@dataclass(frozen=True, slots=True)
class EntriesOf:
    """``Annotated[SomeSettings, EntriesOf(module, name)]``: a list of that model, which is loaded for the first list
    that is not empty. What is wrong in an entry is told as if the field named the model itself."""

    module: str
    name: str

    def model(self) -> type[Settings]:
        """The model, loaded now if it was not."""
        model: type[Settings] = Later(self.module, self.name).get()
        return model

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_before_validator_function(self._validated, handler(source))

    def _validated(self, value: Any, info: ValidationInfo[Any]) -> Any:
        if not isinstance(value, list) or not value or None in value:
            return value  # What is no list, and entries that are empty, are the field's own affair.
        kind, adapter = _entries_of(self)
        try:
            return adapter.validate_python(value, context=info.context)
        except ValidationError as error:
            raise InnerError(kind, error) from error


@cache
def _entries_of(field: EntriesOf) -> tuple[Any, TypeAdapter[Any]]:
    kind: Any = list[field.model()]  # type: ignore[misc]
    return kind, TypeAdapter(kind)
