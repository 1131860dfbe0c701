"""Marketplaces of your own on loopback: for rehearsal, the demo and tests."""

from monitor.sandbox.faults import Fault, Faults
from monitor.sandbox.server import Sandbox

__all__ = ["Fault", "Faults", "Sandbox"]
