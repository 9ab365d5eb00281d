"""Whether contents are what they say they are, found out where a hostile file can do no harm."""
