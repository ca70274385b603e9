"""Bags: reading, writing, and importing from other formats.

`BagReader` and `BagWriter` are the two ends. `read_tub` and `read_udacity` read what other programs
recorded, and `import_recording` makes a bag of it.
"""

from convoy.bags.errors import BagError, BagWarning
from convoy.bags.qos import QosProfile
from convoy.bags.reader import BagReader
from convoy.bags.recording import Recording, Sample, import_recording
from convoy.bags.records import Definition, Record, Topic
from convoy.bags.tub import read_tub
from convoy.bags.udacity import read_udacity
from convoy.bags.writer import BagWriter

__all__ = [
    "BagError",
    "BagReader",
    "BagWarning",
    "BagWriter",
    "Definition",
    "QosProfile",
    "Record",
    "Recording",
    "Sample",
    "Topic",
    "import_recording",
    "read_tub",
    "read_udacity",
]
