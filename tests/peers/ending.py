"""A pytest plugin: the process ends as soon as everything is told.

Threads of LiveKit's SDK call into Python while that finalizes, and then abort the whole process.
"""

import os
import sys

import pytest

sessions = []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    sessions.append(session)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    sys.stdout.flush()
    sys.stderr.flush()
    for session in sessions:
        os._exit(int(session.exitstatus))
