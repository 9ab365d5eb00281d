"""`duokua demo`: the main job, live, on real input, with every claim checked."""
