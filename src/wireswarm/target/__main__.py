"""`python -m wireswarm.target`."""

from wireswarm.target.command import main

main()
