"""due -> search -> fetch -> compare -> record: joins marketplaces, matching and storage."""

from monitor.scanning.context import ScanContext, Source
from monitor.scanning.follow.remind import remind
from monitor.scanning.guard.startup import apply_config
from monitor.scanning.look.canary import give_up_canary, look_for_canary
from monitor.scanning.look.look import claim_scan, finish_scan, run_scan
from monitor.scanning.look.look_back import look_back
from monitor.scanning.options import Canary, WatchRules
from monitor.scanning.pictures import refresh_stored
from monitor.scanning.plan.plan import Plan, plan_watch
from monitor.scanning.policy import LEASE
from monitor.scanning.trust.check import check_references

__all__ = [
    "LEASE",
    "Canary",
    "Plan",
    "ScanContext",
    "Source",
    "WatchRules",
    "apply_config",
    "check_references",
    "claim_scan",
    "finish_scan",
    "give_up_canary",
    "look_back",
    "look_for_canary",
    "plan_watch",
    "refresh_stored",
    "remind",
    "run_scan",
]
