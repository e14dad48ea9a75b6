"""The matches: everything about them is derived by pure functions from few events."""
