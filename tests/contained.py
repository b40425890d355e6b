"""Tests in containers: run where a Docker engine answers, skipped with its reason where none does."""

import pytest

from sockspec import engine

needs_engine = pytest.mark.skipif(bool(engine.absent()), reason=engine.absent() or "an engine answers")
DOCKER = ("--sandbox", "docker")
