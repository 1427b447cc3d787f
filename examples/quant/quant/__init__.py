"""A small quantitative-trading platform with a simulated exchange."""
