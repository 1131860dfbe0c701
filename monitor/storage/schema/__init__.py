"""The database's versions, its views and copies, and users' SQL."""
