"""Types of what the registry makes; read by type checkers only."""
