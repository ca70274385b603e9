"""``python -m convoy``: the command line."""

from convoy.commands import main

main()
