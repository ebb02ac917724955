"""What an account has in a region: models, endpoint configurations, endpoints and their tags."""
