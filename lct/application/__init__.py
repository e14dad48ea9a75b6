"""Commands (what people do) and queries (what they see). Knows neither Flask nor the store."""
