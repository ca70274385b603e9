"""Bags: reading, writing, and importing from other formats.

`BagReader` and `BagWriter` are the two ends; `read_tub` and `read_udacity` read recordings of other
programs, and `import_drive` makes a bag of them.
"""

from convoy.bags.errors import BagError
from convoy.bags.qos import QosProfile
from convoy.bags.reader import BagReader
from convoy.bags.records import Definition, Record, Topic
from convoy.bags.writer import BagWriter

__all__ = ["BagError", "BagReader", "BagWriter", "Definition", "QosProfile", "Record", "Topic"]
