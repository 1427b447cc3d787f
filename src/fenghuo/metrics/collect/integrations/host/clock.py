"""The machine's clock: what time it is, where it comes from, and how far NTP trusts it."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from typing import Final

from fenghuo.metrics.collect.integrations.host.collector import Host, read_text
from fenghuo.metrics.collect.integrations.recorder import Recorder

_TIME_ERROR: Final = 5
"""adjtimex's answer when the clock is not synchronised."""
_STA_NANO: Final = 0x2000
_PPM_16: Final = 1_000_000 * 65536
"""Frequencies are in parts per million with 16 bits behind the point."""


class Timex(ctypes.Structure):
    """The kernel's ``struct timex``; see adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )


def read_timex() -> tuple[int, Timex]:
    """Ask the kernel without changing anything: the clock's state and its figures. Raises OSError."""
    figures = Timex()
    adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if adjtimex is None:
        raise OSError("this system has no adjtimex")
    state: int = adjtimex(ctypes.byref(figures))
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"adjtimex: {os.strerror(number)}")
    return state, figures


class TimexCollector:
    """``node_timex_*``: ``node_timex_sync_status`` is 1 while the kernel holds the clock for synchronised."""

    def __init__(self, host: Host, read: Callable[[], tuple[int, Timex]] = read_timex) -> None:
        self._read = read

    def collect(self, out: Recorder) -> None:
        state, now = self._read()
        per_s = 1e9 if now.status & _STA_NANO else 1e6
        for name, value, meaning in (
            ("sync_status", float(state != _TIME_ERROR), "1 when the clock is synchronised, else 0."),
            ("offset_seconds", now.offset / per_s, "How far the clock is off its reference, in seconds."),
            ("frequency_adjustment_ratio", 1 + now.freq / _PPM_16, "How much faster than by itself the clock runs."),
            ("maxerror_seconds", now.maxerror / 1e6, "The largest error the clock may have, in seconds."),
            ("estimated_error_seconds", now.esterror / 1e6, "The error the clock probably has, in seconds."),
            ("status", now.status, "The status bits of adjtimex."),
            ("loop_time_constant", now.constant, "The time constant of the phase-locked loop."),
            ("tick_seconds", now.tick / 1e6, "Seconds between two ticks of the clock."),
            ("pps_frequency_hertz", now.ppsfreq / _PPM_16, "Frequency of the pulse per second."),
            ("pps_jitter_seconds", now.jitter / per_s, "Jitter of the pulse per second."),
            ("pps_shift_seconds", now.shift, "Interval of the pulse per second's calibration."),
            ("pps_stability_hertz", now.stabil / _PPM_16, "Stability of the pulse per second."),
            ("pps_jitter_total", now.jitcnt, "Pulses that exceeded the limit of jitter."),
            ("pps_calibration_total", now.calcnt, "Calibration intervals of the pulse per second."),
            ("pps_error_total", now.errcnt, "Calibration errors of the pulse per second."),
            ("pps_stability_exceeded_total", now.stbcnt, "Calibrations that exceeded the limit of stability."),
            ("tai_offset_seconds", now.tai, "Offset of International Atomic Time, in seconds."),
        ):
            kind = "counter" if name.endswith("_total") else "gauge"
            out.family(f"node_timex_{name}", kind, meaning).add(value)


class TimeCollector:
    """``node_time_seconds``, the time zone and the kernel's clock sources."""

    def __init__(self, host: Host) -> None:
        self._clock = host.clock
        self._sources = host.sys / "devices/system/clocksource"

    def collect(self, out: Recorder) -> None:
        now_s = self._clock.now_ms() / 1000
        out.gauge("node_time_seconds", "The machine's time, in seconds since 1970.").add(now_s)
        local = time.localtime(now_s)
        zone = out.gauge("node_time_zone_offset_seconds", "How far the time zone is from UTC, in seconds.")
        zone.add(local.tm_gmtoff, time_zone=local.tm_zone)
        available = out.gauge("node_time_clocksource_available_info", "A clock source the kernel could use; always 1.")
        current = out.gauge("node_time_clocksource_current_info", "The clock source the kernel uses; always 1.")
        for folder in sorted(self._sources.glob("clocksource*")):
            device = folder.name.removeprefix("clocksource")
            for source in read_text(folder / "available_clocksource").split():
                available.add(1, device=device, clocksource=source)
            current.add(1, device=device, clocksource=read_text(folder / "current_clocksource"))
