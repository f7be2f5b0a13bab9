"""`python -m openrouter_adapter`: the command line where the script is not on the path."""

from openrouter_adapter.cli import main

if __name__ == "__main__":
    main()
