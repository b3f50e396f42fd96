"""The ground: words, units, checks. Needs numpy alone."""
