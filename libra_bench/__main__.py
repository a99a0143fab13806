"""`python -m libra_bench`: the console script is the better way (see `_check_neighbours`)."""

import sys
from pathlib import Path


def _check_neighbours() -> None:
    import benchmarks
    import libra_bench

    found, expected = Path(benchmarks.__file__ or ".").parent.parent, Path(libra_bench.__file__).parent.parent
    if found != expected:
        sys.exit(
            f"error: the folder {found / 'benchmarks'} hides libra-bench's own package of that name; "
            "run the console script 'libra-bench' instead of 'python -m libra_bench', or start from another folder"
        )


if __name__ == "__main__":
    _check_neighbours()
    from libra_bench.cli.app import main

    main()
