"""Pictures that somebody brought, in a folder."""
