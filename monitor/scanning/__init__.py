"""due -> search -> fetch -> compare -> record: joins marketplaces, matching and storage."""
