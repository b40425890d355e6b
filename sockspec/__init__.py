"""A cross-language conformance test suite for socket exercises."""

__version__ = "0.1.0"
