"""What people can do (commands) and see (queries). Knows neither Flask nor the store."""
