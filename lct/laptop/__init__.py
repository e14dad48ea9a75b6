"""`lct up`: a laptop's servers, the app behind them, and what keeps them running.

Nothing that serves on a pod may import this.
"""
