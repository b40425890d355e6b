"""`python -m sockspec` is `sockspec`."""

from sockspec.cli import main

main()
