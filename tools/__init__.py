"""What make runs and the product does not: it is not in the package."""
