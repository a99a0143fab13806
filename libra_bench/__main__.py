"""`python -m libra_bench`: the same as the program `libra-bench`, which starts in any folder."""

if __name__ == "__main__":
    from libra_bench.cli.app import main

    main()
