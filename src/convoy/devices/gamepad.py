"""A gamepad, joystick or wheel by Linux's input events (evdev; Documentation/input in the kernel's sources)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from convoy.devices.errors import DeviceError, MissingLibraryError
from convoy.errors import nearest


def codes(names: Iterable[str]) -> dict[int, str]:
    """Return the kernel's codes of axes and buttons, with their names; empty names are left out.

    Raises:
        DeviceError: evdev is not installed, or a name is unknown.
    """
    known = _evdev().ecodes.ecodes
    for name in names:
        if name and not (name.startswith(("ABS_", "BTN_")) and name in known):
            likely = nearest(name, [other for other in known if other.startswith(("ABS_", "BTN_"))])
            raise DeviceError(f"There is no axis or button {name!r}; nearest first: {', '.join(likely[:4])}")
    return {int(known[name]): name for name in names if name}


class Gamepad:
    """An open device: where its axes are, which buttons are held, and which have been pressed.

    Args:
        path: such as ``/dev/input/event3``, or better one of ``/dev/input/by-id``; empty takes the first that has the
            axes.
        axes, buttons: `codes` of those that are used.

    Raises:
        DeviceError: there is no such device, or it lacks an axis.
    """

    def __init__(self, path: str, axes: Mapping[int, str], buttons: Mapping[int, str]) -> None:
        evdev = _evdev()
        self._codes: Any = evdev.ecodes
        self._axes = axes
        self._buttons = buttons
        self._device: Any = self._open(evdev, path) if path else self._find(evdev)
        self.name = f"{self._device.name} at {self._device.path}"
        found = dict(self._device.capabilities().get(self._codes.EV_ABS, ()))
        self._ranges = {name: found[code] for code, name in axes.items() if code in found}
        if lacking := axes.keys() - found.keys():
            there = ", ".join(str(self._codes.ABS.get(code, code)) for code in found)
            self._device.close()
            raise DeviceError(f"{self.name} has no axis {self._axes[min(lacking)]}; it has {there or 'none'}")
        self.held: set[str] = set()
        self._values: dict[str, int] = {}
        self._synchronise()

    def read(self) -> list[str]:
        """Take in what has happened; returns the buttons that were pressed, in order. Does not wait.

        Raises:
            DeviceError: the device has gone.
        """
        pressed = []
        try:
            for event in self._device.read():
                if event.type == self._codes.EV_KEY and event.code in self._buttons:
                    button = self._buttons[event.code]
                    if event.value == 1 and button not in self.held:
                        pressed.append(button)
                    (self.held.add if event.value else self.held.discard)(button)
                elif event.type == self._codes.EV_ABS and event.code in self._axes:
                    self._values[self._axes[event.code]] = event.value
                elif event.type == self._codes.EV_SYN and event.code == self._codes.SYN_DROPPED:
                    before = set(self.held)
                    self._synchronise()
                    pressed += sorted(self.held - before)
        except BlockingIOError:
            pass  # nothing has happened
        except OSError as error:
            raise DeviceError(f"{self.name} is gone: {error.strerror}") from None
        return pressed

    def axis(self, name: str) -> float:
        """Return where an axis is, -1 (left, up, released) to 1."""
        range_ = self._ranges[name]
        if range_.max <= range_.min:
            return 0.0
        return min(max(2 * (self._values[name] - range_.min) / (range_.max - range_.min) - 1, -1.0), 1.0)

    def close(self) -> None:
        """Give the device back."""
        self._device.close()

    def _synchronise(self) -> None:
        """Ask for the state as it is: events tell changes only, and some of them may have been lost."""
        try:
            self._values = {name: self._device.absinfo(code).value for code, name in self._axes.items()}
            self.held = {self._buttons[code] for code in self._device.active_keys() if code in self._buttons}
        except OSError as error:
            raise DeviceError(f"{self.name} is gone: {error.strerror}") from None

    def _open(self, evdev: Any, path: str) -> Any:
        try:
            return evdev.InputDevice(path)
        except PermissionError:
            raise DeviceError(f"{path} may not be read; add the user to the group 'input' and log in anew") from None
        except OSError as error:
            raise DeviceError(f"{path} can't be opened: {error.strerror}") from None

    def _find(self, evdev: Any) -> Any:
        """The first device that has the axes; evdev lists only those that may be read."""
        for path in sorted(evdev.list_devices()):
            device = self._open(evdev, path)
            if self._axes.keys() <= dict(device.capabilities().get(self._codes.EV_ABS, ())).keys():
                return device
            device.close()
        raise DeviceError(
            f"No gamepad with the axes {', '.join(self._axes.values())} is plugged in (if one is: "
            "may the user read /dev/input? The group is 'input')"
        )


def _evdev() -> Any:
    try:
        import evdev
    except ModuleNotFoundError:
        raise MissingLibraryError("evdev", "A joystick") from None
    return evdev
