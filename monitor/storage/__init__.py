"""rows <-> nouns: the only room that knows SQLAlchemy. A folder a chapter, a module a noun."""
