"""`python -m wireswarm`."""

from wireswarm.cli import main

main()
