"""`python -m reports`: the command `implicitbench`, where no script was installed on the path."""

from reports.cli import main

if __name__ == "__main__":
    main()
