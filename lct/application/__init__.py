"""What people can do (commands) and see (queries). Knows the domain, neither Flask nor the store."""
