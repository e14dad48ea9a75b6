"""Pages, fragments and sockets. Knows the application, never the infrastructure."""
