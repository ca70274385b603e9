"""Hands that make gestures: a kinematic hand of 22 joints, performed by persons that are made from seeds.

The 14 gestures of SHREC'17 are made with one finger and with the whole hand; in between the hands rest, take up
postures, and do what is no gesture. Hand, style, speed, view and sensor differ from seed to seed.
"""

from convoy_sim.hands.gestures import FINGER, GESTURES, HAND
from convoy_sim.hands.person import NO_GESTURE, Clip, Event, Person, Stream
from convoy_sim.hands.sensor import RATE_HZ

__all__ = ["FINGER", "GESTURES", "HAND", "NO_GESTURE", "RATE_HZ", "Clip", "Event", "Person", "Stream"]
