"""The rules of the evening. Standard library only; time, ids and chance come in as arguments."""
