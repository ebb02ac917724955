"""The status page: what runs here, for people and, as JSON, for programs. It only looks."""
