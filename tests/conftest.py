"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# Built on the profile in force (Hypothesis has one for CI). No deadline: a busy machine is no failure.
settings.register_profile("pyrpc", settings(), deadline=None, print_blob=True)
settings.load_profile("pyrpc")
