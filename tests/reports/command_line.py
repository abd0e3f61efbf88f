"""What a refusal on the command line looks like."""


def one_line(done, *words):
    """The command refused in one line on the standard error, which holds the words; nothing else was printed."""
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr
    return True
