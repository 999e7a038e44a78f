"""`python -m tfp_dgm_apps` is `dgm`, where the console script is not on the path."""

from tfp_dgm_apps.cli import main

if __name__ == "__main__":
    main()
