"""Decoding messages by the definitions that a bag embeds."""

from __future__ import annotations

from typing import Any

from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_idl, get_types_from_msg, get_typestore

from convoy.bags.errors import BagError
from convoy.bags.records import Definition, Record, Topic
from convoy.interfaces import cdr
from convoy.interfaces.messages import store as known_types
from convoy.interfaces.messages import type_hash


class EmbeddedTypes:
    """The types of one bag. Those that convoy knows in the same version are decoded to convoy's classes."""

    def __init__(self) -> None:
        self._stores: dict[str, Any] = {}

    def deserialize(self, record: Record, topic: Topic) -> Any:
        """Decode a message.

        Raises:
            BagError: its type is not known to convoy, and the bag has no usable definition of it.
            InterfaceError: the bytes are not a whole message of its type.
        """
        if topic.encoding != "cdr":
            raise BagError(f"{record.topic} is encoded as {topic.encoding!r}, which convoy does not decode.")
        if record.type not in self._stores:
            self._stores[record.type] = self._store_of(record.type, topic.definition)
        store = self._stores[record.type]
        if store is None:
            return cdr.deserialize(record.data, record.type)
        try:
            return store.deserialize_cdr(record.data, record.type)
        except (SerdeError, AssertionError, IndexError, OverflowError, ValueError) as error:
            raise BagError(f"{len(record.data)} bytes on {record.topic} are not a {record.type}: {error}") from None

    @staticmethod
    def _store_of(type_: str, definition: Definition | None) -> Any:
        """Return a type store with the bag's own definition, or None where convoy's is the one to take."""
        if definition is None:
            return None
        store = get_typestore(Stores.EMPTY)
        try:
            if definition.format == "ros2idl":
                store.register(get_types_from_idl(definition.text))
            else:
                store.register(get_types_from_msg(definition.text, type_))
            same = type_ in known_types.types and store.hash_rihs01(type_) == type_hash(type_)
        except (TypesysError, KeyError, ValueError) as error:
            if type_ in known_types.types:
                return None
            raise BagError(f"The bag's definition of {type_} cannot be read: {error}") from None
        return None if same else store
