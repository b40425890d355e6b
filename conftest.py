"""Joins the engine to pytest; all else is in `sockspec/plugin.py`."""

pytest_plugins = ["sockspec.plugin"]
