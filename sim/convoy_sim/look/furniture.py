"""Lamps, signs, traffic lights, cones, bins, benches and fences."""

from __future__ import annotations

import cv2
import numpy as np

from convoy_sim.look.atlas import Atlas, Picture
from convoy_sim.look.mesh import Floats, Mesh, Rect, box, join, lathe, quads
from convoy_sim.scenery import Prop

SIGN_FACES = ("give_way", "speed_limit", "street", "bend_left", "bend_right", "crossing")
LAMP_HEIGHTS_M = (0.36, 0.0, -0.36)
"""Of the red, yellow and green lamp above the middle of a traffic light's head."""

_STEEL = (118, 122, 126)
_DARK = (44, 48, 52)
_FACE_PX = 128


class Furniture:
    """Meshes of street furniture. Those of posts are placed; heads, plates and cones are made once, at the origin."""

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._faces = {face: atlas.add(_face(face)) for face in SIGN_FACES}
        steel, dark = np.array(atlas.colour(_STEEL)), np.array(atlas.colour(_DARK))
        self._lamp_post = join(
            [
                lathe([(0.09, 0.0), (0.06, 6.4)], 6, steel),
                box((1.4, 0.07, 0.07), (0.65, 0.0, 6.4), steel),
                box((0.6, 0.24, 0.12), (1.35, 0.0, 6.38), dark, bottom=True),
            ]
        )
        self.lamp_glow = box((0.56, 0.2, 0.04), (1.35, 0.0, 6.3), np.array(atlas.colour((255, 226, 170))), bottom=True)
        self._light_post = lathe([(0.075, 0.0), (0.07, 3.2)], 6, dark)
        self._sign_post = lathe([(0.035, 0.0), (0.035, 2.6)], 5, steel)

    def post(self, prop: Prop) -> Mesh:
        """The post of a lamp, a sign or a traffic light, where it stands."""
        mesh = {"lamp": self._lamp_post, "sign": self._sign_post, "traffic_light": self._light_post}[prop.kind]
        return mesh.moved(prop.x, prop.y, 0.0, prop.heading)

    def small(self, prop: Prop) -> Mesh:
        """A bin or a bench, where it stands."""
        atlas = self._atlas
        if prop.kind == "bin":
            body = lathe(
                [(0.2, 0.05), (0.25, 0.95), (0.19, 0.95), (0.02, 0.9)], 8, np.array(atlas.colour((52, 84, 62)))
            )
            return body.moved(prop.x, prop.y, 0.0)
        wood, iron = np.array(atlas.colour((132, 94, 60))), np.array(atlas.colour(_DARK))
        mesh = join(
            [
                box((0.5, 1.7, 0.06), (0.0, 0.0, 0.45), wood),
                box((0.06, 1.7, 0.4), (-0.24, 0.0, 0.72), wood),
                *(box((0.5, 0.07, 0.45), (0.0, side, 0.22), iron) for side in (-0.7, 0.7)),
            ]
        )
        return mesh.moved(prop.x, prop.y, 0.0, prop.heading)

    def fence(self, prop: Prop) -> Mesh:
        """Pickets on two rails, where they stand."""
        white = np.array(self._atlas.colour((214, 210, 200)))
        slats = np.arange(-prop.size / 2 + 0.1, prop.size / 2, 0.3)
        parts = [box((prop.size, 0.05, 0.09), (0.0, 0.0, z), white) for z in (0.3, 0.8)]
        for side in (1, -1):
            left, right = slats - 0.07 * side, slats + 0.07 * side
            corners = ((left, 0.0), (right, 0.0), (right, 1.05), (left, 1.05))
            faces = [np.stack([x, np.full_like(x, -0.04 * side), np.full_like(x, z)], axis=1) for x, z in corners]
            parts.append(quads(faces, white))
        return join(parts).moved(prop.x, prop.y, 0.0, prop.heading)

    def cone(self) -> Mesh:
        """A traffic cone of 0.7 m."""
        orange, white = np.array(self._atlas.colour((236, 92, 24))), np.array(self._atlas.colour((240, 240, 236)))
        radius = np.array([0.15, 0.115, 0.085, 0.055, 0.025])
        z = np.array([0.04, 0.22, 0.38, 0.53, 0.7])
        parts = [box((0.38, 0.38, 0.05), (0, 0, 0.025), np.array(self._atlas.colour((40, 40, 42))))]
        for k, colour in enumerate((orange, white, orange, white)):
            parts.append(lathe([(radius[k], z[k]), (radius[k + 1], z[k + 1])], 8, colour))
        return join(parts)

    def plate(self, face: str) -> Mesh:
        """A sign's plate, facing +x; its lower edge is at 0."""
        shape = {
            "give_way": [(-0.45, 0.78), (0.0, 0.0), (0.45, 0.78)],
            "street": [(-0.6, 0.0), (0.6, 0.0), (0.6, 0.3), (-0.6, 0.3)],
            "crossing": [(-0.35, 0.0), (0.35, 0.0), (0.35, 0.7), (-0.35, 0.7)],
            "bend_left": [(-0.45, 0.0), (0.45, 0.0), (0.0, 0.78)],
            "bend_right": [(-0.45, 0.0), (0.45, 0.0), (0.0, 0.78)],
        }.get(face)
        if shape is None:
            angle = np.linspace(0, 2 * np.pi, 17)[:-1]
            outline = np.stack([0.36 * np.cos(angle), 0.36 + 0.36 * np.sin(angle)], axis=1)
        else:
            outline = np.array(shape)
        grey = np.array(self._atlas.colour((128, 130, 132)))
        return _plate(outline, self._faces[face], grey)

    def light_head(self) -> Mesh:
        """A traffic light's head with its lamps dark, facing +x; its middle is the origin."""
        dark, rim = np.array(self._atlas.colour((26, 28, 30))), np.array(self._atlas.colour((214, 206, 190)))
        parts = [
            box((0.22, 0.4, 1.16), (0.0, 0.0, 0.0), dark, bottom=True),
            box((0.03, 0.62, 1.36), (-0.1, 0.0, 0.0), rim, bottom=True),
            box((0.03, 0.56, 1.3), (-0.08, 0.0, 0.0), dark, bottom=True),
        ]
        for z, colour in zip(LAMP_HEIGHTS_M, ((74, 20, 18), (74, 58, 14), (14, 58, 34)), strict=True):
            parts.append(_disc(np.array(self._atlas.colour(colour)), 0.145).moved(0.115, 0.0, z))
            parts.append(box((0.18, 0.32, 0.03), (0.19, 0.0, z + 0.16), dark, bottom=True))
        return join(parts)

    def lit_lamp(self, state: int) -> Mesh:
        """The lamp of a state (RED, YELLOW, GREEN) that is on, for the head at the origin."""
        colour = ((255, 40, 30), (255, 190, 30), (40, 255, 130))[state]
        return _disc(np.array(self._atlas.colour(colour)), 0.15).moved(0.125, 0.0, LAMP_HEIGHTS_M[state])


def _disc(uv: Floats, radius: float) -> Mesh:
    angle = np.linspace(0, 2 * np.pi, 11)
    rim = np.stack([np.zeros(11), radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    middle = np.zeros((10, 3))
    mesh = quads((middle, rim[:-1], rim[1:], rim[1:]), uv)
    keep = np.tile([True] * 3 + [False] * 3, 10)
    return Mesh(mesh.vertices[keep], mesh.normals[keep], mesh.uv[keep])


def _plate(outline: Floats, face: Rect, back: Floats) -> Mesh:
    """A flat plate whose front, towards +x, shows a picture; `outline` holds points (left to right, up)."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    share = (outline - low) / (high - low)
    uv = np.stack([face[0] + share[:, 0] * (face[2] - face[0]), face[1] + share[:, 1] * (face[3] - face[1])], axis=1)
    # Seen from the front, left to right is +y.
    points = np.stack([np.full(len(outline), 0.05), outline[:, 0], outline[:, 1]], axis=1)
    (ax, ay), (bx, by) = outline[1] - outline[0], outline[2] - outline[0]
    if ax * by < ay * bx:
        points, uv = points[::-1], uv[::-1]
    fan = [(0, k, k + 1) for k in range(1, len(points) - 1)]
    front = np.array([points[k] for triple in fan for k in triple])
    count = len(front)
    behind = front[::-1] - [0.02, 0.0, 0.0]
    ahead = np.array([1.0, 0.0, 0.0])
    return Mesh(
        np.concatenate([front, behind]),
        np.concatenate([np.tile(ahead, (count, 1)), np.tile(-ahead, (count, 1))]),
        np.concatenate([np.array([uv[k] for triple in fan for k in triple]), np.tile(back, (count, 1))]),
    )


def _face(face: str) -> Picture:
    """The picture of a sign's face."""
    n = _FACE_PX
    red, white, blue, black = (200.0, 24.0, 32.0), (242.0, 242.0, 238.0), (24.0, 76.0, 168.0), (22.0, 22.0, 24.0)
    picture = np.empty((n, n, 3), dtype=np.uint8)
    picture[:] = white
    if face == "give_way":
        picture[:] = red
        cv2.fillPoly(picture, [np.array([(24, 14), (104, 14), (64, 92)])], white)
    elif face == "speed_limit":
        cv2.circle(picture, (64, 64), 64, red, -1)
        cv2.circle(picture, (64, 64), 48, white, -1)
        cv2.putText(picture, "40", (26, 84), cv2.FONT_HERSHEY_SIMPLEX, 1.9, black, 8, cv2.LINE_AA)
    elif face == "street":
        picture[:] = blue
        cv2.rectangle(picture, (3, 6), (124, 121), white, 4)
        for x in range(16, 112, 12):
            cv2.rectangle(picture, (x, 46), (x + 7, 86), white, -1)
    elif face == "crossing":
        picture[:] = blue
        cv2.fillPoly(picture, [np.array([(64, 14), (114, 108), (14, 108)])], white)
        cv2.circle(picture, (66, 44), 7, black, -1)
        cv2.line(picture, (64, 52), (62, 76), black, 9)
        for x in (50, 78):
            cv2.line(picture, (62, 76), (x, 100), black, 6)
    else:
        picture[:] = red
        cv2.fillPoly(picture, [np.array([(64, 30), (106, 116), (22, 116)])], white)
        side = -1 if face == "bend_left" else 1
        cv2.line(picture, (64 - side * 8, 108), (64 - side * 8, 84), black, 9)
        cv2.line(picture, (64 - side * 8, 84), (64 + side * 10, 66), black, 9)
    return picture
